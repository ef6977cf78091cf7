"""The worker as a service: it is stopped and started, and its runners work on."""

from __future__ import annotations

import configparser
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from portal import processes
from portal.queue import Phase, TableQueue
from portal.states import State
from portal.tables import Job
from tests.conftest import CHECKOUT

from .cli import STEPS, FakeCli


def wait_until(done: Callable[[], object]) -> None:
    """The test's own time limit ends a wait in vain."""
    while not done():
        os.sched_yield()


def started(file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "portal.worker", str(file)], cwd=CHECKOUT, stdin=subprocess.DEVNULL)


def working(cli: FakeCli, number: int) -> Job | None:
    with cli.database.read() as session:
        return session.get(Job, number)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_worker_that_is_stopped_leaves_its_runners_at_work(cli: FakeCli, tmp_path: Path, how: signal.Signals) -> None:
    go, file = tmp_path / "go", tmp_path / "portal.json"
    cli.does(preview_destroy={"stdout": json.dumps({"steps": STEPS}), "until": str(go)})
    file.write_text(cli.settings.model_dump_json())
    number = cli.new()
    with cli.database.write() as session:
        TableQueue().submit(session, number, Phase.PREVIEW)
    worker = started(file)
    try:
        wait_until(lambda: "preview_destroy" in cli.asked)
        worker.send_signal(how)
        assert worker.wait() != 0
        job = working(cli, number)
        assert job is not None
        assert processes.lives(job.pid, job.boot, job.pid_started)
        assert os.getsid(job.pid) == job.pid  # no signal to the worker's own group or terminal reaches it
        runner = psutil.Process(job.pid)
        worker = started(file)  # it finds the runner, and takes it for living
        go.touch()
        wait_until(lambda: working(cli, number) is None)
        psutil.wait_procs([runner], timeout=60)
    finally:
        worker.kill()
        worker.wait()
    run = cli.run(number)
    assert (run.state, run.reason) == (State.AWAITING_APPROVAL, "")
    assert cli.asked.count("preview_destroy") == 1


def test_the_unit_in_the_docs_ends_the_worker_alone() -> None:
    (text,) = re.findall(r"```ini\n(.*?)```", (CHECKOUT / "docs" / "portal.md").read_text("utf-8"), re.DOTALL)
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = unit["Service"]
    assert service["KillMode"] == "process"
    assert " -m portal.worker " in service["ExecStart"]
    assert not {"PrivateTmp", "RuntimeDirectory", "DynamicUser"} & set(service)
