"""The gate on the real engine: a checkout with a base branch, and a work tree that differs from it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MINIMAL

from .repository import branch, git, new, settings, stack_file

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new(tmp_path_factory.mktemp("a checkout"))


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


@pytest.mark.slow
def test_a_work_tree_like_the_base_passes_and_changes_nothing(checkout: Path) -> None:
    stack_file(checkout, settings())
    code, found, said = check(checkout)
    assert (code, found["changes"], found["notes"]) == (0, [], []), said
    assert found["evaluated"] / found["pairs"] >= 0.95
    assert "comes up on a throw-away local cloud" in said


def test_replacements_and_new_findings_point_at_the_line(checkout: Path, tmp_path: Path) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["load_balancers"]["public"]["scheme"] = "internal"
        raw["services"]["orders"]["health"] = {"success_codes": "0,12"}
        del raw["services"]["web"]

    stack_file(checkout, settings(change))
    code, found, said = check(checkout, "--base", "main", "--report", f"sarif={tmp_path / 'found.sarif'}")
    assert code == 1, said
    operations = {each["urn"].rpartition("::")[2]: each["operation"] for each in found["changes"]}
    assert operations["public-load-balancer"] == "replace"
    assert operations["web-deployment"] == "delete"
    (finding,) = [each for each in found["findings"] if each["rule"] == "ALB006"]
    lines = (checkout / "Pulumi.shop.yaml").read_text().splitlines()
    assert (finding["status"], finding["file"]) == ("new", "Pulumi.shop.yaml")
    assert lines[finding["line"] - 1].strip() == "orders:"
    (result,) = json.loads((tmp_path / "found.sarif").read_text())["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert (location["artifactLocation"]["uri"], result["ruleId"]) == ("Pulumi.shop.yaml", "ALB006")
    assert lines[location["region"]["startLine"] - 1].strip() == "orders:"


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


HOST = "orders.dev.example.com"


def platform_and_shop(checkout: Path, port: int, *, listed: bool = True) -> None:
    """A platform stack whose load balancer reaches one port, and a services stack on it that listens there."""
    balancer = {"scheme": "internet-facing", "pod_ports": [port]}
    base = {key: MINIMAL[key] for key in ("existing", "network", "cluster")}
    kind = {"kind": "platform", "services_stacks": {"shop": 1} if listed else {}}
    stack_file(checkout, {**base, "environment": kind, "load_balancers": {"public": balancer}}, "platform")
    exposed = {"alb": {"load_balancer": "public", "host": HOST}}
    orders = {**MINIMAL["services"]["orders"], "port": port, "expose": exposed}
    existing = {"platform_stack": "acme/grpc-platform/platform"}
    stack_file(checkout, {"environment": {"kind": "services"}, "existing": existing, "services": {"orders": orders}})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_services_stack_stands_on_its_platform_stack_of_either_version(checkout: Path) -> None:
    platform_and_shop(checkout, 50051)
    with branch(checkout, "joined"):
        platform_and_shop(checkout, 9000)  # refused unless the platform opens it
        code, found, said = check(checkout, "--base", "joined")
        assert (code, found["notes"]) == (0, []), said
        operations = {each["urn"].rpartition("::")[2]: each["operation"] for each in found["changes"]}
        assert operations["orders-target-group"] == "replace"
        assert not [name for name in operations if "load-balancer" in name]
        platform_and_shop(checkout, 9000, listed=False)
        code, found, said = check(checkout, "--base", "joined")
        assert (code, found) == (3, {})
        assert "does not list this stack" in said


@pytest.mark.slow
def test_a_base_whose_packages_cannot_be_had_is_said_and_the_head_stands_alone(checkout: Path) -> None:
    lock = checkout / "requirements.lock"
    sound = lock.read_text()
    lock.write_text("no package at all ==\n")
    stack_file(checkout, settings())
    with branch(checkout, "unlocked"):
        lock.write_text(sound)
        code, found, said = check(checkout, "--base", "unlocked")
        assert code == 0, said
        assert "the Python environment of the base branch cannot be made" in found["notes"][0]
        assert {each["operation"] for each in found["changes"]} == {"create"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_base_on_other_packages_runs_on_them(checkout: Path) -> None:
    lock = checkout / "requirements.lock"
    sound = lock.read_text()
    lock.write_text(f"{sound}# older\n")
    program = checkout / "__main__.py"
    text = program.read_text()
    program.write_text(f"import sys\nassert 'checks' in sys.prefix, sys.prefix\n{text}")
    stack_file(checkout, settings())
    with branch(checkout, "locked"):
        lock.write_text(sound)
        program.write_text(text)
        code, found, said = check(checkout, "--base", "locked")
        assert (code, found["notes"], found["changes"]) == (0, [], []), said
        assert "the base branch gets a Python environment of its own" in said


@pytest.mark.slow
def test_the_configuration_of_the_environment_counts_and_its_change_is_said(checkout: Path) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["services"]["orders"]["health"] = {"success_codes": "0,12"}

    folder = checkout / "policies" / "config"
    (folder / "shop.yaml").write_text("ALB006: advisory\n")
    stack_file(checkout, settings(change))
    code, found, said = check(checkout)
    assert code == 0, said
    assert "policies/config differs from the base branch's" in found["notes"][0]
    assert [each["level"] for each in found["findings"] if each["rule"] == "ALB006"] == ["advisory"]
    (folder / "shop.yaml").rename(folder / "shpo.yaml")
    code, found, said = check(checkout, "--report", f"json={checkout / 'report.json'}")
    assert (code, found, (checkout / "report.json").exists()) == (2, {}, False)
    assert said == "policies/config/shpo.yaml: there is no environment shpo; did you mean shop?\n"
    (folder / "shpo.yaml").unlink()
