"""What there is to see, as models, for the pages and for JSON alike; each shows only what the one who asks may see.

An environment that somebody has no role in is, to them, no environment at all: the answer is the same as for a name
that was never given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal import access, audit, plan
from portal import tokens as keys
from portal.access import Action, Role
from portal.audit import Actor
from portal.requests import InvalidError
from portal.states import Kind, State
from portal.tables import Audit, Environment, Job, Run, Token
from portal.web import schemas

_NEWEST: Final = 10
SECRET: Final = "[secret]"  # noqa: S105 - it stands for one
_OF_RUN: Final = (Action.APPROVE, Action.DISCARD, Action.APPLY, Action.CANCEL, Action.FORCE)


class NotFoundError(Exception):
    """There is nothing of that name, or nothing that may be known to whoever asks."""


def environment_of(session: Session, actor: Actor, name: str) -> Environment:
    """An environment that somebody may see. Raises NotFoundError."""
    # Whether it is there is not looked at for those who may not know, so there is nothing to tell by what it takes.
    found = session.get(Environment, name) if _visible(session, actor, name) else None
    if found is None:
        raise NotFoundError(f"there is no environment {name} that you have a role in")
    return found


def run_of(session: Session, actor: Actor, number: int) -> Run:
    """A run of an environment that somebody may see. Raises NotFoundError."""
    where = session.scalar(select(Run.environment).where(Run.id == number))
    found = session.get(Run, number) if _visible(session, actor, where or "") else None
    if found is None:
        raise NotFoundError(f"there is no run {number} in an environment that you have a role in")
    return found


def _visible(session: Session, actor: Actor, name: str) -> bool:
    """Whether somebody may look at an environment of a name, should there be one; it asks for their roles alone."""
    return access.can(session, actor, Action.VIEW, Environment(name=name)).allowed


def environments(session: Session, actor: Actor) -> schemas.EnvironmentList:
    """Every environment that somebody may see, by name."""
    found = session.scalars(select(Environment).order_by(Environment.name))
    seen = [each for each in found if access.can(session, actor, Action.VIEW, each).allowed]
    return schemas.EnvironmentList(environments=[_summary(session, actor, each) for each in seen])


def environment(session: Session, actor: Actor, name: str) -> schemas.EnvironmentDetail:
    """One environment. Raises NotFoundError."""
    found = environment_of(session, actor, name)
    return schemas.EnvironmentDetail(
        **dict(_summary(session, actor, found)),
        settings=hidden(found.settings),
        settings_version=found.settings_version,
        runs=_runs(session, [Run.environment == name], _NEWEST),
        may=may(session, actor, found, [each for each in Action if each not in _OF_RUN]),
    )


def _summary(session: Session, actor: Actor, found: Environment) -> schemas.EnvironmentSummary:
    held = access.roles(session, actor, found.name)
    last = _runs(session, [Run.environment == found.name], 1)
    locked = schemas.LockedBy(by=found.locked_by, reason=found.locked_reason) if found.locked_by else None
    return schemas.EnvironmentSummary(
        name=found.name,
        owner=found.owner,
        roles=[each for each in Role if each in held],
        approvals=found.approvals,
        self_approval=found.self_approval,
        destroy_protected=found.destroy_protected,
        locked=locked,
        needs_recovery=found.needs_recovery,
        last=last[0] if last else None,
    )


def may(
    session: Session, actor: Actor, where: Environment, actions: Sequence[Action], run: Run | None = None
) -> dict[Action, schemas.Answer]:
    """What somebody may do there, and why not the rest."""
    decisions = {each: access.can(session, actor, each, where, run) for each in actions}
    return {each: schemas.Answer(allowed=found.allowed, reason=found.reason) for each, found in decisions.items()}


def reasons(
    session: Session, actor: Actor, name: str, run: int | None = None, action: Action | None = None
) -> schemas.Reasons:
    """Why somebody may or may not do things in an environment; to a run of it, where one is given."""
    where = environment_of(session, actor, name)
    about = run_of(session, actor, run) if run is not None else None
    if about is not None and about.environment != name:
        raise NotFoundError(f"there is no run {run} in an environment that you have a role in")
    chosen = [action] if action else list(Action)
    return schemas.Reasons(environment=name, run=run, actions=may(session, actor, where, chosen, about))


def runs(
    session: Session,
    actor: Actor,
    *,
    name: str | None = None,
    state: State | None = None,
    kind: Kind | None = None,
    before: int | None = None,
    limit: int = 50,
) -> schemas.RunList:
    """Runs, the newest first. Raises NotFoundError for an environment that somebody may not see."""
    if name is not None:
        seen = [environment_of(session, actor, name).name]
    else:
        seen = [each.name for each in environments(session, actor).environments]
    asked: list[ColumnElement[bool]] = [Run.environment.in_(seen)]
    asked += [column == value for column, value in ((Run.state, state), (Run.kind, kind)) if value is not None]
    if before is not None:
        asked.append(Run.id < before)
    found = _runs(session, asked, limit + 1)
    return schemas.RunList(runs=found[:limit], before=found[limit - 1].id if len(found) > limit else None)


def _runs(session: Session, asked: Sequence[ColumnElement[bool]], limit: int) -> list[schemas.RunSummary]:
    found = session.execute(
        select(Run, Job.phase).outerjoin(Job, Job.run_id == Run.id).where(*asked).order_by(Run.id.desc()).limit(limit)
    )
    return [_run_summary(run, phase or "") for run, phase in found]


def _run_summary(run: Run, phase: str) -> schemas.RunSummary:
    return schemas.RunSummary(
        id=run.id,
        environment=run.environment,
        kind=run.kind,
        state=run.state,
        requester=run.requester,
        reason=run.reason,
        phase=phase,
        created=run.created,
        changed=run.changed,
    )


def run(session: Session, actor: Actor, number: int) -> schemas.RunDetail:
    """One run. Raises NotFoundError."""
    found = run_of(session, actor, number)
    job = session.get(Job, number)
    return schemas.RunDetail(
        **dict(_run_summary(found, job.phase if job else "")),
        plan=found.plan_digest,
        headline=plan.headline(found.changes),
        changes=found.changes,
        verdict=found.verdict,
        approvals=[schemas.Approved(actor=each.actor, plan=each.plan_digest, at=each.at) for each in found.approvals],
        approvals_needed=found.where.approvals,
        cancel_requested=found.cancel_requested,
        force_requested=found.force_requested,
        settings=hidden(found.settings),
        may=may(session, actor, found.where, _OF_RUN, found),
    )


def hidden(value: Any) -> Any:
    """Settings for somebody's eyes: of a secret not even the encrypted form is shown."""
    if isinstance(value, dict):
        return SECRET if set(value) == {"secure"} else {key: hidden(each) for key, each in value.items()}
    return [hidden(each) for each in value] if isinstance(value, list) else value


