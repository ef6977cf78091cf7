"""One platform on the real engine, through every command a user has. Each test leaves it up and complete."""

import json
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from tests.conftest import CHECKOUT, MINIMAL, World, new_world

pytestmark = pytest.mark.engine

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.resource_type == "aws:lb/targetGroup:TargetGroup" and args.props["protocolVersion"] == "GRPC":
        report("seen a gRPC target group")

PolicyPack("example", [ResourceValidationPolicy(
    name="example", description="Example.", validate=check, enforcement_level=EnforcementLevel.MANDATORY)])
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The minimal platform, up; whatever the tests did, it goes down with nothing left."""
    world = new_world(tmp_path_factory.mktemp("lifecycle"))
    world.configure(MINIMAL)
    world.up()
    yield world
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def outputs(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.run("stack", "output", "--json").json()
    return found


def test_a_second_up_changes_nothing(up: World) -> None:
    before = [(row.id, row.inputs, row.outputs) for row in up.cloud()]
    assert set(up.steps()) == {"same"}
    assert up.run("up", "--yes", "--skip-preview", "--expect-no-changes").code == 0
    assert [(row.id, row.inputs, row.outputs) for row in up.cloud()] == before


def test_outputs_tell_a_client_how_to_call(up: World) -> None:
    found = outputs(up)
    assert found["endpoints"] == {"orders": "orders.dev.example.com:443"}
    client = found["clients"]["orders"]
    assert client["target"] == "dns:///orders.dev.example.com:443"
    assert json.loads(client["service_config"])["loadBalancingConfig"] == [{"round_robin": {}}]
    assert found["kubeconfig"] == "[secret]"


@pytest.mark.slow
def test_refresh_finds_nothing_and_then_finds_drift_which_up_repairs(up: World) -> None:
    assert up.run("refresh", "--yes", "--skip-preview", "--expect-no-changes").code == 0
    drift = subprocess.run(
        [sys.executable, "-m", "local_cloud", "drift", "orders-target-group", "deregistrationDelay", "300"],
        env={**up.engine.env, "PYTHONPATH": str(CHECKOUT)},
        cwd=up.program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert drift.returncode == 0, drift.stdout + drift.stderr
    assert up.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", check=False).code != 0
    assert up.steps()["update"] == ["orders-target-group"]
    up.up()
    assert set(up.steps()) == {"same"}


def test_import_takes_over_what_exists(up: World) -> None:
    vpc = up.cloud("aws:ec2/vpc:Vpc")[0].id
    importer = World(up.program, up.engine, "importer")
    up.engine.run("stack", "init", "importer", cwd=up.program)
    importer.configure({})
    said = importer.run("import", "aws:ec2/vpc:Vpc", "found", vpc, "--yes", "--protect=false")
    assert "10.0.0.0/16" in said.text
    found = [each for each in up.engine.export(up.program, "importer")["resources"] if each.get("id") == vpc]
    assert found[0]["inputs"]["cidrBlock"] == "10.0.0.0/16"
    up.engine.run("stack", "rm", "--force", "--yes", "importer", cwd=up.program)


def test_policy_analyze_reads_the_exported_state(up: World, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "pack" / "__main__.py").write_text(PACK)
    state = tmp_path / "state.json"
    state.write_text(up.run("stack", "export").stdout)
    arguments = ("policy", "analyze", "--file", str(state), "--policy-pack", str(tmp_path / "pack"))
    result = up.engine.run(*arguments, cwd=tmp_path, check=False)
    assert result.code != 0
    assert "seen a gRPC target group" in result.text


def _cli(world: World) -> automation.PulumiCommand:
    """The CLI of this checkout; the API would take whichever stands on the PATH of the tests."""
    root = world.program.parent / "cli"
    root.mkdir(exist_ok=True)
    (root / "bin").symlink_to((CHECKOUT / ".local-cloud" / "bin").resolve())
    return automation.PulumiCommand(str(root))


def test_the_automation_api_runs_the_program_in_its_folder(up: World) -> None:
    options = automation.LocalWorkspaceOptions(env_vars=dict(up.engine.env), pulumi_command=_cli(up))
    stack = automation.select_stack(up.stack, work_dir=str(up.program), opts=options)
    summary = stack.preview().change_summary
    assert set(summary) == {automation.OpType.SAME}


@pytest.mark.slow
def test_create_only_changes_are_replacements_that_complete_without_a_clash(up: World) -> None:
    """Port, protocol version, key and balancer of workloads at once: new ones first, then rules, then the old go."""
    raw = deepcopy(MINIMAL)
    raw["load_balancers"]["second"] = {"scheme": "internal"}
    raw["services"]["orders"]["expose"]["alb"]["load_balancer"] = "public"
    for name in ("port", "protocol", "before", "moved"):
        raw["services"][name] = {
            "protocol": "grpc",
            "port": 50051,
            "image": {"uri": "ghcr.io/acme/any", "tag": "1"},
            "grpc_services": [f"acme.{name}.v1.Any"],
            "expose": {"alb": {"load_balancer": "public", "host": f"{name}.dev.example.com"}},
        }
    up.configure(raw)
    up.up()
    raw["services"]["port"]["port"] = 50052
    raw["services"]["protocol"] |= {"protocol": "http"}
    del raw["services"]["protocol"]["grpc_services"]
    raw["services"]["moved"]["expose"]["alb"]["load_balancer"] = "second"
    raw["load_balancers"]["public"]["scheme"] = "internal"
    raw["services"]["after"] = raw["services"].pop("before")
    up.configure(raw)
    planned = up.steps()
    assert {"port-target-group", "protocol-target-group", "moved-target-group", "port-binding"} <= set(
        planned["replace"]
    )
    assert "public-load-balancer" in planned["replace"]
    assert "before-target-group" in planned["delete"]
    assert "after-target-group" in planned["create"]
    up.up()
    assert set(up.steps()) == {"same"}
    groups = {row.inputs["name"].rpartition("-")[0]: row.inputs for row in up.cloud("aws:lb/targetGroup:TargetGroup")}
    assert sorted(groups) == ["after", "moved", "orders", "port", "protocol"]
    assert (groups["port"]["port"], groups["protocol"]["protocolVersion"]) == (50052, "HTTP1")
    up.configure(MINIMAL)
    up.up()


def test_a_mistake_in_the_settings_is_told_without_a_traceback(up: World) -> None:
    raw = deepcopy(MINIMAL)
    raw["services"]["orders"]["prot"] = raw["services"]["orders"].pop("port")
    raw["network"]["nat"] = "triple"
    up.configure(raw)
    result = up.run("preview", check=False)
    up.configure(MINIMAL)
    assert result.code != 0
    assert 'grpc-platform:services.orders.prot: unknown key; did you mean "port"?' in result.text
    assert "grpc-platform:network.nat" in result.text
    assert "Traceback" not in result.text
