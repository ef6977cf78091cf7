"""The queue: phases of runs that wait for a runner process. `Queue` is all that the rest of the portal knows of it.

`TableQueue` keeps it in the table `jobs` of the same database, and its worker starts a process a phase on this
machine. A worker on another machine, or a Postgres queue, has the same four methods.
"""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import processes
from portal.tables import Environment, Job, Lock, Run, now


class Phase(StrEnum):
    """What a runner process is started for."""

    PREVIEW = "preview"
    APPLY = "apply"


class Queue(Protocol):
    """Where runs wait. Everything happens in the caller's transaction, so a run and its job are there together."""

    def submit(self, session: Session, run_id: int, phase: Phase) -> bool:
        """Let a phase of a run wait; False when it waits or runs already."""

    def withdraw(self, session: Session, run_id: int) -> bool:
        """Take a run out; False when it does not wait, or no longer."""

    def waiting(self, session: Session) -> list[int]:
        """The runs that wait, the one whose turn is next first."""

    def alive(self, session: Session, run_id: int) -> bool:
        """Whether a process works on the run, as far as can be known."""


class TableQueue:
    """The queue in the database. silence: after how many seconds without a heartbeat a runner counts as dead.

    clock: in seconds, never set back. A heartbeat's own time is not looked at: clocks differ, and are set.
    """

    def __init__(self, silence: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.silence = silence
        self._clock = clock
        self._heard: dict[int, tuple[str, dt.datetime, float]] = {}

    def submit(self, session: Session, run_id: int, phase: Phase) -> bool:
        """Let a phase of a run wait; False when it waits or runs already."""
        if session.get(Job, run_id) is not None:
            return False
        session.add(Job(run_id=run_id, phase=phase))
        session.flush()
        return True

    def withdraw(self, session: Session, run_id: int) -> bool:
        """Take a run out; False when it does not wait, or no longer."""
        job = session.get(Job, run_id)
        if job is None or not job.waiting:
            return False
        session.delete(job)
        session.flush()
        return True

    def waiting(self, session: Session) -> list[int]:
        """The runs that wait, the one whose turn is next first."""
        return list(session.scalars(select(Job.run_id).where(Job.waiting).order_by(Job.asked, Job.run_id)))

    def alive(self, session: Session, run_id: int) -> bool:
        """Whether a process works on the run: on this machine the process itself says so, elsewhere its heartbeat.

        A heartbeat that is seen for the first time is a sign of life, so one that stays away is noticed by whoever
        asks again.
        """
        job = session.get(Job, run_id)
        if job is None or job.waiting or job.heartbeat is None:
            return False
        if job.pid and job.host == socket.gethostname():
            self._heard.pop(run_id, None)
            return processes.lives(job.pid, job.boot, job.pid_started)  # busy with what sends no heartbeat, perhaps
        runner, heartbeat, since = self._heard.get(run_id, ("", None, 0.0))
        if (runner, heartbeat) != (job.runner, job.heartbeat):
            self._heard[run_id] = job.runner, job.heartbeat, self._clock()
            return True
        return self._clock() - since < self.silence

    def claim(self, session: Session, runner: str) -> Job | None:
        """The next job, now this runner's, or None; an apply waits for the writer before it and for whoever locks."""
        held = select(Lock.environment).union(select(Environment.name).where(Environment.locked_by != ""))
        free = (
            select(Job.run_id)
            .join(Run, Run.id == Job.run_id)
            .where(Job.waiting, (Job.phase != Phase.APPLY) | Run.environment.not_in(held))
            .order_by(Job.asked, Job.run_id)
            .limit(1)
        )
        taken = (
            update(Job)
            .where(Job.run_id == free.scalar_subquery(), Job.waiting)
            .values(waiting=False, runner=runner, host=socket.gethostname(), heartbeat=now())
            .returning(Job)
        )
        return session.scalars(taken, execution_options={"synchronize_session": False}).one_or_none()
