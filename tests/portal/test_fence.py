"""A runner that was taken for dead and lives after all: whatever it is about to do, it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.runner import Runner, work
from portal.settings import PortalSettings, Target
from portal.states import Kind, State
from portal.tables import Approval, Event, Job, Run
from portal.transitions import transition
from portal.watch import LostError
from portal.worker import WORKER

from .conftest import BOB, add
from .puppet import Cloud, Puppet
from .site import may_approve

MINE = "mine"


def working(database: Database, phase: Phase = Phase.APPLY) -> int:
    """A run that MINE works on, approved where it is to be applied."""
    number = add(database, State.AWAITING_APPROVAL if phase is Phase.APPLY else State.QUEUED)
    with database.write() as session:
        run = session.get_one(Run, number)
        if phase is Phase.APPLY:
            run.plan_digest = Cloud().digest(run)
            may_approve(session, BOB)
            run.approvals.append(Approval(run_id=number, actor=BOB.name, plan_digest=run.plan_digest))
            session.flush()
            transition(session, run, State.APPROVED, BOB)
        session.add(Job(run_id=number, phase=phase, waiting=False, runner=MINE))
    return number


def taken_for_dead(database: Database, number: int) -> None:
    """As the worker does with a silent runner."""
    with database.write() as session:
        session.delete(session.get_one(Job, number))
        run = session.get_one(Run, number)
        if run.state in (State.PREVIEWING, State.APPLYING):
            transition(session, run, State.INTERRUPTED, WORKER, "its runner died")


def claimed_by_another(database: Database, number: int) -> None:
    with database.write() as session:
        session.get_one(Job, number).runner = "another"


def waits_again(database: Database, number: int) -> None:
    with database.write() as session:
        session.get_one(Job, number).waiting = True


LOSSES = [taken_for_dead, claimed_by_another, waits_again]


def told(database: Database, number: int) -> list[tuple[str, Any]]:
    with database.read() as session:
        found = session.query(Event).where(Event.run_id == number).order_by(Event.seq)
        return [(each.type, each.data) for each in found]


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("steps", [0, 1])
def test_a_runner_that_lost_the_run_does_nothing_more(
    database: Database, lose: Callable[[Database, int], None], phase: Phase, steps: int
) -> None:
    number, cloud = working(database, phase), Cloud()
    puppet = Puppet(database, number, MINE, Kind.UPDATE, cloud)
    if steps == 0:
        lose(database, number)
    puppet.begin(phase)  # up to its preview, where it waits, or to its end
    if steps:
        lose(database, number)
    with database.read() as session:
        before = session.get_one(Run, number).state
    events = told(database, number)
    while not puppet.over:
        puppet.go_on()
    assert puppet.error.startswith("LostError")
    assert cloud.applied == []
    assert told(database, number) == events
    with database.read() as session:
        assert session.get_one(Run, number).state is before


def test_a_runner_that_lost_the_run_during_the_apply_does_not_say_how_it_ended(database: Database) -> None:
    number, cloud = working(database), Cloud()
    puppet = Puppet(database, number, MINE, Kind.UPDATE, cloud)
    puppet.begin(Phase.APPLY)
    puppet.go_on()
    taken_for_dead(database, number)
    puppet.go_on()
    assert (puppet.over, puppet.error.partition(":")[0]) == (True, "LostError")
    with database.read() as session:
        run = session.get_one(Run, number)
        assert (run.state, run.where.needs_recovery) == (State.INTERRUPTED, True)


@pytest.mark.parametrize("lose", LOSSES)
def test_the_engine_of_a_runner_asks_before_it_changes_something(
    database: Database, tmp_path: Path, lose: Callable[[Database, int], None]
) -> None:
    """It is made as the portal makes it, with a program that is never run."""
    number = working(database)
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    chosen = PortalSettings(
        database=database.url,
        folder=tmp_path / "runs",
        targets={"dev": Target(program=tmp_path / "program", stack="dev", variables={"PATH": "/nowhere"})},
    )
    runner = Runner(chosen, database, number, MINE)
    lose(database, number)
    for command in (runner.engine.up, runner.engine.destroy, runner.engine.refresh):
        with pytest.raises(LostError):
            command(tmp_path / "log")
    with pytest.raises(LostError):
        runner.engine.break_lock()
    with pytest.raises(LostError):
        runner.watch.tell("anything")


def test_a_fault_of_a_runner_that_lost_the_run_does_not_end_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = working(database)

    def fault(*_: object) -> None:
        claimed_by_another(database, number)
        raise OSError("no space left on device")

    monkeypatch.setattr("portal.runner.Runner.__init__", fault)
    chosen = PortalSettings(database=database.url, folder=tmp_path / "runs", targets={})
    with pytest.raises(OSError, match="no space"):
        work(chosen, database, number, MINE)
    with database.read() as session:
        assert session.get_one(Run, number).state is State.APPROVED
        assert session.get_one(Job, number).runner == "another"


def test_a_job_that_was_given_to_another_is_not_begun(database: Database, tmp_path: Path) -> None:
    number = add(database)
    with database.write() as session:
        assert TableQueue().submit(session, number, Phase.PREVIEW)
        assert TableQueue().claim(session, "another") is not None
    work(PortalSettings(database=database.url, folder=tmp_path / "runs", targets={}), database, number, MINE)
    with database.read() as session:
        assert session.get_one(Run, number).state is State.QUEUED
        assert session.get_one(Job, number).pid == 0
