"""Runners that die: what the worker notices, what it ends, and that it never touches a process of others."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from portal.burial import Burial
from portal.database import Database
from portal.processes import boot, lives, started
from portal.queue import Phase, TableQueue
from portal.settings import PortalSettings
from portal.states import Kind, State
from portal.tables import Environment, Job, Run, now
from portal.transitions import transition
from portal.worker import Worker

from .conftest import OPS_ACTOR, add


@pytest.fixture
def worker(database: Database, tmp_path: Path) -> Worker:
    chosen = PortalSettings(database=database.url, folder=tmp_path / "runs", targets={}, silence=5, grace=5)
    file = tmp_path / "portal.json"
    file.write_text(chosen.model_dump_json())
    return Worker(file)


def working(database: Database, state: State, **known: object) -> int:
    """A run that a runner has taken, with what is known of that runner."""
    kind = Kind.RECOVER if state is State.APPLYING else Kind.UPDATE
    number = add(database, kind=kind)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.forced = "so that it may write" if kind is Kind.RECOVER else ""
        transition(session, run, state, OPS_ACTOR)
        session.add(Job(run_id=number, phase=Phase.PREVIEW, waiting=False, runner="r", **known))
    return number


@pytest.mark.parametrize("state", [State.PREVIEWING, State.APPLYING])
def test_a_silent_runner_elsewhere_is_taken_for_dead(database: Database, worker: Worker, state: State) -> None:
    moment = 0.0
    worker.queue = TableQueue(5, lambda: moment)
    number = working(database, state, host="elsewhere", pid=1, heartbeat=now())
    for moment in (0.0, 4.9):  # noqa: B007 - the clock of the queue
        worker.step()
        with database.read() as session:
            assert session.get_one(Run, number).state is state
    moment = 5.0
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.INTERRUPTED
        assert session.get(Job, number) is None
        assert session.get_one(Environment, "dev").needs_recovery is (state is State.APPLYING)
    worker.database.close()


def test_one_that_gives_signs_of_life_is_left_alone(database: Database, worker: Worker) -> None:
    number = working(database, State.PREVIEWING, host="elsewhere", pid=1, heartbeat=now())
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.PREVIEWING
    worker.database.close()


def test_a_runner_that_lives_here_is_not_dead_for_being_silent(database: Database, worker: Worker) -> None:
    number = working(database, State.PREVIEWING, heartbeat=now() - dt.timedelta(hours=1), **here(psutil.Process()))
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.PREVIEWING
    worker.database.close()


def here(process: psutil.Process) -> dict[str, Any]:
    """What a job says of a process of this machine."""
    name = {"host": socket.gethostname(), "pid": process.pid, "boot": boot()}
    return {**name, "pid_started": started(process, boot())}


def test_a_clock_that_is_set_makes_no_living_runner_dead_and_no_dead_one_alive(
    database: Database, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is the machine's: psutil says another time of every start."""
    number = working(database, State.PREVIEWING, heartbeat=now(), **here(psutil.Process()))
    before, true = psutil.boot_time(), psutil.Process().create_time()
    for step in (-86400.0, -60.0, 60.0, 86400.0):
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda step=step: before + step)
        monkeypatch.setattr("portal.queue.now", lambda step=step: now() + dt.timedelta(seconds=step))
        assert psutil.Process(os.getpid()).create_time() == pytest.approx(true + step)
        worker.step()
        with database.read() as session:
            assert session.get_one(Run, number).state is State.PREVIEWING
    with database.write() as session:
        session.get_one(Job, number).pid_started -= 3600
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.INTERRUPTED
    worker.database.close()


@pytest.mark.parametrize("step", [-86400, 86400])
def test_a_heartbeat_counts_when_it_comes_whatever_time_it_says(database: Database, step: int) -> None:
    moment = 0.0
    queue = TableQueue(60, lambda: moment)
    number = working(database, State.PREVIEWING, host="elsewhere", pid=1, heartbeat=now())
    with database.write() as session:
        assert queue.alive(session, number)
        moment = 59.0
        session.get_one(Job, number).heartbeat = now() + dt.timedelta(seconds=step)
        assert queue.alive(session, number)
        moment = 118.0
        assert queue.alive(session, number)
        moment = 119.0
        assert not queue.alive(session, number)
        session.get_one(Job, number).runner = "another"
        assert queue.alive(session, number)


