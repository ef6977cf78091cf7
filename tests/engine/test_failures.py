"""What goes wrong on the way: it is told in the cloud's words, and the way out leads to a clean end."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, MINIMAL, World, new_world

pytestmark = pytest.mark.engine

OWNER = """
import pulumi, pulumi_aws as aws
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
pulumi.export("vpc_id", vpc.id)
"""
GUEST = """
import pulumi, pulumi_aws as aws
aws.ec2.Subnet("subnet", vpc_id=pulumi.Config("grpc-platform").require("vpc"), cidr_block="10.0.1.0/24",
               availability_zone="eu-west-1a")
"""


def local_cloud(world: World, *args: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "local_cloud", *args],
        env={**world.engine.env, "PYTHONPATH": str(CHECKOUT)},
        cwd=world.program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_an_image_that_nobody_pushed_stops_the_deployment_until_it_is_pushed(world: World) -> None:
    raw = deepcopy(MINIMAL)
    raw["services"]["orders"]["image"] = {"repository": "orders", "tag": "1.4.2"}
    world.configure(raw)
    failed = world.run("up", "--yes", "--skip-preview", check=False)
    assert failed.code != 0
    assert "ErrImagePull" in failed.text
    assert "orders-deployment" in failed.text
    local_cloud(world, "push", "test/orders", "1.4.2")
    world.up()
    assert set(world.steps()) == {"same"}
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def test_destroy_after_a_failed_up_leaves_nothing(world: World) -> None:
    raw = deepcopy(MINIMAL)
    raw["services"]["orders"]["image"] = {"repository": "orders", "tag": "1.4.2"}
    world.configure(raw)
    assert world.run("up", "--yes", "--skip-preview", check=False).code != 0
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def test_destroying_in_the_wrong_order_is_refused_in_the_words_of_aws(tmp_path: Path) -> None:
    """Two stacks, so that the engine knows no order between them: only the cloud can refuse."""
    owner = new_world(tmp_path / "owner", OWNER)
    owner.configure({})
    owner.up()
    guest = new_world(tmp_path / "guest", GUEST)
    guest = World(guest.program, type(guest.engine)(owner.engine.root, owner.engine.env), "guest")
    guest.engine.run("stack", "init", "guest", cwd=guest.program)
    guest.configure({"vpc": owner.run("stack", "output", "vpc_id").stdout.strip()})
    guest.up()
    refused = owner.run("destroy", "--yes", "--skip-preview", check=False)
    assert refused.code != 0
    assert "DependencyViolation" in refused.text
    assert "has dependencies and cannot be deleted" in refused.text
    guest.run("destroy", "--yes", "--skip-preview")
    owner.run("destroy", "--yes", "--skip-preview")
    assert owner.cloud() == []


@pytest.mark.slow
def test_a_failed_replacement_can_be_taken_back_under_a_new_generation(world: World) -> None:
    """The old name is still taken by what waits for its deletion; AWS would say the same."""
    raw = deepcopy(MINIMAL)
    world.configure(raw)
    world.up()
    failing = deepcopy(MINIMAL)
    failing["load_balancers"]["public"]["scheme"] = "internal"
    failing["network"]["zones"] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    world.configure(failing)
    assert "exact set of AZs" in world.run("up", "--yes", "--skip-preview", check=False).text
    world.configure(raw)
    assert "already exists" in world.run("up", "--yes", "--skip-preview", check=False).text
    raw["load_balancers"]["public"]["generation"] = 2
    world.configure(raw)
    world.up()
    assert set(world.steps()) == {"same"}
    assert len(world.cloud("aws:lb/targetGroup:TargetGroup")) == 1
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []
