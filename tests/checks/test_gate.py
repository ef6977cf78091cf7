"""The gate on the real engine: a checkout with a base branch, and a work tree that differs from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT, MINIMAL

pytestmark = pytest.mark.engine

FOLDERS = ("components", "policies", "checks", "local_cloud", "tools")
FILES = ("Pulumi.yaml", "__main__.py", "requirements.lock")


def git(checkout: Path, *args: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], cwd=checkout, check=True, capture_output=True)


def stack_file(checkout: Path, raw: dict[str, Any]) -> None:
    config = {"aws:region": "eu-west-1", **{f"grpc-platform:{key}": value for key, value in raw.items()}}
    (checkout / "Pulumi.shop.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))


def settings(change: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps(MINIMAL))
    raw["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "image": {"repository": "web", "tag": "1"},
        "expose": {"alb": {"host": "web.dev.example.com"}},
    }
    change(raw)
    return raw


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose main branch has a sound environment, in a folder with a space in its name."""
    root = tmp_path_factory.mktemp("a checkout")
    for name in FOLDERS:
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in FILES:
        shutil.copy(CHECKOUT / name, root / name)
    (root / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
    (root / ".local-cloud").mkdir()
    (root / ".local-cloud" / "bin").symlink_to((CHECKOUT / ".local-cloud" / "bin").resolve())
    (root / ".gitignore").write_text(".venv\n.local-cloud\n__pycache__\n")
    stack_file(root, settings())
    git(root, "init", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--message", "base")
    return root


def check(checkout: Path, *args: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON report, and what was said beside it."""
    done = subprocess.run(
        [str(checkout / ".venv/bin/python"), "-m", "checks", "shop", "--format", "json", *args],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_a_work_tree_like_the_base_passes_and_changes_nothing(checkout: Path) -> None:
    stack_file(checkout, settings())
    code, found, said = check(checkout)
    assert (code, found["changes"], found["notes"]) == (0, [], []), said
    assert found["evaluated"] / found["pairs"] >= 0.95
    assert "comes up on a throw-away local cloud" in said


def test_replacements_and_new_findings_point_at_the_line(checkout: Path) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["load_balancers"]["public"]["scheme"] = "internal"
        raw["services"]["orders"]["health"] = {"success_codes": "0,12"}
        del raw["services"]["web"]

    stack_file(checkout, settings(change))
    code, found, said = check(checkout, "--base", "main")
    assert code == 1, said
    operations = {each["urn"].rpartition("::")[2]: each["operation"] for each in found["changes"]}
    assert operations["public-load-balancer"] == "replace"
    assert operations["web-deployment"] == "delete"
    (finding,) = [each for each in found["findings"] if each["rule"] == "ALB006"]
    lines = (checkout / "Pulumi.shop.yaml").read_text().splitlines()
    assert (finding["status"], finding["file"]) == ("new", "Pulumi.shop.yaml")
    assert lines[finding["line"] - 1].strip() == "orders:"


def test_what_the_base_has_too_is_no_news_and_what_is_gone_is_fixed(checkout: Path) -> None:
    def bad(raw: dict[str, Any]) -> None:
        for name in ("orders", "stock"):
            raw["services"][name] = {**MINIMAL["services"]["orders"], "health": {"success_codes": "0,12"}}
            raw["services"][name]["expose"] = {"alb": {"host": f"{name}.dev.example.com"}}

    def better(raw: dict[str, Any]) -> None:
        bad(raw)
        del raw["services"]["stock"]["health"]

    stack_file(checkout, settings(bad))
    git(checkout, "checkout", "-b", "older")
    git(checkout, "commit", "--all", "--message", "bad")
    stack_file(checkout, settings(better))
    code, found, said = check(checkout, "--base", "older")
    git(checkout, "checkout", "--force", "main")
    assert code == 1, said
    statuses = {
        each["urn"].rpartition("::")[2]: each["status"] for each in found["findings"] if each["rule"] == "ALB006"
    }
    assert statuses == {"orders-target-group": "unchanged", "stock-target-group": "fixed"}


def test_a_protected_replacement_is_a_finding_and_no_fault_of_the_gate(checkout: Path) -> None:
    def protected(raw: dict[str, Any]) -> None:
        raw["load_balancers"]["public"]["deletion_protection"] = True

    def change(raw: dict[str, Any]) -> None:
        protected(raw)
        raw["load_balancers"]["public"]["scheme"] = "internal"

    stack_file(checkout, settings(protected))
    git(checkout, "checkout", "-b", "guarded")
    git(checkout, "commit", "--all", "--message", "protected")
    stack_file(checkout, settings(change))
    code, found, said = check(checkout, "--base", "guarded")
    git(checkout, "checkout", "--force", "main")
    assert code == 1, said
    assert "protected resource" in found["headline"]


def test_a_base_that_does_not_come_up_is_said_and_the_head_stands_alone(checkout: Path) -> None:
    program = checkout / "__main__.py"
    sound = program.read_text()
    program.write_text("raise SystemExit('broken on purpose')\n")
    git(checkout, "checkout", "-b", "broken")
    git(checkout, "commit", "--all", "--message", "broken")
    program.write_text(sound)
    stack_file(checkout, settings())
    code, found, said = check(checkout, "--base", "broken")
    git(checkout, "checkout", "--force", "main")
    assert code == 0, said
    assert "the base branch does not come up" in found["notes"][0]
    assert {each["operation"] for each in found["changes"]} == {"create"}


def test_settings_that_cannot_work_are_named_with_file_and_line(checkout: Path) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["services"]["orders"]["health"] = {"success_codes": "200"}
        raw["network"]["nat"] = "singel"

    stack_file(checkout, settings(change))
    code, found, said = check(checkout)
    assert (code, found) == (2, {})
    lines = (checkout / "Pulumi.shop.yaml").read_text().splitlines()
    row = next(place for place, line in enumerate(lines, 1) if "success_codes" in line)
    assert f"Pulumi.shop.yaml:{row}: grpc-platform:services.orders.health.success_codes: must be gRPC status" in said
    assert 'received "singel"; did you mean "single"?' in said


def test_an_environment_and_a_base_that_are_not_there(checkout: Path) -> None:
    stack_file(checkout, settings())
    done = subprocess.run(
        [str(checkout / ".venv/bin/python"), "-m", "checks", "shp"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, 'did you mean "shop"?' in done.stderr) == (2, True)
    code, _, said = check(checkout, "--base", "nowhere")
    assert (code, "there is no such commit here" in said) == (2, True)
