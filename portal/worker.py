"""Starts a runner process for each phase that waits, and ends what a dead runner left. Any number of them may work."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy import func, select

from portal import settings
from portal.audit import Actor
from portal.database import Database
from portal.queue import TableQueue, same_process
from portal.settings import PortalSettings
from portal.states import RUNNING, State
from portal.tables import Job, Run
from portal.transitions import record, transition

WORKER: Final = Actor("system:worker")
_PAUSE_SECONDS: Final = 0.3
# How long a killed process may take to end: it may be in the middle of a write.
_KILLED_SECONDS: Final = 5
_CLI: Final = "pulumi"


class Worker:
    """`step` does what is to be done now; `file` holds the settings, for the runners read them too."""

    def __init__(self, file: Path) -> None:
        self.settings: PortalSettings = settings.load(file)
        self.database = Database(self.settings.database)
        self.queue = TableQueue(self.settings.silence)
        self._file = file
        self._children: list[subprocess.Popen[bytes]] = []

    def step(self) -> None:
        """Look after the dead, then start what waits, as far as the limit allows."""
        self._children = [each for each in self._children if each.poll() is None]
        self._bury()
        while self._start_one():
            pass

    def _start_one(self) -> bool:
        name = secrets.token_hex(8)
        with self.database.write() as session:
            working = select(func.count()).where(Job.waiting.is_(False))
            if (session.scalar(working) or 0) >= self.settings.limit:
                return False
            job = self.queue.claim(session, name)
            if job is None:
                return False
            run_id = job.run_id
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        with (self.settings.folder / f"run-{run_id}.log").open("ab") as log:
            # A session of its own: neither Ctrl-C nor the end of this process reaches it.
            self._children.append(
                subprocess.Popen(
                    [sys.executable, "-m", "portal.runner", str(self._file), str(run_id), name],
                    cwd=Path(__file__).resolve().parent.parent,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return True

    def _bury(self) -> None:
        """Runs whose runner died: what is left of its processes ends, and the run is interrupted, never tried again."""
        with self.database.read() as session:
            jobs = list(session.scalars(select(Job).where(Job.waiting.is_(False))))
            dead = [each for each in jobs if not self.queue.alive(session, each.run_id)]
        for job in dead:
            if job.host == socket.gethostname():
                end_group(job, self.settings.grace)
            with self.database.write() as session:
                current, run = session.get(Job, job.run_id), session.get_one(Run, job.run_id)
                if current is None or current.runner != job.runner:
                    continue
                shutil.rmtree(self.settings.folder / f"run-{run.id}", ignore_errors=True)
                session.delete(current)
                if run.state is State.QUEUED or run.state in RUNNING:
                    transition(session, run, State.INTERRUPTED, WORKER, "its runner died")
                else:
                    record(session, run.id, "runner", {"reason": "its runner died before it began"})


def end_group(job: Job, grace: float) -> None:
    """End what a runner left: the engine may save its state first, for `grace` seconds; plug-ins end with it.

    None of it runs any more afterwards.
    """
    if not job.pid:
        return
    left = [each for each in psutil.process_iter() if _is_of(each, job)]
    engines = [each for each in left if _name(each) == _CLI]
    for process in engines:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    psutil.wait_procs(engines, timeout=grace)
    rest = [each for each in psutil.process_iter() if _is_of(each, job)]
    for process in rest:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(rest, timeout=_KILLED_SECONDS)


def _is_of(process: psutil.Process, job: Job) -> bool:
    """Whether a process is of the session that the runner led; the runner's number is that of the session."""
    try:
        if os.getsid(process.pid) != job.pid or process.create_time() < job.pid_started - 2:
            return False
        return process.pid != job.pid or same_process(job.pid, job.pid_started)
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def main(arguments: list[str]) -> None:
    """Work until the process is ended; the argument is the file of settings."""
    worker = Worker(Path(arguments[0]))
    while True:
        worker.step()
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
