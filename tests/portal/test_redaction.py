"""No text that a runner writes down has a secret of its settings in it: reasons, events, and the log of its process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import redaction, secrecy
from portal.database import Database
from portal.events import tail
from portal.queue import Phase, TableQueue
from portal.settings import GitSource, PortalSettings, Target
from portal.states import Kind, State
from portal.tables import Run
from tests.conftest import CHECKOUT

from .cli import FakeCli
from .forge import Forge

SECRET = "correct horse battery"


def hidden(tmp_path: Path, text: str, **target: object) -> str:
    """What is left of a text."""
    given_ = {"program": tmp_path, "stack": "dev", **target}
    chosen = PortalSettings(
        database="sqlite://", folder=tmp_path / "runs", targets={"dev": Target.model_validate(given_)}
    )
    return redaction.redactor(chosen, Run(environment="dev", marks={})).text(text)


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "AWS_SESSION_TOKEN", "ACME_LICENCE", "github_token"])
def test_the_value_of_a_variable_is_hidden_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    assert hidden(tmp_path, f"a {SECRET}!", variables={name: SECRET}) == "a [secret]!"


def test_where_something_is_may_be_said(tmp_path: Path) -> None:
    plain = {"AWS_REGION": "eu-west-1", "PATH": "/usr/bin:/bin", "PULUMI_BACKEND_URL": "s3://acme-state"}
    assert hidden(tmp_path, str(plain), variables=plain) == str(plain)


def test_the_settings_can_say_which_are_secret(tmp_path: Path) -> None:
    variables = {"ACME_STAGE": "production", "AWS_REGION": "eu-west-1"}
    assert hidden(tmp_path, "production eu-west-1", variables=variables, secret_variables=["AWS_REGION"]) == (
        "production [secret]"
    )
    assert hidden(tmp_path, "production", variables=variables, secret_variables=[]) == "production"


def test_a_passphrase_in_a_file_is_hidden(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    variables = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    assert hidden(tmp_path, SECRET, variables=variables) == SECRET  # there is none
    file.write_text(f"{SECRET}\n")
    assert hidden(tmp_path, f"{SECRET} of {file}", variables=variables) == f"[secret] of {file}"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgres://portal:hunter2%40hunter2@db/state", ["hunter2%40hunter2", "hunter2@hunter2"]),
        ("https://ghp_0123456789@forge.example.org/x.git", ["ghp_0123456789"]),
        ("https://robot:secret-of-robot@[::1", ["secret-of-robot"]),
    ],
)
def test_a_password_in_a_url_is_hidden(tmp_path: Path, url: str, found: list[str]) -> None:
    for given_ in (
        {"variables": {"PULUMI_BACKEND_URL": url}},
        {"git": {"repository": url}},
        {"git": {"repository": "x", "variables": {"HTTPS_PROXY": url}}},
    ):
        for each in found:
            assert hidden(tmp_path, f"<{each}>", **given_) == "<[secret]>"


def test_a_name_without_a_password_is_no_secret(tmp_path: Path) -> None:
    variables = {"REMOTE": "ssh://deployer@host.example.org/"}
    assert hidden(tmp_path, "deployer", variables=variables, secret_variables=[]) == "deployer"


def test_what_git_is_given_is_hidden(tmp_path: Path) -> None:
    git = {"repository": "x", "variables": {"GIT_CONFIG_VALUE_0": f"Authorization: Bearer {SECRET}"}}
    assert SECRET not in hidden(tmp_path, f"fatal: Authorization: Bearer {SECRET}", git=git)


@given(st.text(max_size=60), st.integers(1, 30))
def test_an_end_of_a_text_begins_with_a_word(text: str, most: int) -> None:
    end = tail(text, most)
    assert len(end) <= most
    assert text.strip().endswith(end)
    before = text.strip().removesuffix(end)
    assert not before or not end or before[-1].isspace()


@pytest.fixture
def told(database: Database, tmp_path: Path) -> FakeCli:
    return FakeCli(tmp_path / "told", database, {"PULUMI_CONFIG_PASSPHRASE": SECRET})


def everything(cli: FakeCli, number: int) -> str:
    return json.dumps([cli.run(number).reason, cli.events(number)])


def test_what_the_engine_says_is_hidden(told: FakeCli) -> None:
    event = {"diagnosticEvent": {"severity": "error", "message": f"bad {SECRET}", "urn": ""}}
    told.does(preview_destroy={"code": 1, "events": [event], "stderr": SECRET})
    number = told.new()
    run = told.work(number, Phase.PREVIEW)
    assert (run.state, run.reason) == (State.FAILED, "bad [secret]")
    assert SECRET not in everything(told, number)


def test_what_an_error_of_the_portal_says_is_hidden_and_so_is_its_log(told: FakeCli, tmp_path: Path) -> None:
    told.does(export={"code": 1, "stderr": f"error: {SECRET} is wrong"})
    number = told.new()
    with told.database.write() as session:
        TableQueue().submit(session, number, Phase.PREVIEW)
        assert TableQueue().claim(session, "here") is not None
    file = tmp_path / "portal.json"
    file.write_text(told.settings.model_dump_json())
    command = [sys.executable, "-m", "portal.runner", str(file), str(number), "here"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr
    assert "UnreadableError: error: [secret] is wrong" in done.stderr
    assert "Traceback" in done.stderr
    run = told.run(number)
    assert (run.state, run.reason) == (State.FAILED, "UnreadableError: error: [secret] is wrong")


def test_a_file_of_settings_that_is_wrong_shows_none_of_it(tmp_path: Path) -> None:
    file = tmp_path / "portal.json"
    file.write_text(json.dumps({"database": {"password": SECRET}}))
    command = [sys.executable, "-m", "portal.runner", str(file), "1", "here"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_git_says_is_hidden(told: FakeCli) -> None:
    """Git names the whole URL when it cannot reach it."""
    git = GitSource(repository=f"https://ann:{SECRET.replace(' ', '')}@127.0.0.1:1/settings.git")
    target = told.target.model_copy(update={"git": git})
    told.settings = told.settings.model_copy(update={"targets": {"dev": target}})
    number = told.new()
    run = told.work(number, Phase.PREVIEW)
    assert run.state is State.FAILED
    assert "127.0.0.1" in run.reason
    assert "correcthorse" not in everything(told, number)


def test_a_secret_that_was_merged_for_another_run_is_hidden_too(told: FakeCli, tmp_path: Path) -> None:
    """Who gives no settings gets what is merged, with the secrets that somebody else gave the portal."""
    sealed = {"secure": "v1:of somebody"}
    forge = Forge(tmp_path, "Pulumi.dev.yaml", {"encryptionsalt": "salt"}, {"a:b": sealed})
    target = told.target.model_copy(update={"git": GitSource(repository=str(forge.bare))})
    told.settings = told.settings.model_copy(update={"targets": {"dev": target}})
    other, number = told.new(Kind.UPDATE, State.SUPERSEDED), told.new(Kind.UPDATE)
    with told.database.write() as session:
        own = secrecy.key(told.settings.folder)
        session.get_one(Run, other).marks = secrecy.mark(own, sealed["secure"], "a word of somebody")
    told.does(preview={"code": 1, "stderr": "bad a word of somebody"})
    run = told.work(number, Phase.PREVIEW)
    assert (run.state, run.reason) == (State.FAILED, "bad [secret]")
    assert secrecy.same(own, run.marks, sealed["secure"], "a word of somebody")


def test_without_the_secrets_an_error_is_only_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")  # the key of the marks cannot be made
    chosen = PortalSettings(database="sqlite://", folder=tmp_path / "runs", targets={})
    for run in (None, Run(environment="dev", marks={})):
        with pytest.raises(RuntimeError) as found:
            raise RuntimeError(SECRET)
        said = redaction.trace(chosen, run, found.value)
        assert SECRET not in said
        assert said.endswith("RuntimeError\n")
