"""After an interrupted apply: free the stack of a dead holder, and bring its state in line with the cloud."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import psutil

from portal.engine import LOCKED
from portal.settings import Target
from portal.states import State
from portal.tables import Run
from portal.transitions import ApprovalError
from portal.watch import own

if TYPE_CHECKING:
    from portal.runner import Runner

_HOLDER: Final = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)( at (?P<at>\S+))?")
"""How the CLI names who holds a stack (pulumi pkg/backend/diy/lock.go); the time is in whole seconds."""
_SECONDS: Final = 2


def recover(runner: Runner, run: Run) -> tuple[State, str]:
    """The state that a recover run ends in, and why.

    It never edits the state by hand, and takes a lock only from a dead holder, or from any where an admin said why.
    Where nothing was cut off it takes off the lock and no more: nobody has approved another look at the cloud.
    """
    readable(runner.target)
    _, pending = runner.engine.state()
    runner.watch.tell("pending", operations=pending)
    if not (run.where.needs_recovery or pending):
        failed = _unlock(runner, run, "whoever has it", f"by force: {run.forced}")
        return (State.FAILED, failed) if failed else (State.SUCCEEDED, "")
    if not run.where.needs_recovery:
        with runner.database.write() as session:  # until a refresh has ended well nobody applies anything
            own(session, run.id, runner.name)
            session.get_one(Run, run.id).where.needs_recovery = True
    log = runner.folder / "recover.events"
    runner.watch.follow(log)
    done = runner.engine.refresh(log)
    if done.code and LOCKED in (text := done.stdout + done.stderr + runner.said(done)):
        holder = living(text, runner.target.stack)
        if holder and not run.forced:
            return State.FAILED, f"the stack is still locked by {holder}: wait until that update ends"
        holders = ", ".join(dict.fromkeys(each[0] for each in _HOLDER.finditer(text)))  # said more than once
        why = f"by force, from {holder}: {run.forced}" if holder else "whoever held the stack is dead"
        if failed := _unlock(runner, run, holders, why):
            return State.FAILED, failed
        log = runner.folder / "recover-unlocked.events"
        runner.watch.follow(log)
        done = runner.engine.refresh(log)
    if done.code:
        return State.FAILED, runner.said(done)
    _, left = runner.engine.state()
    return (State.FAILED, f"still cut off: {', '.join(left)}") if left else (State.SUCCEEDED, "")


def _unlock(runner: Runner, run: Run, holders: str, why: str) -> str:
    """Take the lock off; what the engine says when it cannot."""
    runner.note("run.break-lock", f"run:{run.id}", holders=runner.redactor.text(holders), reason=why)
    done = runner.engine.break_lock()
    if done.code:
        return f"the lock could not be taken off: {runner.said(done)}"
    runner.watch.tell("unlocked", reason=why)
    return ""


def readable(target: Target) -> None:
    """Take away what keeps a state in a folder from being read after a kill.

    Beside each file that backend writes another with its attributes. One that was cut off before anything was in it
    makes the CLI say that it cannot load the checkpoint, though the state is whole; without it all is well (gocloud.dev
    fileblob, attrs.go).
    """
    url = urlsplit(target.variables.get("PULUMI_BACKEND_URL", ""))
    if url.scheme == "file":
        for each in Path(unquote(url.path)).glob(f".pulumi/stacks/**/{target.stack}.json*.attrs"):
            if each.stat().st_size == 0:
                each.unlink()


def wait_again(runner: Runner, reason: str, *, broken: bool = False) -> None:
    """Let a run that changed nothing wait, approved as it was; out of date where that counts no longer."""
    try:
        runner.change(State.APPROVED, reason, broken=broken)
    except ApprovalError as error:
        runner.change(State.STALE, f"{reason}; {error}", broken=broken)


def living(text: str, stack: str) -> str:
    """A holder that is not proved dead: of another machine, or a process that lives; empty when all are dead.

    text: what the CLI said of the locks.
    """
    holders = list(_HOLDER.finditer(text))
    for each in holders:
        if each["host"] != socket.gethostname() or _holds(int(each["pid"]), _moment(each["at"]), stack):
            return each[0].removeprefix("created by ")
    return "" if holders else "somebody who is not named"


def _holds(pid: int, made: float | None, stack: str) -> bool:
    """Whether a process may be the one that made a lock at a moment, and not one that has its number since.

    Only the CLI and the portal make locks. One that names this very stack counts though it seems to have started
    later: that may be the clock.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = [process.name(), *process.cmdline()]
        later = made is not None and process.create_time() > made + _SECONDS
    except psutil.NoSuchProcess:
        return psutil.pid_exists(pid)  # hidden from this user, perhaps
    except psutil.AccessDenied:
        return True
    ours = any(PurePath(each).name == "pulumi" or each.startswith("portal.") for each in words)
    return ours and (stack in words or not later)


def _moment(text: str | None) -> float | None:
    with contextlib.suppress(ValueError):
        return dt.datetime.fromisoformat(text).timestamp() if text else None
    return None
