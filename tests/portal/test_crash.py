"""kill -9 of each process of the portal, at each step: nothing is lost, nothing is done twice, every run ends truly.

Kills in the middle of an apply of the engine and of its runner are in test_runner.py.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from portal.states import Kind, State
from portal.tables import Audit, Job
from tests.conftest import CHECKOUT
from tests.greeter.processes import free_port

from .test_runner import names
from .world import OPS, Portal, kill, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    found = new_portal(tmp_path, packs=())
    yield found
    for process in found.worker._children:
        process.wait()
    with found.database.read() as session:
        assert session.query(Job).count() == 0
        assert [row.seq for row in session.query(Audit).order_by(Audit.seq)] == list(
            range(1, session.query(Audit).count() + 1)
        )
    left = [each for each in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(each.info["cmdline"] or ())]
    assert psutil.wait_procs(left, timeout=30)[1] == []  # the last to go is a runner that has left the queue
    assert [each for each in (tmp_path / "runs").glob("run-*") if each.is_dir()] == []
    found.database.close()
    found.worker.database.close()


class Process:
    """A process of the portal that can be killed and started again."""

    def __init__(self, module: str, file: Path) -> None:
        command = [sys.executable, "-m", module, str(file)]
        self._made = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        self._made.send_signal(signal.SIGKILL)
        self._made.wait()


def settings_of(portal: Portal, port: int) -> Path:
    """The file of the portal's settings, with a web process in it."""
    file: Path = portal.worker._file
    document = json.loads(file.read_text())
    people: dict[str, list[str]] = {"ann": [], "bob": [], "ops": []}
    document["web"] = {"port": port, "origin": f"http://127.0.0.1:{port}", "development": {"people": people}}
    file.write_text(json.dumps(document))
    return file


def wait_until(done: Callable[[], object]) -> None:
    """The test's own time limit ends a wait in vain."""
    while not done():
        pass


def previewing(portal: Portal, number: int) -> Job:
    """The job of a run once its engine previews, and is known as such."""
    portal.until(lambda: (job := portal.job(number)) is not None and _is_preview(job.cli_pid))
    job = portal.job(number)
    assert job is not None
    return job


def _is_preview(pid: int) -> bool:
    try:
        return bool(pid) and "preview" in psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:  # the command before it has just ended
        return False


def test_the_web_process_dies_and_the_apply_goes_on(portal: Portal) -> None:
    port = free_port()
    file = settings_of(portal, port)
    web = Process("portal.web", file)
    number = portal.applying_slowly(seconds=20, days=7)
    web.kill()
    assert portal.settle(number).state is State.SUCCEEDED, portal.run(number).reason
    web = Process("portal.web", file)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Accept": "application/json"}) as client:
            _wait_for(client)
            assert client.post("/sign-in", json={"person": "ann"}, headers={"Origin": str(client.base_url)}).is_success
            assert client.get(f"/runs/{number}").json()["state"] == State.SUCCEEDED
    finally:
        web.kill()
    assert names(portal) == ["first", "second"]
    assert portal.settle(portal.ask(days=7)).state is State.NO_CHANGES


def _wait_for(client: httpx.Client) -> None:
    while True:
        try:
            client.get("/health")
        except httpx.ConnectError:
            continue
        return


def test_the_worker_dies_and_its_runner_goes_on(portal: Portal) -> None:
    number = portal.ask(days=7)
    assert portal.settle(number).state is State.AWAITING_APPROVAL, portal.run(number).reason
    portal.approve(number)
    portal.apply(number)
    worker = Process("portal.worker", portal.worker._file)
    wait_until(lambda: (job := portal.job(number)) is not None and job.cli_pid)
    worker.kill()
    other = Process("portal.worker", portal.worker._file)
    try:
        wait_until(lambda: portal.job(number) is None)
    finally:
        other.kill()
    assert portal.run(number).state is State.SUCCEEDED, portal.run(number).reason
    assert [each.data["name"] for each in portal.events(number) if each.type == "phase"] == ["apply"]
    assert names(portal) == ["first", "second"]


@pytest.mark.parametrize("killed", ["pid", "cli_pid"])
def test_a_kill_in_a_preview_ends_the_run_and_the_next_one_is_as_if_nothing_were(portal: Portal, killed: str) -> None:
    number = portal.ask(days=7)
    job = previewing(portal, number)
    kill(getattr(job, killed))
    run = portal.settle(number)
    assert run.state is (State.INTERRUPTED if killed == "pid" else State.FAILED)
    assert not run.where.needs_recovery
    assert names(portal) == []
    assert portal.up(days=7).state is State.SUCCEEDED
    assert names(portal) == ["first", "second"]


def test_all_of_it_dies_at_once_and_another_worker_recovers(portal: Portal) -> None:
    number = portal.applying_slowly(seconds=120, days=7)
    job = portal.job(number)
    assert job is not None
    for each in (job.pid, job.cli_pid):
        kill(each)
    for left in portal.worker._children:
        left.wait()
    worker = Process("portal.worker", portal.worker._file)
    try:
        wait_until(lambda: portal.job(number) is None)
        assert portal.run(number).state is State.INTERRUPTED
        mending = portal.ask(Kind.RECOVER, OPS)
        wait_until(lambda: portal.job(mending) is None)
    finally:
        worker.kill()
    assert portal.run(mending).state is State.SUCCEEDED, portal.run(mending).reason
    assert portal.up(days=7).state is State.SUCCEEDED
    assert names(portal) == ["first", "second"]


def test_a_forced_end_is_an_interruption_that_says_so(portal: Portal) -> None:
    number = portal.applying_slowly(seconds=120, days=7)
    with portal.database.write() as session:
        run = session.get_one(type(portal.run(number)), number)
        run.cancel_requested = run.force_requested = True
    run = portal.settle(number)
    assert run.state is State.INTERRUPTED
    assert "signal" in run.reason
    assert run.where.needs_recovery
    mending = portal.settle(portal.ask(Kind.RECOVER, OPS))
    assert mending.state is State.SUCCEEDED, mending.reason
    assert portal.up(days=7).state is State.SUCCEEDED
