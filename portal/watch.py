"""A runner's ties to the database while the engine works: events out, heartbeat out, cancel and force in."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from portal import engine, events
from portal.database import Database
from portal.events import Redactor, Tail
from portal.tables import Job, Run, now
from portal.transitions import last, record


class LostError(Exception):
    """The run is no longer this runner's: it was taken for dead."""


def own(session: Session, run_id: int, runner: str) -> Job:
    """The job of a run, while it is this runner's. Raises LostError.

    In the transaction that does something, or right before a command that does: whoever was taken for dead and lives
    after all must not act for a run that others have gone on with.
    """
    job = session.get(Job, run_id)
    if job is None or job.waiting or job.runner != runner:
        raise LostError(f"run {run_id} is no longer that of runner {runner}")
    return job


def leave(session: Session, run_id: int, runner: str) -> None:
    """Take a run's job out of the queue, where it is this runner's."""
    job = session.get(Job, run_id)
    if job is not None and job.runner == runner:
        session.delete(job)
        session.flush()


class Watch:
    """Call `tick` while a command of the engine runs. What it kept of the events is in `seen`."""

    def __init__(self, database: Database, run_id: int, runner: str, heartbeat: float, redactor: Redactor) -> None:
        self._database = database
        self._run_id, self._runner = run_id, runner
        self._heartbeat = heartbeat
        self.redactor = redactor
        self._tail: Tail | None = None
        self._next = 0.0
        with database.read() as session:
            self._count = last(session, run_id)
        self._unsent: list[tuple[str, dict[str, Any]]] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.cancelled = self._force = False
        self._asked: subprocess.Popen[bytes] | None = None
        self._forced: subprocess.Popen[bytes] | None = None
        self._lost = False
        self.done = False  # whether all that the run changes is changed

    def follow(self, log: Path) -> None:
        """From now on the events of this log count."""
        self._tail, self.seen = Tail(log), []

    def of(self, type_: str) -> list[dict[str, Any]]:
        """The events of a type since `follow`."""
        return [data for each, data in self.seen if each == type_]

    def tell(self, type_: str, **data: Any) -> None:
        """Write an event of the runner's own; a run that has too many already gets no more. Raises LostError."""
        with self._database.write() as session:
            own(session, self._run_id, self._runner)
            if last(session, self._run_id) < events.MOST + events.MOST_TOLD:
                self._count = record(session, self._run_id, type_, self.redactor.data(data))

    def tick(self, process: subprocess.Popen[bytes]) -> None:
        """Pass on what is new, and what was asked for. Raises LostError once the engine has ended for that."""
        # A database that is locked for long, or a full disk, must not end an engine in the middle of its work: what
        # could not be written is written later.
        with contextlib.suppress(OperationalError):
            self._pass_on()
            if time.monotonic() >= self._next:
                self._beat(process)
                self._next = time.monotonic() + self._heartbeat
        self._end(process)
        if self._lost and process.poll() is not None:
            raise LostError(f"run {self._run_id} is no longer that of runner {self._runner}")

    def _pass_on(self) -> None:
        for event in self._tail.read() if self._tail else ():
            if found := events.kept(event):
                plain = events.capped(self.redactor.data(found[1]))
                self.seen.append((found[0], plain))
                self._unsent.append((found[0], plain))
        kept = self._unsent[: max(0, events.MOST - self._count)]
        if kept:
            with self._database.write() as session:
                for type_, data in kept:
                    number = record(session, self._run_id, type_, data)
            self._count = number  # they have no gaps, so it is how many the run has, whoever told them
        self._unsent.clear()

    def _beat(self, process: subprocess.Popen[bytes]) -> None:
        with self._database.write() as session:
            run = session.get_one(Run, self._run_id)
            try:
                job = own(session, self._run_id, self._runner)
                job.heartbeat, job.cli_pid = now(), process.pid
            except LostError:
                self._lost = True
            self.cancelled |= run.cancel_requested or self._lost
            self._force |= run.force_requested

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Once for each command: the one that a cancel came in may have been through already."""
        if self.done and not self._lost:
            return  # what comes now only looks at what was done
        if self.cancelled and self._asked is not process:
            self._asked = process
            engine.end(process, force=False)
        if self._force and self._forced is not process:
            self._forced = process
            engine.end(process, force=True)
