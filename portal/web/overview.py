"""What the pages show beside the models of `views`: how an environment stands, and how far a run is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.states import FINAL, Kind, State
from portal.tables import Environment, Event, Lock, Run
from portal.topology import Topology, loaded
from portal.web import words
from portal.web.schemas import RunEvent
from portal.web.stream import of_row

LOG_LINES: Final = 500
"""Lines of the log that a page shows, the newest, or those before a line."""
_MOST_STEPS: Final = 1000
_MOST_POLICIES: Final = 500
_CHANGES: Final = (Kind.UPDATE, Kind.DESTROY, Kind.REFRESH)
_OF_RESOURCES: Final = ("begins", "done", "failed")


@dataclass(frozen=True)
class Standing:
    """How an environment stands. waiting: runs that have not ended. writer: the number of the run that changes it now.

    drift: the newest look for it since the last apply. ends: when the environment is destroyed by itself, if it is.
    there: whether it was applied, and not destroyed since.
    """

    last_apply: Run | None
    waiting: list[Run]
    writer: int | None
    drift: Run | None
    ends: dt.datetime | None
    there: bool

    @property
    def drifted(self) -> bool:
        """Whether the last look found something."""
        return self.drift is not None and self.drift.state is State.SUCCEEDED


def standing(session: Session, name: str) -> Standing:
    """Of one environment, that whoever asks may see."""
    here = select(Run).where(Run.environment == name)
    newest = Run.changed.desc(), Run.id.desc()
    applied = here.where(Run.kind.in_(_CHANGES), Run.state == State.SUCCEEDED).order_by(*newest).limit(1)
    looked = here.where(Run.kind == Kind.DRIFT, Run.state.in_([State.SUCCEEDED, State.NO_CHANGES]))
    last, drift = session.scalar(applied), session.scalar(looked.order_by(*newest).limit(1))
    if last is not None and drift is not None and drift.changed < last.changed:
        drift = None
    open_ = here.where(Run.state.not_in(FINAL)).order_by(Run.id.desc()).limit(50)
    lock = session.get(Lock, name)
    where = session.get_one(Environment, name)
    waiting, writer = list(session.scalars(open_)), lock.run_id if lock else None
    return Standing(last, waiting, writer, drift, where.ends, where.since is not None)


def drawn(session: Session, run: Run | None) -> Topology | None:
    """What a run found last of the ways that calls take; None where it found nothing."""
    if run is None:
        return None
    of_run = select(Event.data).where(Event.run_id == run.id, Event.type == "topology").order_by(Event.seq.desc())
    document = session.scalar(of_run.limit(1))
    return loaded(document) if document else None


@dataclass(frozen=True)
class Step:
    """How far a resource is. status: begins, done or failed."""

    urn: str
    text: str
    status: str


@dataclass(frozen=True)
class Log:
    """What has happened in a run. steps: of its present phase, or its last. seq: of the newest event that is shown.

    older, fewer: whether there is more than what is shown, of events before these and of steps.
    """

    events: list[RunEvent]
    steps: list[Step]
    policies: list[dict[str, Any]]
    applied: bool
    seq: int
    older: bool
    fewer: bool


def log(session: Session, number: int, before: int | None = None) -> Log:
    """Of one run. before: only lines before this one. However much a run has told, so much is read and no more."""
    of_run = select(Event).where(Event.run_id == number)
    lines = of_run if before is None else of_run.where(Event.seq < before)
    newest = session.scalars(lines.order_by(Event.seq.desc()).limit(LOG_LINES)).all()
    events = [of_row(each) for each in reversed(newest)]
    phase = session.scalar(of_run.where(Event.type == "phase").order_by(Event.seq.desc()).limit(1))
    begun = phase.seq if phase else 0
    resources = of_run.where(Event.type.in_(_OF_RESOURCES), Event.seq > begun)
    told = session.scalars(resources.order_by(Event.seq.desc()).limit(_MOST_STEPS)).all()
    policies = session.scalars(of_run.where(Event.type == "policy").order_by(Event.seq.desc()).limit(_MOST_POLICIES))
    return Log(
        events=events,
        steps=steps((each.type, each.data) for each in reversed(told)),
        policies=_each_once(each.data for each in reversed(policies.all())),
        applied=phase is not None,
        seq=events[-1].seq if events else 0,
        older=bool(events) and events[0].seq > 1,
        fewer=len(told) == _MOST_STEPS,
    )


def steps(told: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Step]:
    """Each resource once, in the order in which they were begun, as it was last told of."""
    found: dict[str, Step] = {}
    for type_, data in told:
        urn = words.plain(data.get("urn", ""))
        found[urn] = Step(urn, words.event(type_, data), type_)
    return list(found.values())


def _each_once(policies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A policy tells of a resource in each preview anew."""
    found = {(each.get("rule"), each.get("urn"), each.get("message")): each for each in policies}
    return list(found.values())
