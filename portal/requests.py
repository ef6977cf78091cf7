"""What people ask for: a run, an approval, its apply, its end, a lock. Each is one transaction and is in the audit."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import access, audit, secrecy
from portal.access import Action
from portal.audit import Actor
from portal.queue import Phase, Queue
from portal.states import FINAL, Kind, State
from portal.tables import Approval, Environment, IdempotencyKey, Run, now
from portal.transitions import (
    RefusedError,
    approvals,
    demand_approvals,
    environment,
    record,
    supersede,
    transition,
)

SYSTEM: Final = Actor("system:policy")
_SECRETS: Final = "secrets"
_PLATFORM: Final = "grpc-platform:"
_REGION: Final = "aws:region"
_LOOKED_AT: Final = 20
_HOUR: Final = dt.timedelta(hours=1)


class InvalidError(Exception):
    """What was asked for cannot be taken as it is; the message says what is wrong with it."""


class OutdatedError(Exception):
    """What was asked for was made from settings that are no longer there; the message says who changed them."""


class KeyReusedError(Exception):
    """An idempotency key came again with another request."""


class TooManyError(Exception):
    """Somebody has asked for as many runs as they may; try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Limits:
    """How many runs somebody may have: that wait at a time, and that they asked for within an hour."""

    waiting: int = 10
    hourly: int = 10_000


@dataclass(frozen=True)
class Prepared:
    """Settings for `submit`, with all secrets encrypted. body: the same for the same request sent again.

    version: of the environment's settings that these were made from.
    """

    settings: dict[str, Any]
    marks: dict[str, Any]
    body: str
    version: int


def submit(
    session: Session,
    queue: Queue,
    actor: Actor,
    where: str,
    kind: Kind,
    settings: Mapping[str, Any] | Prepared | None = None,
    *,
    key: str = "",
    limits: Limits = Limits(),
) -> Run:
    """A run and its place in the queue; for a key that came before with the same request, the run it made then.

    settings: the whole `config` of the stack file, as it is now where none are given; what `prepare` gives where
    people sent them; only an update takes settings. Raises DeniedError, InvalidError, KeyReusedError, OutdatedError,
    TooManyError, and RefusedError when a recover run is under way and another is asked for.
    """
    found = environment(session, where)
    ready = settings if isinstance(settings, Prepared) else None
    given = settings.settings if isinstance(settings, Prepared) else settings
    told = {"prepared": ready.body} if ready else given
    body = digest_of(where, kind, {"as it is": True} if told is None else told)
    if (before := _made_before(session, actor, key, body)) is not None:
        return before
    access.demand(session, actor, Action.RECOVER if kind is Kind.RECOVER else Action.PREVIEW, found)
    if settings is not None and kind is not Kind.UPDATE:
        raise InvalidError(f"settings: only an update takes settings; a run of kind {kind} has those that are there")
    if ready is not None and (said := outdated(session, found, ready.version)):
        raise OutdatedError(said)
    _valid(found, kind, found.settings if given is None else given)
    _demand_room(session, actor, limits)
    if kind is Kind.RECOVER:
        _alone(_recovers(session, where))
    run = enqueue(session, queue, actor, found, kind, given, marks=ready.marks if ready else None)
    _remember(session, actor, key, body, run)
    return run


def demand_early(session: Session, actor: Actor, where: Environment, version: int, key: str, limits: Limits) -> None:
    """Raise what `submit` would in the end, before anything is done with settings that takes time.

    What was asked for before with the same key is let through. Raises OutdatedError, TooManyError.
    """
    if key and session.get(IdempotencyKey, (actor.name, key)) is not None:
        return
    if said := outdated(session, where, version):
        raise OutdatedError(said)
    _demand_room(session, actor, limits)


