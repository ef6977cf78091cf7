"""A database of its own for each test, with two environments and the people who ask."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from portal.audit import Actor
from portal.database import Database
from portal.states import Kind, State
from portal.tables import Environment, Run
from portal.transitions import transition

from .cli import FakeCli
from .site import DIGEST, Site, new_database

NAMED = "import ctypes, time; ctypes.CDLL(None).prctl(15, b'pulumi', 0, 0, 0); print(flush=True); time.sleep(600)"
ANN, BOB, OPS_ACTOR = Actor("ann"), Actor("bob"), Actor("ops")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = new_database(f"sqlite:///{tmp_path / 'portal.sqlite'}")
    yield found
    found.close()


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes the web application, with settings of its own."""
    made: list[Site] = []

    def make(**web: Any) -> Site:
        made.append(Site(tmp_path / f"site-{len(made)}", **web))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    return new_site()


@pytest.fixture
def engine() -> Iterator[psutil.Process]:
    """A process that is called as the CLI is, on another stack than any test's."""
    with subprocess.Popen([sys.executable, "-c", NAMED, "--stack", "other"], stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        made.stdout.readline()
        yield psutil.Process(made.pid)
        made.kill()


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> FakeCli:
    return FakeCli(tmp_path / "cli", database, {})


def add(database: Database, state: State = State.QUEUED, kind: Kind = Kind.UPDATE, environment: str = "dev") -> int:
    """A run that ann asked for, led into a state the ordinary way; its number."""
    path = {
        State.QUEUED: (),
        State.PREVIEWING: (State.PREVIEWING,),
        State.AWAITING_APPROVAL: (State.PREVIEWING, State.AWAITING_APPROVAL),
    }[state]
    with database.write() as session:
        run = Run(environment=environment, kind=kind, requester=ANN.name, where=session.get(Environment, environment))
        session.add(run)
        session.flush()
        for each in path:
            if each is State.AWAITING_APPROVAL:
                run.plan_digest = DIGEST
            transition(session, run, each, ANN)
        return run.id
