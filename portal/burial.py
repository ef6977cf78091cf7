"""Ends what a dead runner left on this machine, without keeping anybody waiting: each call looks and goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final

import psutil

from portal import processes
from portal.tables import Job

_CLI: Final = "pulumi"


class Burial:
    """grace: seconds in which an engine may save its state before it is killed. clock: in seconds, never set back."""

    def __init__(self, grace: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._grace, self._clock = grace, clock
        self._until: dict[str, float] = {}
        self._asked: dict[str, set[int]] = {}

    def over(self, job: Job) -> bool:
        """Whether nothing that the runner started runs any more; call it again until that is so.

        An engine is asked to end once; plug-ins end with it. What is left after the grace, or when
        no engine is left, is killed.
        """
        left = _left(job)
        if not left:
            self._until.pop(job.runner, None)
            self._asked.pop(job.runner, None)
            return True
        engines = [each for each in left if _name(each) == _CLI]
        until = self._until.setdefault(job.runner, self._clock() + self._grace)
        asked = self._asked.setdefault(job.runner, set())
        new = [each for each in engines if each.pid not in asked]
        if not engines or self._clock() >= until:
            _signal(left, signal.SIGKILL)
        _signal(new, signal.SIGTERM)  # a second one would end it at once
        asked.update(each.pid for each in new)
        return False


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.send_signal(number)


def end_marked(name: str, value: str) -> None:
    """Kill every process whose environment has this value under this name."""
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if each.environ().get(name) == value:
                each.kill()


def _left(job: Job) -> list[psutil.Process]:
    if not job.pid or (job.boot and job.boot != processes.boot()) or _is_anothers(job):
        return []
    return [each for each in psutil.process_iter() if _is_of(each, job)]


def _is_anothers(job: Job) -> bool:
    """Whether the runner's number, and so its session's, has gone to another process: after a restart, say."""
    try:
        process = psutil.Process(job.pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    return not ended and not processes.lives(job.pid, job.boot, job.pid_started)


def _is_of(process: psutil.Process, job: Job) -> bool:
    """Whether a process is of the session that the runner led; the runner's number is that of the session."""
    try:
        if os.getsid(process.pid) != job.pid or processes.started(process, job.boot) < job.pid_started - 2:
            return False
        if process.status() == psutil.STATUS_ZOMBIE:
            return False  # it has ended; whoever started it has not asked how
        return process.pid != job.pid or processes.lives(job.pid, job.boot, job.pid_started)
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""
