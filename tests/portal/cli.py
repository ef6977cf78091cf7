"""A program that stands in for the Pulumi CLI: it does what a test says, and notes what it was asked for."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.audit import Actor
from portal.database import Database
from portal.queue import Phase, TableQueue
from portal.runner import work
from portal.settings import PortalSettings, Target
from portal.states import Kind, State
from portal.tables import Approval, Environment, Event, Run
from portal.transitions import transition

from .site import may_approve

ANN, BOB = Actor("ann"), Actor("bob")

_SCRIPT = """
import json, os, pathlib, sys, time

place = pathlib.Path(os.environ["FAKE_CLI"])
words = sys.argv[1:]
name = words[0]
if name == "stack":
    name = words[1]
elif "--preview-only" in words:
    name = f"preview_{name}"
with (place / "asked").open("a") as asked:
    asked.write(f"{name}\\n")
does = json.loads((place / "does.json").read_text()).get(name, {})
while (wait := does.get("until")) and not pathlib.Path(wait).exists():
    time.sleep(0.02)
if "then" in does:
    all_ = json.loads((place / "does.json").read_text())
    all_[name] = does["then"]
    (place / "does.json").write_text(json.dumps(all_))
if "--event-log" in words:
    with open(words[words.index("--event-log") + 1], "w") as log:
        for event in does.get("events", [{"summaryEvent": {"resourceChanges": {}}}] * (not does.get("code"))):
            log.write(json.dumps(event) + "\\n")
sys.stdout.write(does.get("stdout", "{}"))
sys.stderr.write(does.get("stderr", ""))
sys.exit(does.get("code", 0))
"""

ENCRYPTION = {"encryptionsalt": "v1:a salt"}
STEPS = [
    {
        "op": "delete",
        "urn": "urn:pulumi:dev::p::aws:sqs/queue:Queue::gone",
        "oldState": {"type": "aws:sqs/queue:Queue", "id": "gone", "inputs": {}},
    }
]


@dataclass
class FakeCli:
    """A portal on a program that only has files, and a CLI that does what `does` was last told."""

    folder: Path
    database: Database
    variables: dict[str, str]

    def __post_init__(self) -> None:
        bin_ = self.folder / "bin"
        bin_.mkdir(parents=True)
        (self.folder / "cli.py").write_text(_SCRIPT)
        # A path in the first line of a script must not have a space in it, and the checkout's may.
        (bin_ / "pulumi").write_text(f"#!/bin/sh\nexec '{sys.executable}' '{self.folder / 'cli.py'}' \"$@\"\n")
        (bin_ / "pulumi").chmod(0o755)
        self.program = self.folder / "program"
        self.program.mkdir()
        (self.program / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
        (self.program / "Pulumi.dev.yaml").write_text(json.dumps(ENCRYPTION))
        path = f"{bin_}{os.pathsep}{os.environ['PATH']}"
        self.target = Target(
            program=self.program,
            stack="dev",
            variables={"PATH": path, "FAKE_CLI": str(self.folder), **self.variables},
        )
        self.settings = PortalSettings(
            database=self.database.url, folder=self.folder / "runs", targets={"dev": self.target}, heartbeat=0.05
        )
        (self.folder / "plan.json").write_text(json.dumps({"steps": STEPS}))
        self.does(preview_destroy={"stdout": json.dumps({"steps": STEPS})})

    def does(self, **commands: dict[str, Any]) -> None:
        """What each command prints, writes into its event log and ends with; the others print `{}` and end well."""
        (self.folder / "does.json").write_text(json.dumps(commands))

    @property
    def asked(self) -> list[str]:
        """The commands that were started."""
        file = self.folder / "asked"
        return file.read_text().split() if file.exists() else []

    def new(self, kind: Kind = Kind.DESTROY, state: State = State.QUEUED) -> int:
        with self.database.write() as session:
            where = session.get_one(Environment, "dev")
            run = Run(environment="dev", kind=kind, requester=ANN.name, where=where, state=state)
            session.add(run)
            session.flush()
            return run.id

    def work(self, number: int, phase: Phase) -> Run:
        """As a runner process does it."""
        with self.database.write() as session:
            assert TableQueue().submit(session, number, phase)
            assert TableQueue().claim(session, "here") is not None
        work(self.settings, self.database, number, "here")
        return self.run(number)

    def run(self, number: int) -> Run:
        with self.database.read() as session:
            return session.get_one(Run, number)

    def approved(self, kind: Kind = Kind.DESTROY) -> int:
        """A run that was previewed, and that somebody else has approved."""
        number = self.new(kind)
        run = self.work(number, Phase.PREVIEW)
        assert run.state is State.AWAITING_APPROVAL, run.reason
        with self.database.write() as session:
            run = session.get_one(Run, number)
            may_approve(session, BOB)
            run.approvals.append(Approval(run_id=number, actor=BOB.name, plan_digest=run.plan_digest))
            session.flush()
            transition(session, run, State.APPROVED, BOB)
        return number

    def events(self, number: int) -> list[dict[str, Any]]:
        with self.database.read() as session:
            return [each.data for each in session.query(Event).where(Event.run_id == number).order_by(Event.seq)]
