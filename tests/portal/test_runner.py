"""Runs on the real engine and a local cloud: from the preview to the apply, and everything that may come between."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from portal.engine import Engine
from portal.runner import work
from portal.states import Kind, State
from portal.tables import Environment, Run
from portal.web import words

from .world import OPS, Portal, kill, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    found = new_portal(tmp_path)
    yield found
    found.close()


def names(portal: Portal) -> list[str]:
    return sorted(row.urn.rpartition("::")[2] for row in portal.world.cloud("aws:cloudwatch/logGroup:LogGroup"))


def test_what_is_approved_is_applied_and_the_next_preview_is_empty(portal: Portal) -> None:
    first = portal.ask(days=7)
    run = portal.settle(first)
    assert run.state is State.AWAITING_APPROVAL, run.reason
    assert [(each["operation"], each["name"]) for each in run.changes if "LogGroup" in each["type"]] == [
        ("create", "first"),
        ("create", "second"),
    ]
    assert run.verdict["blocks"] is False
    again = portal.settle(portal.ask(days=7))
    assert again.plan_digest == run.plan_digest  # though every name in it is made up anew
    assert portal.run(first).state is State.SUPERSEDED
    portal.approve(again.id)
    portal.apply(again.id)
    assert portal.settle(again.id).state is State.SUCCEEDED, portal.run(again.id).reason
    assert names(portal) == ["first", "second"]
    assert portal.settle(portal.ask(days=7)).state is State.NO_CHANGES
    numbers = [each.seq for each in portal.events(again.id)]
    assert numbers == list(range(1, len(numbers) + 1))
    texts = [words.event(each.type, each.data) for each in portal.events(again.id)]
    told = [each.removeprefix("LogGroup first: ") for each in texts if each.startswith("LogGroup first: ")]
    assert told == ["would be created"] * 4 + ["creating", "created"]  # planned twice: also just before the apply
    drawn = [each.type for each in portal.events(again.id) if each.type in ("topology", "phase")]
    assert drawn == ["topology", "topology", "phase", "topology"]  # before it is approved, before and after its apply


def test_a_mandatory_rule_stops_a_run_and_says_what_helps(portal: Portal) -> None:
    run = portal.settle(portal.ask(queue=True))
    assert run.state is State.POLICY_FAILED, run.reason
    stopped = [each for each in run.verdict["findings"] if each["blocks"]]
    assert stopped
    assert all(each["remedy"].endswith(".") for each in stopped)
    assert names(portal) == []


@pytest.mark.slow
def test_an_apply_that_is_asked_for_at_once_is_never_lost(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the preview's runner is gone: its plan is there, so somebody may approve it and go on."""
    number = portal.ask(days=7)
    with portal.database.write() as session:
        assert portal.queue.claim(session, "here") is not None

    removed = shutil.rmtree

    def cleaning_up(*args: Any, **kwargs: Any) -> None:
        if portal.run(number).state is State.AWAITING_APPROVAL:
            monkeypatch.undo()
            portal.approve(number)
            portal.apply(number)
        removed(*args, **kwargs)

    monkeypatch.setattr(shutil, "rmtree", cleaning_up)
    work(portal.worker.settings, portal.database, number, "here")
    assert portal.settle(number).state is State.SUCCEEDED, portal.run(number).reason
    assert names(portal) == ["first", "second"]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [("cli_pid",), ("pid",)], ids="-".join)
def test_a_kill_interrupts_and_recovery_makes_the_next_run_clean(portal: Portal, killed: tuple[str, ...]) -> None:
    number = portal.applying_slowly(seconds=120, days=7)
    job = portal.job(number)
    assert job is not None
    for each in killed:  # the engine first, so that nothing is left in order
        kill(getattr(job, each))
    run = portal.settle(number)
    assert run.state is State.INTERRUPTED
    with portal.database.read() as session:
        assert session.get_one(Run, number).where.needs_recovery
    mending = portal.settle(portal.ask(Kind.RECOVER, OPS))
    assert mending.state is State.SUCCEEDED, mending.reason
    assert portal.up(days=7).state is State.SUCCEEDED
    assert names(portal) == ["first", "second"]
    assert portal.settle(portal.ask(days=7)).state is State.NO_CHANGES


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "state"), [("preview", State.FAILED), ("up", State.INTERRUPTED)])
def test_a_fault_of_the_portal_itself_ends_the_run_in_a_true_state(
    portal: Portal, monkeypatch: pytest.MonkeyPatch, broken: str, state: State
) -> None:
    number = portal.ask(days=7)
    assert portal.settle(number).state is State.AWAITING_APPROVAL, portal.run(number).reason
    portal.approve(number)
    portal.apply(number)
    with portal.database.write() as session:
        job = portal.queue.claim(session, "here")
        assert job is not None

    def fault(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Engine, broken, fault)
    with pytest.raises(OSError, match="no space"):
        work(portal.worker.settings, portal.database, number, "here")
    run = portal.run(number)
    assert (run.state, run.reason) == (state, "OSError: no space left on device")
    assert portal.job(number) is None
    with portal.database.read() as session:
        assert session.get_one(Environment, "dev").needs_recovery is (state is State.INTERRUPTED)


@pytest.mark.slow
def test_an_update_by_hand_meanwhile_is_named_and_the_approval_stays(portal: Portal, engine: psutil.Process) -> None:
    number = portal.ask(days=7)
    assert portal.settle(number).state is State.AWAITING_APPROVAL, portal.run(number).reason
    portal.approve(number)
    lock = portal.world.engine.root / "state/.pulumi/locks/organization/grpc-platform/test/by-hand.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": engine.pid, "username": "zoe", "hostname": socket.gethostname()}
    lock.write_text(json.dumps({**holder, "timestamp": dt.datetime.now(dt.UTC).isoformat()}))
    portal.apply(number)
    run = portal.settle(number)
    assert run.state is State.APPROVED, run.reason
    assert not run.where.needs_recovery
    assert f"zoe@{socket.gethostname()} (pid {engine.pid})" in run.reason
    assert names(portal) == []
    with portal.database.write() as session:
        session.get_one(Environment, "dev").needs_recovery = True
    mending = portal.settle(portal.ask(Kind.RECOVER, OPS))
    assert mending.state is State.FAILED
    assert "still locked by zoe@" in mending.reason
    assert lock.exists()
    engine.kill()
    mending = portal.settle(portal.ask(Kind.RECOVER, OPS))
    assert mending.state is State.SUCCEEDED, mending.reason
    assert not lock.exists()
