"""Drift on the real engine: somebody changes the cloud, a look shows it, an approved repair brings it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_cloud import commands
from local_cloud.store import Store
from portal.states import Kind, State
from portal.tables import Environment, Run

from .test_runner import names
from .world import Portal, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Each test leaves it as its settings say."""
    portal = new_portal(tmp_path_factory.mktemp("drift"), packs=())
    assert portal.up(days=7).state is State.SUCCEEDED
    yield portal
    portal.close()


def by_hand(portal: Portal, days: int) -> None:
    store = Store(portal.world.engine.store)
    commands.drift(store, "first", "retentionInDays", str(days))
    store.close()


def live(portal: Portal) -> dict[str, int]:
    return {
        row.urn.rpartition("::")[2]: int(row.outputs.get("retentionInDays") or 0)
        for row in portal.world.cloud("aws:cloudwatch/logGroup:LogGroup")
    }


def looked(portal: Portal) -> Run:
    """What a look for drift finds; it changes nothing."""
    before = live(portal)
    run = portal.settle(portal.ask(Kind.DRIFT))
    assert live(portal) == before
    return run


def drift(portal: Portal) -> int:
    with portal.database.read() as session:
        return session.get_one(Environment, "dev").drift


def is_clean(portal: Portal) -> None:
    assert live(portal) == {"first": 7, "second": 0}
    assert looked(portal).state is State.NO_CHANGES
    assert drift(portal) == 0


def test_what_somebody_deleted_comes_back(portal: Portal) -> None:
    store = Store(portal.world.engine.store)
    (row,) = [each for each in store.rows() if each.urn.endswith("::second")]
    store.delete(row)
    store.close()
    run = looked(portal)
    assert [(each["operation"], each["name"]) for each in run.changes] == [("delete", "second")]
    number = portal.approved()
    assert [(each["operation"], each["name"]) for each in portal.run(number).changes] == [("create", "second")]
    assert portal.applied(number).state is State.SUCCEEDED, portal.run(number).reason
    assert names(portal) == ["first", "second"]
    is_clean(portal)


def test_a_cloud_that_moves_on_makes_the_repair_stale(portal: Portal) -> None:
    by_hand(portal, 30)
    assert looked(portal).state is State.SUCCEEDED
    number = portal.approved()
    by_hand(portal, 60)
    run = portal.applied(number)
    assert run.state is State.STALE, run.reason
    assert live(portal)["first"] == 60
    assert portal.applied(portal.approved()).state is State.SUCCEEDED
    is_clean(portal)


def test_what_is_in_the_cloud_may_become_the_state_and_then_the_next_update_says_what_differs(portal: Portal) -> None:
    by_hand(portal, 30)
    assert looked(portal).state is State.SUCCEEDED
    number = portal.approved(Kind.REFRESH)
    by_hand(portal, 60)
    assert portal.applied(number).state is State.STALE, portal.run(number).reason
    assert portal.applied(portal.approved(Kind.REFRESH)).state is State.SUCCEEDED
    assert (live(portal)["first"], drift(portal)) == (60, 0)
    number = portal.approved()
    assert portal.run(number).changes[0]["properties"] == [{"path": "retentionInDays", "old": "60", "new": "7"}]
    assert portal.applied(number).state is State.SUCCEEDED, portal.run(number).reason
    is_clean(portal)
