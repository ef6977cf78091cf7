"""A small program on a local cloud, with the platform's policies, and the portal's worker beside it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal import requests
from portal.audit import Actor
from portal.database import Database
from portal.queue import TableQueue
from portal.settings import load
from portal.states import FINAL, Kind, State
from portal.tables import Binding, Environment, Event, Job, Run
from portal.worker import Worker
from tests.conftest import CHECKOUT, World, new_world

ANN, BOB, OPS = Actor("ann"), Actor("bob"), Actor("ops")

# A step that takes long only while it is applied, so that a test can do something meanwhile.
PROGRAM = """
import os, time
import pulumi
import pulumi_aws as aws

config = pulumi.Config()
image = config.get("image") or "orders:1"
first = aws.cloudwatch.LogGroup("first", retention_in_days=config.get_int("days") or 7, tags={"image": image})

def slowly(arn):
    time.sleep(float(config.get("seconds") or 0))
    return {"after": arn}

if config.get_bool("queue"):
    aws.lb.TargetGroup("grpc", port=50051, protocol="HTTP", protocol_version="GRPC", target_type="ip",
        vpc_id="vpc-0123456789abcdef0", health_check={"path": "/grpc.health.v1.Health/Check", "matcher": "200"})
aws.cloudwatch.LogGroup("second", tags=first.arn.apply(slowly))
"""


@dataclass
class Portal:
    """The portal on a world of its own."""

    world: World
    worker: Worker
    database: Database
    queue: TableQueue

    def config(self, **values: Any) -> dict[str, Any]:
        return {"aws:region": "eu-west-1", **{f"grpc-platform:{key}": value for key, value in values.items()}}

    def ask(self, kind: Kind = Kind.UPDATE, who: Actor = ANN, **values: Any) -> int:
        """A run with these settings, or with those that there are."""
        settings = self.config(**values) if values else None
        with self.database.write() as session:
            return requests.submit(session, self.queue, who, "dev", kind, settings).id

    def run(self, number: int) -> Run:
        with self.database.read() as session:
            return session.get_one(Run, number)

    def close(self) -> None:
        """Wait for the runners, and let go of the database."""
        for process in self.worker._children:
            process.wait()
        self.database.close()
        self.worker.database.close()

    def configure(self, **options: Any) -> None:
        """Change the target; runners that start from now on know it."""
        file: Path = self.worker._file
        document = json.loads(file.read_text())
        document["targets"]["dev"] |= options
        file.write_text(json.dumps(document))
        self.worker.settings = load(file)

    def job(self, number: int) -> Job | None:
        with self.database.read() as session:
            return session.get(Job, number)

    def events(self, number: int) -> list[Event]:
        with self.database.read() as session:
            return list(session.query(Event).where(Event.run_id == number).order_by(Event.seq))

    def until(self, done: Callable[[], object]) -> None:
        """Let the worker work until something is so; the test's own time limit ends a wait in vain."""
        while not done():
            self.worker.step()
            time.sleep(0.1)

    def settle(self, number: int) -> Run:
        """Work until no process works on a run and none will."""
        self.until(lambda: self.job(number) is None)
        return self.run(number)

    def approve(self, number: int, who: Actor = BOB) -> None:
        with self.database.write() as session:
            run = session.get_one(Run, number)
            requests.approve(session, who, run, run.plan_digest)

    def approved(self, kind: Kind = Kind.UPDATE, **values: Any) -> int:
        """A run that was previewed and approved."""
        number = self.ask(kind, **values)
        assert self.settle(number).state is State.AWAITING_APPROVAL, self.run(number).reason
        self.approve(number)
        return number

    def applied(self, number: int) -> Run:
        """What comes of an apply."""
        self.apply(number)
        return self.settle(number)

    def apply(self, number: int) -> None:
        with self.database.write() as session:
            requests.apply(session, self.queue, ANN, session.get_one(Run, number))

    def up(self, **values: Any) -> Run:
        """All the way."""
        return self.applied(self.approved(**values))

    def applying_slowly(self, seconds: int, days: int) -> int:
        """A run whose engine waits in the middle of its apply: `first` is done, `second` is not."""
        number = self.approved(days=days, seconds=seconds)
        self.apply(number)
        self.until(lambda: self._first_is_done(number))
        return number

    def _first_is_done(self, number: int) -> bool:
        assert self.run(number).state not in FINAL, self.run(number).reason
        applied = [each.seq for each in self.events(number) if each.type == "phase"]
        done = [
            each.seq for each in self.events(number) if each.type == "done" and each.data["urn"].endswith("::first")
        ]
        return bool(applied and done and done[-1] > applied[0])


def new_portal(root: Path, packs: Sequence[str] = ("policies",)) -> Portal:
    """packs: none where a test is not about what policies say, for they take a third of every command."""
    world = new_world(root / "world", PROGRAM, throw_away=False)
    for room in ("policies", "checks", "tools", "components", "local_cloud"):
        (world.program / room).symlink_to(CHECKOUT / room)
    kept = ("PATH", *(name for name in world.engine.env if name.startswith(("PULUMI_", "LOCAL_CLOUD", "GRPC_"))))
    file = root / "portal.json"
    url = f"sqlite:///{root / 'portal.sqlite'}"
    target = {
        "program": str(world.program),
        "stack": "test",
        "packs": list(packs),
        "variables": {name: world.engine.env[name] for name in kept if name in world.engine.env},
    }
    file.write_text(
        json.dumps(
            {
                "database": url,
                "folder": str(root / "runs"),
                "targets": {"dev": target},
                "heartbeat": 0.5,
                "silence": 30,
                "grace": 60,
            }
        )
    )
    database = Database(url)
    database.migrate()
    with database.write() as session:
        session.add(Environment(name="dev", owner="shop", destroy_protected=False))
        for who, role in ((ANN, "requester"), (BOB, "approver"), (OPS, "operator")):
            session.add(Binding(environment="dev", subject=f"user:{who.name}", role=role))
    return Portal(world, Worker(file), database, TableQueue())


def kill(pid: int) -> None:
    os.kill(pid, 9)
