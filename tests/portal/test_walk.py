"""The walk over everything that can be asked for holds, and notices rules that are taken away."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from portal import audit, requests, states, transitions
from portal.settings import PortalSettings
from portal.states import State
from portal.tables import Binding
from portal.worker import Worker

from .site import new_database
from .walk import Walk

MANY = 50
ROLES = {"ann": ["requester"], "bob": ["approver"], "cyn": ["requester", "approver"], "ops": ["operator", "admin"]}


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[type[Walk]]:
    template = new_database(f"sqlite:///{tmp_path / 'template.sqlite'}")
    with template.write() as session:
        for name in ("dev", "prod"):
            for who, roles in ROLES.items():
                session.add_all(Binding(environment=name, subject=f"user:{who}", role=role) for role in roles)
    template.close()
    chosen = PortalSettings(database=f"sqlite:///{tmp_path / 'used.sqlite'}", folder=tmp_path / "runs", targets={})
    file = tmp_path / "portal.json"
    file.write_text(chosen.model_dump_json())
    Walk.template, Walk.worker = tmp_path / "template.sqlite", Worker(file)
    event.listen(Walk.worker.database.engine, "connect", _hurry)
    yield Walk
    Walk.worker.database.close()


def _hurry(connection: Any, _: Any) -> None:
    """Nobody pulls the plug in a walk, so nothing waits for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


def go(walk: type[Walk], examples: int, **options: Any) -> None:
    """The same walks every time, so that what is said of them below is said of those that are walked.

    A walk that fails is told as it is: to shorten it takes minutes, and a test that is stopped says nothing.
    """
    walk.tried = set()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=60,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        **options,
    )
    run_state_machine_as_test(walk, settings=chosen)


def test_the_rules_hold_whatever_is_asked_for_and_whoever_dies(walk: type[Walk]) -> None:
    go(walk, 15)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rules_hold_on_many_walks(walk: type[Walk]) -> None:
    go(walk, MANY)


Fault = tuple[Callable[..., Any], str, str]
FAULTS: dict[str, list[Fault]] = {
    "an environment's lock is not looked at": [(transitions._take, "if where.locked_by:", "if False:")],
    "an interrupted environment goes on": [(transitions.transition, "run.where.needs_recovery = True", "pass")],
    "an approval is asked nothing": [(transitions.demand_approvals, "count < run.where.approvals", "False")],
    "a state is not audited": [(transitions.transition, 'audit.append(session, actor, f"run.{new}"', 'str.format(""')],
    "a state is not told": [(transitions.transition, 'record(session, run.id, "state"', 'str.format("", "state"')],
    "a lock is not audited": [(requests.lock, "audit.append(", "str.format('',")],
    "an approval is not audited": [(requests.approve, "audit.append(", "str.format('',")],
    "an event is left out": [(transitions.record, "run_id) + 1", "run_id) + 2")],
    "edges are not looked at": [(transitions.transition, "states.check(old, new, run.kind)", "pass")],
    "a key is forgotten": [(requests._made_before, "session.get(IdempotencyKey, (actor.name, key))", "None")],
}
"""What is taken away: a text in a function, and what stands there then."""
EDGES = {
    "awaiting approval to applying": (State.AWAITING_APPROVAL, State.APPLYING),
    "succeeded to applying, an apply again": (State.SUCCEEDED, State.APPLYING),
    "stale to approved": (State.STALE, State.APPROVED),
}


def break_(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], old: str, new: str) -> None:
    """Put another text into a function, wherever it has been imported."""
    text = textwrap.dedent(inspect.getsource(function))
    assert old in text
    made: dict[str, Any] = {}
    broken = text.replace(old, new)
    exec(compile(f"from __future__ import annotations\n{broken}", "broken", "exec"), function.__globals__, made)  # noqa: S102
    monkeypatch.setattr(function, "__code__", made[function.__name__].__code__)


def is_noticed(walk: type[Walk]) -> None:
    """On one of the walks that are walked above."""
    with pytest.raises((AssertionError, IntegrityError, audit.BrokenChainError)):
        go(walk, MANY, report_multiple_bugs=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_it_is_noticed_that(walk: type[Walk], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for fault in FAULTS[name]:
        break_(monkeypatch, *fault)
    is_noticed(walk)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(EDGES))
def test_an_edge_too_many_is_noticed(walk: type[Walk], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    old, new = EDGES[name]
    monkeypatch.setitem(states.EDGES, old, states.EDGES.get(old, frozenset()) | {new})
    is_noticed(walk)
