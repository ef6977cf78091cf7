"""Rules between settings of environment, network and cluster."""

import ipaddress
from typing import Any

import pytest

from components.settings import cidr

from .conftest import Desk


def test_zones_lie_in_the_region_of_the_stack(desk: Desk) -> None:
    desk.region = "eu-central-1"
    assert desk.lines() == [
        "network.zones: eu-west-1a is not in eu-central-1 (aws:region); must be zones such as eu-central-1a",
        "network.zones: eu-west-1b is not in eu-central-1 (aws:region); must be zones such as eu-central-1a",
    ]


def test_without_a_region_zones_still_lie_in_one(desk: Desk) -> None:
    desk.region = None
    assert desk.lines() == []
    desk.put("network.zones", ["eu-west-1a", "eu-west-2a"])
    assert desk.lines() == ["network.zones: must lie in one region; received eu-west-1a, eu-west-2a"]


def test_a_region_that_is_none_is_named_under_its_own_key(desk: Desk) -> None:
    desk.region = "Ireland"
    assert desk.lines() == ['aws:region: must be an AWS region such as eu-west-1; received "Ireland"']


@pytest.mark.parametrize("region", [5, True, ["eu-west-1"], b"eu-west-1"])
def test_a_region_that_is_no_text_is_refused(desk: Desk, region: Any) -> None:
    desk.region = region
    (line,) = desk.lines()
    assert line.startswith("aws:region: must be an AWS region such as eu-west-1; received ")


@pytest.mark.parametrize(("length", "addresses"), [(18, 251), (19, 123), (20, 59)])
def test_nodes_without_nat_need_a_network_with_room_in_its_public_subnets(
    desk: Desk, length: int, addresses: int
) -> None:
    desk.put("network.cidr", f"10.0.0.0/{length}")
    assert desk.lines() == []
    assert desk.put("network.nat", "none").lines() == [
        (
            f"network.nat: none puts nodes and pods into the public subnets, and those of a /{length} (network.cidr) "
            f"have {addresses} addresses in each zone; choose a network of /16 or /17, with 1019 or 507, or nat: single"
        )
    ]


@pytest.mark.parametrize(("length", "addresses"), [(16, 1019), (17, 507)])
def test_a_large_network_has_that_room(desk: Desk, length: int, addresses: int) -> None:
    block = f"10.0.0.0/{length}"
    assert desk.put("network.nat", "none").put("network.cidr", block).lines() == []
    public = ipaddress.IPv4Network(cidr.plan(block, ["eu-west-1a"])["eu-west-1a"].public)
    assert public.num_addresses - 5 == addresses


def test_the_control_plane_lies_in_zones_of_the_network(desk: Desk) -> None:
    assert desk.put("cluster.zones", ["eu-west-1a", "eu-west-1c"]).lines() == [
        (
            'cluster.zones: "eu-west-1c" is not a zone of the network; did you mean "eu-west-1b"? '
            "(there is: eu-west-1a, eu-west-1b)"
        )
    ]
    assert desk.put("network.zones", ["eu-west-1a", "eu-west-1b", "eu-west-1c"]).lines() == []


def test_a_zone_may_leave_the_network_only_when_the_control_plane_is_not_in_it(desk: Desk) -> None:
    zones = ["eu-west-1a", "eu-west-1b"]
    desk.put("cluster.zones", zones).put("network.zones", [*zones, "eu-west-1c"])
    assert desk.lines() == []
    assert desk.load().cluster.zones == tuple(zones)
    (line,) = desk.put("network.zones", ["eu-west-1a", "eu-west-1c"]).lines()
    assert line.startswith('cluster.zones: "eu-west-1b" is not a zone of the network')


def test_tags_that_differ_in_case_only_are_one_tag_to_iam(desk: Desk) -> None:
    assert desk.put("environment.tags", {"owner": "a", "team": "b", "Owner": "a"}).lines() == [
        ('environment.tags.Owner: the same tag as "owner" to IAM, where case does not matter; leave one of them out')
    ]
    assert desk.drop("environment.tags.owner").lines() == []


