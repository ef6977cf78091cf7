"""What happens without anybody asking: short-lived environments end, and every night the cloud is looked at.

python -m portal.timers SETTINGS lists the ends to come and changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, requests, settings, states
from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, Queue
from portal.states import Kind, State
from portal.tables import Audit, Environment, Event, Job, Lock, Run, now
from portal.transitions import record

TTL: Final = Actor("system:ttl")
DRIFT: Final = Actor("system:drift")
_WARNINGS: Final = (24, 1)  # hours before the end
_TRY: Final = "apply"
_AGAIN: Final = dt.timedelta(hours=1)
"""How long a destroy that did not come to its end is left alone."""


@dataclass(frozen=True)
class End:
    """An environment that ends, or that would if `kept` did not say why it does not."""

    environment: str
    at: dt.datetime
    kept: str = ""


def ends(session: Session) -> list[End]:
    """When each short-lived environment is destroyed, the next one first. An update does not put it off."""
    short = select(Environment).where(Environment.ttl_hours > 0, Environment.since.is_not(None))
    found = [End(each.name, each.ends, _kept(each)) for each in session.scalars(short) if each.ends is not None]
    return sorted(found, key=lambda each: (each.at, each.environment))


def _kept(where: Environment) -> str:
    if where.destroy_protected:
        return "protected"
    if where.locked_by:
        return f"locked by {where.locked_by}: {where.locked_reason}"
    return "it must be recovered first" if where.needs_recovery else ""


def step(session: Session, queue: Queue, at: dt.datetime, *, night: tuple[int, int] | None) -> None:
    """Do what is due at a moment. night: the hour, in UTC, and the minutes that the looks are spread over, if any."""
    for each in ends(session):
        _warn(session, each, at)
        if each.at <= at:
            _end(session, queue, each, at)
    _go_on(session, queue, at)
    if night is not None:
        for where in session.scalars(select(Environment).where(Environment.since.is_not(None))):
            _look(session, queue, where, at, night)


def _warn(session: Session, end: End, at: dt.datetime) -> None:
    where = session.get_one(Environment, end.environment)
    if where.destroy_protected:
        return
    due = [hours for hours in _WARNINGS if at >= end.at - dt.timedelta(hours=hours)]
    before, where.warned = where.warned, due[-1] if due else 0
    if due and where.warned != before:  # also when it was given more time since
        audit.append(session, TTL, "environment.ends", f"environment:{where.name}", ends=end.at.isoformat())


def _end(session: Session, queue: Queue, end: End, at: dt.datetime) -> None:
    where = session.get_one(Environment, end.environment)
    if end.kept:
        _tell_kept(session, end)
        return
    mine = select(Run).where(Run.environment == where.name, Run.automatic).order_by(Run.id.desc()).limit(1)
    last = session.scalars(mine).one_or_none()
    tried = last is not None and (last.state not in states.FINAL or _lately(last.changed, at, _AGAIN))
    if not tried and not _busy(session, where):
        requests.enqueue(session, queue, TTL, where, Kind.DESTROY, automatic=True)


def _tell_kept(session: Session, end: End) -> None:
    """Say in the audit why an environment outlives its end: once, and again when there is another reason."""
    about = f"environment:{end.environment}"
    told = select(Audit).where(Audit.action == "environment.kept", Audit.about == about)
    last = session.scalars(told.order_by(Audit.seq.desc()).limit(1)).one_or_none()
    details = {"ends": end.at.isoformat(), "reason": end.kept}
    if last is None or last.details != details:
        audit.append(session, TTL, "environment.kept", about, **details)


def _lately(before: dt.datetime, at: dt.datetime, wait: dt.timedelta) -> bool:
    """Whether less than `wait` has gone by. What is still to come is from before the clock was put back."""
    return dt.timedelta(0) <= at - before < wait


def _go_on(session: Session, queue: Queue, at: dt.datetime) -> None:
    """Apply the timers' plans; nobody else would.

    One that was let go, because what it waits for is not merged or somebody holds the stack, is tried again later.
    """
    for run in session.scalars(select(Run).where(Run.automatic, Run.state == State.APPROVED)):
        tries = select(Event).where(Event.run_id == run.id, Event.type == _TRY).order_by(Event.seq.desc()).limit(1)
        last = session.scalars(tries).one_or_none()
        count = last.data["try"] if last else 0
        if _busy(session, run.where) or (
            last and _lately(dt.datetime.fromisoformat(last.data["at"]), at, pause(count))
        ):
            continue
        if queue.submit(session, run.id, Phase.APPLY):
            record(session, run.id, _TRY, {"try": count + 1, "at": at.isoformat(), "actor": run.requester})
            about = {"environment": run.environment, "try": count + 1}
            audit.append(session, Actor(run.requester), "run.apply", f"run:{run.id}", **about)


def pause(tries: int) -> dt.timedelta:
    """How long an apply is left alone after some tries: a minute after the first, then twice that, up to an hour."""
    return min(dt.timedelta(minutes=2 ** min(tries - 1, 10)), _AGAIN)


def _look(session: Session, queue: Queue, where: Environment, at: dt.datetime, night: tuple[int, int]) -> None:
    due = moment(where.name, at, night)
    asked = where.drift_asked
    since = (
        asked if asked is not None and asked <= at else where.since
    )  # a later one is from before a clock was put back
    if since is not None and since < due and not _busy(session, where):
        where.drift_asked = at
        requests.enqueue(session, queue, DRIFT, where, Kind.DRIFT)


def moment(name: str, at: dt.datetime, night: tuple[int, int]) -> dt.datetime:
    """When an environment was last to be looked at, `at` or before: every day at the same minute, spread by its name.

    night: the hour in UTC and the minutes that the looks are spread over; the window may end on the next day.
    """
    hour, minutes = night
    spread = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % max(1, minutes)
    begin = at.astimezone(dt.UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    found = begin + dt.timedelta(minutes=spread)
    while found > at:
        found -= dt.timedelta(days=1)
    return found


def _busy(session: Session, where: Environment) -> bool:
    """Whether somebody changes the environment, keeps others from it, or left it half done."""
    applies = select(Job.run_id).join(Run, Run.id == Job.run_id).where(Run.environment == where.name)
    waits = session.scalars(applies.where(Job.phase == Phase.APPLY).limit(1)).one_or_none() is not None
    return waits or bool(where.locked_by) or where.needs_recovery or session.get(Lock, where.name) is not None


def main(arguments: list[str]) -> int:
    """List what would be destroyed, and when; 2 when the settings cannot be used."""
    try:
        chosen = settings.load(settings.asked("List what will be destroyed, and when.", "portal.timers", arguments))
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    database, at = Database(chosen.database), now()
    with database.read() as session:
        for each in ends(session):
            does = f"is kept: {each.kept}" if each.kept else "would be destroyed"
            sys.stdout.write(f"{each.at:%Y-%m-%d %H:%M} UTC  {each.environment} {does}{' now' * (each.at <= at)}\n")
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
