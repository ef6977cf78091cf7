"""Everybody asks for anything at any time, runners work, die and are buried; the rules hold after every step.

What must hold is said here once more, in other words than the portal's: a rule that it lost would not be missed
by a test that asked the portal for it.
"""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import access, audit, requests
from portal.audit import Actor
from portal.queue import TableQueue
from portal.states import ForbiddenEdgeError, Kind, State
from portal.tables import Approval, Audit, Environment, Event, Job, Lock, Run, now
from portal.transitions import RefusedError, transition
from portal.worker import Worker

from .puppet import Cloud, Puppet

EDGES: Final = {
    "queued": "previewing applying cancelled failed interrupted superseded",
    "previewing": "policy_failed no_changes awaiting_approval succeeded failed cancelled interrupted",
    "awaiting_approval": "approved discarded superseded stale",
    "approved": "applying discarded superseded stale",
    "applying": "succeeded failed cancelled interrupted stale policy_failed approved",
}
REFUSED: Final = (access.DeniedError, RefusedError, ForbiddenEdgeError, requests.InvalidError, requests.TooManyError)
WHO: Final = st.sampled_from(["ann", "bob", "cyn", "cyn", "ops"])
WHERE: Final = st.sampled_from(["dev", "dev", "dev", "prod"])
NEW: Final = st.sampled_from(sorted(State))
MOST: Final = 6
PUPPET: Final = "puppet"


