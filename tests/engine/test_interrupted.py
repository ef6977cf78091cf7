"""kill -9 of the CLI in the middle of `make up`: the next one goes on, ends complete, and nothing is orphaned."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud import plugins
from local_cloud.store import Store
from tests.conftest import CHECKOUT
from tools import environment
from tools.engine import LocalEngine

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PARTS = ("components", "local_cloud", "tools", "__main__.py", "Pulumi.yaml", "Pulumi.local.yaml")


def lay_out(folder: Path) -> Path:
    """A checkout of its own with a local cloud of its own, as links and copies of this one."""
    folder.mkdir()
    for part in PARTS:
        source = CHECKOUT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / part)
    (folder / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
    place = environment.Environment(folder)
    place.state.mkdir(parents=True)
    place.bin.symlink_to((CHECKOUT / ".local-cloud" / "bin").resolve())
    plugins.install(place.home, place.python, folder)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space in its name."""
    return lay_out(tmp_path / "a check out")


def command(checkout: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [checkout / ".venv" / "bin" / "python", "-m", "tools", *args],
        cwd=checkout,
        env={name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def rows(checkout: Path) -> list[Any]:
    place = environment.Environment(checkout)
    if not place.store.exists():
        return []
    store = Store(place.store)
    try:
        return store.rows()
    finally:
        store.close()


def kill_the_cli(checkout: Path, process: subprocess.Popen[str], after: int) -> None:
    """SIGKILL to the CLI alone, once the cloud holds `after` resources."""
    deadline = time.monotonic() + 200
    while len(rows(checkout)) < after:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"only {len(rows(checkout))} resources"
        time.sleep(0.05)
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if child.name() == "pulumi":
                child.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)


def finish(checkout: Path, *args: str) -> str:
    process = command(checkout, *args)
    text = process.communicate(timeout=400)[0]
    assert process.returncode == 0, text
    return text


def engine_of(checkout: Path) -> LocalEngine:
    place = environment.Environment(checkout)
    return LocalEngine(place.root, environment.process_environment(place.root, place.bin))


def orphans(checkout: Path) -> set[str]:
    """What exists in the cloud and in no state; side effects of AWS's own (a cluster's group) have no URN."""
    known = {each.get("id") for each in engine_of(checkout).export(checkout, "local")["resources"]}
    return {row.id for row in rows(checkout) if row.urn} - known


@pytest.mark.parametrize("after", [12, 55])
def test_up_after_a_kill_ends_complete_with_nothing_orphaned(checkout: Path, after: int) -> None:
    first = command(checkout, "up")
    kill_the_cli(checkout, first, after)
    text = finish(checkout, "up")
    assert "orders.local.example.com" in text
    assert orphans(checkout) == set()
    engine = engine_of(checkout)
    engine.run("preview", "--stack", "local", "--expect-no-changes", cwd=checkout)
    assert "Nothing is left" in finish(checkout, "down")
    assert rows(checkout) == []


def test_down_after_a_kill_leaves_nothing_and_no_process(checkout: Path) -> None:
    first = command(checkout, "up")
    kill_the_cli(checkout, first, 30)
    assert "Nothing is left" in finish(checkout, "down")
    assert rows(checkout) == []
    time.sleep(3)
    alive = [each.cmdline() for each in psutil.process_iter() if str(checkout) in _command_line(each)]
    assert alive == []


def _command_line(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()) + str(process.environ().get("LOCAL_CLOUD_HOME", ""))
    return ""


def test_a_stack_that_someone_else_is_updating_is_left_alone(checkout: Path) -> None:
    """The holder of the lock lives: `up` explains and does nothing."""
    first = command(checkout, "up")
    deadline = time.monotonic() + 200
    while len(rows(checkout)) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = command(checkout, "up")
    said = second.communicate(timeout=120)[0]
    assert second.returncode == 1
    assert "lock" in said.lower()
    assert "Traceback" not in said
    first.communicate(timeout=400)
    assert first.returncode == 0


def test_an_emptied_cloud_is_filled_again_and_can_be_taken_down(checkout: Path) -> None:
    """`reset` or a deleted file: the state lists what no longer exists, the cluster is unreachable."""
    finish(checkout, "up")
    environment.Environment(checkout).store.unlink()
    assert "was emptied" in finish(checkout, "up")
    assert orphans(checkout) == set()
    assert len(rows(checkout)) > 60
    environment.Environment(checkout).store.unlink()
    assert "Nothing is left" in finish(checkout, "down")
