"""Timers at made-up moments: what ends, what is warned of, what is kept, and when the cloud is looked at."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal import access, requests, timers
from portal.audit import Actor
from portal.database import Database
from portal.queue import TableQueue
from portal.states import Kind, State
from portal.tables import Audit, Binding, Environment, Job, Lock, Run, now
from portal.transitions import transition

from .conftest import ANN, OPS_ACTOR, add
from .site import DIGEST

QUEUE = TableQueue()
HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)


def live(database: Database, since: dt.datetime, **options: object) -> None:
    with database.write() as session:
        where = session.get_one(Environment, "dev")
        where.since = since
        for name, value in options.items():
            setattr(where, name, value)


def step(database: Database, at: dt.datetime, night: tuple[int, int] | None = None) -> list[Run]:
    with database.write() as session:
        timers.step(session, QUEUE, at, night=night)
    with database.read() as session:
        return list(session.scalars(select(Run).order_by(Run.id)))


def warnings(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(Audit.action == "environment.ends")) or 0


def lead(database: Database, number: int, *path: State) -> None:
    with database.write() as session:
        run = session.get_one(Run, number)
        job = session.get(Job, number)
        if job is not None:
            session.delete(job)
        for state in path:
            if state is State.AWAITING_APPROVAL:
                requests.planned(session, run, DIGEST, ANN)
            else:
                transition(session, run, state, ANN)


def test_an_environment_is_warned_of_twice_and_then_destroyed_without_anybodys_word(database: Database) -> None:
    begin = now() - 48 * HOUR
    live(database, begin, ttl_hours=48, approvals=2)
    for at, count in ((23, 0), (24, 1), (30, 1), (47, 2), (47.5, 2)):
        assert step(database, begin + at * HOUR) == []
        assert warnings(database) == count
    (run,) = step(database, begin + 48 * HOUR)
    assert (run.kind, run.requester, run.state) == (Kind.DESTROY, "system:ttl", State.QUEUED)
    assert len(step(database, begin + 50 * HOUR)) == 1  # it is under way
    lead(database, run.id, State.PREVIEWING, State.AWAITING_APPROVAL)
    (run,) = step(database, begin + 50 * HOUR)
    assert run.state is State.APPROVED
    with database.read() as session:
        assert session.get_one(Job, run.id).phase == "apply"
    lead(database, run.id, State.APPLYING, State.SUCCEEDED)
    assert len(step(database, now() + 100 * HOUR)) == 1
    with database.read() as session:
        assert session.get_one(Environment, "dev").since is None


def test_one_that_was_not_destroyed_is_tried_again_after_an_hour(database: Database) -> None:
    live(database, now() - 48 * HOUR, ttl_hours=48)
    (run,) = step(database, now())
    lead(database, run.id, State.PREVIEWING, State.FAILED)
    assert len(step(database, now())) == 1
    assert len(step(database, now() + 2 * HOUR)) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"destroy_protected": True}, "protected"),
        ({"locked_by": "ops", "locked_reason": "a demo"}, "locked by ops: a demo"),
        ({"needs_recovery": True}, "it must be recovered first"),
    ],
)
def test_what_is_protected_locked_or_half_done_is_not_destroyed_and_it_is_said_why(
    database: Database, options: dict[str, object], said: str
) -> None:
    begin = now() - 48 * HOUR
    live(database, begin, ttl_hours=24, **options)
    assert step(database, begin + 23 * HOUR) == []
    assert told(database) == []
    for hours in (24, 25, 48):
        assert step(database, begin + hours * HOUR) == []
    assert told(database) == [said]
    assert ends(database)[0].kept == said
    live(database, begin, destroy_protected=False, needs_recovery=False, locked_by="bob", locked_reason="another")
    step(database, now())
    assert told(database) == [said, "locked by bob: another"]
    live(database, begin, locked_by="")
    assert [each.kind for each in step(database, now())] == [Kind.DESTROY]


def told(database: Database) -> list[str]:
    with database.read() as session:
        rows = session.scalars(select(Audit).where(Audit.action == "environment.kept").order_by(Audit.seq))
        return [each.details["reason"] for each in rows]


def test_an_update_does_not_put_the_end_off(database: Database) -> None:
    live(database, now() - 20 * HOUR, ttl_hours=24, approvals=0)
    before = ends(database)
    number = add(database)
    lead(database, number, State.PREVIEWING, State.AWAITING_APPROVAL, State.APPLYING, State.SUCCEEDED)
    assert ends(database) == before


def ends(database: Database) -> list[timers.End]:
    with database.read() as session:
        return timers.ends(session)


def test_who_is_given_more_time_is_warned_anew(database: Database) -> None:
    begin = now()
    live(database, begin, ttl_hours=30)
    step(database, begin + 30 * HOUR - SECOND)
    assert warnings(database) == 1
    live(database, begin, ttl_hours=100)
    step(database, begin + 30 * HOUR)
    assert warnings(database) == 1
    step(database, begin + 80 * HOUR)
    assert warnings(database) == 2


def test_who_asks_for_changes_does_not_put_off_the_end(database: Database) -> None:
    begin = now()
    live(database, begin, ttl_hours=1)
    (run,) = step(database, begin + HOUR)
    with database.write() as session:
        for who, role in (("ann", "requester"), ("ops", "operator")):
            session.add(Binding(environment="dev", subject=f"user:{who}", role=role))
    with database.read() as session:
        found = session.get_one(Run, run.id)
        for action in (access.Action.DISCARD, access.Action.CANCEL):
            decision = access.can(session, Actor("ann"), action, found.where, found)
            assert not decision.allowed
            assert "you must be operator or admin" in decision.reason
        assert access.can(session, Actor("ops"), access.Action.CANCEL, found.where, found).allowed


def test_every_environment_is_looked_at_once_a_night_when_nobody_changes_it(database: Database) -> None:
    day = dt.datetime(2030, 5, 1, tzinfo=dt.UTC)
    due = timers.moment("dev", day + 12 * HOUR, (2, 180))
    assert day + 2 * HOUR <= due < day + 5 * HOUR
    live(database, day)
    minute = dt.timedelta(minutes=1)
    assert step(database, due - minute, (2, 180)) == []
    number = add(database, kind=Kind.RECOVER)
    with database.write() as session:
        session.get_one(Run, number).forced = "so that it may write"
    lead(database, number, State.APPLYING)
    assert len(step(database, due, (2, 180))) == 1
    with database.write() as session:
        transition(session, session.get_one(Run, number), State.FAILED, OPS_ACTOR)
        assert session.get(Lock, "dev") is None
    assert [each.kind for each in step(database, due + minute, (2, 180))][1:] == [Kind.DRIFT]
    assert len(step(database, due + HOUR, (2, 180))) == 2
    assert len(step(database, due + 24 * HOUR, (2, 180))) == 3


NIGHTS = st.tuples(st.integers(0, 23), st.integers(1, 1440))
MOMENTS = st.integers(0, 366 * 86400).map(lambda seconds: dt.datetime(2030, 1, 1, tzinfo=dt.UTC) + seconds * SECOND)


@given(st.text(min_size=1, max_size=20), MOMENTS, NIGHTS)
def test_the_last_look_was_in_the_window_within_a_day(name: str, at: dt.datetime, night: tuple[int, int]) -> None:
    due = timers.moment(name, at, night)
    assert dt.timedelta(0) <= at - due < 24 * HOUR
    begins = [due.replace(hour=night[0], minute=0) - days * 24 * HOUR for days in (0, 1)]
    assert any(begin <= due < begin + dt.timedelta(minutes=night[1]) for begin in begins)
    assert timers.moment(name, due, night) == due
    assert timers.moment(name, due - SECOND, night) == due - 24 * HOUR


@pytest.mark.parametrize("name", ["dev", "prod", "a", "b", "c", "d"])
@pytest.mark.parametrize("night", [(23, 300), (22, 1440), (0, 1), (2, 180)])
def test_every_minute_of_three_days_there_is_one_look_a_night(name: str, night: tuple[int, int]) -> None:
    """Also when the window goes past midnight, 23:00 to 04:00 say."""
    begin = dt.datetime(2030, 5, 1, tzinfo=dt.UTC)
    moments = {timers.moment(name, begin + dt.timedelta(minutes=each), night) for each in range(3 * 1440)}
    later = sorted(each for each in moments if each >= begin)
    assert len(later) == 3
    assert {second - first for first, second in itertools.pairwise(later)} == {24 * HOUR}


def test_a_look_after_midnight_is_done(database: Database) -> None:
    day = dt.datetime(2030, 5, 1, 20, tzinfo=dt.UTC)
    night = next((23, each) for each in range(61, 400) if timers.moment("dev", day + 24 * HOUR, (23, each)).hour < 20)
    live(database, day)
    due = timers.moment("dev", day + 24 * HOUR, night)
    assert due.date() > day.date()
    assert step(database, due - dt.timedelta(minutes=1), night) == []
    assert [each.kind for each in step(database, due, night)] == [Kind.DRIFT]
    assert len(step(database, due + 12 * HOUR, night)) == 1
    with database.write() as session:  # and then the clock was put back
        session.get_one(Environment, "dev").drift_asked = due + 480 * HOUR
    assert len(step(database, due + 24 * HOUR, night)) == 2


def test_an_apply_that_is_let_go_is_tried_again_less_and_less_often(database: Database) -> None:
    begin = now()
    live(database, begin - 48 * HOUR, ttl_hours=24)
    (run,) = step(database, begin)
    lead(database, run.id, State.PREVIEWING, State.AWAITING_APPROVAL)
    tries = []
    for minute in range(5 * 60):
        step(database, begin + dt.timedelta(minutes=minute))
        with database.write() as session:
            if (job := session.get(Job, run.id)) is not None:
                tries.append(minute)
                session.delete(job)  # its runner lets it go: it is not merged, say
    assert tries == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    with database.read() as session:
        audited = session.scalars(select(Audit).where(Audit.action == "run.apply")).all()
        assert [each.actor for each in audited] == ["system:ttl"] * len(tries)


def test_a_clock_that_is_put_back_does_not_keep_an_apply_waiting(database: Database) -> None:
    begin = now()
    live(database, begin - 480 * HOUR, ttl_hours=24)
    (run,) = step(database, begin)
    lead(database, run.id, State.PREVIEWING, State.AWAITING_APPROVAL)
    for at, tried in ((begin, True), (begin - 24 * HOUR, True), (begin - 24 * HOUR, False), (begin - 23 * HOUR, True)):
        step(database, at)
        with database.write() as session:
            job = session.get(Job, run.id)
            assert (job is not None) is tried
            if job is not None:
                session.delete(job)


@given(st.integers(1, 10_000))
def test_the_pause_grows_up_to_an_hour(tries: int) -> None:
    assert dt.timedelta(minutes=1) <= timers.pause(tries) <= timers.pause(tries + 1) <= HOUR


def test_what_a_look_found_is_on_the_environment_until_an_update_has_brought_it_back(database: Database) -> None:
    number = add(database, kind=Kind.DRIFT)
    with database.write() as session:
        session.get_one(Run, number).changes = [{"urn": "one"}, {"urn": "two"}]
        session.get_one(Environment, "dev").approvals = 0
    lead(database, number, State.PREVIEWING, State.SUCCEEDED)
    assert drift(database) == 2
    with database.write() as session:
        repair = requests.enqueue(session, QUEUE, ANN, session.get_one(Environment, "dev"), Kind.UPDATE)
    assert repair.repairs
    lead(database, repair.id, State.PREVIEWING, State.AWAITING_APPROVAL, State.APPLYING, State.SUCCEEDED)
    assert drift(database) == 0


def drift(database: Database) -> int:
    with database.read() as session:
        return session.get_one(Environment, "dev").drift
