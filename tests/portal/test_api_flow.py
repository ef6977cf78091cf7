"""The whole way of changes by JSON and by `python -m portal.client`, on the real engine with a small program.

The tests are one story of the environment `dev`, in their order.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local_cloud import commands
from local_cloud.store import Store
from portal import tokens
from portal.audit import Actor
from portal.client import BAD, DONE, REFUSED
from portal.tables import Binding, Environment
from tests.conftest import CHECKOUT
from tests.greeter.processes import free_port

from .test_crash import Process, settings_of
from .test_runner import names
from .world import Portal, kill, new_portal

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

SCHEMA = {
    "properties": {
        "config": {
            "type": "object",
            "properties": {
                "aws:region": {"type": "string"},
                "grpc-platform:days": {"type": "integer"},
                "grpc-platform:seconds": {"type": "integer"},
                "grpc-platform:queue": {"type": "boolean"},
                "grpc-platform:token": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"secure": {"type": "string"}},
                },
            },
        }
    }
}
CHECK = """
import json, sys

config = json.load(sys.stdin)["config"]
days = config.get("grpc-platform:days", 7)
wrong = []
if not 1 <= days <= 14:
    wrong.append({"path": ["grpc-platform:days"], "where": "days", "message": f"must be 1 to 14; is {days}"})
