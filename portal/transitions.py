"""The one place where a run's state changes: edge, guards, writer lock, audit and event in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from portal import access, audit, states
from portal.audit import Actor
from portal.queue import Phase
from portal.states import Kind, State
from portal.tables import Audit, Environment, Event, Job, Lock, Person, Run, now


class RefusedError(Exception):
    """A run may not change its state now, though the edge exists; the message says why."""


class ApprovalError(RefusedError):
    """A plan does not have the approvals that it needs, or has them no longer."""


class HeldError(RefusedError):
    """Another run, or a person, holds the environment; `holder` names who."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


def transition(session: Session, run: Run, new: State, actor: Actor, reason: str = "") -> None:
    """Bring a run into another state, in the caller's transaction.

    Raises ForbiddenEdgeError for an edge that does not exist, RefusedError when approvals are missing, HeldError when
    the environment has another writer, and SQLAlchemy's StaleDataError at the flush when somebody else changed the run
    since it was read.
    """
    old = run.state
    states.check(old, new, run.kind)
    if old is State.APPLYING:
        _release(session, run)
    if new is State.APPROVED:
        demand_approvals(session, run)
        run.cancel_requested = run.force_requested = False  # they came too late, and are not for the next apply
    elif new is State.APPLYING:
        _take(session, run)
    if old is State.APPLYING and new is State.INTERRUPTED:
        run.where.needs_recovery = True
    run.state = new
    run.reason = reason
    run.changed = now()
    if new in (State.SUCCEEDED, State.NO_CHANGES):
        applied = old is State.APPLYING
        _keep(run, applied=applied or (run.kind is Kind.UPDATE and _was_applied_before(session, run)))
    session.flush()
    audit.append(session, actor, f"run.{new}", f"run:{run.id}", before=old, environment=run.environment, reason=reason)
    record(session, run.id, "state", {"state": new, "before": old, "actor": actor.name, "reason": reason})


def demand_approvals(session: Session, run: Run) -> None:
    """Raise ApprovalError when a plan does not have the approvals that it needs at this moment."""
    if not run.plan_digest:
        raise ApprovalError("there is no plan to approve")
    if run.automatic and run.kind is Kind.DESTROY:
        return
    count, lost = approvals(session, run)
    if count < run.where.approvals:
        said = f"{count} of {run.where.approvals} approvals of plan {run.plan_digest[:12]} by others are given"
        gone = f"; {' and '.join(lost)} may no longer approve here: ask for a new preview" if lost else ""
        raise ApprovalError(said + gone)


def approvals(session: Session, run: Run) -> tuple[int, list[str]]:
    """How many approvals of a run count now, and who gave one that no longer does.

    They count for the very plan that the run has, each person once, the requester where that is allowed, and while the
    person may approve, by the groups that their last sign-in named.
    """
    given = {each.actor for each in run.approvals if each.plan_digest == run.plan_digest}
    if not run.where.self_approval:
        given.discard(run.requester)
    lost = sorted(each for each in given if not _may_approve(session, each, run.environment))
    return len(given) - len(lost), lost


def _may_approve(session: Session, name: str, where: str) -> bool:
    person = session.get(Person, name)
    groups = tuple(person.groups) if person is not None else ()
    return bool(access.roles(session, Actor(name, groups), where) & access.MAY[access.Action.APPROVE])


def _take(session: Session, run: Run) -> None:
    """Become the writer. A run that leaves `approved` is asked again whether its approvals hold."""
    where = run.where
    if run.kind is not Kind.RECOVER:
        demand_approvals(session, run)
        if where.needs_recovery:
            raise RefusedError(f"{where.name} was interrupted: recover it first")
    elif not (where.needs_recovery or run.forced):  # nobody has approved what it would do to the state
        raise RefusedError(f"nothing in {where.name} was interrupted, so there is nothing to recover")
    if where.locked_by:
        raise HeldError(f"{where.name} is locked by {where.locked_by}: {where.locked_reason}", where.locked_by)
    holder = session.get(Lock, where.name)
    if holder is not None:
        raise HeldError(f"run {holder.run_id} is changing {where.name}", f"run {holder.run_id}")
    if run.kind is Kind.UPDATE and where.since is None:
        where.since = now()
    session.add(Lock(environment=where.name, run_id=run.id))
    session.flush()