def test_another_start_of_the_machine_has_no_process_of_before(database: Database, worker: Worker) -> None:
    mine = here(psutil.Process()) | {"boot": "before"}
    number = working(database, State.PREVIEWING, heartbeat=now(), **mine)
    assert Burial(5).over(Job(run_id=number, phase="apply", runner="r", **mine))
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.INTERRUPTED
    worker.database.close()


def test_a_runner_from_before_an_upgrade_is_told_by_the_clock() -> None:
    assert lives(os.getpid(), "", psutil.Process().create_time())
    assert not lives(os.getpid(), "", psutil.Process().create_time() - 60)


def test_a_session_whose_number_went_to_others_is_left_alone() -> None:
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True) as led:
        leader = psutil.Process(led.pid)
        while not leader.children():
            time.sleep(0.05)
        (child,) = leader.children()
        before = Job(run_id=1, phase="apply", runner="r", **here(leader))
        before.pid_started -= 3600
        assert Burial(5).over(before)
        assert child.is_running()
        child.kill()


def test_a_process_that_has_ended_counts_as_dead_at_once(database: Database, worker: Worker) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    number = working(
        database,
        State.PREVIEWING,
        host=socket.gethostname(),
        pid=ended.pid,
        boot=boot(),
        pid_started=1.0,
        heartbeat=now(),
    )
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.INTERRUPTED
        assert not TableQueue().alive(session, number)
    worker.database.close()


def test_a_number_that_went_to_another_process_is_not_the_runner() -> None:
    at = started(psutil.Process(), boot())
    assert lives(os.getpid(), boot(), at)
    assert not lives(os.getpid(), boot(), at - 0.01)


def leaving(*, ends: bool) -> subprocess.Popen[bytes]:
    """Somebody who leads a session with a child named like the engine, which ends when it is asked to, or does not."""
    named = "import ctypes, signal, time; ctypes.CDLL(None).prctl(15, b'pulumi', 0, 0, 0); "
    code = f"{named}{'' if ends else f'{IGNORE}; '}time.sleep(600)"
    led = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}]).wait()"
    return subprocess.Popen([sys.executable, "-c", led], start_new_session=True)


IGNORE = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def engine_of(led: subprocess.Popen[bytes]) -> psutil.Process:
    leader = psutil.Process(led.pid)
    while not (found := [each for each in leader.children() if each.name() == "pulumi"]):
        time.sleep(0.05)
    if b"SIG_IGN" in " ".join(found[0].cmdline()).encode():
        while not int(Path(f"/proc/{found[0].pid}/status").read_text().split("SigIgn:")[1].split()[0], 16) >> 14 & 1:
            time.sleep(0.05)
    return found[0]


def until_over(burial: Burial, job: Job) -> None:
    while not burial.over(job):
        time.sleep(0.02)


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_all_that_a_runner_left_ends_and_nothing_else() -> None:
    led, other = leaving(ends=True), leaving(ends=True)
    child = engine_of(led)
    job = Job(run_id=1, phase="apply", runner="r", **here(psutil.Process(led.pid)))
    until_over(Burial(600), job)
    led.wait()
    assert ended(child)
    assert other.poll() is None
    until_over(Burial(600), Job(run_id=1, phase="apply", runner="r", **here(psutil.Process(other.pid))))
    other.wait()


def test_an_engine_that_saves_its_state_keeps_nobody_waiting_and_is_killed_after_the_grace() -> None:
    led = leaving(ends=False)
    child = engine_of(led)
    job = Job(run_id=1, phase="apply", runner="r", **here(psutil.Process(led.pid)))
    moment = 0.0
    burial = Burial(600, lambda: moment)
    for _ in range(5):
        assert not burial.over(job)
    moment = 599.0
    assert not burial.over(job)
    assert not ended(child)
    moment = 600.0
    until_over(burial, job)
    assert ended(child)
    led.wait()
