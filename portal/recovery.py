"""After an interrupted apply: free the stack of a dead holder, and bring its state in line with the cloud."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

import psutil

from portal.engine import LOCKED
from portal.states import State

if TYPE_CHECKING:
    from portal.runner import Runner

_HOLDER: Final = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


def recover(runner: Runner) -> tuple[State, str]:
    """The state that a recover run ends in, and why. It never edits the state, and never takes a living one's lock."""
    _, pending = runner.engine.state()
    runner.watch.tell("pending", operations=pending)
    log = runner.folder / "recover.events"
    runner.watch.follow(log)
    done = runner.engine.refresh(log)
    if done.code and LOCKED in (text := done.stdout + done.stderr + runner.said(done)):
        living = _living(text)
        if living:
            return State.FAILED, f"the stack is still locked by {living}: wait until that update ends"
        holders = ", ".join(dict.fromkeys(each[0] for each in _HOLDER.finditer(text)))  # said more than once
        runner.note("run.break-lock", f"run:{runner.run_id}", holders=runner.redactor.text(holders))
        runner.engine.break_lock()
        runner.watch.tell("unlocked", reason="whoever held the stack is dead")
        log = runner.folder / "recover-unlocked.events"
        runner.watch.follow(log)
        done = runner.engine.refresh(log)
    if done.code:
        return State.FAILED, runner.said(done)
    _, left = runner.engine.state()
    return (State.FAILED, f"still cut off: {', '.join(left)}") if left else (State.SUCCEEDED, "")


def _living(text: str) -> str:
    """A holder that is not proved dead: of another machine, or a process that lives; empty when all are dead."""
    holders = list(_HOLDER.finditer(text))
    for each in holders:
        if each["host"] != socket.gethostname() or psutil.pid_exists(int(each["pid"])):
            return each[0].removeprefix("created by ")
    return "" if holders else "somebody who is not named"
