"""The commands of the workflows, taken out of them and run: the gate for real, GitHub's API and AWS by stand-ins."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.checks.repository import branch, git, new, settings, stack_file
from tests.conftest import World
from tests.go_tools import built
from tools.engine import LocalEngine

from .reading import run, step, workflow

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAMS = Path(__file__).resolve().parent / "programs"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FORK, BRANCH = "some'one/platform", "x$(touch evil)`touch evil`"


def pull(number: int, **head: Any) -> dict[str, Any]:
    """An open pull request as GitHub lists it."""
    return {"number": number, "head": {"sha": COMMIT, "ref": BRANCH, "repo": {"full_name": FORK}, **head}}


# GitHub lists all that are open where it cannot make out whose are wanted: others may have the same commit.
PULLS = [
    pull(3, repo=None),
    pull(4, repo={"full_name": "acme/platform"}),
    pull(5, ref="another"),
    pull(6, sha="f" * 40),
    pull(7),
]

# `gh api` as far as the workflows use it: it notes what it was asked, and filters as gh does, which has gojq inside.
GH = """
import json, os, subprocess, sys
arguments = sys.argv[1:]
with open(os.environ["ASKED"], "a") as log:
    log.write(json.dumps(arguments) + "\\n")
answers = json.load(open(os.environ["ANSWERS"]))
path = next(each for each in arguments if each.startswith("repos/"))
if "--jq" in arguments:
    expression = arguments[arguments.index("--jq") + 1]
    command = [os.environ["GOJQ"], "--raw-output", expression]
    sys.exit(subprocess.run(command, input=json.dumps(answers.get(path, [])), text=True).returncode)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = new(tmp_path_factory.mktemp("checkout"))
    git(root, "update-ref", "refs/remotes/origin/main", "main")
    return root


def change(raw: dict[str, Any]) -> None:
    raw["services"]["orders"]["health"] = {"success_codes": "0,12"}
    raw["load_balancers"]["public"]["scheme"] = "internal"


def check(checkout: Path) -> Any:
    return run(step("pull-request.yml", "check", "Check"), checkout, {"github.base_ref": "main"}, {})


def test_the_gate_of_a_pull_request_reports_on_each_environment(checkout: Path) -> None:
    stack_file(checkout, settings())
    done = check(checkout)
    assert (done.returncode, done.stdout) == (0, "No environment is concerned.\n"), done.stderr
    stack_file(checkout, settings(change))
    stack_file(checkout, {"nonsense": {}}, "wrong")
    done = check(checkout)
    assert done.returncode == 2, done.stderr
    assert "::error title=ALB006,file=Pulumi.shop.yaml,line=" in done.stdout
    reports = checkout / "reports"
    assert sorted(file.name for file in reports.iterdir()) == [
        *("shop.md", "shop.sarif", "shop.txt"),
        *("wrong.md", "wrong.txt"),
    ]
    (found,) = json.loads((reports / "shop.sarif").read_text())["runs"]
    assert [each["ruleId"] for each in found["results"]] == ["ALB006"]
    assert "replace" in (reports / "shop.txt").read_text()
    assert "could not be checked" in (reports / "wrong.md").read_text()
    (checkout / "Pulumi.wrong.yaml").unlink()


