"""Runners that die: what the worker notices, what it ends, and that it never touches a process of others."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portal.burial import Burial
from portal.database import Database
from portal.queue import Phase, TableQueue, same_process
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
        transition(session, session.get_one(Run, number), state, OPS_ACTOR)
        session.add(Job(run_id=number, phase=Phase.PREVIEW, waiting=False, runner="r", **known))
    return number


@pytest.mark.parametrize("state", [State.PREVIEWING, State.APPLYING])
def test_a_silent_runner_elsewhere_is_taken_for_dead(database: Database, worker: Worker, state: State) -> None:
    old = now() - dt.timedelta(seconds=6)
    number = working(database, state, host="elsewhere", pid=1, heartbeat=old)
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
    known = {"host": socket.gethostname(), "pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    number = working(database, State.PREVIEWING, heartbeat=now() - dt.timedelta(hours=1), **known)
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.PREVIEWING
    worker.database.close()


def test_a_session_whose_number_went_to_others_is_left_alone() -> None:
    sleeper = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True) as led:
        leader = psutil.Process(led.pid)
        while not leader.children():
            time.sleep(0.05)
        (child,) = leader.children()
        before = Job(run_id=1, phase="apply", runner="r", pid=led.pid, pid_started=leader.create_time() - 3600)
        assert Burial(5).over(before)
        assert child.is_running()
        child.kill()


def test_a_process_that_has_ended_counts_as_dead_at_once(database: Database, worker: Worker) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    number = working(
        database, State.PREVIEWING, host=socket.gethostname(), pid=ended.pid, pid_started=time.time(), heartbeat=now()
    )
    worker.step()
    with database.read() as session:
        assert session.get_one(Run, number).state is State.INTERRUPTED
        assert not TableQueue().alive(session, number)
    worker.database.close()


def test_a_number_that_went_to_another_process_is_not_the_runner() -> None:
    started = psutil.Process().create_time()
    assert same_process(os.getpid(), started)
    assert not same_process(os.getpid(), started - 3600)


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
    job = Job(run_id=1, phase="apply", runner="r", pid=led.pid, pid_started=psutil.Process(led.pid).create_time())
    until_over(Burial(600), job)
    led.wait()
    assert ended(child)
    assert other.poll() is None
    started = psutil.Process(other.pid).create_time()
    until_over(Burial(600), Job(run_id=1, phase="apply", runner="r", pid=other.pid, pid_started=started))
    other.wait()


def test_an_engine_that_saves_its_state_keeps_nobody_waiting_and_is_killed_after_the_grace() -> None:
    led = leaving(ends=False)
    child = engine_of(led)
    job = Job(run_id=1, phase="apply", runner="r", pid=led.pid, pid_started=psutil.Process(led.pid).create_time())
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