def _made_before(session: Session, actor: Actor, key: str, body: str) -> Run | None:
    """The run that the same request has made before, with the same key. Raises KeyReusedError."""
    known = session.get(IdempotencyKey, (actor.name, key)) if key else None
    if known is None:
        return None
    if known.body != body:
        raise KeyReusedError(f"the key {key} was used for another request")
    return session.get_one(Run, known.run_id)


def _remember(session: Session, actor: Actor, key: str, body: str, run: Run) -> None:
    if key:
        session.add(IdempotencyKey(actor=actor.name, key=key, body=body, run_id=run.id))


def _demand_room(session: Session, actor: Actor, limits: Limits) -> None:
    waiting = select(func.count()).where(Run.requester == actor.name, Run.state == State.QUEUED)
    if (session.scalar(waiting) or 0) >= limits.waiting:
        raise TooManyError(f"{limits.waiting} of your runs are waiting already; wait until one of them starts", 30)
    # Of the newest that an hour may have, the oldest: where that is within the hour, there is no room for another.
    of_actor = select(Run.created).where(Run.requester == actor.name).order_by(Run.id.desc())
    oldest = session.scalar(of_actor.offset(limits.hourly - 1).limit(1))
    left = (oldest + _HOUR - now()).total_seconds() if oldest is not None else 0.0
    if left > 0:
        said = f"you asked for {limits.hourly} runs within an hour, and may ask for no more"
        raise TooManyError(f"{said}; try again in {math.ceil(left / 60)} minutes", math.ceil(left))


def outdated(session: Session, where: Environment, version: int) -> str:
    """Why settings made from a version of the environment's are not taken: who changed those since, and in which run.

    Empty when nobody did.
    """
    if version == where.settings_version:
        return ""
    now_at = f"They are version {where.settings_version} now"
    if version < 0:
        return f"nothing says which version of the settings of {where.name} these are made from. {now_at}: look at them"
    said = f"the settings of {where.name} have changed since these were read"
    updates = select(Run).where(Run.environment == where.name, Run.kind == Kind.UPDATE)
    ended = updates.where(Run.state.in_((State.SUCCEEDED, State.NO_CHANGES)))
    newest = session.scalars(ended.order_by(Run.changed.desc(), Run.id.desc()).limit(_LOOKED_AT))
    run = next((each for each in newest if each.settings == where.settings), None)
    by = f": run {run.id}, that {run.requester} asked for, was applied" if run is not None else ""
    return f"{said}{by}. {now_at}, not {version}: look at them, and send yours again"


def enqueue(
    session: Session,
    queue: Queue,
    actor: Actor,
    where: Environment,
    kind: Kind,
    settings: Mapping[str, Any] | None = None,
    *,
    marks: Mapping[str, Any] | None = None,
    automatic: bool = False,
) -> Run:
    """A run and its place in the queue, whoever asks: for `submit`, which looks at that, and for the timers."""
    wanted = dict(where.settings if settings is None else settings)
    run = Run(
        environment=where.name,
        kind=kind,
        requester=actor.name,
        settings=wanted,
        given=settings is not None,
        settings_version=where.settings_version,
        where=where,
        repairs=kind is Kind.UPDATE and where.drift > 0,
        automatic=automatic,
        marks=dict(where.marks if marks is None else marks),
        state=State.QUEUED,
    )
    session.add(run)
    session.flush()
    body = digest_of(where.name, kind, wanted)
    audit.append(session, actor, "run.queued", f"run:{run.id}", environment=where.name, kind=kind, body=body)
    record(session, run.id, "state", {"state": State.QUEUED, "actor": actor.name})
    queue.submit(session, run.id, Phase.APPLY if kind is Kind.RECOVER else Phase.PREVIEW)
    return run


