"""The EKS cluster, its nodes and add-ons, and the controller on it."""

from collections.abc import Callable
from typing import Any

import pytest

from components import iam

Platform = Callable[..., Any]
Raw = dict[str, Any]

ADDON = "aws:eks/addon:Addon"


def test_the_control_plane_is_pinned_and_private_unless_said_otherwise(platform: Platform, minimal: Raw) -> None:
    inputs = platform(minimal).one("eks:index:Cluster").inputs
    assert inputs["version"] == "1.36"
    assert inputs["authenticationMode"] == "API"
    assert (inputs["endpointPrivateAccess"], inputs["endpointPublicAccess"]) == (True, False)
    assert "publicAccessCidrs" not in inputs
    assert inputs["skipDefaultNodeGroup"] is True
    assert inputs["createOidcProvider"] is False


def test_public_access_is_only_for_the_networks_given(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["public_access_cidrs"] = ["203.0.113.0/24"]
    inputs = platform(minimal).one("eks:index:Cluster").inputs
    assert inputs["endpointPublicAccess"] is True
    assert inputs["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_secrets_are_encrypted_with_a_key_that_rotates(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    assert seen.one("aws:kms/key:Key").inputs["enableKeyRotation"] is True
    assert "encryptionConfigKeyArn" in seen.one("eks:index:Cluster").inputs


def test_logs_go_to_a_group_that_exists_first_and_forgets(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"] |= {"logs": ["audit"], "log_retention": 30}
    seen = platform(minimal)
    group = seen.one("aws:cloudwatch/logGroup:LogGroup")
    assert group.inputs["name"] == "/aws/eks/grpc-platform-test/cluster"
    assert group.inputs["retentionInDays"] == 30
    assert group.urn in seen.one("eks:index:Cluster").depends_on
    minimal["cluster"]["logs"] = []
    assert not platform(minimal).of("aws:cloudwatch/logGroup:LogGroup")


def test_every_addon_is_pinned_and_settings_override_a_build(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["addons"] = {"coredns": "v1.14.7-eksbuild.10"}
    versions = {each.inputs["addonName"]: each.inputs["addonVersion"] for each in platform(minimal).of(ADDON)}
    assert sorted(versions) == ["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]
    assert versions["coredns"] == "v1.14.7-eksbuild.10"
    assert versions["kube-proxy"].startswith("v1.36.")


def test_what_needs_a_node_comes_after_the_nodes_and_what_nodes_need_before(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    nodes = seen.one("eks:index:ManagedNodeGroup")
    addons = {each.inputs["addonName"]: each for each in seen.of(ADDON)}
    assert {addons[name].urn for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")} <= set(nodes.depends_on)
    assert nodes.urn in addons["coredns"].depends_on


@pytest.mark.parametrize(
    ("architecture", "ami", "instance", "expected"),
    [
        ("arm64", "al2023", "m7g.large", "AL2023_ARM_64_STANDARD"),
        ("amd64", "al2023", "m7i.large", "AL2023_x86_64_STANDARD"),
        ("arm64", "bottlerocket", "m7g.large", "BOTTLEROCKET_ARM_64"),
        ("amd64", "bottlerocket", "m7i.large", "BOTTLEROCKET_x86_64"),
    ],
)
def test_node_groups_of_both_architectures(
    platform: Platform, minimal: Raw, architecture: str, ami: str, instance: str, expected: str
) -> None:
    minimal["cluster"]["node_groups"]["general"] = {
        "architecture": architecture,
        "ami": ami,
        "instance_types": [instance],
        "min": 1,
        "max": 4,
        "disk_size": 80,
        "capacity": "spot",
        "labels": {"team": "payments"},
        "taints": {"dedicated": {"value": "payments", "effect": "PREFER_NO_SCHEDULE"}},
    }
    inputs = platform(minimal).one("eks:index:ManagedNodeGroup").inputs
    assert inputs["amiType"] == expected
    assert inputs["scalingConfig"] == {"minSize": 1, "maxSize": 4, "desiredSize": 1}
    assert (inputs["diskSize"], inputs["capacityType"]) == (80, "SPOT")
    assert inputs["labels"] == {"team": "payments"}
    assert inputs["taints"] == [{"key": "dedicated", "value": "payments", "effect": "PREFER_NO_SCHEDULE"}]


def test_access_entries_by_name(platform: Platform, minimal: Raw) -> None:
    arn = "arn:aws:iam::111122223333:role/developers"
    minimal["cluster"]["access"] = {"developers": {"principal_arn": arn, "policy": "edit", "namespaces": ["orders"]}}
    seen = platform(minimal)
    association = seen.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation").inputs
    assert seen.one("aws:eks/accessEntry:AccessEntry").inputs["principalArn"] == arn
    assert association["accessScope"] == {"type": "namespace", "namespaces": ["orders"]}
    assert association["policyArn"].endswith("AmazonEKSEditPolicy")
    assert "accessEntries" not in seen.one("eks:index:Cluster").inputs


def test_access_can_be_taken_away_in_a_protected_environment(platform: Platform, minimal: Raw) -> None:
    arn = "arn:aws:iam::111122223333:role/developers"
    minimal["environment"] = {"protected": True}
    minimal["services"] = {}
    minimal["cluster"]["access"] = {"developers": {"principal_arn": arn, "policy": "view"}}
    assert not platform(minimal).one("aws:eks/accessEntry:AccessEntry").protect


def test_the_control_plane_keeps_its_zones_when_the_network_grows(platform: Platform, minimal: Raw) -> None:
    before = platform(minimal).one("eks:index:Cluster").inputs["subnetIds"]
    minimal["network"]["zones"] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    minimal["cluster"]["zones"] = ["eu-west-1a", "eu-west-1b"]
    assert platform(minimal).one("eks:index:Cluster").inputs["subnetIds"] == before


def test_without_an_autoscaler_a_raised_minimum_raises_the_size(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["node_groups"]["general"] |= {"min": 4}
    inputs = platform(minimal).one("eks:index:ManagedNodeGroup").inputs
    assert inputs["scalingConfig"]["desiredSize"] == 4
    assert not inputs.get("ignoreScalingChanges")
    minimal["cluster"]["node_groups"]["general"] |= {"autoscaled": True}
    assert platform(minimal).one("eks:index:ManagedNodeGroup").inputs["ignoreScalingChanges"] is True


def test_objects_use_a_provider_whose_identity_outlives_cluster_updates(platform: Platform, minimal: Raw) -> None:
    provider = platform(minimal).one("pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == "grpc-platform-test"


def test_the_controller_starts_after_agent_and_association(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    release = seen.one("kubernetes:helm.sh/v3:Release")
    association = seen.one("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    agent = seen.one(ADDON, "cluster-eks-pod-identity-agent")
    assert {association.urn, agent.urn} <= set(release.depends_on)
    assert agent.urn in association.depends_on
    assert seen.one("eks:index:ManagedNodeGroup").urn not in association.depends_on
    values = release.inputs["values"]
    assert values["enableServiceMutatorWebhook"] is False
    assert values["keepTLSSecret"] is True
    assert values["clusterName"] == "grpc-platform-test"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")],
)
def test_policies_lie_in_the_partition_of_the_region(region: str, partition: str) -> None:
    assert iam.managed_policy(region, "X") == f"arn:{partition}:iam::aws:policy/X"
    assert iam.ec2_principal(region).endswith(".cn") is (partition == "aws-cn")
