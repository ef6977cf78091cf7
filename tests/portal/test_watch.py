"""A cancel reaches every command of the engine that comes after it, and never a run that is asked for anew."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from portal.database import Database
from portal.engine import Engine, UnreadableError
from portal.events import Redactor
from portal.runner import Runner
from portal.settings import Target
from portal.states import Kind, State
from portal.tables import Approval, Job, Run
from portal.transitions import transition
from portal.watch import Watch

from .conftest import ANN, BOB, add
from .site import DIGEST

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
        session.add(Approval(run_id=number, actor=BOB.name, plan_digest=DIGEST))
        session.flush()
        transition(session, session.get_one(Run, number), State.APPROVED, BOB)
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
        Engine(target, program, lambda _: None, 1).state()