def test_a_version_without_pinned_builds_needs_every_build_and_says_how_to_find_them(desk: Desk) -> None:
    lines = desk.put("cluster.version", "1.37").lines()
    assert [line.split(":")[0] for line in lines] == [
        f"cluster.addons.{name}"
        for name in ("coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni")
    ]
    assert "aws eks describe-addon-versions --addon-name coredns --kubernetes-version 1.37" in lines[0]
    for name in ("coredns", "eks-pod-identity-agent", "metrics-server", "vpc-cni"):
        desk.put(f"cluster.addons.{name}", "v1.2.3-eksbuild.1")
    assert desk.put("cluster.addons.kube-proxy", "v1.37.0-eksbuild.1").lines() == []


def test_the_encryption_of_secrets_is_no_choice(desk: Desk) -> None:
    """Taking it away would replace the cluster, so there is no key for it."""
    (line,) = desk.put("cluster.encryption", False).lines()
    assert line.startswith("cluster.encryption: unknown key (allowed: version, ")


def test_kube_proxy_has_the_minor_version_of_the_cluster(desk: Desk) -> None:
    assert desk.put("cluster.addons.kube-proxy", "v1.35.3-eksbuild.29").lines() == [
        "cluster.addons.kube-proxy: must be of Kubernetes 1.36 (cluster.version); received v1.35.3-eksbuild.29"
    ]
    assert desk.put("cluster.version", "1.35").lines() == []


@pytest.mark.parametrize("cidr", ["10.1.0.0/16", "172.16.0.0/12", "192.168.1.0/24", "127.0.0.0/8", "169.254.1.0/24"])
def test_a_private_network_cannot_come_from_the_internet(desk: Desk, cidr: str) -> None:
    (line,) = desk.put("cluster.public_access_cidrs", ["203.0.113.0/24", cidr]).lines()
    assert line.startswith(f"cluster.public_access_cidrs[1]: {cidr} is a private network, which EKS refuses here")


def test_the_endpoint_may_be_open_only_where_nothing_is_protected(desk: Desk) -> None:
    assert desk.put("cluster.public_access_cidrs", ["0.0.0.0/0"]).lines() == []
    (line,) = desk.protect().lines()
    assert line.startswith("cluster.public_access_cidrs: 0.0.0.0/0 opens the Kubernetes API to the whole internet")


def test_a_principal_has_one_access_entry(desk: Desk) -> None:
    entry = {"principal_arn": "arn:aws:iam::111122223333:role/ops", "policy": "view"}
    assert desk.put("cluster.access", {"a": entry, "b": entry}).lines() == [
        (
            "cluster.access.b.principal_arn: arn:aws:iam::111122223333:role/ops already has the "
            'entry "a"; EKS takes one for '
            "each role or user"
        )
    ]


def test_cluster_admin_holds_for_the_whole_cluster(desk: Desk) -> None:
    entry: dict[str, Any] = {"principal_arn": "arn:aws:iam::111122223333:role/ops", "policy": "cluster_admin"}
    (line,) = desk.put("cluster.access", {"ops": entry | {"namespaces": ["orders"]}}).lines()
    assert line.startswith("cluster.access.ops.namespaces: cluster_admin holds for the whole cluster")
    assert desk.put("cluster.access.ops.policy", "admin").lines() == []


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::111122223333:assumed-role/a/b",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS",
    ],
)
def test_a_session_the_root_user_or_a_service_linked_role_is_no_principal(desk: Desk, arn: str) -> None:
    (line,) = desk.put("cluster.access", {"ops": {"principal_arn": arn, "policy": "view"}}).lines()
    assert "(not an sts session, not root, not a service-linked role)" in line


@pytest.mark.parametrize("path", ["aws-reserved/sso.amazonaws.com/", "aws-service-role-like/", "team/"])
def test_a_role_may_have_another_path(desk: Desk, path: str) -> None:
    arn = f"arn:aws:iam::111122223333:role/{path}ops"
    assert desk.put("cluster.access", {"ops": {"principal_arn": arn, "policy": "view"}}).lines() == []


