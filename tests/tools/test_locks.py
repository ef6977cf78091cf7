"""Which locks are removed, and which plugin processes are ended."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools import locks
from tools.environment import Environment

TAKEN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
HOST = socket.gethostname()
DEAD = 2**22 + 1  # beyond the largest pid Linux gives out


@pytest.fixture
def place(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def lock(**changes: Any) -> locks.Lock:
    return locks.Lock(**{"file": Path("a.json"), "pid": 7, "user": "ann", "host": HOST, "taken": TAKEN, **changes})


def written(place: Environment, **changes: Any) -> Path:
    content = {"pid": DEAD, "username": "ann", "hostname": HOST, "timestamp": "2026-03-01T12:00:00.123456789Z"}
    file = place.locks("local") / f"{len(changes)}{changes.get('pid', '')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**content, **changes}))
    file.with_name(f"{file.name}.attrs").write_text("{}")
    return file


def release(place: Environment, backend: str | None = None) -> tuple[bool, str]:
    said: list[str] = []
    free = locks.release(place, "local", backend or place.exports()["PULUMI_BACKEND_URL"], said.append)
    return free, "\n".join(said)


@pytest.mark.parametrize(
    ("running", "name", "dead"),
    [
        (None, "", True),
        (-60, "pulumi", False),
        (-60, "sleep", False),  # started before the lock: whatever it is, it may hold it
        (1, "sleep", False),  # within what the clocks may differ
        (60, "sleep", True),  # started after the lock was taken: the pid was given out again
        (60, "pulumi", False),  # a clock set forward looks like that
    ],
)
def test_the_holder(running: int | None, name: str, *, dead: bool) -> None:
    found = None if running is None else locks.Running((TAKEN + timedelta(seconds=running)).timestamp(), name)
    assert locks.holder_is_dead(lock(), lambda _: found) is dead


def test_nothing_is_proved_about_another_host() -> None:
    assert locks.holder_is_dead(lock(host="elsewhere"), lambda _: None) is False


def test_a_zombie_has_ended() -> None:
    process = subprocess.Popen(["true"])
    try:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert locks.probe(process.pid) is None
    finally:
        process.wait()


def test_the_own_process_lives() -> None:
    found = locks.probe(os.getpid())
    assert found is not None
    assert abs(found.started - psutil.Process().create_time()) < 1


def test_a_dead_holders_lock_goes(place: Environment) -> None:
    file = written(place)
    free, said = release(place)
    assert free
    assert not file.exists()
    assert not file.with_name(f"{file.name}.attrs").exists()
    assert f"process {DEAD} of ann@{HOST}" in said


def test_one_living_holder_keeps_all(place: Environment) -> None:
    dead, living = written(place), written(place, pid=os.getpid(), timestamp=datetime.now(UTC).isoformat())
    free, said = release(place)
    assert not free
    assert dead.exists()
    assert living.exists()
    assert f"locked by process {os.getpid()}" in said
    assert str(living) in said


def test_another_machines_lock_stays(place: Environment) -> None:
    file = written(place, hostname="elsewhere")
    free, said = release(place)
    assert not free
    assert file.exists()
    assert "ann@elsewhere" in said


@pytest.mark.parametrize("backend", ["s3://state", "file:///elsewhere", "https://api.pulumi.com"])
def test_another_backend_is_only_explained(place: Environment, backend: str) -> None:
    file = written(place)
    free, said = release(place, backend)
    assert not free
    assert file.exists()
    assert backend in said
    assert "pulumi cancel --stack local" in said


def test_no_lock_is_no_news(place: Environment) -> None:
    assert release(place) == (True, "")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"pid": "x"}'])
def test_a_file_that_is_no_lock_is_named(place: Environment, content: str) -> None:
    file = written(place)
    file.write_text(content)
    free, said = release(place)
    assert not free
    assert f"{file} is not a lock" in said


@pytest.fixture
def plugin(place: Environment, tmp_path: Path) -> Any:
    """Starts a process that looks like one of our plugins, with a parent of a given name or none.

    It works in `tmp_path`: `python -m` looks there first, and the real provider would end by itself.
    """
    started: list[int] = []
    hosts: list[subprocess.Popen[str]] = []
    (tmp_path / "local_cloud").mkdir()
    (tmp_path / "local_cloud" / "aws.py").write_text("import time\ntime.sleep(60)\n")

    def start(parent: str | None, root: Path | None = None) -> psutil.Process:
        ours = place.exports()
        env = {**os.environ, "PYTHONPATH": str(tmp_path), "PULUMI_HOME": ours["PULUMI_HOME"]}
        env["LOCAL_CLOUD_HOME"] = str(root or place.root)
        command = f"'{sys.executable}' -m local_cloud.aws 127.0.0.1:1 & echo $!"
        if parent:
            shell = tmp_path / parent
            shutil.copy("/bin/bash", shell)
            host = subprocess.Popen(
                [shell, "-c", f"{command}; wait"], env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True
            )
            hosts.append(host)
            assert host.stdout is not None
            pid = int(host.stdout.readline())
            host.stdout.close()
        else:
            call = ["bash", "-c", f"({command}) >&1 2>/dev/null | head -1"]
            pid = int(subprocess.check_output(call, env=env, cwd=tmp_path))
        started.append(pid)
        process = psutil.Process(pid)
        while "local_cloud.aws" not in process.cmdline():
            time.sleep(0.01)
        return process

    yield start
    for pid in started:
        if psutil.pid_exists(pid):
            psutil.Process(pid).kill()
    for host in hosts:
        host.kill()
        host.wait()


def test_an_orphaned_plugin_is_ended(
    place: Environment, plugin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_GRACE_SECONDS", 0.2)
    orphan = plugin(None)
    held = plugin("pulumi")
    elsewhere = plugin(None, tmp_path / "other")
    shell = subprocess.Popen(["sleep", "60"], env={**os.environ, **place.exports()})  # as in a shell after `make env`
    try:
        assert locks.end_orphans(place) == 1
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
        assert held.is_running()
        assert elsewhere.is_running()
        assert shell.poll() is None
    finally:
        shell.kill()
        shell.wait()
