"""Starts a runner process for each phase that waits, and ends what a dead runner left. Any number of them may work."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from portal import settings, timers
from portal.audit import Actor
from portal.burial import Burial
from portal.database import Database
from portal.queue import TableQueue
from portal.settings import PortalSettings
from portal.states import RUNNING, State
from portal.tables import Job, Run, now
from portal.transitions import record, transition

WORKER: Final = Actor("system:worker")
_PAUSE_SECONDS: Final = 0.3
_TIMERS_SECONDS: Final = 10


class Worker:
    """`step` does what is to be done now; `file` holds the settings, for the runners read them too."""

    def __init__(self, file: Path) -> None:
        self.settings: PortalSettings = settings.load(file)
        self.database = Database(self.settings.database)
        self.queue = TableQueue(self.settings.silence)
        self._file = file
        self._burial = Burial(self.settings.grace)
        self._next_timers = 0.0
        self._children: list[subprocess.Popen[bytes]] = []

    def step(self) -> None:
        """Look after the dead, then start what waits, as far as the limit allows."""
        self._children = [each for each in self._children if each.poll() is None]
        self._bury()
        self._time()
        while self._start_one():
            pass

    def _time(self) -> None:
        if time.monotonic() >= self._next_timers:
            self._next_timers = time.monotonic() + _TIMERS_SECONDS
            self._sweep()
            with self.database.write() as session:
                timers.step(session, self.queue, now(), night=self.settings.night)

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
            if job.host == socket.gethostname() and not self._burial.over(job):
                continue  # the next step looks again, and others are started meanwhile
            with self.database.write() as session:
                current, run = session.get(Job, job.run_id), session.get_one(Run, job.run_id)
                if current is None or current.runner != job.runner:
                    continue
                shutil.rmtree(settings.folder_of(self.settings, run.id, job.runner), ignore_errors=True)
                session.delete(current)
                if run.state is State.QUEUED or run.state in RUNNING:
                    transition(session, run, State.INTERRUPTED, WORKER, "its runner died")
                else:
                    record(session, run.id, "runner", {"reason": "its runner died before it began"})

    def _sweep(self) -> None:
        """Folders of runners that were killed after they had left the queue: settings and plans lie in them."""
        found = [each for each in self.settings.folder.glob("run-*-*") if each.is_dir()]
        with self.database.read() as session:  # after the folders: a job is there before its folder
            working = set(session.scalars(select(Job.runner)))
        for folder in found:
            if folder.name.rpartition("-")[2] not in working:
                shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Work until the process is ended; 2 when it cannot be started like this."""
    file = settings.asked(
        "Start a runner process for each run that waits, until it is ended.", "portal.worker", arguments
    )
    os.umask(0o077)  # what runs keep is this user's alone
    try:
        worker = Worker(file)
    except settings.SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    while True:
        try:
            worker.step()
        except OperationalError as error:  # a lock held for long, a full disk: the next step may succeed
            sys.stderr.write(f"the database: {error.orig}\n")
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
