"""The walk over everything that can be asked for holds, and notices each rule that is taken away."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import IntegrityError

from portal import access, audit, requests, states, transitions
from portal.runner import Runner
from portal.settings import PortalSettings
from portal.states import State
from portal.tables import Binding
from portal.worker import Worker

from .site import new_database
from .walk import Walk

ROLES = {"ann": ["requester"], "bob": ["approver"], "cyn": ["requester", "approver"], "ops": ["operator", "admin"]}
BROKEN: dict[str, tuple[Callable[..., Any], str, str]] = {
    "the writer lock is not looked at": (transitions._take, "holder is not None", "False"),
    "the writer lock is not taken": (transitions._take, "session.add(Lock(", "(lambda _: 0)(Lock("),
    "the writer lock is kept": (transitions._release, "session.delete(lock)", "pass"),
    "an environment's lock is not looked at": (transitions._take, "if where.locked_by:", "if False:"),
    "an interrupted environment goes on": (transitions.transition, "run.where.needs_recovery = True", "pass"),
    "the plan is not compared before the apply": (Runner.apply, "digest != approved", "False"),
    "an approval of another plan counts": (
        transitions._guard_approval,
        "if each.plan_digest == run.plan_digest",
        "if each.plan_digest",
    ),
    "an approval is asked nothing": (transitions._guard_approval, "len(given) < run.where.approvals", "False"),
    "no approval is needed to apply": (transitions._take, "_guard_approval(run)", "pass"),
    "a state is not audited": (transitions.transition, 'audit.append(session, actor, f"run.{new}"', 'str.format(""'),
    "a lock is not audited": (requests.lock, "audit.append(", "str.format('',"),
    "an event is left out": (transitions.record, "last + 1", "last + 2"),
    "the audit does not follow": (audit.append, "previous=last.hash if last else START", "previous=str(now())"),
    "edges are not looked at": (transitions.transition, "states.check(old, new, run.kind)", "pass"),
    "a key is forgotten": (requests.submit, "session.get(IdempotencyKey, (actor.name, key)) if key", "None if key"),
    "what has ended is cancelled": (requests.cancel, "access.demand(", "str.format('',"),
}


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
    yield Walk
    Walk.worker.database.close()


def go(walk: type[Walk], examples: int, steps: int = 50, **options: Any) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        **options,
    )
    run_state_machine_as_test(walk, settings=chosen)


def test_the_rules_hold_whatever_is_asked_for_and_whoever_dies(walk: type[Walk]) -> None:
    go(walk, 6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rules_hold_on_long_walks(walk: type[Walk]) -> None:
    go(walk, 150, 80)


def break_(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], old: str, new: str) -> None:
    """Put another text into a function, wherever it has been imported."""
    text = textwrap.dedent(inspect.getsource(function))
    assert old in text
    made: dict[str, Any] = {}
    broken = text.replace(old, new)
    exec(compile(f"from __future__ import annotations\n{broken}", "broken", "exec"), function.__globals__, made)  # noqa: S102
    monkeypatch.setattr(function, "__code__", made[function.__name__].__code__)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_the_walk_notices_that(walk: type[Walk], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    break_(monkeypatch, *BROKEN[name])
    with pytest.raises((AssertionError, IntegrityError)):
        go(walk, 400, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("old", "new"), [("succeeded", "cancelled"), ("awaiting_approval", "applying")])
def test_the_walk_notices_an_edge_too_many(
    walk: type[Walk], monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    more = states.EDGES.get(State(old), frozenset()) | {State(new)}
    monkeypatch.setitem(states.EDGES, State(old), more)
    with pytest.raises(AssertionError):
        go(walk, 400, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_walk_notices_that_people_approve_their_own(walk: type[Walk], monkeypatch: pytest.MonkeyPatch) -> None:
    break_(monkeypatch, access._of_run, "actor.name == run.requester", "False")
    break_(monkeypatch, transitions._guard_approval, "if not run.where.self_approval", "if False")
    break_(monkeypatch, requests.approve, "given if run.where.self_approval else given - {run.requester}", "given")
    with pytest.raises(AssertionError, match="not approved"):
        go(walk, 400, phases=[Phase.generate], report_multiple_bugs=False)