def recover_by_force(
    session: Session,
    queue: Queue,
    actor: Actor,
    where: str,
    reason: str,
    *,
    key: str = "",
    limits: Limits = Limits(),
) -> Run:
    """A recover run that takes the stack from whoever holds it; reason: for the audit and for those who look later.

    Asking again with the same key, or while it is under way, changes nothing. Raises DeniedError, KeyReusedError,
    InvalidError without a reason, TooManyError, and RefusedError when another recover run is under way.
    """
    found = environment(session, where)
    body = digest_of(where, Kind.RECOVER, {"forced": reason.strip()})
    if (before := _made_before(session, actor, key, body)) is not None:
        return before
    access.demand(session, actor, Action.FORCE, found)
    if not reason.strip():
        raise InvalidError("say why: whoever holds the stack loses it in the middle of its work")
    other = _recovers(session, where)
    if other is not None and (other.requester, other.forced) == (actor.name, reason.strip()):
        return other
    _alone(other)
    _demand_room(session, actor, limits)
    run = enqueue(session, queue, actor, found, Kind.RECOVER)
    _remember(session, actor, key, body, run)
    run.forced = reason.strip()
    audit.append(session, actor, "run.forced", f"run:{run.id}", environment=where, reason=run.forced)
    return run


def _recovers(session: Session, where: str) -> Run | None:
    """The recover run that is under way."""
    going = select(Run).where(Run.environment == where, Run.kind == Kind.RECOVER, Run.state.not_in(FINAL))
    return session.scalar(going.limit(1))


def _alone(other: Run | None) -> None:
    """A second recover run would bring the state in line with the cloud though nothing is left to recover."""
    if other is not None:
        raise RefusedError(f"run {other.id} recovers {other.environment} already")


def digest_of(where: str, kind: Kind, settings: Mapping[str, Any]) -> str:
    """Names what is asked for."""
    return hashlib.sha256(json.dumps([where, kind, settings], sort_keys=True).encode()).hexdigest()


def _valid(where: Environment, kind: Kind, settings: Mapping[str, Any]) -> None:
    if kind is Kind.DESTROY and where.destroy_protected:
        raise InvalidError(f"{where.name} is protected: it is not destroyed from here")
    if foreign := _foreign(where.settings, settings):
        raise InvalidError(
            f"{', '.join(foreign)}: only settings of the platform ({_PLATFORM}…) and {_REGION} are changed from here; "
            "others say with which rights the cloud is changed"
        )
    clear = clear_secret(settings)
    if clear:
        raise InvalidError(f"{clear}: a secret must be encrypted ({{secure: …}}), and is never kept in clear")


