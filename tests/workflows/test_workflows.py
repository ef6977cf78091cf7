"""What must hold of every workflow, and of each for the rights it has."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.go_tools import built
from tools import copies

from .reading import EXPRESSION, FILES, workflow

PROGRAMS = Path(__file__).resolve().parent / "programs"
PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+")
NAMES = [file.name for file in FILES]
ON_REQUESTS = [name for name in NAMES if "pull_request" in workflow(name)["on"]]


def jobs(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from workflow(name)["jobs"].items()


def steps(name: str) -> Iterator[dict[str, Any]]:
    for _, job in jobs(name):
        yield from job.get("steps", ())


@pytest.mark.parametrize("name", NAMES)
def test_every_action_is_pinned_by_commit_and_by_one_commit(name: str) -> None:
    text = (CHECKOUT / ".github" / "workflows" / name).read_text()
    used = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    foreign = [line for line in used if not line.startswith("uses: ./")]
    assert all(PINNED.fullmatch(line) for line in foreign), foreign


def test_an_action_has_one_release_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for file in FILES:
        for found in PINNED.finditer(file.read_text()):
            pins.setdefault(found["action"], set()).add(found["commit"])
    assert pins
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("name", NAMES)
def test_rights_are_said_and_nothing_may_write_unless_it_must(name: str) -> None:
    content = workflow(name)
    assert content["permissions"] in ({}, {"contents": "read"})
    written = {
        key for _, job in jobs(name) for key, right in (job.get("permissions") or {}).items() if right == "write"
    }
    allowed = {
        "pull-request.yml": set[str](),
        "pull-request-report.yml": {"pull-requests", "security-events"},
    }.get(name, {"id-token"})
    assert written <= allowed


@pytest.mark.parametrize("name", NAMES)
def test_no_command_has_an_expression_in_it_and_every_job_ends(name: str) -> None:
    for step in steps(name):
        assert not EXPRESSION.search(step.get("run", "")), step
    for job, content in jobs(name):
        assert "timeout-minutes" in content or "uses" in content, job


@pytest.mark.parametrize("name", NAMES)
def test_no_checkout_leaves_a_token_behind(name: str) -> None:
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_code_of_a_pull_request_never_meets_a_secret_of_the_repository() -> None:
    assert "pull_request_target" not in "".join(file.read_text() for file in FILES)
    gate = (CHECKOUT / ".github/workflows/pull-request.yml").read_text()
    assert "secrets." not in gate
    assert "id-token" not in gate
    for name in ON_REQUESTS:
        for _, job in jobs(name):
            if "id-token" in (job.get("permissions") or {}):
                assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert ON_REQUESTS == ["preview.yml", "pull-request.yml"]


def test_the_one_that_may_write_runs_the_default_branch_alone() -> None:
    content = workflow("pull-request-report.yml")
    assert content["on"] == {
        "workflow_run": {"workflows": [workflow("pull-request.yml")["name"]], "types": ["completed"]}
    }
    (checkout,) = [each for each in steps("pull-request-report.yml") if "checkout@" in each.get("uses", "")]
    assert set(checkout["with"]) == {"persist-credentials"}
    assert not [each for each in steps("pull-request-report.yml") if "make" in each.get("run", "")]


def test_environments_follow_each_other_and_one_run_at_a_time_changes_one() -> None:
    content = workflow("deploy.yml")
    assert content["on"]["push"] == {"branches": ["main"]}
    deployed = {job: each["with"]["stack"] for job, each in content["jobs"].items()}
    assert deployed == {"dev": "dev", "prod": "prod"}
    assert set(deployed.values()) <= set(copies.stacks(CHECKOUT))
    assert content["jobs"]["prod"]["needs"] == "dev"
    for job, each in content["jobs"].items():
        assert each["concurrency"] == {"group": f"deploy-{job}", "cancel-in-progress": False}
        assert each["if"] == "github.ref == 'refs/heads/main'"
    preview = workflow("preview.yml")["jobs"]["preview"]
    assert preview["strategy"]["matrix"]["environment"] == list(deployed)


def test_an_update_waits_for_the_approval_of_its_own_plan() -> None:
    plan, update = (workflow("deploy-environment.yml")["jobs"][job] for job in ("plan", "update"))
    assert update["needs"] == "plan"
    assert (plan["environment"], update["environment"]) == ("${{ inputs.stack }}-preview", "${{ inputs.stack }}")


def test_what_the_docs_say_is_needed_is_what_is_used() -> None:
    text = "".join(file.read_text() for file in FILES)
    used = set(re.findall(r"(?:vars|secrets)\.(\w+)", text))
    page = (CHECKOUT / "docs" / "gate.md").read_text()
    assert used
    assert {name for name in used if f"`{name}`" not in page} == set()
    assert {name for name in NAMES if f"`{name}`" not in page} == set()


@pytest.mark.slow
def test_actionlint_has_nothing_to_say() -> None:
    actionlint = built(PROGRAMS, "github.com/rhysd/actionlint/cmd/actionlint")
    done = subprocess.run([actionlint, "-format", "{{json .}}", *FILES], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == [], done.stdout
    broken = (CHECKOUT / ".github/workflows/deploy.yml").read_text().replace("needs: dev", "needs: nowhere")
    done = subprocess.run([actionlint, "-"], input=broken, capture_output=True, text=True, check=False)
    assert done.returncode != 0
