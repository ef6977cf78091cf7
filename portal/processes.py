"""Which process a number meant. Whoever sets the clock makes no other process of it.

The system counts a process's start from its own (proc_pid_stat(5), starttime); psutil's `create_time` adds the moment
of the machine's start, which moves with the clock, so that a living process would look like another one.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

import psutil

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_NEAR_SECONDS: Final = 0.005  # half of what the system counts in
_NEAR_CLOCK_SECONDS: Final = 2


@cache
def boot() -> str:
    """Names the start of this machine; empty where the system does not, and processes are told by the clock."""
    return _BOOT.read_text("ascii").strip() if _BOOT.exists() else ""


def started(process: psutil.Process, since: str) -> float:
    """When a process started, in seconds after the start of the machine that `since` names, else after 1970.

    Raises psutil.NoSuchProcess.
    """
    if not since:
        return process.create_time()
    try:
        text = Path(f"/proc/{process.pid}/stat").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(process.pid) from error
    fields = text.rpartition(")")[2].split()  # the name before it may have anything in it
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def lives(pid: int, since: str, at: float) -> bool:
    """Whether the process that started at `at` still lives; a number that went to another one since does not count."""
    if since and since != boot():
        return False
    try:
        process = psutil.Process(pid)
        near = _NEAR_SECONDS if since else _NEAR_CLOCK_SECONDS
        return process.status() != psutil.STATUS_ZOMBIE and abs(started(process, since) - at) < near
    except psutil.NoSuchProcess:
        return False
