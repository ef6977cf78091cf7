"""What moves between an approval and its apply, on the real engine: nothing but what was approved is ever applied.

A program that changed is in test_runner.py, settings in git that changed are in test_git_engine.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from portal import requests
from portal.access import DeniedError
from portal.engine import Engine, Finished
from portal.queue import Phase
from portal.runner import work
from portal.states import Kind, State
from portal.tables import Environment, Run

from .world import ANN, Portal, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = new_portal(tmp_path_factory.mktemp("fences"), packs=())
    for room in ("policies", "checks"):
        link = portal.world.program / room
        whole = link.resolve()
        link.unlink()
        shutil.copytree(whole, link, ignore=shutil.ignore_patterns("__pycache__"))
    assert portal.up(days=7).state is State.SUCCEEDED
    yield portal
    portal.close()


@pytest.fixture
def portal(made: Portal) -> Iterator[Portal]:
    """What a test does to the program's files is undone after it."""
    before = {file: file.read_bytes() for file in _files(made.world.program)}
    yield made
    for file in _files(made.world.program):
        if file not in before:
            file.unlink()
    for file, content in before.items():
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)


def _files(program: Path) -> list[Path]:
    own = [program, *(program / room for room in ("policies", "checks"))]
    return [file for folder in own for file in folder.iterdir() if file.is_file() and not file.is_symlink()]


def live(portal: Portal) -> tuple[int, str]:
    (row,) = [each for each in portal.world.cloud() if each.urn.endswith("::first")]
    return int(row.outputs["retentionInDays"]), row.outputs["tags"]["image"]


def up_by_hand(portal: Portal, **values: Any) -> None:
    portal.world.configure(values)
    portal.world.up()


def in_policies(portal: Portal) -> None:
    with (portal.world.program / "policies" / "__main__.py").open("a") as file:
        file.write("# a rule less\n")


def by_another_update(portal: Portal) -> None:
    up_by_hand(portal, days=30, image="orders:9")


def in_the_settings_of_the_environment(portal: Portal) -> None:
    with portal.database.write() as session:
        session.get_one(Environment, "dev").settings_version += 1


CHANGED = [
    (in_policies, "differs"),
    (by_another_update, "differs"),
    (in_the_settings_of_the_environment, "the settings of the environment have changed since the preview"),
]


@pytest.mark.parametrize(("change", "said"), CHANGED, ids=[change.__name__ for change, _ in CHANGED])
def test_what_changed_after_the_approval_is_not_applied(
    portal: Portal, change: Callable[[Portal], None], said: str
) -> None:
    number = portal.approved(days=14)
    change(portal)
    before = live(portal)
    run = portal.applied(number)
    assert run.state is State.STALE, run.reason
    assert said in run.reason
    assert [each.type for each in portal.events(number) if each.type == "phase"] == []
    assert live(portal) == before
    if before != (7, "orders:1"):
        up_by_hand(portal, days=7)


def test_an_update_by_hand_between_the_last_preview_and_the_apply_is_noticed(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = portal.approved(days=14)
    portal.apply(number)
    with portal.database.write() as session:
        assert portal.queue.claim(session, "here") is not None
    preview = Engine.preview

    def then_somebody_updates(self: Engine, log: Path, *, look: bool = False) -> Finished:
        done = preview(self, log, look=look)
        up_by_hand(portal, days=30)
        return done

    monkeypatch.setattr(Engine, "preview", then_somebody_updates)
    work(portal.worker.settings, portal.database, number, "here")
    run = portal.run(number)
    assert (run.state, run.reason) == (State.STALE, "somebody else changed the stack meanwhile")
    assert live(portal) == (30, "orders:1")
    up_by_hand(portal, days=7)


def test_a_newer_image_takes_the_place_of_what_was_approved(portal: Portal) -> None:
    old = portal.approved(days=7, image="orders:2")
    new = portal.approved(days=7, image="orders:3")
    assert portal.run(old).state is State.SUPERSEDED
    with portal.database.write() as session, pytest.raises(DeniedError):
        requests.apply(session, portal.queue, ANN, session.get_one(Run, old))
    assert portal.applied(new).state is State.SUCCEEDED, portal.run(new).reason
    assert live(portal) == (7, "orders:3")
    again(portal, old, new)
    assert portal.up(days=7).state is State.SUCCEEDED


def again(portal: Portal, *numbers: int) -> None:
    """A queue that hands out an apply of what is over, once more: nothing of it is done."""
    before = live(portal)
    for number in numbers:
        state = portal.run(number).state
        with portal.database.write() as session:
            portal.queue.submit(session, number, Phase.APPLY)
        assert portal.settle(number).state is state
    assert live(portal) == before


def test_a_destroy_does_not_take_what_came_after_its_approval(portal: Portal) -> None:
    number = portal.approved(Kind.DESTROY)
    up_by_hand(portal, days=30)
    run = portal.applied(number)
    assert run.state is State.STALE, run.reason
    assert live(portal) == (30, "orders:1")
    up_by_hand(portal, days=7)
