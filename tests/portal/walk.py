"""Everybody asks for anything at any time, runners work, die and are buried; the rules hold after every step.

Some steps are faults of the portal itself, so that a rule that holds in two places is seen to hold in each: an edge
that nobody asked for, an approval that nobody gave, a plan that is exchanged, an apply that comes again.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import access, requests
from portal.audit import Actor
from portal.queue import Phase, TableQueue
from portal.states import ForbiddenEdgeError, Kind, State
from portal.tables import Approval, Environment, Job, Run, now
from portal.transitions import RefusedError, transition
from portal.worker import Worker

from . import walk_rules
from .puppet import Cloud, Puppet

REFUSED: Final = (access.DeniedError, RefusedError, ForbiddenEdgeError, requests.InvalidError, requests.TooManyError)
WHO: Final = st.sampled_from(["ann", "bob", "cyn", "cyn", "ops"])
WHERE: Final = st.sampled_from(["dev", "dev", "dev", "prod"])
MOST: Final = 6
PUPPET: Final = "puppet"
PLANS: Final = [f"{moved}-{size}".ljust(64, ".") for moved in range(2) for size in range(2)]


class Walk(RuleBasedStateMachine):
    """The portal with two environments; ann asks, bob approves, cyn does both, ops may do everything."""

    template: Path
    worker: Worker
    tried: ClassVar[set[tuple[object, ...]]]

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
        self.slipped = 0
        self.checked: dict[str, int] = {"dev": 0, "prod": 0}
        self.mark: tuple[object, ...] = ()

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
        self.ask_for(who, where, kind, size, key)

    def ask_for(self, who: str, where: str, kind: Kind, size: int, key: str) -> None:
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

        def approve(session: Session) -> bool:
            run = session.get_one(Run, number)
            another = f"{moved}-{run.settings.get('grpc-platform:size', 0)}".ljust(64, ".")
            digest = run.plan_digest if shown else another
            requests.approve(session, Actor(who), run, digest)
            return digest == run.plan_digest

        assert self.please(approve) in (True, None), "a plan was approved that is not the run's"

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

    @rule(data=st.data(), steps=st.integers(1, 6))
    def it_goes_on_as_it_should(self, data: st.DataObject, steps: int) -> None:
        """The next steps of some run, by those who may: without them few would come far."""
        for _ in range(steps):
            self._should(data)
            self.it_holds()

    def _should(self, data: st.DataObject) -> None:
        with self.database.read() as session:
            over = [state for state in State if not walk_rules.edges(Kind.UPDATE, state)]
            known = {run.id: run for run in session.scalars(select(Run).where(Run.state.not_in(over)).order_by(Run.id))}
            broken = session.scalars(select(Environment.name).where(Environment.needs_recovery)).all()
            jobs = set(session.scalars(select(Job.run_id).where(Job.waiting)))
        if broken and not any(run.kind is Kind.RECOVER for run in known.values()):
            self.ask_for("ops", broken[0], Kind.RECOVER, 0, "")
        elif not known:
            self.ask_for("ann", data.draw(WHERE), Kind.UPDATE, 1, "")
        else:
            number = data.draw(st.sampled_from(list(known)))
            self._next(known[number], waits=number in jobs)

    def _next(self, run: Run, *, waits: bool) -> None:
        ops = Actor("ops")
        if run.id in self.runners:
            self.runners[run.id].go_on()
            self._leave(run.id)
        elif waits:
            self.a_runner_takes_what_waits()
        elif run.state is State.AWAITING_APPROVAL:
            who = Actor("bob")
            self.please(lambda session: requests.approve(session, who, session.get_one(Run, run.id), run.plan_digest))
        elif run.state is State.APPROVED:
            self.please(lambda session: requests.apply(session, self.queue, ops, session.get_one(Run, run.id)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), own=st.booleans(), who=WHO, other=st.sampled_from(["", *PLANS]))
    def a_word_slips_in(self, data: st.DataObject, who: str, other: str, *, own: bool) -> None:
        number = self.a_run(data, State.AWAITING_APPROVAL)
        with self.database.write() as session:
            run = session.get_one(Run, number)
            who, digest = run.requester if own else who, other or run.plan_digest
            if (who, digest) not in {(each.actor, each.plan_digest) for each in run.approvals}:
                session.add(Approval(run_id=number, actor=who, plan_digest=digest))
                self.slipped += 1

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), digest=st.sampled_from(PLANS))
    def a_plan_is_exchanged(self, data: st.DataObject, digest: str) -> None:
        number = self.a_run(data, State.AWAITING_APPROVAL)
        with self.database.write() as session:
            run = session.get_one(Run, number)
            if run.state is State.AWAITING_APPROVAL:
                run.plan_digest = digest

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def an_apply_comes_again(self, data: st.DataObject) -> None:
        number = self.a_run(data, State.SUCCEEDED, State.STALE, State.AWAITING_APPROVAL)
        with self.database.write() as session:
            self.queue.submit(session, number, Phase.APPLY)

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
        refused = ("", "RefusedError", "ForbiddenEdgeError")
        assert self.runners[number].error.partition(":")[0] in refused, self.runners[number].error
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
            mark = walk_rules.mark(session)
            if mark == self.mark:
                return
            self.mark = mark
            walk_rules.every_edge_exists_and_is_told(session)
            walk_rules.one_writer(session)
            walk_rules.the_audit_is_whole(session, self.asked, self.slipped)
            walk_rules.who_may_apply_was_approved(session)
            for name, cloud in self.clouds.items():
                for number, digest in cloud.applied[self.checked[name] :]:
                    walk_rules.was_approved(session, number, digest)
                self.checked[name] = len(cloud.applied)
                assert set(Counter(number for number, _ in cloud.applied).values()) <= {1}, "it was applied twice"
        self._every_edge_is_tried()

    def _every_edge_is_tried(self) -> None:
        """From wherever a run is, and undone: it goes exactly where it may."""
        with self.database.read() as session:
            known = [(run.id, walk_rules.about(session, run)) for run in session.scalars(select(Run))]
        for number, about in known:
            if about not in self.tried:
                for new in State:
                    self._edge_is_tried(number, new)
                self.tried.add(about)  # in all walks: what held once is so from there

    def _edge_is_tried(self, number: int, new: State) -> None:
        with Session(self.database.engine) as session:  # nothing of it is kept
            run = session.get_one(Run, number)
            expected = walk_rules.may(session, run, new)
            try:
                transition(session, run, new, Actor("nobody"))
                gone = True
            except (ForbiddenEdgeError, RefusedError):
                gone = False
        assert gone is expected, f"to {new} it {'may not' if gone else 'may'} go"
