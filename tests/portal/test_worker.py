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

from portal.database import Database
from portal.queue import Phase, TableQueue, same_process
from portal.settings import PortalSettings
from portal.states import Kind, State
from portal.tables import Environment, Job, Run, now
from portal.transitions import transition
from portal.worker import Worker, end_group

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


def test_all_that_a_runner_left_ends_and_nothing_else() -> None:
    sleep = "import time; time.sleep(600)"
    sleeper = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{sleep}']); {sleep}"
    led, other = (subprocess.Popen([sys.executable, "-c", sleeper], start_new_session=True) for _ in range(2))
    leader = psutil.Process(led.pid)
    while not leader.children():
        time.sleep(0.05)
    child = leader.children()[0]
    end_group(Job(run_id=1, phase="apply", pid=led.pid, pid_started=leader.create_time()), grace=5)
    led.wait()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert other.poll() is None
    end_group(Job(run_id=1, phase="apply", pid=other.pid, pid_started=psutil.Process(other.pid).create_time()), grace=5)
    other.wait()
