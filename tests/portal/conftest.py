"""A database of its own for each test, with two environments and the people who ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.audit import Actor
from portal.database import Database
from portal.states import Kind, State
from portal.tables import Environment, Run
from portal.transitions import transition

ANN, BOB, OPS_ACTOR = Actor("ann"), Actor("bob"), Actor("ops")
DIGEST = "d" * 64


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = new_database(f"sqlite:///{tmp_path / 'portal.sqlite'}")
    yield found
    found.close()


def new_database(url: str) -> Database:
    database = Database(url)
    database.migrate()
    with database.write() as session:
        session.add(Environment(name="dev", owner="shop", destroy_protected=False))
        session.add(Environment(name="prod", owner="shop"))
    return database


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