def demand_audit(session: Session, actor: Actor, name: str | None) -> None:
    """Raise DeniedError when somebody may not read the audit of an environment; without a name, the whole audit."""
    where = environment_of(session, actor, name) if name is not None else Environment(name=access.EVERYWHERE)
    access.demand(session, actor, Action.AUDIT, where)


def audit_rows(
    session: Session, actor: Actor, name: str | None = None, before: int | None = None, limit: int = 100
) -> schemas.AuditList:
    """Rows of the audit, the newest first: all of them, or those about an environment."""
    demand_audit(session, actor, name)
    asked = select(Audit).order_by(Audit.seq.desc()).limit(limit + 1)
    if name is not None:
        about = Audit.details["environment"].as_string() == name
        asked = asked.where(or_(about, Audit.about == f"environment:{name}"))
    if before is not None:
        asked = asked.where(Audit.seq < before)
    found = [schemas.AuditRow.model_validate(audit.plain(each)) for each in session.scalars(asked)]
    return schemas.AuditList(rows=found[:limit], before=found[limit - 1].seq if len(found) > limit else None)


def tokens(session: Session, actor: Actor) -> schemas.TokenList:
    """Somebody's own tokens, the newest first."""
    found = session.scalars(select(Token).where(Token.actor == actor.name).order_by(Token.created.desc()))
    return schemas.TokenList(tokens=[token(each) for each in found])


def token(found: Token) -> schemas.TokenSummary:
    """A token, without what it is known by."""
    return schemas.TokenSummary(
        id=found.id,
        actor=found.actor,
        name=found.name,
        scopes=found.scopes,
        created=found.created,
        expires=found.expires,
        revoked=found.revoked,
    )


def token_of(session: Session, actor: Actor, identity: str) -> Token:
    """A token that somebody may end: their own; an admin of everything may end any.

    Raises NotFoundError, and DeniedError when a token asks for it.
    """
    if actor.scopes is not None:
        raise access.DeniedError("a token ends no token: sign in for that")
    found = session.get(Token, identity)
    if (
        found is not None
        and found.actor != actor.name
        and Role.ADMIN not in access.roles(session, actor, access.EVERYWHERE)
    ):
        found = None
    if found is None:
        raise NotFoundError(f"you have no token {identity}")
    return found


def make_token(
    session: Session, actor: Actor, name: str, scopes: Sequence[str], days: int, longest: int
) -> schemas.TokenMade:
    """A new token of somebody, with its text. Raises InvalidError, and DeniedError when a token asks for it."""
    if actor.scopes is not None:
        raise access.DeniedError("a token makes no other: sign in for that")
    if days > longest:
        raise InvalidError(f"days: a token lives for {longest} days at most, not {days}")
    try:
        text = keys.create(session, actor, name, scopes, days)
    except ValueError as error:
        raise InvalidError(f"scopes: {error}") from error
    found = keys.check(session, text)
    return schemas.TokenMade(**dict(token(found)), token=text)