def _foreign(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs and is not the team's to choose: `aws:profile` in dev may be the rights of prod."""
    names = sorted({*before, *after})
    ours = [each for each in names if not (each.startswith(_PLATFORM) or each == _REGION)]
    return [each for each in ours if before.get(each) != after.get(each)]


def clear_secret(value: Any, path: str = "") -> str:
    """The path of a value under `secrets` that is not encrypted; empty when all are."""
    if isinstance(value, Mapping):
        inside = [(f"{path}.{key}" if path else str(key), str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list):
        inside = [(f"{path}[{place}]", "", inner) for place, inner in enumerate(value)]
    else:
        return ""
    found = (_clear(here, inner) if key == _SECRETS else clear_secret(inner, here) for here, key, inner in inside)
    return next(filter(None, found), "")


def _clear(path: str, secrets: Any) -> str:
    if not isinstance(secrets, Mapping):
        return "" if secrets is None else path
    return next((f"{path}.{name}" for name, each in secrets.items() if not secrecy.encrypted(each)), "")


def planned(session: Session, run: Run, digest: str, actor: Actor) -> None:
    """A preview has a plan with changes: it waits for approval, older plans of the environment end."""
    run.plan_digest = digest
    transition(session, run, State.AWAITING_APPROVAL, actor)
    supersede(session, run, actor)
    if run.automatic and run.kind is Kind.DESTROY:
        transition(session, run, State.APPROVED, Actor(run.requester), "the environment has come to its end")
    elif run.where.approvals == 0:
        transition(session, run, State.APPROVED, SYSTEM, "no approval is asked for here")


def approve(session: Session, actor: Actor, run: Run, digest: str) -> None:
    """Say yes to the plan that was shown. With the last yes that is needed the run is approved.

    Raises DeniedError, and RefusedError when the plan shown is no longer the run's. Saying it twice changes nothing.
    """
    said = any(each.actor == actor.name and each.plan_digest == digest == run.plan_digest for each in run.approvals)
    if said and run.state is not State.AWAITING_APPROVAL:
        return
    access.demand(session, actor, Action.APPROVE, run.where, run)
    if digest != run.plan_digest:
        raise RefusedError("the plan has changed since it was shown; look at the new one")
    if not said:
        run.approvals.append(Approval(run_id=run.id, actor=actor.name, plan_digest=digest))
        session.flush()
        audit.append(session, actor, "run.approval", f"run:{run.id}", environment=run.environment, plan=digest)
    if approvals(session, run)[0] >= run.where.approvals:
        transition(session, run, State.APPROVED, actor)


def apply(session: Session, queue: Queue, actor: Actor, run: Run) -> None:
    """Put an approved run into the queue for its apply. Asking twice changes nothing.

    Raises DeniedError, and ApprovalError when whoever approved it may do so no longer.
    """
    access.demand(session, actor, Action.APPLY, run.where, run)
    demand_approvals(session, run)
    if queue.submit(session, run.id, Phase.APPLY):
        audit.append(session, actor, "run.apply", f"run:{run.id}", environment=run.environment)


def discard(session: Session, queue: Queue, actor: Actor, run: Run, reason: str) -> None:
    """Drop a plan that nobody will apply. Raises DeniedError."""
    access.demand(session, actor, Action.DISCARD, run.where, run)
    queue.withdraw(session, run.id)
    transition(session, run, State.DISCARDED, actor, reason)


def cancel(session: Session, queue: Queue, actor: Actor, run: Run, *, force: bool = False) -> None:
    """End a run: a waiting one at once, a running one when its engine has saved what it did. Raises DeniedError.

    force: the engine is ended at once; what it was doing at that moment is then unknown.
    """
    access.demand(session, actor, Action.FORCE if force else Action.CANCEL, run.where, run)
    if run.state is State.QUEUED and queue.withdraw(session, run.id):
        transition(session, run, State.CANCELLED, actor)
        return
    run.cancel_requested, run.force_requested = True, force
    audit.append(session, actor, "run.cancel", f"run:{run.id}", environment=run.environment, force=force)
    record(session, run.id, "cancel", {"actor": actor.name, "force": force})


def lock(session: Session, actor: Actor, where: str, reason: str) -> None:
    """Keep everybody from applying until it is unlocked. Raises DeniedError, InvalidError without a reason."""
    found = environment(session, where)
    access.demand(session, actor, Action.LOCK, found)
    if not reason.strip():
        raise InvalidError("say why, for those who have to wait")
    found.locked_by, found.locked_reason = actor.name, reason.strip()
    audit.append(session, actor, "environment.lock", f"environment:{where}", reason=found.locked_reason)


def unlock(session: Session, actor: Actor, where: str) -> None:
    """Take a lock off; whose it was is in the audit. Raises DeniedError."""
    found = environment(session, where)
    access.demand(session, actor, Action.UNLOCK, found)
    audit.append(session, actor, "environment.unlock", f"environment:{where}", locked_by=found.locked_by)
    found.locked_by = found.locked_reason = ""


def spared(run: Run) -> str:
    """Why an environment that was to be destroyed is not: people have decided otherwise since."""
    if run.kind is not Kind.DESTROY:
        return ""
    where = run.where
    if where.destroy_protected:
        return f"{where.name} is protected now"
    if run.automatic and not (where.ends and where.ends <= now()):
        return f"{where.name} does not come to its end now"
    return ""
