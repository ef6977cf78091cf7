"""A cancel reaches every command of the engine that comes after it, and never a run that is asked for anew."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal.database import Database
from portal.engine import Engine, UnreadableError
from portal.events import Redactor
from portal.runner import Runner
from portal.settings import Target
from portal.states import Kind, State
from portal.tables import Approval, Event, Job, Run, now
from portal.transitions import transition
from portal.watch import Watch

from .conftest import ANN, BOB, add
from .site import DIGEST, may_approve

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep({seconds})
"""


def watched(database: Database, number: int) -> Watch:
    with database.write() as session:
        session.add(Job(run_id=number, phase="apply", waiting=False, runner="r"))
    return Watch(database, number, "r", 0.01, Redactor([]))


def until_it_ends(watch: Watch, command: str) -> int:
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        while process.poll() is None:
            watch.tick(process)
            time.sleep(0.02)
        return process.returncode


def test_a_cancel_that_one_command_outlives_ends_the_next(database: Database) -> None:
    number = add(database)
    watch = watched(database, number)
    with database.write() as session:
        session.get_one(Run, number).cancel_requested = True
    assert until_it_ends(watch, STUBBORN.format(seconds=0.5)) == 0
    assert watch.cancelled
    assert until_it_ends(watch, "import time; print('ready', flush=True); time.sleep(600)") == -15


def test_a_database_that_is_busy_ends_no_engine_and_loses_no_event(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(database)
    watch, log = watched(database, number), tmp_path / "log"
    watch.follow(log)
    messages = ["one", "two", "three"]
    log.write_text("".join(f"{json.dumps(_diagnostic(each))}\n" for each in messages[:2]))

    def busy() -> None:
        raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))

    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        with monkeypatch.context() as patched:
            patched.setattr(database, "write", busy)
            watch.tick(process)
        assert process.poll() is None
        with log.open("a") as more:
            more.write(f"{json.dumps(_diagnostic(messages[2]))}\n")
        watch.tick(process)
        process.kill()
    with database.read() as session:
        written = session.query(Event).where(Event.run_id == number, Event.type == "diagnostic").order_by(Event.seq)
        assert [each.data["message"] for each in written] == messages


def _diagnostic(message: str) -> dict[str, Any]:
    return {"sequence": 1, "timestamp": 1, "diagnosticEvent": {"message": message, "severity": "warning", "urn": ""}}


@pytest.mark.parametrize(("protected", "ttl"), [(True, 1), (False, 0), (False, 10_000)])
def test_a_destroy_that_people_decided_against_since_does_not_begin(
    database: Database, ttl: int, *, protected: bool
) -> None:
    number = add(database, State.AWAITING_APPROVAL, Kind.DESTROY)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.automatic = True
        run.where.since = now() - dt.timedelta(hours=2)
        transition(session, run, State.APPROVED, ANN)
        run.where.destroy_protected, run.where.ttl_hours = protected, ttl
        session.add(Job(run_id=number, phase="apply", waiting=False, runner="here"))

    class Waiting(Runner):
        def __init__(self) -> None:
            self.database, self.run_id, self.kind, self.redactor = database, number, Kind.DESTROY, Redactor([])
            self.source, self.name = None, "here"

    Waiting().apply()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.STALE


def test_a_cancel_after_everything_was_done_does_not_cut_off_the_looks_at_it(database: Database) -> None:
    number = add(database)
    watch = watched(database, number)
    watch.done = True
    with database.write() as session:
        run = session.get_one(Run, number)
        run.cancel_requested = run.force_requested = True
    assert until_it_ends(watch, "import time; print('ready', flush=True); time.sleep(0.5)") == 0


def test_force_ends_what_does_not_listen(database: Database) -> None:
    number = add(database)
    watch = watched(database, number)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.cancel_requested = run.force_requested = True
    assert until_it_ends(watch, STUBBORN.format(seconds=600)) == -9


def test_a_cancel_between_preview_and_apply_changes_nothing(database: Database) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        may_approve(session, BOB)
        session.add(Approval(run_id=number, actor=BOB.name, plan_digest=DIGEST))
        session.flush()
        transition(session, session.get_one(Run, number), State.APPROVED, BOB)
        session.add(Job(run_id=number, phase="apply", waiting=False, runner="here"))
    asked: list[str] = []

    class Cancelled:
        cancelled = True

    class Nothing:
        def state(self) -> tuple[str, list[str]]:
            return "s", []

        def up(self, _: Path) -> None:
            asked.append("up")

    class Previewed(Runner):
        def __init__(self) -> None:
            self.database, self.run_id, self.kind, self.redactor = database, number, Kind.UPDATE, Redactor([])
            self.source, self.name = None, "here"
            self.watch, self.engine = Cancelled(), Nothing()  # type: ignore[assignment]

        def planned(self) -> tuple[State, str, str, dict[str, Any]]:
            return State.AWAITING_APPROVAL, DIGEST, "", {"state_hash": "s"}

    Previewed().apply()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.CANCELLED
    assert asked == []


def test_a_cancel_that_came_too_late_is_not_for_the_apply(database: Database) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.cancel_requested = run.force_requested = True
        may_approve(session, BOB)
        run.approvals.append(Approval(run_id=number, actor=BOB.name, plan_digest=DIGEST))
        transition(session, run, State.APPROVED, ANN)
        assert not run.cancel_requested
        assert not run.force_requested


def test_a_state_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    cli = tmp_path / "bin" / "pulumi"
    cli.parent.mkdir()
    cli.write_text("#!/bin/sh\necho no such stack >&2\nexit 1\n")
    cli.chmod(0o755)
    program = tmp_path / "run" / "program"
    program.mkdir(parents=True)
    target = Target(program=program, stack="dev", variables={"PATH": f"{cli.parent}:/bin:/usr/bin"})
    with pytest.raises(UnreadableError, match="no such stack"):
        Engine(target, program, lambda _: None, 1, lambda: None).state()
