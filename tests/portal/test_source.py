"""Settings in git, on a bare repository: what is proposed, what counts as merged, and everything that goes wrong."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.forge import ForgeError, Repository, branch, program_tree
from portal.settings import GitSource
from portal.source import MovedError, Source, WaitsError
from portal.states import Kind
from portal.tables import Environment, Run

from .forge import Forge

FILE = "Pulumi.dev.yaml"
OLD, NEW, OTHER = {"a:b": 1}, {"a:b": 2}, {"a:b": 3}


class Own(Forge):
    """With small settings, and the portal's view of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(folder, FILE, {"encryptionsalt": "salt"}, OLD)

    def source(self, merge: str = "people", repository: str = "") -> Source:
        git = GitSource.model_validate({"repository": repository or str(self.bare), "merge": merge})
        return Source(git, Repository(git, FILE, self._folder / f"own-{merge}"))


@pytest.fixture
def forge(tmp_path: Path) -> Own:
    return Own(tmp_path)


def new_run(settings: dict[str, Any], kind: Kind = Kind.UPDATE) -> Run:
    where = Environment(name="dev", settings=OLD)
    given = kind is Kind.UPDATE
    return Run(id=7, environment="dev", kind=kind, requester="ann <a>\nb", settings=settings, given=given, where=where)


def proposed(source: Source, settings: dict[str, Any] | None = None) -> Run:
    run = new_run(settings or NEW)
    begun = source.begin(run)
    run.base, run.commit = begun.base, begun.commit
    return run


def test_a_change_is_one_commit_on_a_branch_by_whoever_asked_for_it(forge: Own) -> None:
    evil = forge.clone / "evil"
    hook = forge.clone / ".git" / "hooks" / "post-commit"
    hook.write_text(f"#!/bin/sh\ntouch {evil}\n")
    run = proposed(forge.source())
    forge.git("fetch", "-q")
    assert forge.git("diff", "--name-only", "main", run.commit) == FILE
    assert yaml.safe_load(forge.git("show", f"{run.commit}:{FILE}")) == {"encryptionsalt": "salt", "config": NEW}
    assert forge.git("log", "-1", "--format=%an|%P", run.commit) == f"ann ab|{run.base}"
    assert "Portal-Run: 7" in forge.git("log", "-1", "--format=%B", run.commit)
    assert not evil.exists()


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.DESTROY])
def test_who_gives_no_settings_gets_what_is_merged(forge: Own, kind: Kind) -> None:
    main = forge.write(OTHER)
    run = new_run(OLD, kind)
    run.given = False
    begun = forge.source().begin(run)
    assert (begun.settings, begun.commit, begun.base) == (OTHER, main, main)
    assert forge.git("ls-remote", "origin", "refs/heads/portal/*") == ""


@pytest.mark.parametrize("how", [["--ff-only"], ["--no-ff"], ["--squash"]])
def test_only_what_people_have_merged_is_applied(forge: Own, how: list[str]) -> None:
    source = forge.source()
    run = proposed(source)
    with pytest.raises(WaitsError, match="not merged into main yet"):
        source.merged(run)
    forge.merge(7, *how)
    forge.git("push", "-q", "origin", f":{branch(7)}")
    assert source.merged(run) == forge.git("rev-parse", "HEAD")


def test_the_portal_moves_the_main_branch_forward_where_that_is_its_part(forge: Own) -> None:
    source = forge.source("portal")
    run = proposed(source)
    assert source.demand(run) == ""
    assert source.merged(run) == run.commit
    assert forge.git("ls-remote", "origin", "refs/heads/main").startswith(run.commit)


def test_another_commit_on_the_main_branch_meanwhile(forge: Own) -> None:
    for merge, error in (("portal", MovedError), ("people", WaitsError)):
        source = forge.source(merge)
        run = proposed(source)
        forge.write(OLD, "other", merge)
        with pytest.raises(error, match="has moved on" if merge == "portal" else "not merged"):
            source.merged(run)
        forge.git("push", "-q", "origin", f":{branch(7)}")


def test_settings_that_changed_after_the_merge_are_not_what_was_approved(forge: Own) -> None:
    source = forge.source()
    run = proposed(source)
    forge.merge(7, "--ff-only")
    forge.write(OTHER)
    with pytest.raises(MovedError, match="other settings by now"):
        source.merged(run)


def test_a_rewritten_main_branch_and_a_branch_that_others_changed_or_deleted(forge: Own) -> None:
    source = forge.source()
    run = proposed(source)
    forge.git("push", "-q", "--force", "origin", f"HEAD:{branch(7)}")
    with pytest.raises(MovedError, match="changed by somebody"):
        source.demand(run)
    forge.git("push", "-q", "origin", f":{branch(7)}")
    with pytest.raises(MovedError, match="deleted by somebody"):
        source.demand(run)
    forge.git("checkout", "-q", "--orphan", "new")
    forge.write(NEW)
    with pytest.raises(MovedError, match="was rewritten"):
        source.demand(run)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [", "is no YAML"),
        ("- 1", "is no stack file"),
        ("config: 3", "holds no settings"),
        (
            "config: {p:services: {a: {secrets: {KEY: in clear}}}}",
            "services.a.secrets.KEY on main is a secret in clear",
        ),
    ],
)
def test_a_stack_file_edited_to_something_invalid_is_said(forge: Own, text: str, said: str) -> None:
    forge.write(None, text=text)
    with pytest.raises(ForgeError, match=said) as found:
        forge.source().begin(new_run(NEW))
    assert "in clear}" not in str(found.value)


