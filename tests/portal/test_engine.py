"""The CLI as a child: it never goes on when nobody watches it any more. A script stands in for it here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portal import engine
from portal.engine import Engine
from portal.settings import Target
from portal.watch import LostError

# Ends in order when it is asked to, as the CLI does, unless it is told to be stubborn.
CLI = """
import os, signal, sys, time

def end(*_):
    open("saved", "w").close()
    sys.exit(255)

signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("STUBBORN") else end)
open("started", "w").write(str(os.getpid()))
time.sleep(600)
"""


class NobodyWatchesError(Exception):
    """What a watcher raises that has lost its database."""


def made(folder: Path, grace: float, **variables: str) -> Engine:
    cli = folder / "bin" / "pulumi"
    cli.parent.mkdir()
    (folder / "cli.py").write_text(CLI)
    # A path in the first line of a script must not have a space in it, and the checkout's may.
    cli.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{folder / 'cli.py'}'\n")
    cli.chmod(0o755)
    program = folder / "run" / "program"
    program.mkdir(parents=True)
    path = f"{cli.parent}{os.pathsep}{os.environ['PATH']}"
    target = Target(program=program, stack="dev", variables={"PATH": path, **variables})

    def tick(_: subprocess.Popen[bytes]) -> None:
        if (program / "started").exists() and (program / "started").read_text():
            raise NobodyWatchesError

    return Engine(target, program, tick, grace, lambda: None)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_command_ends_with_its_watcher_and_saves_first_where_it_can(tmp_path: Path, *, stubborn: bool) -> None:
    found = made(tmp_path, 1 if stubborn else 60, **({"STUBBORN": "yes"} if stubborn else {}))
    with pytest.raises(NobodyWatchesError):
        found.up(tmp_path / "log")
    program = tmp_path / "run" / "program"
    assert not psutil.pid_exists(int((program / "started").read_text()))
    assert (program / "saved").exists() is not stubborn


@pytest.mark.parametrize("changing", ["up", "destroy", "refresh", "break_lock"])
def test_a_command_that_changes_something_does_not_start_for_a_runner_that_lost_the_run(
    tmp_path: Path, changing: str
) -> None:
    found = made(tmp_path, 60)

    def lost() -> None:
        raise LostError

    asked = Engine(found._target, found._program, lambda _: None, 60, lost)
    with pytest.raises(LostError):
        getattr(asked, changing)(*([] if changing == "break_lock" else [tmp_path / "log"]))
    assert not (tmp_path / "run" / "program" / "started").exists()


def test_what_a_killed_command_started_is_ended_too(tmp_path: Path) -> None:
    found = made(tmp_path, 60)
    program = tmp_path / "run" / "program"
    child = "import os, time; open('child', 'w').write(str(os.getpid())); time.sleep(600)"
    cli = tmp_path / "leaves" / "pulumi"
    cli.parent.mkdir()
    cli.write_text(
        f'#!/bin/sh\n"{sys.executable}" -c "{child}" &\nwhile [ ! -s child ]; do sleep 0.05; done\nkill -9 $$\n'
    )
    cli.chmod(0o755)
    target = found._target.model_copy(update={"variables": {"PATH": f"{cli.parent}{os.pathsep}{os.environ['PATH']}"}})
    done = Engine(target, program, lambda _: None, 60, lambda: None).up(tmp_path / "log")
    assert done.code == -9
    left = int((program / "child").read_text())
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.02)  # the test's own time limit ends a wait in vain


def test_a_command_that_has_ended_is_not_asked_again() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    engine.end(ended, force=True)
    assert ended.returncode == 0
