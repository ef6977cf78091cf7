"""From configuration to settings: everything at once, no traceback, no secret."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import configuration
from components.settings import Settings

Read = Callable[..., tuple[Settings, str]]
Raw = dict[str, Any]


@pytest.fixture
def read(register: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """`read(settings, stack=..., file=...)`: what the program reads, with this text as its stack file."""

    def run(raw: Raw, *, stack: str = "test", file: str = "") -> tuple[Settings, str]:
        monkeypatch.chdir(tmp_path)
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(file)
        found: list[tuple[Settings, str]] = []
        register(lambda: found.append(configuration.read()), config=raw, stack=stack)
        return found[0]

    return run


def test_settings_and_region_come_back(read: Read, minimal: Raw) -> None:
    loaded, region = read(minimal)
    assert region == "eu-west-1"
    assert list(loaded.services) == ["orders"]


def test_a_section_with_nothing_under_it_is_left_out(read: Read, minimal: Raw) -> None:
    minimal["services"] = ""
    assert read(minimal)[0].services == {}


def test_a_misspelt_section_is_named(read: Read, minimal: Raw) -> None:
    minimal["servces"] = minimal.pop("services")
    with pytest.raises(pulumi.RunError, match='grpc-platform:servces: unknown key; did you mean "services"'):
        read(minimal)


@pytest.mark.parametrize("stack", ["Dev", "dev.eu", "1st", "a" * 41, "dev-"])
def test_a_stack_name_that_aws_would_refuse_is_refused_here(read: Read, minimal: Raw, stack: str) -> None:
    with pytest.raises(pulumi.RunError, match="stack name"):
        read(minimal, stack=stack)


def test_a_services_stacks_name_leaves_room_for_namespaces(read: Read) -> None:
    raw = {"environment": {"kind": "services"}, "existing": {"platform_stack": "platform"}}
    assert read(raw, stack="a" * 30)[0].joins
    with pytest.raises(pulumi.RunError, match="at most 30 characters in a stack of kind services"):
        read(raw, stack="a" * 31)


def test_a_secret_in_the_wrong_place_is_a_problem_and_never_printed(read: Read, minimal: Raw) -> None:
    minimal["services"]["orders"]["env"] = {"TOKEN": "hunter2"}
    file = "config: {'grpc-platform:services': {orders: {env: {TOKEN: {secure: v1:x}}}}}"
    with pytest.raises(pulumi.RunError) as caught:
        read(minimal, file=file)
    assert "grpc-platform:services.orders.env.TOKEN" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("junk", ["[", "17", "config: 3"])
def test_an_odd_stack_file_is_no_reason_to_fail(read: Read, minimal: Raw, junk: str) -> None:
    del minimal["services"]
    assert read(minimal, file=junk)[1] == "eu-west-1"


@pytest.mark.parametrize("value", ["text", "17", "null", "[1]", '{"a": {"b": [1]}}', "{", "1e999", "[" * 5000])
def test_whatever_a_section_holds_the_answer_is_words(read: Read, minimal: Raw, value: str) -> None:
    minimal["network"] = value
    with pytest.raises(pulumi.RunError, match="grpc-platform:network"):
        read(minimal)