def _release(session: Session, run: Run) -> None:
    lock = session.get(Lock, run.environment)
    if lock is None or lock.run_id != run.id:
        raise RefusedError(f"run {run.id} is not the writer of {run.environment}")
    session.delete(lock)


def _keep(run: Run, *, applied: bool) -> None:
    """What a run that ended well leaves in its environment."""
    where = run.where
    if run.kind is Kind.RECOVER:
        where.needs_recovery = False
    elif run.kind is Kind.UPDATE and applied:
        where.settings, where.marks = run.settings, run.marks
        where.settings_version += 1
    elif run.kind is Kind.DESTROY:  # also one that found nothing left
        where.since, where.warned, where.outputs = None, 0, {}
    if run.kind is Kind.DRIFT or run.repairs or (applied and run.kind in (Kind.DESTROY, Kind.REFRESH)):
        where.drift = len(run.changes) if run.kind is Kind.DRIFT else 0
        where.drift_seen = run.changed


def _was_applied_before(session: Session, run: Run) -> bool:
    """Whether the apply before was of the same settings and was cut off when all of it was done: nothing is left of it.

    What it did was approved, and its settings are the stack's, though it could not say so any more.
    """
    ends = (State.SUCCEEDED, State.INTERRUPTED, State.FAILED, State.CANCELLED)
    before = session.scalar(
        select(Run)
        .join(Audit, Audit.about == "run:" + cast(Run.id, String))
        .where(Run.environment == run.environment, Run.kind == Kind.UPDATE, Run.id != run.id)
        .where(Run.state.in_(ends), Run.plan_digest != "")
        .where(Audit.action.in_([f"run.{each}" for each in ends]))
        .order_by(Audit.seq.desc())  # not by its time: clocks are set
        .limit(1)
    )
    return before is not None and before.state is not State.SUCCEEDED and before.settings == run.settings


def supersede(session: Session, run: Run, actor: Actor) -> None:
    """End the older plans of an environment whose apply nobody has asked for: a newer one exists.

    One that waits for its apply, or is about to begin, goes on: its own preview decides whether it is still the plan.
    """
    waiting = (State.AWAITING_APPROVAL, State.APPROVED)
    older = select(Run).where(Run.environment == run.environment, Run.state.in_(waiting), Run.id != run.id)
    older = older.where(Run.id.not_in(select(Job.run_id).where(Job.phase == Phase.APPLY)))
    for each in session.scalars(older):
        transition(session, each, State.SUPERSEDED, actor, f"run {run.id} has a newer plan")


def record(session: Session, run_id: int, type_: str, data: dict[str, Any]) -> int:
    """Add an event to a run; its number."""
    number = last(session, run_id) + 1
    session.add(Event(run_id=run_id, seq=number, type=type_, data=data))
    session.flush()
    return number


def last(session: Session, run_id: int) -> int:
    """The number of a run's last event, and so how many it has; 0 when it has none."""
    return session.scalar(select(func.max(Event.seq)).where(Event.run_id == run_id)) or 0


def events_after(session: Session, run_id: int, seq: int, limit: int = 500) -> list[Event]:
    """The events of a run after a number, in order: whoever was cut off goes on there and misses none."""
    found = select(Event).where(Event.run_id == run_id, Event.seq > seq).order_by(Event.seq).limit(limit)
    return list(session.scalars(found))


def environment(session: Session, name: str) -> Environment:
    """An environment by name; KeyError when there is none."""
    found = session.get(Environment, name)
    if found is None:
        raise KeyError(name)
    return found
