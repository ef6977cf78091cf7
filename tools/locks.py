"""Locks that a killed CLI leaves in a file:// backend, and the plugin processes that may outlive it.

The CLI writes .pulumi/locks/<organization>/<project>/<stack>/<id>.json with its pid, user, host and the time
(pulumi/pkg/backend/diy/lock.go) and never looks whether that process still lives.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from tools.environment import Environment

_CLI = "pulumi"
_CLOCK_SECONDS = 2.0
"""How far the start time of a process, counted from boot, and the wall clock in a lock may lie apart."""
_GRACE_SECONDS = 3.0
_PLUGIN_FILES = ("language_host.py", "language_child.py")


@dataclass(frozen=True)
class Lock:
    """One lock file and the process that wrote it."""

    file: Path
    pid: int
    user: str
    host: str
    taken: datetime

    def __str__(self) -> str:
        """The holder in words."""
        return f"process {self.pid} of {self.user}@{self.host}, since {self.taken:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True)
class Running:
    """What the operating system knows about a process."""

    started: float
    name: str


Probe = Callable[[int], "Running | None"]


def read(folder: Path) -> list[Lock]:
    """The locks in a stack's lock folder; ValueError names a file that is no lock."""
    found = []
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        with contextlib.suppress(FileNotFoundError):  # released this very moment
            found.append(_parse(file))
    return found


def _parse(file: Path) -> Lock:
    try:
        content = json.loads(file.read_text("utf-8"))
        # Go writes nanoseconds, Python reads microseconds at most.
        taken = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", content["timestamp"]))
        return Lock(file, int(content["pid"]), content["username"], content["hostname"], taken)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is not a lock of the Pulumi CLI: {error}") from error


def probe(pid: int) -> Running | None:
    """The living process with this pid; a zombie has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Running(process.create_time(), process.name())
    except psutil.NoSuchProcess:
        return None


def holder_is_dead(lock: Lock, look: Probe = probe, host: str | None = None) -> bool:
    """Whether it is proved that the process which took the lock has ended; False also when nothing can be proved."""
    if lock.host != (host or socket.gethostname()):
        return False
    running = look(lock.pid)
    if running is None:
        return True
    # The holder started before it took its lock: a process that started later has got the same number since. A CLI is
    # taken for the holder all the same, because a clock set forward moves every start time.
    return running.started > lock.taken.timestamp() + _CLOCK_SECONDS and running.name != _CLI


def release(place: Environment, stack: str, backend: str, say: Callable[[str], None]) -> bool:
    """Remove the locks of dead holders from the local backend; whether the stack is free now.

    On any other backend, for a living holder or one on another machine, only `say` what to do.
    """
    if backend != place.exports()["PULUMI_BACKEND_URL"]:
        say(
            f"The state lies in {backend}, not on the local cloud, so nothing is unlocked here. When you are sure that "
            f"no update runs: pulumi cancel --stack {stack}"
        )
        return False
    try:
        held = read(place.locks(stack))
    except ValueError as error:
        say(f"{error}. When no update runs, delete the file.")
        return False
    living = [lock for lock in held if not holder_is_dead(lock)]
    for lock in living:
        say(
            f"Stack {stack} is locked by {lock}. Wait until that update ends; if it cannot be alive, delete {lock.file}"
        )
    if living:
        return False
    if held:
        ended = end_orphans(place)
        for lock in held:
            lock.file.unlink(missing_ok=True)  # this very file: `pulumi cancel` would take a newer lock along
            lock.file.with_name(f"{lock.file.name}.attrs").unlink(missing_ok=True)
            say(f"The last run was killed ({lock}); its lock is removed.")
        if ended:
            say(f"{ended} of its provider processes were still there; they are ended.")
    return True


def end_orphans(place: Environment) -> int:
    """End plugin processes of this checkout's local cloud whose engine is gone; how many had to be ended."""
    orphans = [process for process in psutil.process_iter() if _is_orphan(process, place)]
    _, stubborn = psutil.wait_procs(orphans, timeout=_GRACE_SECONDS)  # most notice by themselves
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)
    return len(stubborn)


def _is_orphan(process: psutil.Process, place: Environment) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE or not _is_plugin(process.cmdline()):
            return False
        variables = process.environ()
        ours = place.exports()
        if any(variables.get(name) != ours[name] for name in ("PULUMI_HOME", "LOCAL_CLOUD_HOME")):
            return False
        return not _has_engine(process)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _is_plugin(command: list[str]) -> bool:
    """Whether this is one of our providers (`python -m local_cloud.aws …`) or a process of our language host."""
    modules = [command[place + 1] for place, flag in enumerate(command[:-1]) if flag == "-m"]
    return any(module.startswith("local_cloud.") for module in modules[:1]) or any(
        Path(argument).name in _PLUGIN_FILES for argument in command[1:3]
    )


def _has_engine(process: psutil.Process) -> bool:
    """Whether a living CLI is among the ancestors."""
    parent: psutil.Process | None = process
    while parent is not None:
        try:
            parent = parent.parent()
            if parent is not None and parent.name() == _CLI and parent.status() != psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return False  # an ancestor ended this very moment: nothing above it is ours any more
    return False
