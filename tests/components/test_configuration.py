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


@pytest.mark.parametrize("project", ["grpc.platform", "_platform", "p" * 60])
def test_a_project_name_that_aws_would_refuse_is_refused_here(
    read: Read, minimal: Raw, monkeypatch: pytest.MonkeyPatch, project: str
) -> None:
    monkeypatch.setattr(pulumi, "get_project", lambda: project)
    with pytest.raises(pulumi.RunError, match=f"project name {project}: must be 1 to 59 letters"):
        read(minimal)


def test_a_secret_in_the_wrong_place_is_a_problem_and_never_printed(read: Read, minimal: Raw) -> None:
    minimal["services"]["orders"]["env"] = {"TOKEN": "hunter2"}
    file = "config: {'grpc-platform:services': {orders: {env: {TOKEN: {secure: v1:x}}}}}"
    with pytest.raises(pulumi.RunError) as caught:
        read(minimal, file=file)
    assert "grpc-platform:services.orders.env.TOKEN" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def known_as_secret(monkeypatch: pytest.MonkeyPatch, *sections: str) -> None:
    """The engine names the sections that hold a secret, whatever file they come from."""
    keys = {f"grpc-platform:{section}" for section in sections}
    monkeypatch.setattr("pulumi.runtime.config.is_config_secret", keys.__contains__)


def test_a_secret_that_the_stack_file_does_not_show_is_never_printed(
    read: Read, minimal: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file (--config-file) or an ESC environment: the engine knows the section, not the place."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    known_as_secret(monkeypatch, "services")
    assert list(read(minimal)[0].services) == ["orders"]
    (warning,) = said
    assert warning.startswith("Pulumi.test.yaml does not say which values of grpc-platform:services are secret")
    minimal["services"]["orders"]["expose"]["alb"]["host"] = "hunter2"
    with pytest.raises(pulumi.RunError, match="the value received is not shown") as caught:
        read(minimal)
    assert "hunter2" not in str(caught.value)


def test_a_section_without_secrets_takes_none_from_elsewhere(
    read: Read, minimal: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_as_secret(monkeypatch, "network")
    with pytest.raises(pulumi.RunError, match="grpc-platform:network: a secret value"):
        read(minimal)


def test_a_secret_that_the_stack_file_shows_needs_no_warning(
    read: Read, minimal: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    known_as_secret(monkeypatch, "services")
    minimal["services"]["orders"]["secrets"] = {"TOKEN": "x"}
    read(minimal, file="config: {'grpc-platform:services': {orders: {secrets: {TOKEN: {secure: v1:x}}}}}")
    assert said == []


@pytest.mark.parametrize("junk", ["[", "17", "config: 3"])
def test_an_odd_stack_file_is_no_reason_to_fail(read: Read, minimal: Raw, junk: str) -> None:
    del minimal["services"]
    assert read(minimal, file=junk)[1] == "eu-west-1"


@pytest.mark.parametrize("value", ["text", "17", "null", "[1]", '{"a": {"b": [1]}}', "{", "1e999", "[" * 5000])
def test_whatever_a_section_holds_the_answer_is_words(read: Read, minimal: Raw, value: str) -> None:
    minimal["network"] = value
    with pytest.raises(pulumi.RunError, match="grpc-platform:network"):
        read(minimal)