def test_a_repository_that_is_not_reached_leaves_an_approved_run_as_it_is(forge: Own) -> None:
    run = proposed(forge.source())
    away = forge.source("portal", "/nowhere/settings.git")
    with pytest.raises(WaitsError, match="does not say what is merged"):
        away.demand(run)
    with pytest.raises(ForgeError, match="ls-remote"):
        away.begin(run)


@pytest.mark.parametrize("field", ["repository", "branch", "file"])
def test_names_are_never_options(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        GitSource.model_validate({"repository": "x", field: "--upload-pack=touch /tmp/x"})


def test_a_repository_cannot_name_a_program_to_run(forge: Own, tmp_path: Path) -> None:
    with pytest.raises(ForgeError, match="not allowed"):
        forge.source("portal", f"ext::sh -c touch% {tmp_path}/evil").begin(new_run(NEW))
    assert not (tmp_path / "evil").exists()


def test_a_program_in_git_has_the_name_of_its_tree(forge: Own, tmp_path: Path) -> None:
    assert program_tree(forge.clone) == forge.git("rev-parse", "HEAD^{tree}")
    assert program_tree(tmp_path) == ""


@pytest.mark.parametrize(
    ("repository", "secrets"),
    [
        ("https://robot:pass%2Fword-of-robot@[::1", ["word-of-robot"]),
        ("https://robot:pass/word-of-robot@127.0.0.1:1/settings.git", ["word-of-robot"]),
        ("https://robot:pw@127.0.0.1:1/settings.git", ["pw@"]),
        ("https://token-of-robot@127.0.0.1:1/settings.git", ["token-of-robot"]),
        ("ssh://robot:pass-word@127.0.0.1/settings.git", ["pass-word"]),
    ],
)
def test_a_message_of_git_shows_no_secret(tmp_path: Path, repository: str, secrets: list[str]) -> None:
    script = "sh -c 'echo \"$KEY in ssh\" >&2; exit 1'"
    variables = {"GIT_SSH_COMMAND": script, "KEY": "key-of-robot", "GIT_TRACE": "1"}
    git = GitSource.model_validate({"repository": repository, "variables": variables})
    with pytest.raises(ForgeError, match="git ls-remote: ") as found:
        Repository(git, FILE, tmp_path / "own").fetch(7)
    assert [each for each in ("key-of-robot", *secrets) if each in str(found.value)] == []


def test_a_command_that_takes_too_long_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = GitSource(repository="https://robot:pass-word@127.0.0.1:1/settings.git")
    repository = Repository(source, FILE, tmp_path / "own")
    monkeypatch.setattr("portal.forge._SECONDS", 0)
    with pytest.raises(ForgeError, match="timed out") as found:
        repository.fetch(7)
    shown = "".join(traceback.format_exception(found.value))
    assert "pass-word" not in shown


def test_who_gives_what_was_applied_last_takes_back_what_was_merged_since(forge: Own) -> None:
    main = forge.write(OTHER)
    source, run = forge.source(), new_run(OLD)
    begun = source.begin(run)
    assert (begun.settings, begun.base) == (OLD, main)
    assert forge.config(begun.commit) == OLD
    run.base, run.commit = begun.base, begun.commit
    assert f"merge {branch(7)} so that main has them too" in source.unmerged(run)
    run.commit = main
    assert source.unmerged(run) == ""


BEFORE: dict[str, Any] = {"p:services": {"a": {"image": 1, "port": 1}, "b": {"image": 1}}, "p:list": [1]}


@pytest.mark.parametrize(
    ("merged", "wanted", "lost"),
    [
        ({"p:list": [2]}, {"p:days": 7}, "p:list"),
        ({"p:days": 7}, {"p:list": [2]}, "p:days"),
        (
            {"p:services": {"a": {"image": 2, "port": 1}, "b": {"image": 1}}},
            {"p:services": {"a": {"image": 1, "port": 2}, "b": {"image": 1}}},
            "p:services.a.image",
        ),
        ({"p:services": {"a": {"image": 1, "port": 1}}}, {"p:days": 7}, "p:services.b.image"),
        ({"p:list": [2]}, {"p:list": [2], "p:days": 7}, ""),
        ({"p:list": [2]}, {"p:list": [3]}, ""),
        ({"p:none": None}, {"p:days": 7}, "p:none"),
    ],
)
def test_a_change_that_does_not_know_what_was_merged_is_not_proposed(
    forge: Own, merged: dict[str, Any], wanted: dict[str, Any], lost: str
) -> None:
    forge.write({**BEFORE, **merged})
    run = new_run({**BEFORE, **wanted})
    run.where.settings = BEFORE
    if lost:
        with pytest.raises(ForgeError, match=rf"would take them back: {lost}\. Preview"):
            forge.source().begin(run)
        assert forge.at(branch(7)) == ""
    else:
        assert forge.source().begin(run).commit == forge.at(branch(7))


def test_a_first_change_is_not_made_of_nothing(forge: Own) -> None:
    run = new_run({})
    run.where.settings = {}
    with pytest.raises(ForgeError, match="would take them back: a:b"):
        forge.source().begin(run)
