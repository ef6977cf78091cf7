"""What must hold after every step of the walk, said once more, in other words than the portal's."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import audit
from portal.states import Kind, State
from portal.tables import Approval, Audit, Environment, Event, Lock, Run

EDGES: Final = {
    "queued": "previewing cancelled failed interrupted superseded",
    "previewing": "policy_failed no_changes awaiting_approval failed cancelled interrupted",
    "awaiting_approval": "approved discarded superseded stale",
    "approved": "applying discarded superseded stale",
    "applying": "succeeded failed cancelled interrupted stale policy_failed approved",
}
OTHERS: Final = {
    "drift": {"previewing": "policy_failed no_changes succeeded failed cancelled interrupted"},
    "recover": {
        "queued": "applying cancelled failed interrupted superseded",
        "applying": "succeeded failed cancelled interrupted stale policy_failed",
    },
}
"""Where a kind of run has other edges than an update."""


def edges(kind: str, state: str) -> list[str]:
    """The states that may follow."""
    return OTHERS.get(kind, {}).get(state, EDGES.get(state, "")).split()


def words(run: Run, digest: str) -> set[str]:
    """Who said yes to a plan of a run, and did not ask for it."""
    return {each.actor for each in run.approvals if each.plan_digest == digest} - {run.requester}


def may(session: Session, run: Run, new: State) -> bool:
    """Whether a run may go to a state now."""
    where = session.get_one(Environment, run.environment)
    said_yes = bool(run.plan_digest) and len(words(run, run.plan_digest)) >= where.approvals
    if new not in edges(run.kind, run.state):
        return False
    if new is State.APPROVED:
        return said_yes
    if new is State.APPLYING:
        free = not where.locked_by and session.get(Lock, where.name) is None
        return free and (run.kind is Kind.RECOVER or (said_yes and not where.needs_recovery))
    return True


def about(session: Session, run: Run) -> tuple[object, ...]:
    """All that the edges of a run may depend on."""
    where, holder = session.get_one(Environment, run.environment), session.get(Lock, run.environment)
    said = sorted((each.actor, each.plan_digest == run.plan_digest) for each in run.approvals)
    held = None if holder is None else holder.run_id == run.id
    return run.kind, run.state, run.requester, run.plan_digest != "", *said, held, where.locked_by, where.needs_recovery


def mark(session: Session) -> tuple[object, ...]:
    """Something that is another after everything that these rules are about."""
    counts = [func.count(each) for each in (Event.run_id, Approval.id, Lock.run_id, Audit.seq)]
    asked = (func.sum(Run.version), func.sum(Environment.version), *counts)
    return tuple(session.execute(select(*(select(each).scalar_subquery() for each in asked))).one())


def every_edge_exists_and_is_told(session: Session) -> None:
    """States, events and audit tell the same, without a gap, and nothing is asked of what is over."""
    told: dict[int, list[tuple[int, str, dict[str, str]]]] = {}
    rows = select(Event.run_id, Event.seq, Event.type, Event.data).order_by(Event.run_id, Event.seq)
    for number, *event in session.execute(rows):
        told.setdefault(number, []).append((event[0], event[1], event[2]))
    reached: Counter[tuple[str, str]] = Counter()
    for number, kind, state in session.execute(select(Run.id, Run.kind, Run.state)):
        events = told[number]
        assert [seq for seq, *_ in events] == list(range(1, len(events) + 1)), "events have a gap"
        states = [data for _, type_, data in events if type_ == "state"]
        assert states[-1]["state"] == state, "a state was set and not told"
        for before, after in itertools.pairwise(states):
            assert after["before"] == before["state"]
            assert after["state"] in edges(kind, before["state"]), f"{before['state']} to {after['state']}"
        reached.update((f"run:{number}", f"run.{each['state']}") for each in states)
        assert edges(kind, state) or events[-1][1] != "cancel", "a run that is over was cancelled"
    found = session.execute(select(Audit.about, Audit.action).where(Audit.about.like("run:%")))
    audited = Counter((about, action) for about, action in found if action.removeprefix("run.") in set(State))
    assert audited == reached, "states and audit differ"


def one_writer(session: Session) -> None:
    """Who applies is who holds the environment, alone."""
    writers = sorted(tuple(row) for row in session.execute(select(Lock.environment, Lock.run_id)))
    applying = session.execute(select(Run.environment, Run.id).where(Run.state == State.APPLYING))
    assert writers == sorted(tuple(row) for row in applying), "who writes is not who holds the lock"
    assert len(writers) == len({name for name, _ in writers}), "two write to one environment"


def the_audit_is_whole(session: Session, asked: Iterable[tuple[str, str, str]], slipped: int) -> None:
    """asked: action, actor and object of what was done for somebody. slipped: approvals that nobody asked for."""
    audit.verify(audit.export(session))
    rows = session.execute(select(Audit.action, Audit.actor, Audit.about))
    found = Counter((action, actor, about) for action, actor, about in rows)
    assert all(found[each] == count for each, count in Counter(asked).items()), "something asked for is not audited"
    audited = sum(count for (action, *_), count in found.items() if action == "run.approval")
    assert audited + slipped == session.scalar(select(func.count(Approval.id))), "an approval is not audited"


def who_may_apply_was_approved(session: Session) -> None:
    """A run that waits for its apply, or is in it, has enough words of others for the plan it has."""
    for run in session.scalars(select(Run).where(Run.state.in_([State.APPROVED, State.APPLYING]))):
        if run.kind is not Kind.RECOVER:
            assert len(words(run, run.plan_digest)) >= run.where.approvals, "it was not approved"


def was_approved(session: Session, number: int, digest: str) -> None:
    """What is done to the cloud was approved by enough people, for exactly that, and none of them asked for it."""
    run = session.get_one(Run, number)
    if run.kind is not Kind.RECOVER:
        assert len(words(run, digest)) >= run.where.approvals, "what is applied was not approved"
