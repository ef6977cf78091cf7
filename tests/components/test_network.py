"""The VPC as the settings ask for it."""

from collections.abc import Callable
from typing import Any

import pytest

SUBNET = "aws:ec2/subnet:Subnet"
NAT = "aws:ec2/natGateway:NatGateway"


def test_subnets_carry_the_role_tags_that_the_controller_looks_for(
    platform: Callable[..., Any], minimal: dict[str, Any]
) -> None:
    seen = platform(minimal)
    public = seen.one(SUBNET, "network-public-eu-west-1a").inputs["tags"]
    private = seen.one(SUBNET, "network-private-eu-west-1a").inputs["tags"]
    assert public["kubernetes.io/role/elb"] == "1"
    assert "kubernetes.io/role/internal-elb" not in public
    assert private["kubernetes.io/role/internal-elb"] == "1"


@pytest.mark.parametrize(("nat", "zones"), [("none", []), ("single", ["a"]), ("per_zone", ["a", "b"])])
def test_nat_gateways_by_strategy(
    platform: Callable[..., Any], minimal: dict[str, Any], nat: str, zones: list[str]
) -> None:
    minimal["network"]["nat"] = nat
    seen = platform(minimal)
    assert seen.names(NAT) == [f"network-nat-eu-west-1{zone}" for zone in zones]


def test_each_zone_leaves_by_its_own_gateway_or_the_single_one(
    platform: Callable[..., Any], minimal: dict[str, Any]
) -> None:
    for nat, expected in (("single", "eu-west-1a"), ("per_zone", "eu-west-1b")):
        minimal["network"]["nat"] = nat
        route = platform(minimal).one("aws:ec2/route:Route", "network-private-eu-west-1b-default-route")
        assert route.inputs["natGatewayId"] == f"network-nat-{expected}-id"


def test_without_nat_nodes_run_in_public_subnets_with_addresses(
    platform: Callable[..., Any], minimal: dict[str, Any]
) -> None:
    minimal["network"]["nat"] = "none"
    seen = platform(minimal)
    nodes = seen.one("eks:index:ManagedNodeGroup").inputs
    assert nodes["subnetIds"] == ["network-public-eu-west-1a-id", "network-public-eu-west-1b-id"]
    assert seen.one(SUBNET, "network-public-eu-west-1a").inputs["mapPublicIpOnLaunch"] is True
    assert not [each for each in seen.of("aws:ec2/route:Route") if "private" in each.name]


def test_adding_a_zone_changes_no_other_subnet(platform: Callable[..., Any], minimal: dict[str, Any]) -> None:
    minimal["network"]["zones"] = ["eu-west-1b", "eu-west-1c"]
    before = {each.name: each.inputs for each in platform(minimal).of(SUBNET)}
    minimal["network"]["zones"] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    after = {each.name: each.inputs for each in platform(minimal).of(SUBNET)}
    assert {name: after[name] for name in before} == before


def test_environment_tags_reach_everything_taggable(platform: Callable[..., Any], minimal: dict[str, Any]) -> None:
    minimal["environment"] = {"tags": {"owner": "payments"}}
    for each in platform(minimal).all:
        if "tags" in each.inputs:
            assert each.inputs["tags"]["owner"] == "payments", each.urn


def test_a_protected_environment_protects_what_holds_state(
    platform: Callable[..., Any], minimal: dict[str, Any]
) -> None:
    minimal["environment"] = {"protected": True}
    minimal["cluster"]["public_access_cidrs"] = ["203.0.113.0/24"]
    minimal["services"]["orders"]["image"] = {"repository": "orders", "digest": "sha256:" + "a" * 64}
    seen = platform(minimal)
    protected = {each.type for each in seen.all if each.protect}
    assert {
        "aws:ec2/vpc:Vpc",
        "aws:kms/key:Key",
        "eks:index:Cluster",
        "aws:ecr/repository:Repository",
    } <= protected
    assert seen.one("aws:lb/loadBalancer:LoadBalancer").inputs["enableDeletionProtection"] is True
    assert seen.one("eks:index:Cluster").inputs["deletionProtection"] is True
