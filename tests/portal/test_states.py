"""States and edges, and that nothing but `transition` sets a state."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from portal import audit, states
from portal.audit import Actor
from portal.database import Database
from portal.states import EDGES, FINAL, Kind, State
from portal.tables import Approval, Environment, Event, Lock, Run
from portal.transitions import HeldError, RefusedError, environment, events_after, transition

from .conftest import ANN, BOB, add, may_approve
from .site import DIGEST, new_database

PEOPLE = ("ann", "bob", "eve")
DIGESTS = ("a" * 64, "b" * 64)


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


class Portal(RuleBasedStateMachine):
    """Anybody asks for anything at any time, on two environments; the rules hold after every step."""

    template: Path

    @initialize()
    def start(self) -> None:
        for old in self.template.parent.glob("used.sqlite*"):
            old.unlink()
        used = shutil.copyfile(self.template, self.template.with_name("used.sqlite"))
        self.database = Database(f"sqlite:///{used}")
        self.before: dict[int, State] = {}
        self.runs = 0

    def teardown(self) -> None:
        if hasattr(self, "database"):
            with self.database.read() as session:
                audit.verify(audit.export(session))
            self.database.close()

    @precondition(lambda self: self.runs < 3)  # few runs, so that they come far
    @rule(
        kind=st.one_of(st.just(Kind.UPDATE), st.sampled_from(Kind)),
        who=st.sampled_from(PEOPLE),
        name=st.sampled_from(["dev", "dev", "prod"]),
    )
    def ask(self, kind: Kind, who: str, name: str) -> None:
        with self.database.write() as session:
            run = Run(kind=kind, requester=who, environment=name, where=environment(session, name), state=State.QUEUED)
            session.add(run)
            session.flush()
            self.before[run.id] = State.QUEUED
        self.runs += 1

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), digest=st.sampled_from(DIGESTS))
    def plan(self, data: st.DataObject, digest: str) -> None:
        with self.database.write() as session:
            run = session.get_one(Run, data.draw(st.integers(1, self.runs)))
            if run.state is State.AWAITING_APPROVAL:
                run.plan_digest = digest

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=st.sampled_from(PEOPLE), digest=st.sampled_from(DIGESTS))
    def say_yes(self, data: st.DataObject, who: str, digest: str) -> None:
        with self.database.write() as session:
            run = session.get_one(Run, data.draw(st.integers(1, self.runs)))
            if not any((each.actor, each.plan_digest) == (who, digest) for each in run.approvals):
                session.add(Approval(run_id=run.id, actor=who, plan_digest=digest))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def move(self, data: st.DataObject, who: str) -> None:
        number = data.draw(st.integers(1, self.runs))
        further = sorted(set(EDGES.get(self.before[number], State)) & set(EDGES)) or sorted(State)
        onward = st.sampled_from(further)  # mostly edges that exist and lead on
        new = data.draw(st.one_of(onward, onward, onward, st.sampled_from(State)))
        try:
            with self.database.write() as session:
                run = session.get_one(Run, number)
                old, kind = run.state, run.kind
                if new is State.AWAITING_APPROVAL:
                    run.plan_digest = DIGESTS[0]
                transition(session, run, new, Actor(who))
        except states.ForbiddenEdgeError:
            assert new not in states.following(old, kind)
        except RefusedError:
            pass
        else:
            assert new in states.following(old, kind)
            self.before[number] = new

    @invariant()
    def no_state_changes_otherwise(self) -> None:
        if hasattr(self, "database"):
            with self.database.read() as session:
                assert {run.id: run.state for run in session.scalars(select(Run))} == self.before

    @invariant()
    def the_writer_is_the_one_that_applies(self) -> None:
        if hasattr(self, "database"):
            with self.database.read() as session:
                writers = [(lock.environment, lock.run_id) for lock in session.scalars(select(Lock))]
                applying = session.scalars(select(Run).where(Run.state == State.APPLYING))
                assert sorted(writers) == sorted((run.environment, run.id) for run in applying)
                assert len(writers) == len({name for name, _ in writers})

    @invariant()
    def what_is_applied_was_approved_by_somebody_else_for_this_very_plan(self) -> None:
        if hasattr(self, "database"):
            with self.database.read() as session:
                for run in session.scalars(select(Run).where(Run.state.in_([State.APPROVED, State.APPLYING]))):
                    if run.kind is not Kind.RECOVER:
                        yes = {each.actor for each in run.approvals if each.plan_digest == run.plan_digest}
                        assert yes - {run.requester}


def test_the_rules_hold_whatever_people_ask_for(tmp_path: Path) -> None:
    Portal.template = tmp_path / "portal.sqlite"
    database = new_database(f"sqlite:///{Portal.template}")
    with database.write() as session:
        may_approve(session, *map(Actor, PEOPLE))
    database.close()
    run_state_machine_as_test(
        Portal,
        settings=settings(
            max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


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
