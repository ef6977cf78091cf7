"""What AWS and the provider refuse about clusters, and what a cluster brings along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, World

ROLE = "arn:aws:iam::123456789012:role/cluster"


def _encryption(key: str) -> dict[str, Any]:
    arn = f"arn:aws:kms:eu-west-1:123456789012:{key}"
    return {"provider": {"keyArn": arn}, "resources": ["secrets"]}


def _twice(world: World) -> object:
    network = world.network()
    world.cluster(network)
    return world.cluster(network, "again", name="main")


def _role(world: World, role: str) -> object:
    return world.cluster(world.network(), roleArn=role)


def _hundred(world: World) -> object:
    for number in range(100):
        world.aws.account.add(kinds.CLUSTER, f"cluster-{number}", {"name": f"cluster-{number}"}, {})
    return world.cluster(world.network())


def _crowded_zone(world: World) -> object:
    network = world.network()
    world.aws.account.patch(world.live(network.subnets[0]), availabilityZoneId="use1-az3")
    return world.cluster(network)


def _two_vpcs(world: World) -> object:
    subnets = [*world.network("a").ids, *world.network("b", block=1).ids]
    return world.cluster(world.network(block=2), vpcConfig={"subnetIds": subnets})


def _closed(world: World) -> object:
    network = world.network()
    return world.cluster(network, vpcConfig={"subnetIds": network.ids, "endpointPublicAccess": False})


def _closed_with_ranges(world: World) -> object:
    network = world.network()
    access = {"endpointPublicAccess": False, "endpointPrivateAccess": True, "publicAccessCidrs": ["10.0.0.0/8"]}
    return world.cluster(network, vpcConfig={"subnetIds": network.ids, **access})


def _unknown_group(world: World) -> object:
    network = world.network()
    return world.cluster(network, vpcConfig={"subnetIds": network.ids, "securityGroupIds": ["sg-0"]})


def _with_nodes(world: World) -> object:
    network = world.network()
    cluster = world.cluster(network)
    world.nodes(cluster, network)
    return world.drop(cluster)


def _to_other_vpc(world: World) -> object:
    cluster, other = world.cluster(world.network()), world.network(block=1)
    return world.change(cluster, vpcConfig={"subnetIds": other.ids})


def _other_zones(made: str, wanted: str) -> Callable[[World], object]:
    """A cluster made in some of the zones a, b and c gets subnets in others."""

    def attempt(world: World) -> object:
        network = world.network("abc")
        subnets = dict(zip("abc", network.ids, strict=True))
        chosen = [{"subnetIds": [subnets[zone] for zone in zones]} for zones in (made, wanted)]
        cluster = world.cluster(network, vpcConfig=chosen[0])
        return world.change(cluster, vpcConfig=chosen[1])

    return attempt


def _mode(world: World) -> object:
    access = {"authenticationMode": "CONFIG_MAP"}
    return world.change(world.cluster(world.network()), accessConfig=access)


REFUSALS: dict[str, tuple[Callable[[World], object], str]] = {
    "a name that is taken": (_twice, "ResourceInUseException: Cluster already exists with name: main"),
    "a version AWS does not offer": (
        lambda world: world.cluster(world.network(), version="1.29"),
        "InvalidParameterException: unsupported Kubernetes version",
    ),
    "a role that does not exist": (lambda world: _role(world, ROLE), "could not be assumed"),
    "a role that nodes use": (
        lambda world: _role(world, world.role("nodes", "ec2.amazonaws.com", "AmazonEKSClusterPolicy")["arn"]),
        "could not be assumed because it does not exist or the trusted entity is not correct",
    ),
    "a role without policies": (
        lambda world: _role(world, world.role("bare", "eks.amazonaws.com")["arn"]),
        "doesn't have the Amazon EKS Managed Policies associated with it",
    ),
    "a hundred others": (_hundred, "ResourceLimitExceededException"),
    "a zone that EKS does not use": (
        _crowded_zone,
        "UnsupportedAvailabilityZoneException: Cannot create cluster because use1-az3",
    ),
    "subnets in one zone": (
        lambda world: world.cluster(world.network("a")),
        "InvalidParameterException: Subnets specified must be in at least two different AZs",
    ),
    "subnets that do not exist": (
        lambda world: world.cluster(world.network(), vpcConfig={"subnetIds": ["subnet-1"]}),
        "The subnet ID 'subnet-1' does not exist",
    ),
    "subnets of two VPCs": (_two_vpcs, "Subnets specified must belong to the same VPC"),
    "a security group that does not exist": (_unknown_group, "The security group ID 'sg-0' does not exist"),
    "a key that does not exist": (
        lambda world: world.cluster(world.network(), encryptionConfig=_encryption("key/1")),
        "The keyArn in encryptionConfig provider has invalid value",
    ),
    "a key that does not exist later": (
        lambda world: world.change(world.cluster(world.network()), encryptionConfig=_encryption("key/1")),
        "AssociateEncryptionConfig, https response error",
    ),
    "no endpoint at all": (_closed, "Private and public endpoint access cannot be false"),
    "address ranges for a private endpoint": (_closed_with_ranges, "publicAccessCidrs"),
    "a step over a version": (
        lambda world: world.change(world.cluster(world.network(), version="1.34"), version="1.36"),
        "UpdateClusterVersion, https response error StatusCode: 400",
    ),
    "a step back": (
        lambda world: world.change(world.cluster(world.network(), version="1.36"), version="1.35"),
        "Unsupported Kubernetes minor version update from 1.36 to 1.35",
    ),
    "a step back to the ConfigMap": (_mode, "Unsupported authentication mode update from API to CONFIG_MAP"),
    "a move to another VPC": (_to_other_vpc, "Provided subnets belong to a different VPC than the cluster"),
    "a subnet in another zone": (
        _other_zones("ab", "abc"),
        "InvalidParameterException: Provided subnets belong to the AZs 'eu-west-1a,eu-west-1b,eu-west-1c'. But they",
    ),
    "a subnet outside the zones of its creation": (
        _other_zones("ab", "abc"),
        "the exact set of AZs 'eu-west-1a,eu-west-1b' in which subnets were provided during cluster creation.",
    ),
    "a zone less": (_other_zones("abc", "ab"), "should belong to the exact set of AZs"),
    "a zone for another": (_other_zones("ab", "ac"), "should belong to the exact set of AZs"),
    "deletion with nodes": (_with_nodes, "ResourceInUseException: Cluster has nodegroups attached"),
    "deletion under protection": (
        lambda world: world.drop(world.cluster(world.network(), deletionProtection=True)),
        "InvalidRequestException: Cluster main cannot be deleted because deletion protection is enabled",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses_a_cluster_with(case: str) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert said in str(caught.value)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown log type": ({"enabledClusterLogTypes": ["events"]}, 'one of ["api" "audit" "authenticator"'),
    "an unknown mode": ({"accessConfig": {"authenticationMode": "IAM"}}, "expected accessConfig.authenticationMode"),
    "a service range of /8": (
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.0/8"}},
        "between 12 and 24 significant bits, got: 10.0.0.0/8",
    ),
    "a public service range": (
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "52.0.0.0/16"}},
        "must be within 10.0.0.0/8, 172.16.0.0/12, or 192.168.0.0/16",
    ),
    "a service range that is none": (
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.0.0.1/16"}},
        "must be a valid IPv4 CIDR block",
    ),
    "half of auto mode": ({"computeConfig": {"enabled": True}}, "must all be set to either true or false"),
    "an underscore in front": ({"name": "_main"}, "expected name to match"),
    "no subnets": ({"vpcConfig": {"subnetIds": []}}, "vpcConfig.subnetIds supports at least 1 item(s)"),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    props, said = INVALID[case]
    given = {"name": "main", "roleArn": ROLE, "vpcConfig": {"subnetIds": ["subnet-1"]}}
    with pytest.raises(Invalid) as caught:
        World().checked(kinds.CLUSTER, "main", {**given, **props})
    assert said in str(caught.value)


REPLACING: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "the name": ({"name": "other"}, ("name",)),
    "the role": ({"roleArn": ROLE}, ("roleArn",)),
    "the service range": (
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "10.100.0.0/16"}},
        ("kubernetesNetworkConfig",),
    ),
    "encryption taken away": ({"encryptionConfig": None}, ("encryptionConfig",)),
    "the creator's rights": (
        {"accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}},
        ("accessConfig",),
    ),
    "the version": ({"version": "1.37"}, ()),
    "the logs": ({"enabledClusterLogTypes": ["api"]}, ()),
    "the endpoint's ranges": ({"vpcConfig": {"subnetIds": ["subnet-1"], "publicAccessCidrs": ["10.0.0.0/8"]}}, ()),
    "the support policy": ({"upgradePolicy": {"supportType": "STANDARD"}}, ()),
}


@pytest.mark.parametrize("case", REPLACING)
def test_a_change_of_it_replaces_the_cluster_or_not(case: str) -> None:
    changes, replaces = REPLACING[case]
    world = World()
    key = world.make("aws:kms/key:Key", "key")
    cluster = world.cluster(world.network(), encryptionConfig=_encryption(f"key/{key.id}"))
    assert world.diff(cluster, **changes).replaces == replaces


def test_a_version_goes_up_one_by_one_and_the_endpoint_stays() -> None:
    world = World()
    cluster = world.cluster(world.network(), version="1.35")
    changed = world.change(cluster, version="1.36")
    assert changed["version"] == "1.36"
    assert changed["endpoint"] == cluster["endpoint"]
    assert changed["vpcConfig"] == cluster["vpcConfig"]


def test_a_cluster_moves_to_other_subnets_of_its_zones() -> None:
    world = World()
    network = world.network("abba")
    cluster = world.cluster(network, vpcConfig={"subnetIds": network.ids[:2]})
    chosen = {"subnetIds": network.ids[2:], "endpointPrivateAccess": True}
    assert world.change(cluster, vpcConfig=chosen)["vpcConfig"]["subnetIds"] == chosen["subnetIds"]


def test_its_own_security_group_keeps_the_vpc_and_goes_with_the_cluster() -> None:
    world = World()
    network = world.network(gateway=False)
    cluster = world.cluster(network)
    group = cluster["vpcConfig"]["clusterSecurityGroupId"]
    assert world.aws.account.get(kinds.SECURITY_GROUP, group) is not None
    with pytest.raises(Refused, match="DependencyViolation"):
        world.drop(network.subnets[0])
    world.drop(cluster)
    assert world.aws.account.get(kinds.SECURITY_GROUP, group) is None
    for gone in (*network.subnets, network.vpc):
        world.drop(gone)


def test_a_log_group_that_comes_after_the_cluster_is_there_already() -> None:
    world = World()
    world.cluster(world.network(), enabledClusterLogTypes=["api"])
    with pytest.raises(Refused, match="ResourceAlreadyExistsException: The specified log group already exists"):
        world.make(kinds.LOG_GROUP, "logs", name="/aws/eks/main/cluster")


def test_a_log_group_that_comes_first_is_used_and_survives() -> None:
    world = World()
    logs = world.make(kinds.LOG_GROUP, "logs", name="/aws/eks/main/cluster", retentionInDays=30)
    cluster = world.cluster(world.network(), enabledClusterLogTypes=["api"])
    world.drop(cluster)
    assert world.live(logs)["retentionInDays"] == 30


def test_without_logs_there_is_no_log_group() -> None:
    world = World()
    world.cluster(world.network())
    assert not world.aws.account.rows(kinds.LOG_GROUP)


def test_a_preview_knows_the_given_part_of_the_network_only() -> None:
    world = World()
    props = {"name": "main", "roleArn": ROLE, "vpcConfig": {"subnetIds": ["subnet-1"]}}
    seen = world.preview(kinds.CLUSTER, "main", **props)
    assert seen["vpcConfig"]["subnetIds"] == ["subnet-1"]
    assert seen["vpcConfig"]["clusterSecurityGroupId"] is UNKNOWN
    assert seen["endpoint"] is UNKNOWN
    assert seen["certificateAuthority"] is UNKNOWN


def test_a_preview_of_an_update_still_knows_what_was_computed_inside_an_input() -> None:
    """Else every security group rule on the cluster's group shows as replaced when the version changes."""
    world = World()
    cluster = world.cluster(world.network(), version="1.35")
    call, _ = world._call(cluster, {"version": "1.36"})
    planned = world.aws.update(replace(call, preview=True))
    assert planned["vpcConfig"]["clusterSecurityGroupId"] == cluster["vpcConfig"]["clusterSecurityGroupId"]
    assert planned["version"] == "1.36"
