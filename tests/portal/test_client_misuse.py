"""What the client says to whoever uses it wrongly, before anything is sent: exit code 2, and no traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal import client
from portal.client import USAGE


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["environments"], {}, "set PORTAL_URL and PORTAL_TOKEN"),
        (["environments"], {"PORTAL_URL": "http://portal.example.org", "PORTAL_TOKEN": "t"}, "over https alone"),
        (["environments"], {"PORTAL_URL": "portal.example.org", "PORTAL_TOKEN": "t"}, "over https alone"),
        (["environments"], {"PORTAL_URL": "https://portal", "PORTAL_TOKEN": "t\nX: y"}, "PORTAL_TOKEN: not a token"),
        (["show", "../audit"], {"PORTAL_URL": "https://portal", "PORTAL_TOKEN": "t"}, "../audit is not the name"),
        (["preview", "a?b"], {"PORTAL_URL": "https://portal", "PORTAL_TOKEN": "t"}, "a?b is not the name"),
        (
            ["preview", "dev", "--settings", "/gone.yaml"],
            {"PORTAL_URL": "https://portal", "PORTAL_TOKEN": "t"},
            "/gone.yaml",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(
    arguments: list[str], environment: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.main(arguments, environment) == USAGE
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "text",
        "a: [",
        "",
        'a: "\\UFFFFFFFF"',
        'a: "\\ud800"',
        "a: !!bool hunter2",
        "a: !!set {b}",
        "a: !!binary aGk=",
        "a: !!float nan",
        "a: &x [*x]",
        "a: " + "[" * 5000,
        "a: 1" + "0" * 4400,
        "a: 1\na: 2",
        "7: a",
    ],
)
def test_settings_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(client.UsageError, match=re.escape(str(file))):
        client.read_settings(str(file))


def test_a_stack_file_is_read_as_the_portal_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("encryptionsalt: v1:x\nconfig: {a: yes, b: 2026-01-01, c: .nan}")
    assert client.read_settings(str(file)) == {"a": "yes", "b": "2026-01-01", "c": ".nan"}


def test_numbers_and_keys_that_cannot_be_are_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """Code 1 would say that a run ended badly."""
    known = {"PORTAL_URL": "http://127.0.0.1:1", "PORTAL_TOKEN": "t"}
    for arguments in (
        ["show", "9" * 5000],
        *(["preview", "dev", "--key", key] for key in ("é", "a\nb", "a b", "a" * 201)),
    ):
        assert client.main(arguments, known) == USAGE
    for option in ("--interval", "--timeout"):
        for seconds in ("-1", "nan", "inf", "x"):
            with pytest.raises(SystemExit) as ended:
                client.main(["wait", "1", f"{option}={seconds}"], known)
            assert ended.value.code == USAGE
    with pytest.raises(SystemExit):
        client.main(["preview", "dev", "--kind", "erase"], known)
    assert "<Kind" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["https://", "https://[::1", "http://127.0.0.1:x", "https://portal:99999", "https://ann:secret@portal"]
)
def test_an_address_that_is_none_is_a_wrong_argument(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.main(["environments"], {"PORTAL_URL": url, "PORTAL_TOKEN": "t"}) == USAGE
    told = capsys.readouterr().err
    assert told.startswith("PORTAL_URL: ")
    assert "secret" not in told


def test_space_around_a_token_is_none_of_it() -> None:
    with client.connect({"PORTAL_URL": "https://portal", "PORTAL_TOKEN": "t\n"}) as http:
        assert http.headers["authorization"] == "Bearer t"
    with pytest.raises(client.UsageError, match="set PORTAL_TOKEN"):
        client.connect({"PORTAL_URL": "https://portal", "PORTAL_TOKEN": " "})
