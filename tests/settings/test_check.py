"""The check of settings for other programs."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml

from components.settings import check
from tests.conftest import CHECKOUT


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str) -> tuple[int, str]:
    """The exit code and what is printed for a text on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code = check.main()
    return code, capsys.readouterr().out


def config() -> dict[str, Any]:
    """The settings of the development stack, secrets and all."""
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text("utf-8"))["config"]
    return found


def test_sound_settings_have_no_problems(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(monkeypatch, capsys, json.dumps({"config": config()})) == (0, '{"problems": []}')


def test_a_problem_has_its_path_with_positions_as_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = config()
    wrong["grpc-platform:services"]["orders"]["grpc_services"][1] = "no name"
    code, text = said(monkeypatch, capsys, json.dumps({"config": wrong}))
    (found,) = json.loads(text)["problems"]
    assert code == 0
    assert found["path"] == ["grpc-platform:services", "orders", "grpc_services", "1"]
    assert found["where"] == "grpc-platform:services.orders.grpc_services[1]"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"config": 1}', '{"config": []}', "{", "[" * 100_000])
def test_what_is_no_stack_file_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert said(monkeypatch, capsys, text) == (2, "")
