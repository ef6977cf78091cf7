"""What the audit names: the token by which somebody acted, and what the portal does by itself, before it does it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal import audit
from portal.database import Database
from portal.engine import LOCKED, Finished
from portal.recovery import recover
from portal.settings import GitSource, Target
from portal.states import Kind, State
from portal.tables import Job, Run

from .conftest import add
from .puppet import DONE, Cloud, Puppet
from .site import STRANGER, Site

Row = dict[str, Any]


def rows(database: Database, *actions: str) -> list[Row]:
    with database.read() as session:
        lines = list(audit.export(session))
    audit.verify(lines)
    return [row for row in map(json.loads, lines) if row["action"] in actions]


def test_the_token_by_which_somebody_acted_is_named_and_never_its_secret(site: Site) -> None:
    text = site.token("preview:dev")
    token = site.get("/tokens").json()["tokens"][0]["id"]
    shown = {"authorization": f"Bearer {text}"}
    assert site.send("POST", "/environments/dev/previews", shown, client=STRANGER, json={}).status_code == 201
    assert site.send("POST", "/runs/1/cancel", shown, client=STRANGER).status_code == 403
    assert site.post("/environments/dev/previews", {}).status_code == 201
    named = {"id": token, "name": "pipeline"}
    by_token, by_herself = rows(site.database, "run.queued")
    assert (by_token["actor"], by_token["details"]["token"]) == ("ann", named)
    assert "token" not in by_herself["details"]
    assert [row["details"]["token"] for row in rows(site.database, "request.denied")] == [named]
    assert text.rpartition("_")[2] not in json.dumps(rows(site.database, "run.queued", "request.denied"))


class _Merging:
    """A settings repository that the portal merges in."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def merged(self, _: Run, begins: Callable[[], None]) -> str:
        begins()
        self._look()
        return ""


def test_a_merge_by_the_portal_is_in_the_audit_before_it_is_done(database: Database) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.base, run.commit = "b" * 40, "c" * 40
        session.add(Job(run_id=number, phase="apply", waiting=False, runner="one"))
    worker = Puppet(database, number, "one", Kind.UPDATE, Cloud())
    git = GitSource(repository="git@example.org:settings", branch="live", merge="portal")
    worker.target = Target(program=Path("unused"), stack="dev", git=git)
    seen: list[Row] = []
    worker.source = _Merging(lambda: seen.extend(rows(database, "run.merge")))  # type: ignore[assignment]
    assert worker._merged(run, now=True) is None
    (row,) = seen
    assert (row["actor"], row["about"]) == ("system:runner", f"run:{number}")
    assert row["details"] == {
        "environment": "dev",
        "branch": f"portal/run-{number}",
        "into": "live",
        "base": "b" * 40,
        "commit": "c" * 40,
    }


class _Locked:
    """A stack whose holder is dead."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look, self._held = look, True

    def state(self) -> tuple[str, list[str]]:
        return "state", []

    def refresh(self, _: Path) -> Finished:
        said = f"{LOCKED} 1 lock(s)\n  x.json: created by me@{socket.gethostname()} (pid {2**30})"
        return Finished(255, "", said) if self._held else DONE

    def break_lock(self) -> Finished:
        self._look()
        self._held = False
        return DONE


def test_the_breaking_of_a_lock_is_in_the_audit_before_it_is_done(database: Database) -> None:
    number = add(database, kind=Kind.RECOVER)
    with database.write() as session:
        session.get_one(Run, number).where.needs_recovery = True
        session.add(Job(run_id=number, phase="apply", waiting=False, runner="one"))
    worker = Puppet(database, number, "one", Kind.RECOVER, Cloud())
    seen: list[Row] = []
    worker.target = Target(program=Path("unused"), stack="dev")
    worker.engine = _Locked(lambda: seen.extend(rows(database, "run.break-lock")))  # type: ignore[assignment]
    with database.read() as session:
        run = session.get_one(Run, number)
    assert recover(worker, run) == (State.SUCCEEDED, "")
    (row,) = seen
    assert (row["actor"], row["about"], row["details"]["environment"]) == ("system:runner", f"run:{number}", "dev")
    assert row["details"]["holders"] == f"created by me@{socket.gethostname()} (pid {2**30})"
