"""Managed node groups and add-ons of the eks components against a recording resource monitor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.eks.traced import Reference, Traced, encode
from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud.eks_world import ADDON, ROLE, Monitor, ours, serving


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with serving() as recorder:
        yield recorder


def given(monitor: Monitor, how: str, **inputs: Any) -> Any:
    """A cluster as a program may hand it on."""
    outputs = monitor.construct("Cluster", "main", **ours(**inputs))
    urn = monitor.response.urn
    monitor.registered.clear()
    return Reference(urn) if how == "component" else outputs["core"]


@pytest.mark.parametrize("how", ["component", "core"])
def test_a_node_group(monitor: Monitor, how: str) -> None:
    cluster = given(monitor, how)
    outputs = monitor.construct(
        "ManagedNodeGroup",
        "general",
        cluster=cluster,
        nodeRoleArn=ROLE,
        amiType="AL2023_ARM_64_STANDARD",
        scalingConfig={"minSize": 2},
    )

    assert monitor.tree() == [("aws:eks/nodeGroup:NodeGroup", "general", "general")]
    assert monitor.one("general").inputs == {
        "clusterName": "main",
        "version": "1.36",
        "nodeRoleArn": ROLE,
        "amiType": "AL2023_ARM_64_STANDARD",
        "scalingConfig": {"desiredSize": 2, "minSize": 2, "maxSize": 2},
        "subnetIds": ["subnet-1", "subnet-2"],
    }
    assert outputs["nodeGroup"].id == "general-id"
    assert outputs["placementGroupName"] == ""


def test_a_node_group_with_its_own_everything(monitor: Monitor) -> None:
    cluster = given(monitor, "core")
    role = Reference("urn:role", "nodes")
    monitor.states["urn:role"] = encode({"arn": Traced(ROLE)})
    monitor.construct(
        "ManagedNodeGroup",
        "general",
        cluster=cluster,
        clusterName="other",
        nodeRole=role,
        version="1.35",
        subnetIds=["subnet-9"],
        ignoreScalingChanges=True,
        operatingSystem="Bottlerocket",
        instanceTypes=["m7g.large"],
    )
    made = monitor.one("general")

    assert (made.inputs["clusterName"], made.inputs["version"], made.inputs["nodeRoleArn"]) == ("other", "1.35", ROLE)
    assert made.inputs["amiType"] == "BOTTLEROCKET_ARM_64"
    assert list(made.request.ignoreChanges) == ["scalingConfig.desiredSize"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "An IAM role, or role ARN must be provided"),
        ({"nodeRole": "a", "nodeRoleArn": "b"}, "cannot specify both nodeRole and nodeRoleArn"),
        ({"nodeRoleArn": ROLE, "amiId": "ami-1", "amiType": "CUSTOM"}, "both amiId and amiType"),
        (
            {"nodeRoleArn": ROLE, "launchTemplate": {"id": "lt"}, "userData": "x"},
            "If you provide a custom launch template",
        ),
        ({"nodeRoleArn": ROLE, "enableIMDSv2": True}, "does not model node groups with a launch template"),
    ],
)
def test_what_a_node_group_refuses(monitor: Monitor, inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        monitor.construct("ManagedNodeGroup", "general", cluster={"cluster": "main"}, **inputs)


def test_an_add_on_sits_below_its_cluster(monitor: Monitor) -> None:
    cluster = given(monitor, "component")
    given_values = {"addonName": "eks-pod-identity-agent", "configurationValues": {"a": 1}}
    monitor.construct("Addon", "agent", cluster=cluster, **given_values)

    assert monitor.registered[0].parent == "main"
    assert monitor.tree() == [(ADDON, "agent", "agent")]
    assert monitor.one("agent").inputs == {
        "clusterName": "main",
        "addonName": "eks-pod-identity-agent",
        "configurationValues": '{"a":1}',
    }


@pytest.mark.parametrize("how", ["component", "core"])
def test_a_preview_of_a_node_group_knows_what_its_cluster_knows(monitor: Monitor, how: str) -> None:
    monitor.preview = True
    cluster = given(monitor, how, subnetIds=[UNKNOWN, UNKNOWN])
    monitor.construct("ManagedNodeGroup", "general", cluster=cluster, nodeRoleArn=UNKNOWN)

    assert monitor.one("general").inputs == {
        "clusterName": "main",
        "version": "1.36",
        "nodeRoleArn": UNKNOWN,
        "scalingConfig": {"desiredSize": 2, "minSize": 1, "maxSize": 2},
        "subnetIds": [UNKNOWN, UNKNOWN],
    }


def test_a_preview_of_a_node_group_of_an_unknown_cluster(monitor: Monitor) -> None:
    monitor.preview = True
    monitor.construct("ManagedNodeGroup", "general", cluster=Traced(UNKNOWN), nodeRoleArn=ROLE)
    made = monitor.one("general").inputs

    assert (made["clusterName"], made["version"], made["subnetIds"]) == (UNKNOWN, UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    ("subnets", "chosen"),
    [
        ({"publicSubnetIds": ["a"], "privateSubnetIds": ["b"]}, ["a", "b"]),
        ({"privateSubnetIds": ["b"]}, ["b"]),
        ({"subnetIds": ["c"]}, ["c"]),
    ],
)
def test_a_node_group_takes_the_subnets_of_its_cluster(
    monitor: Monitor, subnets: dict[str, list[str]], chosen: list[str]
) -> None:
    cluster = given(monitor, "component", **{"subnetIds": None, **subnets})
    monitor.construct("ManagedNodeGroup", "general", cluster=cluster, nodeRoleArn=ROLE)

    assert monitor.one("general").inputs["subnetIds"] == chosen