unknown = [each for each in config if each.startswith("grpc-platform:dais")]
wrong += [{"path": [each], "where": each, "message": "unknown key; did you mean days?"} for each in unknown]
print(json.dumps({"problems": wrong}))
"""


@dataclass
class Api:
    """The portal's processes, and people with tokens."""

    portal: Portal
    address: str
    folder: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, who: str) -> str:
        if who not in self._tokens:
            with self.portal.database.write() as session:
                scopes = ("view", "preview", "approve", "apply", "discard", "cancel", "recover", "audit")
                self._tokens[who] = tokens.create(session, Actor(who), "pipeline", scopes)
        return self._tokens[who]

    def send(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(who)}", "Accept": "application/json"}
        return httpx.request(method, f"{self.address}{path}", json=body, headers=headers, timeout=60)

    def get(self, path: str, who: str = "ann") -> Any:
        answer = self.send(who, "GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def client(self, who: str, *arguments: str) -> tuple[int, str]:
        """The client's exit code, and what it answers; it tells of what it does at the other output."""
        environment = {**os.environ, "PORTAL_URL": self.address, "PORTAL_TOKEN": self.token(who)}
        command = [sys.executable, "-m", "portal.client", *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert self.token(who) not in done.stdout + done.stderr
        return done.returncode, done.stdout or done.stderr

    def preview(self, kind: str = "update", **settings: Any) -> tuple[int, int]:
        """Exit code of the client that waits for a plan, and the run's number. No settings: as they are."""
        arguments = ["preview", "dev", "--kind", kind, "--wait", "--interval", "0.3", "--json"]
        if settings:
            file = self.folder / "wanted.yaml"
            file.write_text(yaml.safe_dump({"config": self.portal.config(**settings)}))
            arguments += ["--settings", str(file)]
        code, said = self.client("ann", *arguments)
        return code, int(json.loads(said)["id"])

    def planned(self, **settings: Any) -> int:
        """A run with a plan."""
        code, number = self.preview(**settings)
        assert code == DONE, self.get(f"/runs/{number}")
        return number

    def approve(self, number: int) -> None:
        plan = self.get(f"/runs/{number}")["plan"]
        code, said = self.client("bob", "approve", str(number), "--plan", plan)
        assert code == DONE, (said, self.get(f"/runs/{number}"))

    def apply(self, number: int) -> None:
        """All the way."""
        self.approve(number)
        code, said = self.client("ann", "apply", str(number), "--wait", "--interval", "0.3")
        assert code == DONE, said

    def applying(self, number: int) -> None:
        """Begin to apply, until `first` is done and `second` takes its time."""
        self.approve(number)
        assert self.client("ann", "apply", str(number))[0] == DONE
        self.until(number, lambda run: self._first_is_done(number))

    def _first_is_done(self, number: int) -> bool:
        told = self.get(f"/runs/{number}/events?limit=1000")["events"]
        phase = next((place for place, each in enumerate(told) if each["type"] == "phase"), len(told))
        return any(each["type"] == "done" and each["data"]["urn"].endswith("::first") for each in told[phase:])

    def until(self, number: int, done: Callable[[dict[str, Any]], object]) -> str:
        """The state of a run, once something is so; the test's own time limit ends a wait in vain."""
        while not done(run := self.get(f"/runs/{number}")):
            time.sleep(0.2)
        return str(run["state"])


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    root, port = tmp_path_factory.mktemp("portal"), free_port()
    portal = new_portal(root)
    _own_settings(portal.world.program)
    with portal.database.write() as session:
        session.get_one(Environment, "dev").settings = portal.config(days=7)
        session.add(Binding(environment="*", subject="user:ada", role="admin"))
    file = settings_of(portal, port)
    processes = [Process(f"portal.{part}", file) for part in ("web", "worker")]
    address = f"http://127.0.0.1:{port}"
    while True:
        try:
            httpx.get(f"{address}/health")
            break
        except httpx.ConnectError:
            time.sleep(0.1)
    yield Api(portal, address, tmp_path_factory.mktemp("asked"))
    for each in processes:
        each.kill()
    portal.database.close()
    portal.worker.database.close()


def _own_settings(program: Path) -> None:
    """The program's own schema and check, as every program of the portal has them."""
    (program / "settings.schema.json").write_text(json.dumps(SCHEMA))
    (program / "components").unlink()
    check = program / "components" / "settings" / "check.py"
    check.parent.mkdir(parents=True)
    check.write_text(CHECK)


def test_everything_wrong_is_said_at_once_with_its_path(api: Api) -> None:
    version = api.get("/environments/dev")["settings_version"]
    body = {"settings": {**api.portal.config(days=99), "grpc-platform:dais": 1}, "settings_version": version}
    answer = api.send("ann", "POST", "/environments/dev/previews", body)
    assert answer.status_code == 422, answer.text
    said = {each["path"]: each["message"] for each in answer.json()["errors"]}
    assert len(said) == 2, said
    assert "must be 1 to 14; is 99" in " ".join(said.values())
    assert "did you mean days?" in " ".join(said.values())
    assert api.get("/runs")["runs"] == []


def test_a_mandatory_rule_leaves_nothing_to_approve(api: Api) -> None:
    code, number = api.preview(queue=True)
    run = api.get(f"/runs/{number}")
    assert (code, run["state"]) == (BAD, "policy_failed")
    blocks = [each for each in run["verdict"]["findings"] if each["blocks"]]
    assert blocks
    assert all(each["rule"] and each["remedy"] for each in blocks)
    code, said = api.client("bob", "approve", str(number), "--plan", "0" * 64)
    assert code == REFUSED, said


def test_a_killed_engine_is_recovered_and_the_rest_is_applied_once(api: Api) -> None:
    number = api.planned(days=7, seconds=120)
    api.applying(number)
    job = api.portal.job(number)
    assert job is not None
    kill(job.cli_pid)
    assert api.until(number, lambda run: not run["phase"]) == "interrupted"
    assert api.send("ann", "POST", "/environments/dev/previews", {"kind": "recover"}).status_code == 403
    asked = api.send("ops", "POST", "/environments/dev/previews", {"kind": "recover"})
    assert asked.status_code == 201, asked.text
    assert api.until(asked.json()["id"], lambda run: not run["phase"]) == "succeeded"
    number = api.planned(days=7)
    assert "second" in [each["name"] for each in api.get(f"/runs/{number}")["changes"]]
    api.apply(number)
    assert names(api.portal) == ["first", "second"]
    assert api.get(f"/runs/{api.preview()[1]}")["state"] == "no_changes"


def test_a_cancel_lets_the_engine_finish_what_it_is_doing(api: Api) -> None:
    number = api.planned(days=5, seconds=10)
    api.applying(number)
    assert api.client("ops", "cancel", str(number))[0] == DONE
    assert api.until(number, lambda run: not run["phase"]) == "cancelled"
    assert not api.get("/environments/dev")["needs_recovery"]


def test_a_rejected_plan_is_not_applied_and_drift_is_put_right(api: Api) -> None:
    number = api.planned(days=3)
    rejected = api.send("bob", "POST", f"/runs/{number}/discard", {"reason": "not now"})
    assert rejected.json()["reason"] == "not now"
    assert api.client("ann", "apply", str(number))[0] == REFUSED
    api.apply(api.planned(days=7))

    store = Store(api.portal.world.engine.store)
    commands.drift(store, "first", "retentionInDays", "3")
    store.close()
    code, number = api.preview(kind="drift")
    assert code == DONE
    assert [each["name"] for each in api.get(f"/runs/{number}")["changes"]] == ["first"]
    api.apply(api.planned())
    code, number = api.preview(kind="drift")
    assert (code, api.get(f"/runs/{number}")["changes"]) == (DONE, [])


def test_what_was_done_is_in_the_audit_and_nothing_is_left_after_a_destroy(api: Api) -> None:
    code, number = api.preview(kind="destroy")
    assert code == DONE
    api.apply(number)
    assert names(api.portal) == []
    lines = api.send("ada", "GET", "/audit/export").text.splitlines()
    actions = [json.loads(line)["action"] for line in lines]
    for each in ("policy_failed", "interrupted", "cancelled", "discarded", "succeeded"):
        assert f"run.{each}" in actions
    file = api.folder / "audit.jsonl"
    file.write_text("\n".join(lines))
    command = [sys.executable, "-m", "portal.admin", "verify-audit", str(file)]
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 0
