"""Every option of network and cluster together on the real engine: up, nothing to do, changed, gone without a trace."""

from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import MINIMAL, World

pytestmark = pytest.mark.engine


def with_every_option() -> dict[str, Any]:
    raw = deepcopy(MINIMAL)
    raw["network"] |= {"endpoints": ["s3", "ecr", "eks-auth"], "flow_logs": {"traffic": "reject"}}
    raw["cluster"]["node_groups"]["x86"] = {"architecture": "amd64", "instance_types": ["m7i.large"], "min": 1}
    raw["cluster"] |= {
        "extra_addons": {"aws-ebs-csi-driver": {"version": "v1.66.0-eksbuild.1"}},
        "external_dns": {"policy": "sync"},
    }
    raw["services"]["orders"]["architecture"] = "amd64"
    return raw


@pytest.mark.slow
def test_every_option_comes_and_goes(world: World) -> None:
    raw = with_every_option()
    world.configure(raw)
    world.up()
    assert set(world.steps()) == {"same"}
    assert {row["vpcEndpointType"] for row in world.cloud("aws:ec2/vpcEndpoint:VpcEndpoint")} == {
        "Gateway",
        "Interface",
    }
    raw["network"]["flow_logs"]["traffic"] = "all"
    raw["network"]["endpoints"].remove("eks-auth")
    del raw["cluster"]["external_dns"]
    world.configure(raw)
    steps = world.steps()
    assert "network-flow-log" in steps["replace"]
    assert {"network-endpoint-eks-auth", "external-dns-release", "external-dns-policy"} <= set(steps["delete"])
    assert "cluster" not in {*steps.get("update", ()), *steps["replace"], *steps["delete"]}
    world.up()
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


@pytest.mark.slow
def test_a_minor_version_further_updates_in_place_as_the_runbook_says(world: World) -> None:
    raw = deepcopy(MINIMAL)
    raw["cluster"]["version"] = "1.35"
    world.configure(raw)
    world.up()
    raw["cluster"]["version"] = "1.36"
    world.configure(raw)
    steps = world.steps()
    assert set(steps) == {"same", "update"}, steps
    assert set(steps["update"]) == {"cluster-eksCluster", "cluster-general", "cluster-kube-proxy", "cluster-coredns"}
    changed = world.up().text
    order = [
        changed.index(f"{name} updated") for name in ("cluster-eksCluster", "cluster-kube-proxy", "cluster-coredns")
    ]
    assert order == sorted(order)
    assert set(world.steps()) == {"same"}
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []
