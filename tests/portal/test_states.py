"""States and edges, and that nothing but `transition` sets a state."""

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal import audit, states
from portal.audit import Actor
from portal.database import Database
from portal.states import EDGES, FINAL, Kind, State
from portal.tables import Approval, Environment, Event, Run
from portal.transitions import HeldError, RefusedError, events_after, transition

from .conftest import ANN, BOB, add
from .site import DIGEST, may_approve


@pytest.mark.parametrize("state", sorted(State))
def test_every_state_is_reached_and_is_final_or_goes_on(state: State) -> None:
    reached = {new for edges in EDGES.values() for new in edges} | {State.QUEUED}
    assert state in reached
    assert (state in FINAL) == (not any(states.following(state, kind) for kind in Kind))


def test_a_forbidden_edge_names_those_there_are() -> None:
    with pytest.raises(states.ForbiddenEdgeError, match="from awaiting_approval it may go to: approved, discarded"):
        states.check(State.AWAITING_APPROVAL, State.APPLYING, Kind.UPDATE)


def test_only_a_recover_run_writes_without_a_preview() -> None:
    assert [kind for kind in Kind if State.APPLYING in states.following(State.QUEUED, kind)] == [Kind.RECOVER]


def test_nothing_but_transition_sets_a_state() -> None:
    setters = set()
    for file in (Path(__file__).resolve().parents[2] / "portal").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AugAssign)
                else []
            )
            if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
                setters.add(file.name)
    assert setters == {"transitions.py"}


def test_events_and_audit_tell_of_every_step(database: Database) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.read() as session:
        found = events_after(session, number, 0)
        assert [(each.seq, each.data["state"]) for each in found] == [(1, "previewing"), (2, "awaiting_approval")]
        assert events_after(session, number, 1) == found[1:]
        assert session.scalar(select(func.count()).select_from(Event)) == 2
        assert audit.verify(audit.export(session)) == 2


@pytest.mark.parametrize("state", [State.INTERRUPTED, State.FAILED, State.SUCCEEDED])
@pytest.mark.parametrize("same", [True, False])
def test_what_was_cut_off_when_all_was_done_is_noticed_by_the_next_preview(
    database: Database, state: State, *, same: bool
) -> None:
    applied, after = {"days": 7}, {"days": 7} if same else {"days": 8}
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.settings = applied
        may_approve(session, BOB)
        run.approvals.append(Approval(run_id=number, actor=BOB.name, plan_digest=run.plan_digest))
        for each in (State.APPROVED, State.APPLYING, state):
            transition(session, run, each, ANN)
        run.where.settings, before = {}, run.where.settings_version
    number = add(database, State.PREVIEWING)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.settings = after
        transition(session, run, State.NO_CHANGES, ANN)
        kept = same and state is not State.SUCCEEDED
        assert run.where.settings == (applied if kept else {})
        assert run.where.settings_version == before + kept


def test_which_apply_was_the_last_does_not_depend_on_the_clock(database: Database) -> None:
    for settings_, state, later in (({"days": 1}, State.SUCCEEDED, 1), ({"days": 7}, State.INTERRUPTED, 0)):
        number = add(database, State.AWAITING_APPROVAL)
        with database.write() as session:
            run = session.get_one(Run, number)
            run.settings = settings_
            may_approve(session, BOB)
            run.approvals.append(Approval(run_id=number, actor=BOB.name, plan_digest=run.plan_digest))
            for each in (State.APPROVED, State.APPLYING, state):
                transition(session, run, each, ANN)
            run.changed += dt.timedelta(days=later)  # the clock was put back after the first
    number = add(database, State.PREVIEWING)
    with database.write() as session:
        run = session.get_one(Run, number)
        run.settings = {"days": 7}
        transition(session, run, State.NO_CHANGES, ANN)
        assert run.where.settings == {"days": 7}


def test_an_interrupted_apply_blocks_the_environment_until_it_is_recovered(database: Database) -> None:
    first, second = add(database, State.AWAITING_APPROVAL), add(database, State.AWAITING_APPROVAL)
    recover = add(database, kind=Kind.RECOVER)
    with database.write() as session:
        for number in (first, second):
            may_approve(session, BOB)
            session.add(Approval(run_id=number, actor=BOB.name, plan_digest=DIGEST))
        session.flush()
        runs = [session.get_one(Run, number) for number in (first, second)]
        for run in runs:
            transition(session, run, State.APPROVED, BOB)
        transition(session, runs[0], State.APPLYING, ANN)
        with pytest.raises(HeldError, match=f"run {first} is changing dev"):
            transition(session, runs[1], State.APPLYING, ANN)
        transition(session, runs[0], State.INTERRUPTED, ANN)
        with pytest.raises(RefusedError, match="recover it first"):
            transition(session, runs[1], State.APPLYING, ANN)
        mending = session.get_one(Run, recover)
        transition(session, mending, State.APPLYING, ANN)
        transition(session, mending, State.SUCCEEDED, ANN)
        transition(session, runs[1], State.APPLYING, ANN)
        assert session.get_one(Environment, "dev").needs_recovery is False


@pytest.mark.parametrize(("who", "digest"), [(ANN, DIGEST), (BOB, "e" * 64)], ids=["one's own", "of another plan"])
def test_an_approval_that_does_not_count_leads_nowhere(database: Database, who: Actor, digest: str) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.write() as session:
        may_approve(session, who)
        session.add(Approval(run_id=number, actor=who.name, plan_digest=digest))
    with database.write() as session, pytest.raises(RefusedError, match="0 of 1 approvals"):
        transition(session, session.get_one(Run, number), State.APPROVED, who)
