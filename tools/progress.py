"""Progress lines, logged commands and locks for set-up. Only the standard library."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_BEAT_SECONDS = 15.0
_POLL_SECONDS = 0.2


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def duration(seconds: float) -> str:
    """Seconds as a person says them: "8 s", "2 min 05 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


class Step:
    """One step of set-up on standard error: a line at the start, one at the end, signs of life between."""

    def __init__(self, what: str, normally: str) -> None:
        self._what = what
        self._started = time.monotonic()
        self._beat = self._started
        self._live = sys.stderr.isatty()
        self._say(f"  {what} (normally {normally})")

    def alive(self, text: str) -> None:
        """Say how far it is; a terminal sees every call on one line, a log file a line every 15 seconds."""
        now = time.monotonic()
        if not self._live and now - self._beat < _BEAT_SECONDS:
            return
        self._beat = now
        line = f"    {duration(now - self._started)}: {text}"
        sys.stderr.write(f"\r\x1b[2K{line[: shutil.get_terminal_size().columns - 1]}" if self._live else f"{line}\n")
        sys.stderr.flush()

    def done(self, outcome: str) -> None:
        """The step is complete."""
        self._say(f"    {outcome} ({duration(time.monotonic() - self._started)})")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"\r\x1b[2K{line}\n" if self._live else f"{line}\n")
        sys.stderr.flush()


def run(
    command: Sequence[str],
    *,
    step: Step,
    log: Path,
    describe: Callable[[str], str],
    failed: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    keep: Sequence[int] = (),
) -> None:
    """Run a command with its output in `log`; `describe` turns the log so far into a sign of life.

    `keep` are file descriptors the command holds open: a lock, so that it outlives a killed set-up for as long as its
    command goes on. SetupError with `failed`, the end of the log and its place when the command fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            pass_fds=tuple(keep),
            start_new_session=True,  # so that an interruption ends the compilers it has started too
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
                step.alive(describe(log.read_text("utf-8", errors="replace")))
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        tail = "\n".join(f"    {line}" for line in log.read_text("utf-8", errors="replace").splitlines()[-15:])
        raise SetupError(f"{failed}\n{tail}\n  whole log: {log}")


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[int]:
    """Hold a lock file, waiting for another set-up that holds it; gives the descriptor of the lock."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        step = None
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                step = step or Step(f"Another set-up is at work on {lock.stem}; waiting for it", "until it is done")
                step.alive("waiting")
                time.sleep(_POLL_SECONDS)
        yield handle
    finally:
        os.close(handle)
