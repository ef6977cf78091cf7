"""Who may do what, and why not: roles per environment, then the run and its environment. Deny by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from portal import states
from portal.audit import Actor
from portal.states import State
from portal.tables import Binding, Environment, Run

_KNOWN: Final = "portal.roles"

EVERYWHERE: Final = "*"
"""As the name of an environment: whatever is there, or comes to be."""


class Role(StrEnum):
    """A role in an environment. Each includes the reading of a viewer, and admin all others."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


class Action(StrEnum):
    """What somebody may want to do."""

    VIEW = "view"
    PREVIEW = "preview"
    APPROVE = "approve"
    DISCARD = "discard"
    APPLY = "apply"
    CANCEL = "cancel"
    LOCK = "lock"
    UNLOCK = "unlock"
    RECOVER = "recover"
    FORCE = "force"
    AUDIT = "audit"


MAY: Final[dict[Action, frozenset[Role]]] = {
    Action.VIEW: frozenset(Role),
    Action.PREVIEW: frozenset({Role.REQUESTER, Role.ADMIN}),
    Action.APPROVE: frozenset({Role.APPROVER, Role.ADMIN}),
    Action.DISCARD: frozenset({Role.REQUESTER, Role.APPROVER, Role.OPERATOR, Role.ADMIN}),
    Action.APPLY: frozenset({Role.REQUESTER, Role.OPERATOR, Role.ADMIN}),
    Action.CANCEL: frozenset({Role.OPERATOR, Role.ADMIN}),
    Action.LOCK: frozenset({Role.OPERATOR, Role.ADMIN}),
    Action.UNLOCK: frozenset({Role.OPERATOR, Role.ADMIN}),
    Action.RECOVER: frozenset({Role.OPERATOR, Role.ADMIN}),
    Action.FORCE: frozenset({Role.ADMIN}),
    Action.AUDIT: frozenset({Role.ADMIN}),
}

_WHEN: Final[dict[Action, frozenset[State]]] = {
    Action.APPROVE: frozenset({State.AWAITING_APPROVAL}),
    Action.DISCARD: frozenset({State.AWAITING_APPROVAL, State.APPROVED}),
    Action.APPLY: frozenset({State.APPROVED}),
    Action.CANCEL: frozenset({State.QUEUED, *states.RUNNING}),
    Action.FORCE: states.RUNNING,
}


@dataclass(frozen=True)
class Decision:
    """Whether something is allowed, and the reason in words a page can show."""

    allowed: bool
    reason: str = ""


class DeniedError(Exception):
    """Somebody may not do what they asked for; the message says why."""


def roles(session: Session, actor: Actor, environment: str) -> frozenset[Role]:
    """The roles that a person has in an environment, of their own and by their groups."""
    return frozenset(role for where, role in _bindings(session, actor) if where in (environment, EVERYWHERE))


def _bindings(session: Session, actor: Actor) -> list[tuple[str, Role]]:
    """All roles of somebody, asked for once in a transaction, which is once for a page with many buttons."""
    known: dict[Any, list[tuple[str, Role]]] = session.info.setdefault(_KNOWN, {})
    who = (actor.name, actor.groups)
    if who not in known:
        subjects = [f"user:{actor.name}", *(f"group:{group}" for group in actor.groups)]
        found = select(Binding.environment, Binding.role).where(Binding.subject.in_(subjects))
        known[who] = [(where, Role(role)) for where, role in session.execute(found)]
    return known[who]


def _forget(session: Session, *_: Any) -> None:
    """What was asked for counts no longer: the transaction has ended, or changes roles itself."""
    changed = (*session.new, *session.dirty, *session.deleted)
    if not session.in_transaction() or any(isinstance(each, Binding) for each in changed):
        session.info.pop(_KNOWN, None)


event.listen(Session, "after_flush", _forget)
event.listen(Session, "after_transaction_end", _forget)


def can(session: Session, actor: Actor, action: Action, where: Environment, run: Run | None = None) -> Decision:
    """Whether somebody may do something in an environment, to a run where the action is about one.

    A token may do what its scopes name and its owner may. Whoever asked for a run may cancel it while nothing is done.
    """
    if not covers(actor.scopes, action, where.name):
        return Decision(allowed=False, reason=f"the token has no scope {action} for {where.name}")
    held, needed = roles(session, actor, where.name), MAY[action]
    if run is not None and run.automatic and action in (Action.DISCARD, Action.CANCEL):
        needed = needed & {Role.OPERATOR, Role.ADMIN}  # nobody else puts off what the owners have set
    if not held & needed and not (held and _own(actor, action, run)):
        has = f"you are {_listed(held)}" if held else "you have no role"
        place = "in the whole portal" if where.name == EVERYWHERE else f"in {where.name}"
        return Decision(allowed=False, reason=f"{has} {place}; to {action} you must be {_listed(needed)}")
    if run is not None and (reason := _of_run(actor, action, where, run)):
        return Decision(allowed=False, reason=reason)
    reason = _of_environment(action, where)
    return Decision(allowed=not reason, reason=reason)


def covers(scopes: Sequence[str] | None, action: Action, environment: str) -> bool:
    """Whether scopes, `action` or `action:environment`, are for that; every scope is for looking where it is for."""
    if scopes is None:
        return True
    wanted = {action, f"{action}:{environment}"}
    return any(
        each in wanted or (action is Action.VIEW and each.partition(":")[2] in ("", environment)) for each in scopes
    )


def demand(session: Session, actor: Actor, action: Action, where: Environment, run: Run | None = None) -> None:
    """Raise DeniedError when somebody may not."""
    decision = can(session, actor, action, where, run)
    if not decision.allowed:
        raise DeniedError(decision.reason)


def _listed(found: frozenset[Role]) -> str:
    return " or ".join(each for each in Role if each in found)


def _own(actor: Actor, action: Action, run: Run | None) -> bool:
    """Whether it is the cancelling of a run by whoever asked for it, before it changes anything."""
    early = (State.QUEUED, State.PREVIEWING)
    return action is Action.CANCEL and run is not None and run.requester == actor.name and run.state in early


def _of_run(actor: Actor, action: Action, where: Environment, run: Run) -> str:
    if run.environment != where.name:
        return f"run {run.id} is not of {where.name}"
    when = _WHEN.get(action)
    if when is not None and run.state not in when:
        return f"the run is {run.state}; to {action} it must be {' or '.join(sorted(when))}"
    if action is Action.APPROVE and actor.name == run.requester and not where.self_approval:
        return f"you asked for this run; in {where.name} somebody else must approve it"
    return ""


def _of_environment(action: Action, where: Environment) -> str:
    if action is Action.APPLY and where.locked_by:
        return f"{where.name} is locked by {where.locked_by}: {where.locked_reason}"
    if action is Action.APPLY and where.needs_recovery:
        return f"an apply was interrupted in {where.name}; an operator must recover it first"
    if action is Action.RECOVER and not where.needs_recovery:
        return f"nothing in {where.name} was interrupted"
    if action is Action.LOCK and where.locked_by:
        return f"{where.name} is locked already, by {where.locked_by}: {where.locked_reason}"
    if action is Action.UNLOCK and not where.locked_by:
        return f"{where.name} is not locked"
    return ""
