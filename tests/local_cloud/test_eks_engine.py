"""Node groups below the real engine: the cluster given as a program may give it, in a first preview and an update."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World, new_world

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
subnets = [
    aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{number * 16}.0/20", availability_zone=f"eu-west-1{zone}")
    for number, zone in enumerate("ab")
]
statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
role = aws.iam.Role("nodes", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
policy = aws.iam.RolePolicyAttachment(
    "nodes", role=role.name, policy_arn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
)
cluster = eks.Cluster(
    "main", name="main", version="1.36", vpc_id=vpc.id, private_subnet_ids=[each.id for each in subnets],
    authentication_mode="API", skip_default_node_group=True, skip_default_security_groups=True,
    use_default_vpc_cni=True, kube_proxy_addon_options={"enabled": False},
    provider_credential_opts={"role_arn": "arn:aws:iam::123456789012:role/deployer", "profile_name": "dev"},
)
ways = {
    "component": {"cluster": cluster},
    "output": {"cluster": pulumi.Output.from_input(cluster)},
    "later": {"cluster": cluster.eks_cluster.arn.apply(lambda _: cluster)},
    "core": {"cluster": cluster.core, "subnet_ids": [each.id for each in subnets]},
}
for name, given in ways.items():
    eks.ManagedNodeGroup(
        name, **given, node_role=role, instance_types=["m7g.large"], ami_type="AL2023_ARM_64_STANDARD",
        opts=pulumi.ResourceOptions(depends_on=[policy]),
    )
pulumi.export("kubeconfig", cluster.kubeconfig)
"""
WAYS = ("component", "output", "later", "core")
KIND = "aws:eks/nodeGroup:NodeGroup"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = new_world(tmp_path, PROGRAM)
    made.configure({})
    return made


def planned(world: World) -> dict[str, dict[str, Any]]:
    """The inputs of the node groups in a preview, by name."""
    steps = world.run("preview", "--json", "--show-sames").json()["steps"]
    states = [step["newState"] for step in steps if f"${KIND}::" in step["urn"]]
    return {state["urn"].rpartition("::")[2]: state["inputs"] for state in states}


def command(kubeconfig: dict[str, Any]) -> list[str]:
    arguments: list[str] = kubeconfig["users"][0]["user"]["exec"]["args"]
    return arguments


@pytest.mark.slow
def test_a_cluster_may_be_given_in_any_way(world: World) -> None:
    first = planned(world)
    assert set(first) == set(WAYS)
    assert (first["component"]["clusterName"], first["component"]["version"]) == ("main", "1.36")
    assert all("version" in inputs for inputs in first.values()), "known or not, it is in the plan"

    world.up()
    subnets = sorted(row.id for row in world.cloud("aws:ec2/subnet:Subnet"))
    made = {row.urn.rpartition("::")[2]: row for row in world.cloud(KIND)}
    assert {name: sorted(row.inputs["subnetIds"]) for name, row in made.items()} == dict.fromkeys(WAYS, subnets)
    assert {row["clusterName"] for row in made.values()} == {"main"}
    assert {row.inputs["version"] for row in made.values()} == {"1.36"}
    assert planned(world).keys() == first.keys()
    assert set(world.steps()) == {"same"}
    _credentials(world)


def _credentials(world: World) -> None:
    """The component's own provider takes role and profile, the kubeconfig for others the role only."""
    role = ["--role", "arn:aws:iam::123456789012:role/deployer"]
    resources = world.engine.export(world.program, world.stack)["resources"]
    own = next(each for each in resources if each["urn"].endswith("::main-eks-k8s"))
    assert command(json.loads(own["inputs"]["kubeconfig"]))[-4:] == [*role, "--profile", "dev"]
    assert command(world.run("stack", "output", "--json").json()["kubeconfig"])[-2:] == role