class Walk(RuleBasedStateMachine):
    """The portal with two environments; ann asks, bob approves, cyn does both, ops may do everything."""

    template: Path
    worker: Worker

    @initialize()
    def start(self) -> None:
        self.database = self.worker.database
        self.database.close()
        file = Path(self.database.url.removeprefix("sqlite:///"))
        for old in file.parent.glob(f"{file.name}*"):
            old.unlink()
        shutil.copyfile(self.template, file)
        self.queue = TableQueue()
        self.moment = 0.0
        self.worker.queue = TableQueue(clock=lambda: self.moment)
        self.clouds = {"dev": Cloud(), "prod": Cloud()}
        self.runners: dict[int, Puppet] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.keys: dict[tuple[str, str], int] = {}
        self.runs = 0
        self.locked: set[str] = set()
        self.ended: dict[int, State] = {}
        self.checked: dict[str, int] = {"dev": 0, "prod": 0}

    def teardown(self) -> None:
        for each in getattr(self, "runners", {}).values():
            each.kill()

    def please(self, ask: Callable[[Session], Any], *told: str) -> Any:
        """What somebody asks for, which may be refused; `told` must be in the audit when it was not."""
        try:
            with self.database.write() as session:
                found = ask(session)
        except REFUSED:
            return None
        if told:
            self.asked.append((told[0], told[1], told[2]))
        return found

    def a_run(self, data: st.DataObject, *wanted: State) -> int:
        """One of those that the step is about, mostly."""
        with self.database.read() as session:
            known = select(Run.id).where(Run.state.in_(wanted)).order_by(Run.id)
            fitting = list(session.scalars(known))
        anyone = st.integers(1, self.runs)
        if not fitting:
            return data.draw(anyone)
        good = st.sampled_from(fitting)
        return data.draw(st.one_of(good, good, good, anyone))

    @precondition(lambda self: self.runs < MOST)
    @rule(
        who=WHO,
        where=WHERE,
        kind=st.one_of(st.just(Kind.UPDATE), st.sampled_from(Kind)),
        size=st.integers(0, 2),
        key=st.sampled_from(["", "k"]),
    )
    def ask(self, who: str, where: str, kind: Kind, size: int, key: str) -> None:
        def submit(session: Session) -> int:
            settings = {"grpc-platform:size": size} if kind is Kind.UPDATE else None
            return requests.submit(session, self.queue, Actor(who), where, kind, settings, key=key).id

        try:
            number = self.please(submit)
        except requests.KeyReusedError:
            assert (who, key) in self.keys
            return
        if number is not None and key:
            assert self.keys.setdefault((who, key), number) == number, "a key made two runs"
        self.runs = max(self.runs, number or 0)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=WHO, moved=st.integers(0, 2), shown=st.booleans())
    def approve(self, data: st.DataObject, who: str, moved: int, *, shown: bool) -> None:
        number = self.a_run(data, State.AWAITING_APPROVAL)

        def approve(session: Session) -> None:
            run = session.get_one(Run, number)
            another = f"{moved}-{run.settings.get('grpc-platform:size', 0)}".ljust(64, ".")
            requests.approve(session, Actor(who), run, run.plan_digest if shown else another)

        self.please(approve)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=WHO)
    def apply(self, data: st.DataObject, who: str) -> None:
        number = self.a_run(data, State.APPROVED)
        self.please(lambda session: requests.apply(session, self.queue, Actor(who), session.get_one(Run, number)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=WHO, force=st.booleans())
    def cancel(self, data: st.DataObject, who: str, *, force: bool) -> None:
        number = self.a_run(data, State.QUEUED, State.PREVIEWING, State.SUCCEEDED)

        def cancel(session: Session) -> None:
            requests.cancel(session, self.queue, Actor(who), session.get_one(Run, number), force=force)

        self.please(cancel)

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), who=WHO)
    def discard(self, data: st.DataObject, who: str) -> None:
        number = self.a_run(data, State.AWAITING_APPROVAL)

        def discard(session: Session) -> None:
            requests.discard(session, self.queue, Actor(who), session.get_one(Run, number), "no longer wanted")

        self.please(discard)

    @rule(who=st.sampled_from(["ops", "ops", "ann"]), where=WHERE)
    def lock_or_unlock(self, who: str, where: str) -> None:
        def turn(session: Session) -> bool:
            if where in self.locked:
                requests.unlock(session, Actor(who), where)
            else:
                requests.lock(session, Actor(who), where, "release week")
            return True

        name = "environment.unlock" if where in self.locked else "environment.lock"
        if self.please(turn, name, who, f"environment:{where}"):
            self.locked ^= {where}

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), new=NEW)
    def jump(self, data: st.DataObject, new: State) -> None:
        """A fault of the portal's own: it asks for any edge at all; only those that exist are ever gone."""
        number = self.a_run(data, State.SUCCEEDED, State.CANCELLED, State.DISCARDED)
        with self.database.read() as session:
            old = session.get_one(Run, number).state
        if new not in EDGES.get(old, "").split():  # the others are gone by those whose they are
            self.please(lambda session: transition(session, session.get_one(Run, number), new, Actor("nobody")))

    @rule()
    def a_runner_takes_what_waits(self) -> None:
        with self.database.write() as session:
            job = self.queue.claim(session, PUPPET)
            if job is None:
                return
            run = session.get_one(Run, job.run_id)
            session.get_one(Job, run.id).host = "elsewhere"
            kind, where, phase = run.kind, run.environment, job.phase
        puppet = Puppet(self.database, run.id, PUPPET, kind, self.clouds[where])
        self.runners[run.id] = puppet
        puppet.begin(phase)
        if phase == "apply" and not puppet.over:
            assert where not in self.locked, "an apply began though the environment is locked"
        self._leave(run.id)

    @precondition(lambda self: self.runners)
    @rule(data=st.data())
    def a_runner_goes_on(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.runners)))
        self.runners[number].go_on()
        self._leave(number)

    def _leave(self, number: int) -> None:
        if not self.runners[number].over:
            return
        assert self.runners[number].error.partition(":")[0] in ("", "RefusedError"), self.runners[number].error
        del self.runners[number]
        with self.database.write() as session:
            job = session.get(Job, number)
            if job is not None and job.runner == PUPPET:
                session.delete(job)

    @precondition(lambda self: self.runners)
    @rule(data=st.data())
    def a_runner_dies(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.runners)))
        self.runners.pop(number).kill()
        with self.database.write() as session:
            before = session.get_one(Run, number).state
        self.worker._bury()  # now its last heartbeat is known
        self.moment += self.worker.queue.silence
        with self.database.write() as session:
            for other in self.runners:
                session.get_one(Job, other).heartbeat = now()
        self.worker._bury()
        with self.database.read() as session:
            run = session.get_one(Run, number)
            assert run.state is State.INTERRUPTED
            assert run.where.needs_recovery or before is not State.APPLYING

    @rule(where=WHERE, outcome=st.sampled_from([State.NO_CHANGES, State.POLICY_FAILED, State.FAILED]))
    def the_next_previews_end_otherwise(self, where: str, outcome: State) -> None:
        cloud = self.clouds[where]
        cloud.outcome = State.AWAITING_APPROVAL if cloud.outcome is not State.AWAITING_APPROVAL else outcome

    @rule(where=WHERE)
    def somebody_changes_the_cloud(self, where: str) -> None:
        self.clouds[where].moved += 1

    @invariant()
    def it_holds(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.read() as session:
            _every_edge_exists_and_is_told(session)
            _one_writer(session)
            _the_audit_is_whole(session, self.asked)
            for name, cloud in self.clouds.items():
                for number, digest in cloud.applied[self.checked[name] :]:
                    _was_approved(session, number, digest)
                self.checked[name] = len(cloud.applied)


def _every_edge_exists_and_is_told(session: Session) -> None:
    edges: Counter[tuple[str, str]] = Counter()
    for run in session.scalars(select(Run)):
        told = list(session.scalars(select(Event).where(Event.run_id == run.id).order_by(Event.seq)))
        assert [each.seq for each in told] == list(range(1, len(told) + 1)), "events have a gap"
        states = [each.data for each in told if each.type == "state"]
        assert states[-1]["state"] == run.state, "a state was set and not told"
        for before, after in itertools.pairwise(states):
            assert after["before"] == before["state"]
            assert after["state"] in EDGES.get(before["state"], "").split(), f"{before['state']} to {after['state']}"
        edges.update((f"run:{run.id}", f"run.{each['state']}") for each in states)
        over = run.state not in EDGES
        asked_late = over and told[-1].type == "cancel"
        assert not asked_late, "a run that is over was cancelled"
    rows = session.execute(select(Audit.about, Audit.action).where(Audit.about.like("run:%")))
    audited = Counter((about, action) for about, action in rows if action.removeprefix("run.") in set(State))
    assert audited == edges, "states and audit differ"


def _one_writer(session: Session) -> None:
    writers = sorted((each.environment, each.run_id) for each in session.scalars(select(Lock)))
    applying = session.scalars(select(Run).where(Run.state == State.APPLYING))
    assert writers == sorted((run.environment, run.id) for run in applying), "who writes is not who holds the lock"
    assert len(writers) == len({name for name, _ in writers}), "two write to one environment"


def _the_audit_is_whole(session: Session, asked: list[tuple[str, str, str]]) -> None:
    audit.verify(audit.export(session))
    rows = session.execute(select(Audit.action, Audit.actor, Audit.about))
    found = Counter((action, actor, about) for action, actor, about in rows)
    assert all(found[each] == count for each, count in Counter(asked).items()), "something asked for is not audited"
    given = session.scalars(select(Approval)).all()
    assert sum(count for (action, *_), count in found.items() if action == "run.approval") == len(given)


def _was_approved(session: Session, number: int, digest: str) -> None:
    """By enough people, for exactly what is applied, and none of them asked for it."""
    run = session.get_one(Run, number)
    if run.kind is Kind.RECOVER:
        return
    where = session.get_one(Environment, run.environment)
    yes = {each.actor for each in run.approvals if each.plan_digest == digest} - {run.requester}
    assert len(yes) >= where.approvals, "what is applied was not approved"