class Api:
    """GitHub's API as the command `gh` sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gojq = built(PROGRAMS, "github.com/itchyny/gojq/cmd/gojq")
        gh = folder / "bin" / "gh"
        gh.parent.mkdir()
        (folder / "gh.py").write_text(GH)
        # A path in the first line of a script must not have a space in it, and the checkout's may.
        gh.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{folder / 'gh.py'}' \"$@\"\n")
        gh.chmod(0o755)

    def env(self, answers: Mapping[str, Any]) -> dict[str, str]:
        (self.folder / "answers").write_text(json.dumps(answers))
        (self.folder / "asked").write_text("")
        (self.folder / "output").write_text("")
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "GOJQ": str(self.gojq),
            "ANSWERS": str(self.folder / "answers"),
            "ASKED": str(self.folder / "asked"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RUNNER_TEMP": str(self.folder),
        }

    @property
    def asked(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


@pytest.mark.parametrize(("commit", "fork", "number"), [(COMMIT, FORK, "7"), ("e" * 40, FORK, ""), (COMMIT, "", "")])
def test_the_pull_request_is_found_by_what_github_says_of_the_run(
    api: Api, commit: str, fork: str, number: str
) -> None:
    values = {
        "github.token": "token",
        "github.repository": "acme/platform",
        "github.event.workflow_run.head_repository.owner.login": fork.partition("/")[0],
        "github.event.workflow_run.head_repository.full_name": fork,
        "github.event.workflow_run.head_branch": BRANCH,
        "github.event.workflow_run.head_sha": commit,
    }
    found = step("pull-request-report.yml", "report", "Find the pull request")
    done = run(found, api.folder, values, api.env({"repos/acme/platform/pulls": PULLS}))
    assert done.returncode == 0, done.stderr
    assert (api.folder / "output").read_text() == f"number={number}\n"
    assert f"head={fork.partition('/')[0]}:{BRANCH}" in api.asked[0]
    assert not (api.folder / "evil").exists()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
def test_one_comment_is_kept_current(api: Api, checkout: Path, known: bool, trusted: bool) -> None:
    reports = checkout / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "shop.md").write_text("### shop\n")
    (reports / "shop.txt").write_text("shop @everyone\n")
    expression = "github.event.workflow_run.head_repository.full_name == github.repository && '--trusted' || ''"
    values = {
        "github.token": "token",
        "github.repository": "acme/platform",
        "steps.pull.outputs.number": "7",
        expression: "--trusted" if trusted else "",
    }
    comments = [
        {"id": 1, "user": {"login": "somebody"}, "body": "<!-- grpc-platform checks --> forged"},
        {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "another one"},
        *([{"id": 3, "user": {"login": "github-actions[bot]"}, "body": "<!-- grpc-platform checks -->\n"}] * known),
    ]
    found = step("pull-request-report.yml", "report", "Comment")
    done = run(found, checkout, values, api.env({"repos/acme/platform/issues/7/comments": comments}))
    assert done.returncode == 0, done.stderr
    method, place = ("PATCH", "comments/3") if known else ("POST", "7/comments")
    assert api.asked[-1][:4] == ["api", "--silent", "--method", method]
    assert api.asked[-1][4] == f"repos/acme/platform/issues/{place}"
    text = (api.folder / "comment.md").read_text()
    assert text.startswith("<!-- grpc-platform checks -->\n")
    assert ("### shop" in text, "@everyone" in text) == (trusted, not trusted)


@pytest.mark.parametrize("job", ["plan", "update"])
@pytest.mark.parametrize(("source", "code"), [("portal", 1), ("git", 0), ("", 0)])
def test_what_the_portal_changes_is_refused_before_anything_else(
    tmp_path: Path, job: str, source: str, code: int
) -> None:
    found = step("deploy-environment.yml", job, "Refuse what the portal changes")
    assert workflow("deploy-environment.yml")["jobs"][job]["steps"][0] == found
    done = run(found, tmp_path, {"inputs.stack": "shop", "vars.SETTINGS_SOURCE": source}, {})
    assert (done.returncode, "::error title=The portal changes shop::" in done.stdout) == (code, code == 1)


class Deployment:
    """The stack of a checkout on the local cloud, deployed by the commands of the workflows."""

    def __init__(self, checkout: Path, engine: LocalEngine) -> None:
        self.world = World(checkout, engine, "shop")
        self.values = {
            "inputs.stack": "shop",
            "matrix.environment": "shop",
            "vars.PULUMI_BACKEND_URL": engine.env["PULUMI_BACKEND_URL"],
            "secrets.PULUMI_CONFIG_PASSPHRASE": engine.env["PULUMI_CONFIG_PASSPHRASE"],
            "secrets.PULUMI_ACCESS_TOKEN": "",
        }

    def run(self, name: str, job: str, title: str, plan: str = "plan.json") -> tuple[int, str]:
        values = {**self.values, "inputs.by_plan && 'plan.json' || ''": plan}
        env = {**self.world.engine.env, "LOCAL_CLOUD_IMAGES": "pushed"}
        done = run(step(name, job, title), self.world.program, values, env)
        return done.returncode, done.stdout + done.stderr

    def plan(self) -> None:
        code, said = self.run("deploy-environment.yml", "plan", "Plan")
        assert code == 0, said

    def update(self, plan: str = "plan.json") -> tuple[int, str]:
        return self.run("deploy-environment.yml", "update", "Update", plan)


def drained(seconds: int) -> dict[str, Any]:
    return settings(lambda raw: raw["services"]["orders"].update(drain=seconds))


def test_a_change_goes_to_the_cloud_by_its_plan_and_no_other(checkout: Path, tmp_path: Path) -> None:
    engine = LocalEngine.create(tmp_path / "cloud", throw_away=True)
    with branch(checkout, "deployed"):
        stack_file(checkout, settings())
        engine.run("stack", "init", "shop", cwd=checkout)
        deployment = Deployment(checkout, engine)
        world = deployment.world
        deployment.plan()
        assert world.cloud() == []
        code, said = deployment.update("")  # the first one: the cluster is new
        assert code == 0, said
        before = [(row.id, row.inputs) for row in world.cloud()]
        world.configure(drained(60))
        deployment.plan()
        assert [(row.id, row.inputs) for row in world.cloud()] == before
        world.configure(drained(90))
        code, said = deployment.update()
        assert (code != 0, "violates plan" in said) == (True, True), said
        world.configure(drained(60))
        deployment.plan()
        code, said = deployment.update()
        assert code == 0, said
        assert set(world.steps()) == {"same"}
        world.configure(settings(lambda raw: raw["services"]["orders"].update(health={"success_codes": "0,12"})))
        code, said = deployment.run("preview.yml", "preview", "Preview")
        assert (code != 0, "ALB006" in said) == (True, True), said