def test_something_must_be_able_to_run_what_tolerates_nothing(desk: Desk) -> None:
    desk.put("cluster.node_groups.general.taints", {"gpu": {"effect": "NO_SCHEDULE"}})
    (line,) = desk.lines()
    assert line.startswith("cluster.node_groups: every group is tainted, so nothing could run CoreDNS")
    assert desk.put("cluster.node_groups.more", {"instance_types": ["m7g.large"]}).lines() == []


def test_a_group_has_at_most_its_most_nodes(desk: Desk) -> None:
    assert desk.put("cluster.node_groups.general.min", 7).lines() == [
        "cluster.node_groups.general.min: must be at most max, 6; received 7"
    ]
    assert desk.put("cluster.node_groups.general.min", 6).lines() == []


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("m7g.large", "arm64"),
        ("c7gn.xlarge", "arm64"),
        ("t4g.small", "arm64"),
        ("a1.large", "arm64"),
        ("is4gen.large", "arm64"),
        ("g5g.xlarge", "arm64"),
        ("hpc7g.4xlarge", "arm64"),
        ("x2gd.large", "arm64"),
        ("p6e-gb200.36xlarge", "arm64"),
        ("m7i.large", "amd64"),
        ("m7i-flex.large", "amd64"),
        ("g5.xlarge", "amd64"),
        ("m6a.large", "amd64"),
        ("t3.small", "amd64"),
        ("gr6.4xlarge", "amd64"),
        ("u-6tb1.metal", "amd64"),
        ("inf2.xlarge", "amd64"),
    ],
)
def test_instance_types_have_the_architecture_of_their_group(desk: Desk, instance_type: str, architecture: str) -> None:
    other = "amd64" if architecture == "arm64" else "arm64"
    group = "cluster.node_groups.general"
    desk.put(f"{group}.instance_types", [instance_type]).put(f"{group}.architecture", architecture)
    assert desk.lines() == []
    assert desk.put(f"{group}.architecture", other).lines() == [
        f"{group}.instance_types[0]: {instance_type} is {architecture}, but the group's architecture is {other}"
    ]


@pytest.mark.parametrize("release", ["1.35.9-20260923", "1.37.0-20261001", "1.3.6-20260101", "1.360.1-20260101"])
def test_a_release_is_of_the_version_of_the_cluster(desk: Desk, release: str) -> None:
    path = "cluster.node_groups.general.release_version"
    assert desk.put(path, release).lines() == [
        f"{path}: must be of Kubernetes 1.36 (cluster.version), or EKS refuses the group; received {release}"
    ]
    assert desk.put(path, "1.36.4-20260923").lines() == []


def test_a_bottlerocket_release_has_a_version_of_its_own(desk: Desk) -> None:
    desk.put("cluster.node_groups.general.ami", "bottlerocket")
    assert desk.put("cluster.node_groups.general.release_version", "1.20.3-5d9ac849").lines() == []


def test_a_protected_environment_has_a_node_for_each_zone(desk: Desk) -> None:
    desk.put("network.zones", ["eu-west-1a", "eu-west-1b", "eu-west-1c"])
    assert desk.lines() == []
    (line,) = desk.protect().lines()
    assert line.startswith("cluster.node_groups: the groups have at least 2 nodes together (min)")
    assert "needs 3, one for each zone" in line
    assert desk.put("cluster.node_groups.more", {"instance_types": ["m7g.large"], "min": 1}).lines() == []


def test_a_protected_environment_runs_two_pods_of_everything(desk: Desk) -> None:
    desk.put("services.orders.scaling", {"min": 1})
    assert desk.lines() == []
    assert desk.protect().lines() == [
        (
            "services.orders.scaling.min: must be at least 2 in a protected environment, so that one "
            "pod can be replaced; "
            "received 1"
        )
    ]


@pytest.mark.parametrize("key", ["grpc-platform:stack", "Grpc-Platform:owner"])
def test_tags_of_the_platform_are_its_own(desk: Desk, key: str) -> None:
    desk.put(("environment", "tags", key), "x")
    (line,) = desk.lines()
    assert line.startswith(f'environment.tags["{key}"]: tags that start with grpc-platform: are the platform\'s own')
