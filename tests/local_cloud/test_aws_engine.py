"""The aws stand-in under the real engine: what unit tests cannot know about the order of the engine's calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local_cloud.store import Row, Store
from tests.conftest import World, new_world
from tools.engine import Result

pytestmark = pytest.mark.engine

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
URN = f"urn:pulumi:test::grpc-platform::{LOG_GROUP}::logs"

# The programs register resources without pulumi_aws, whose import would be most of a test's time.
LOGS = f"""
import os
from pulumi import CustomResource, ResourceOptions

log_class = os.environ.get("LOG_CLASS", "STANDARD")
options = ResourceOptions(version="{version("pulumi-aws")}")
CustomResource("{LOG_GROUP}", "logs", {{"retentionInDays": 90, "logGroupClass": log_class}}, options)
"""

NETWORK = f"""
import os
from pulumi import CustomResource, ResourceOptions

options = ResourceOptions(version="{version("pulumi-aws")}")
vpc = CustomResource("aws:ec2/vpc:Vpc", "net", {{"cidrBlock": "10.0.0.0/16"}}, options)
block = os.environ.get("BLOCK", "10.0.0.0/24")
subnet = {{"vpcId": vpc.id, "cidrBlock": block, "tags": {{"tier": "private"}}}}
CustomResource("aws:ec2/subnet:Subnet", "a", subnet, options)
if os.environ.get("WRONG"):
    CustomResource("aws:ec2/subnet:Subnet", "wrong", {{"cidrBlok": "10.0.9.0/24"}}, options)
"""


@dataclass(frozen=True)
class Stage:
    """One small program on a local cloud of its own."""

    world: World

    def run(self, *args: str, check: bool = True, **env: str) -> Result:
        stack = ("--stack", self.world.stack)
        return self.world.engine.run(*args, *stack, cwd=self.world.program, check=check, env=env, timeout=120)

    def up(self, *args: str, check: bool = True, **env: str) -> Result:
        return self.run("up", "--yes", "--skip-preview", *args, check=check, **env)

    def killed(self, *args: str, **env: str) -> None:
        """An up that dies right after the log group's create, before the state is saved; the lock is taken away."""
        assert self.up(*args, check=False, LOCAL_CLOUD_DIE_AFTER="create:::logs", **env).code == -9
        self.run("cancel", "--yes")

    def rows(self) -> list[Row]:
        return self.world.cloud()

    def ids(self) -> list[str]:
        return [row.id for row in self.rows()]

    def _resources(self) -> list[dict[str, Any]]:
        exported = self.world.engine.export(self.world.program, self.world.stack).get("resources", [])
        return [resource for resource in exported if resource["type"].startswith("aws:")]

    def known(self) -> list[str]:
        """The ids in Pulumi's state."""
        return [resource["id"] for resource in self._resources()]

    def state(self) -> dict[str, dict[str, Any]]:
        """The outputs in Pulumi's state, by type."""
        return {resource["type"]: resource["outputs"] for resource in self._resources()}


def _stage(root: Path, program: str) -> Stage:
    world = new_world(root, program, throw_away=False)
    config = {"aws:region": "eu-west-1", "aws:defaultTags": {"tags": {"team": "a"}}}
    file = world.program / f"Pulumi.{world.stack}.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "config": config}))
    return Stage(world)


def test_a_killed_create_is_adopted_and_leaves_no_process(tmp_path: Path) -> None:
    stage = _stage(tmp_path, LOGS)
    stage.killed()
    [left] = stage.ids()
    assert stage.known() == []
    _wait_for_the_end_of_plugins(str(tmp_path))
    stage.up()
    assert stage.ids() == stage.known() == [left]
    assert stage.run("preview", "--expect-no-changes").code == 0


def _wait_for_the_end_of_plugins(root: str) -> None:
    def living() -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _runs_for(process, root)]

    deadline = time.monotonic() + 10
    while found := living():
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def _runs_for(process: psutil.Process, root: str) -> bool:
    try:
        return "local_cloud.aws" in process.cmdline() and process.environ()["LOCAL_CLOUD_HOME"].startswith(root)
    except (psutil.Error, KeyError):
        return False


