"""The whole way of changes by JSON and by `python -m portal.client`, on the portal that `make portal` starts.

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
import psutil
import pytest
import yaml

from portal.client import BAD, DONE, REFUSED
from tests.conftest import CHECKOUT

from .sample import Sample, started

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]

SCOPES = {
    "ann": ["view", "preview", "apply", "discard"],
    "bob": ["view", "approve", "discard"],
    "ops": ["view", "cancel", "recover"],
    "ada": ["view", "audit"],
}


@dataclass
class Api:
    """People with tokens of their own."""

    sample: Sample
    folder: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, who: str) -> str:
        if who not in self._tokens:
            with httpx.Client(base_url=self.sample.address, headers={"Origin": self.sample.address}) as client:
                client.headers["Accept"] = "application/json"
                assert client.post("/sign-in", json={"person": who}).is_success
                made = client.post("/tokens", json={"name": "pipeline", "scopes": SCOPES[who]})
                assert made.status_code == 201, made.text
                self._tokens[who] = made.json()["token"]
        return self._tokens[who]

    def send(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(who)}", "Accept": "application/json"}
        return httpx.request(method, f"{self.sample.address}{path}", json=body, headers=headers, timeout=60)

    def get(self, path: str, who: str = "ann") -> Any:
        answer = self.send(who, "GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def client(self, who: str, *arguments: str) -> tuple[int, str]:
        """The client's exit code, and what it answers; it tells of what it does at the other output."""
        environment = {**os.environ, "PORTAL_URL": self.sample.address, "PORTAL_TOKEN": self.token(who)}
        command = [sys.executable, "-m", "portal.client", *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        assert self.token(who) not in done.stdout + done.stderr
        return done.returncode, done.stdout or done.stderr

    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/environments/dev")["settings"]
        return found

    def preview(self, settings: dict[str, Any] | None = None, kind: str = "update") -> tuple[int, int]:
        """Exit code of the client that waits for a plan, and the run's number."""
        arguments = ["preview", "dev", "--kind", kind, "--wait", "--interval", "0.3", "--json"]
        if settings is not None:
            file = self.folder / "wanted.yaml"
            file.write_text(yaml.safe_dump(settings))
            arguments += ["--settings", str(file)]
        code, said = self.client("ann", *arguments)
        return code, int(json.loads(said)["id"])

    def approve(self, number: int) -> None:
        plan = self.get(f"/runs/{number}")["plan"]
        code, said = self.client("bob", "approve", str(number), "--plan", plan)
        assert code == DONE, (said, self.get(f"/runs/{number}"))

    def apply(self, number: int) -> None:
        self.approve(number)
        code, said = self.client("ann", "apply", str(number), "--wait", "--interval", "0.3")
        assert code == DONE, said

    def until(self, number: int, done: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        while not done(run := self.get(f"/runs/{number}")):
            time.sleep(0.2)
        found: dict[str, Any] = run
        return found


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with started(tmp_path_factory.mktemp("portal")) as sample:
        yield Api(sample, tmp_path_factory.mktemp("asked"))


def applying(api: Api, number: int) -> psutil.Process:
    """Begin the apply of a run: its engine, held after it has done something."""
    api.approve(number)
    assert api.send("ann", "POST", f"/runs/{number}/apply").is_success
    api.until(number, lambda run: run["state"] == "applying" and has_applied(api, number))
    return api.sample.engine()


def has_applied(api: Api, number: int) -> bool:
    """Whether a resource is done since the preview that comes before each apply."""
    types: list[str] = []
    after = 0
    while found := api.get(f"/runs/{number}/events?after={after}")["events"]:
        types += [each["type"] for each in found]
        after = found[-1]["seq"]
    return "phase" in types and "done" in types[types.index("phase") :]


def test_everything_wrong_is_said_at_once_with_its_path(api: Api) -> None:
    wanted = api.settings()
    orders = wanted["grpc-platform:services"]["orders"]
    orders["port"], orders["protcol"] = 70000, orders.pop("protocol")
    answer = api.send("ann", "POST", "/environments/dev/previews", {"settings": wanted})
    assert answer.status_code == 422, answer.text
    said = {each["path"]: each["message"] for each in answer.json()["errors"]}
    assert any("services.orders.port" in path and "65535" in message for path, message in said.items()), said
    assert any("protcol" in path and "did you mean" in message for path, message in said.items()), said


def test_policies_stop_a_change_and_a_cancel_stops_an_apply(api: Api) -> None:
    wanted = api.settings()
    wanted["grpc-platform:cluster"]["public_access_cidrs"] = ["0.0.0.0/0"]
    code, number = api.preview(wanted)
    run = api.get(f"/runs/{number}")
    assert (code, run["state"]) == (BAD, "policy_failed")
    assert [each["rule"] for each in run["verdict"]["findings"] if each["blocks"]] == ["EKS001"]
    code, said = api.client("bob", "approve", str(number), "--plan", "0" * 64)
    assert code == REFUSED, said

    code, number = api.preview()
    assert code == DONE
    engine = applying(api, number)
    assert api.client("ops", "cancel", str(number))[0] == DONE
    engine.resume()
    assert api.until(number, lambda run: not run["phase"])["state"] == "cancelled"
    assert not api.get("/environments/dev")["needs_recovery"]


def test_a_killed_engine_is_recovered_and_the_rest_is_applied(api: Api) -> None:
    code, number = api.preview()
    assert code == DONE
    left = len(api.get(f"/runs/{number}")["changes"])
    applying(api, number).kill()
    assert api.until(number, lambda run: not run["phase"])["state"] == "interrupted"
    assert api.send("ann", "POST", "/environments/dev/previews", {"kind": "recover"}).status_code == 403
    asked = api.send("ops", "POST", "/environments/dev/previews", {"kind": "recover"})
    assert asked.status_code == 201, asked.text
    assert api.until(asked.json()["id"], lambda run: not run["phase"])["state"] == "succeeded"

    code, number = api.preview()
    assert code == DONE
    assert len(api.get(f"/runs/{number}")["changes"]) < left
    api.apply(number)
    assert api.preview()[0] == DONE
    assert api.get("/environments/dev")["last"]["state"] == "no_changes"


def test_a_plan_is_rejected_and_drift_is_put_right(api: Api) -> None:
    wanted = api.settings()
    wanted["grpc-platform:services"]["orders"]["port"] = 50052
    code, number = api.preview(wanted)
    assert code == DONE
    assert api.get(f"/runs/{number}")["changes"][0]["operation"] == "replace"
    assert api.send("bob", "POST", f"/runs/{number}/discard", {"reason": "not now"}).is_success
    assert api.client("ann", "apply", str(number))[0] == REFUSED

    api.sample.drift("public-load-balancer", "idleTimeout", 30)
    code, number = api.preview(kind="drift")
    assert code == DONE
    assert [each["name"] for each in api.get(f"/runs/{number}")["changes"]] == ["public-load-balancer"]
    code, number = api.preview()
    assert code == DONE
    api.apply(number)
    code, number = api.preview(kind="drift")
    assert (code, api.get(f"/runs/{number}")["changes"]) == (DONE, [])


def test_the_environment_is_destroyed_and_the_audit_tells_all_of_it(api: Api) -> None:
    code, number = api.preview(kind="destroy")
    assert code == DONE
    api.apply(number)
    lines = api.send("ada", "GET", "/audit/export").text.splitlines()
    actions = [json.loads(line)["action"] for line in lines]
    for each in ("run.policy_failed", "run.cancelled", "run.interrupted", "run.discarded", "run.succeeded"):
        assert each in actions
    file = api.folder / "audit.jsonl"
    file.write_text("\n".join(lines))
    command = [sys.executable, "-m", "portal.admin", "verify-audit", str(file)]
    assert subprocess.run(command, cwd=CHECKOUT, check=False).returncode == 0
