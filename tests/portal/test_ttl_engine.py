"""The end of a short-lived environment on the real engine: how it goes, and what people decide meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from portal import requests, timers
from portal.states import Kind, State
from portal.tables import Environment, Run, now

from .test_runner import names
from .world import OPS, Portal, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = new_portal(tmp_path_factory.mktemp("ttl"), packs=())
    portal.worker._next_timers = float("inf")  # they work when a test says so
    yield portal
    portal.close()


@pytest.fixture
def portal(made: Portal) -> Portal:
    """It is up, and its time is over."""
    change(made, destroy_protected=False, locked_by="", locked_reason="", needs_recovery=False)
    if not names(made):
        assert made.up(days=7).state is State.SUCCEEDED
    change(made, since=now() - 48 * HOUR, ttl_hours=24)
    return made


def change(portal: Portal, **values: object) -> None:
    with portal.database.write() as session:
        where = session.get_one(Environment, "dev")
        for name, value in values.items():
            setattr(where, name, value)


def tick(portal: Portal, hours: int = 0) -> list[Run]:
    """What the timers do, so many hours from now: the destroys that they asked for so far, the newest first."""
    with portal.database.write() as session:
        timers.step(session, portal.queue, now() + hours * HOUR, night=None)
        return session.query(Run).where(Run.automatic).order_by(Run.id.desc()).all()


def due(portal: Portal) -> Run:
    """A new destroy, previewed, and approved by nobody."""
    known = tick_free(portal)
    run = tick(portal, hours=2)[0]  # one that came to nothing is tried again after an hour
    assert (run.id not in known, run.kind, run.requester) == (True, Kind.DESTROY, "system:ttl")
    run = portal.settle(run.id)
    assert run.state is State.APPROVED, run.reason
    assert {each["operation"] for each in run.changes} == {"delete"}
    return run


def tick_free(portal: Portal) -> list[int]:
    with portal.database.read() as session:
        return [run.id for run in session.query(Run).where(Run.automatic)]


def test_it_is_destroyed_through_the_same_states_and_nothing_is_left(portal: Portal) -> None:
    run = due(portal)
    assert names(portal) == ["first", "second"]
    tick(portal)
    assert portal.settle(run.id).state is State.SUCCEEDED, portal.run(run.id).reason
    told = [(each.data["state"], each.data["actor"]) for each in portal.events(run.id) if each.type == "state"]
    assert told == [
        ("queued", "system:ttl"),
        ("previewing", "system:runner"),
        ("awaiting_approval", "system:runner"),
        ("approved", "system:ttl"),
        ("applying", "system:runner"),
        ("succeeded", "system:runner"),
    ]
    assert portal.world.cloud() == []
    state = portal.world.run("stack", "export").json()["deployment"].get("resources") or []
    assert [each["urn"] for each in state if each["type"] != "pulumi:pulumi:Stack"] == []
    assert tick(portal, hours=100)[0].id == run.id
    assert portal.run(run.id).where.ends is None


def test_what_is_kept_is_not_touched_and_the_list_of_ends_says_why(
    portal: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(tick_free(portal))
    for options, said in (
        ({"needs_recovery": True}, "is kept: it must be recovered first now"),
        ({"locked_by": "ops", "locked_reason": "a demo"}, "is kept: locked by ops: a demo now"),
        ({"destroy_protected": True}, "is kept: protected now"),
    ):
        change(portal, **options)
        assert len(tick(portal, hours=2)) == before
        assert timers.main([str(portal.worker._file)]) == 0
        assert said in capsys.readouterr().out
    assert names(portal) == ["first", "second"]


@pytest.mark.parametrize(
    ("decided", "said"),
    [
        ({"ttl_hours": 240}, "does not come to its end now"),
        ({"ttl_hours": 0}, "does not come to its end now"),
        ({"destroy_protected": True}, "is protected now"),
    ],
    ids=["longer", "for ever", "protected"],
)
def test_who_lets_it_live_meanwhile_is_heard(portal: Portal, decided: dict[str, object], said: str) -> None:
    run = due(portal)
    change(portal, **decided)
    tick(portal)
    run = portal.settle(run.id)
    assert run.state is State.STALE
    assert said in run.reason
    assert names(portal) == ["first", "second"]
    change(portal, destroy_protected=False)
    before = tick_free(portal)
    tick(portal, hours=2)
    assert (tick_free(portal) == before) is ("ttl_hours" in decided)
    withdraw(portal)


def withdraw(portal: Portal) -> None:
    """Take back what the timers have asked for and no runner has begun."""
    with portal.database.write() as session:
        for number in portal.queue.waiting(session):
            requests.cancel(session, portal.queue, OPS, session.get_one(Run, number))


def test_a_lock_keeps_it_until_it_is_taken_off(portal: Portal) -> None:
    run = due(portal)
    with portal.database.write() as session:
        requests.lock(session, OPS, "dev", "a demo")
    tick(portal)
    assert (portal.settle(run.id).state, portal.job(run.id)) == (State.APPROVED, None)
    with portal.database.write() as session:
        requests.unlock(session, OPS, "dev")
    tick(portal)
    assert portal.settle(run.id).state is State.SUCCEEDED, portal.run(run.id).reason
    assert portal.world.cloud() == []