def test_a_replacement_killed_after_its_create_adopts_the_successor_not_the_living(tmp_path: Path) -> None:
    stage = _stage(tmp_path, LOGS)
    stage.up()
    [living] = stage.ids()
    stage.killed(LOG_CLASS="INFREQUENT_ACCESS")
    assert len(stage.ids()) == 2
    assert stage.known() == [living]
    [successor] = set(stage.ids()) - {living}
    stage.up(LOG_CLASS="INFREQUENT_ACCESS")
    assert stage.ids() == stage.known() == [successor]


def test_target_replace_right_after_the_first_up_makes_a_new_one(tmp_path: Path) -> None:
    """The engine calls Check without old inputs and then Create: no Diff names the living resource."""
    stage = _stage(tmp_path, LOGS)
    stage.up()
    [first] = stage.ids()
    stage.up("--target-replace", URN)
    [second] = stage.ids()
    assert second != first
    assert stage.known() == [second]
    stage.killed("--target-replace", URN)
    [left] = set(stage.ids()) - {second}
    stage.up("--target-replace", URN)
    assert stage.ids() == stage.known() == [left]


def test_target_replace_of_what_a_killed_run_had_saved_keeps_cloud_and_state_together(tmp_path: Path) -> None:
    stage = _stage(tmp_path, LOGS)
    stage.up()
    store = Store(stage.world.engine.store)
    store._db.execute("UPDATE resource SET named = 0")  # as after a kill later in that first run
    store.close()
    stage.up("--target-replace", URN)
    assert stage.ids() == stage.known()
    assert len(stage.ids()) == 1


def test_a_network_through_its_life(tmp_path: Path) -> None:
    stage = _stage(tmp_path, NETWORK)
    stage.up()
    assert stage.state()["aws:ec2/subnet:Subnet"]["tagsAll"] == {"team": "a", "tier": "private"}
    assert stage.run("refresh", "--yes", "--skip-preview", "--expect-no-changes").code == 0
    vpc, subnet = stage.ids()

    conflict = stage.up(check=False, BLOCK="10.0.0.0/25").check_failed()
    assert "creating EC2 Subnet: operation error EC2: CreateSubnet, https response error StatusCode: 400" in conflict
    assert "api error InvalidSubnet.Conflict: The CIDR '10.0.0.0/25' conflicts with another subnet" in conflict
    assert stage.ids() == [vpc, subnet], "a refused replacement leaves the living one alone"

    store = Store(stage.world.engine.store)
    interface = store.insert(Row("eni-1", INTERFACE, "", {"subnetId": subnet}, {"subnetId": subnet}))
    held = stage.run("destroy", "--yes", "--skip-preview", check=False).check_failed()
    assert f"api error DependencyViolation: The subnet '{subnet}' has dependencies and cannot be deleted." in held
    store.delete(interface)
    store.delete(Row(subnet, "aws:ec2/subnet:Subnet", "", {}, {}))
    store.close()
    stage.run("refresh", "--yes", "--skip-preview")
    assert stage.known() == [vpc], "what somebody deleted by hand is gone from the state"
    stage.run("destroy", "--yes", "--skip-preview")
    assert stage.rows() == []


def test_wrong_inputs_and_imports(tmp_path: Path) -> None:
    stage = _stage(tmp_path, NETWORK)
    said = stage.run("preview", check=False, WRONG="1").check_failed()
    assert "aws:ec2/subnet:Subnet resource 'wrong' has a problem: Missing required property 'vpcId'" in said
    assert "Invalid or unknown key; did you mean \"cidrBlock\"?. Examine values at 'wrong.cidrBlok'." in said
    store = Store(stage.world.engine.store)
    outputs = {"cidrBlock": "10.7.0.0/16", "arn": "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-7"}
    store.insert(Row("vpc-7", "aws:ec2/vpc:Vpc", "", {"cidrBlock": "10.7.0.0/16", "__defaults": []}, outputs))
    store.close()
    given = ("--yes", "--skip-preview", "--generate-code=false")
    stage.run("import", "aws:ec2/vpc:Vpc", "taken", "vpc-7", *given)
    gone = stage.run("import", "aws:ec2/vpc:Vpc", "none", "vpc-8", *given, check=False)
    assert "resource 'vpc-8' does not exist" in gone.check_failed()
    assert stage.known() == ["vpc-7"]
