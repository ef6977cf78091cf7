"""What AWS and the provider refuse about load balancers, and how they are replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, World, edge

Attempt = Callable[[World], object]


def _twice(world: World) -> object:
    network = world.network()
    world.load_balancer(network, "first", name="public")
    return world.load_balancer(network, "second", name="public")


def _fifty(world: World) -> object:
    for number in range(50):
        world.aws.account.add(kinds.ALB, f"arn-{number}", {"loadBalancerType": "application"}, {})
    return world.load_balancer(world.network())


def _other_type(world: World) -> object:
    network = world.network()
    world.load_balancer(network, "first", name="public", loadBalancerType="network")
    return world.load_balancer(network, "second", name="public")


def _two_vpcs(world: World) -> object:
    one, other = world.network("a"), world.network("b", block=1)
    return world.make(kinds.ALB, "edge", subnets=[*one.ids, *other.ids])


def _foreign_group(world: World) -> object:
    network, other = world.network(), world.network(block=1)
    group = world.make(kinds.SECURITY_GROUP, "elsewhere", vpcId=other.vpc.id)
    return world.load_balancer(network, securityGroups=[group.id])


def _protected(world: World) -> object:
    return world.drop(world.load_balancer(world.network(), enableDeletionProtection=True))


def _to_one_zone(world: World) -> object:
    network = world.network("ab")
    return world.change(world.load_balancer(network), subnets=network.ids[:1])


def _unknown_group_later(world: World) -> object:
    return world.change(world.load_balancer(world.network()), securityGroups=["sg-0"])


REFUSALS: dict[str, tuple[Attempt, str]] = {
    "one zone": (
        lambda world: world.load_balancer(world.network("a")),
        "api error ValidationError: At least two subnets in two different Availability Zones must be specified",
    ),
    "two subnets of one zone": (
        lambda world: world.load_balancer(world.network("aab")),
        "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
    ),
    "subnets of two VPCs": (_two_vpcs, "All subnets must belong to the same VPC"),
    "a subnet that does not exist": (
        lambda world: world.make(kinds.ALB, "edge", subnets=["subnet-1", "subnet-2"]),
        "SubnetNotFound: The subnet ID 'subnet-1' does not exist",
    ),
    "no way to the internet": (
        lambda world: world.load_balancer(world.network(gateway=False)),
        "has no internet gateway",
    ),
    "a security group that does not exist": (
        lambda world: world.load_balancer(world.network(), securityGroups=["sg-0"]),
        "InvalidSecurityGroup: The security group 'sg-0' does not exist",
    ),
    "a security group of another VPC": (_foreign_group, "One or more security groups are invalid"),
    "a name that is taken": (_twice, "ELBv2 Load Balancer (public) already exists"),
    "a name that another type has": (
        _other_type,
        "DuplicateLoadBalancerName: A load balancer with the same name 'public'",
    ),
    "fifty others": (_fifty, "TooManyLoadBalancers"),
    "an idle timeout of zero": (
        lambda world: world.load_balancer(world.network(), idleTimeout=0),
        "ModifyLoadBalancerAttributes, https response error StatusCode: 400",
    ),
    "an idle timeout over 4000 seconds": (
        lambda world: world.load_balancer(world.network(), idleTimeout=4001),
        "'idle_timeout.timeout_seconds' must be between '1' and '4000'",
    ),
    "a keep-alive under a minute": (
        lambda world: world.load_balancer(world.network(), clientKeepAlive=59),
        "'client_keep_alive.seconds' must be between '60' and '604800'",
    ),
    "deletion under protection": (_protected, "cannot be deleted because deletion protection is enabled"),
    "an update to one zone": (_to_one_zone, "SetSubnets, https response error"),
    "an update to an unknown security group": (_unknown_group_later, "SetSecurityGroups, https response error"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses_a_load_balancer_with(case: str) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert said in str(caught.value)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a name of 33 characters": ({"name": "x" * 33}, '"name" cannot be longer than 32 characters'),
    "an underscore in the name": ({"name": "a_b"}, 'only alphanumeric characters and hyphens allowed in "name"'),
    "a hyphen in front": ({"name": "-a"}, '"name" cannot begin with a hyphen'),
    "a hyphen at the end": ({"name": "a-"}, '"name" cannot end with a hyphen'),
    "the reserved prefix": ({"name": "internal-a"}, '"name" cannot begin with "internal-"'),
    "name and prefix": ({"name": "a", "namePrefix": "b"}, '"name": conflicts with namePrefix'),
    "no subnets": ({"subnets": []}, "one of `subnets,subnetMappings` must be specified"),
    "an unknown type": ({"loadBalancerType": "classic"}, 'expected loadBalancerType to be one of ["application"'),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    props, said = INVALID[case]
    with pytest.raises(Invalid) as caught:
        World().checked(kinds.ALB, "edge", {"subnets": ["subnet-1", "subnet-2"], **props})
    assert said in str(caught.value)


def test_a_logical_name_that_leaves_no_room_for_the_suffix_fails_the_providers_own_check() -> None:
    with pytest.raises(Invalid, match="cannot be longer than 32 characters"):
        World().checked(kinds.ALB, "x" * 26, {"subnets": ["subnet-1", "subnet-2"]})


def test_an_internal_one_needs_no_internet_gateway_and_says_so_in_its_name() -> None:
    world = World()
    balancer = world.load_balancer(world.network(gateway=False), internal=True)
    assert balancer["dnsName"].startswith("internal-edge-")
    assert balancer["dnsName"].endswith(".eu-west-1.elb.amazonaws.com")


def test_without_security_groups_it_gets_the_default_one_of_its_vpc() -> None:
    world = World()
    network = world.network()
    balancer = world.load_balancer(network)
    assert balancer["securityGroups"] == [network.vpc["defaultSecurityGroupId"]]
    assert balancer["vpcId"] == network.vpc.id


def test_subnets_and_attributes_change_in_place_and_the_address_stays() -> None:
    world = World()
    network = world.network("abc")
    balancer = world.load_balancer(network, subnets=network.ids[:2])
    assert not world.diff(balancer, subnets=network.ids, idleTimeout=300).replaces
    changed = world.change(balancer, subnets=network.ids, idleTimeout=300)
    assert changed["subnets"] == network.ids
    assert changed["dnsName"] == balancer["dnsName"]


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [({"internal": True}, "internal"), ({"loadBalancerType": "network"}, "loadBalancerType"), ({"name": "b"}, "name")],
)
def test_create_only_properties_replace(changes: dict[str, Any], replaces: str) -> None:
    world = World()
    assert replaces in world.diff(world.load_balancer(world.network()), **changes).replaces


def test_a_network_load_balancer_is_replaced_when_it_loses_a_subnet_or_its_security_groups() -> None:
    world = World()
    network = world.network("abc")
    group = world.make(kinds.SECURITY_GROUP, "group", vpcId=network.vpc.id)
    balancer = world.load_balancer(network, loadBalancerType="network", securityGroups=[group.id])
    assert not world.diff(balancer, tags={"a": "b"}).replaces
    assert "subnets" in world.diff(balancer, subnets=network.ids[:2]).replaces
    assert "securityGroups" in world.diff(balancer, securityGroups=None).replaces


def test_its_listeners_and_rules_go_with_it_and_the_target_group_is_free_again() -> None:
    stage = edge()
    rule = stage.world.rule(stage.https, stage.orders)
    assert stage.world.live(stage.orders)["loadBalancerArns"] == [stage.balancer.id]
    stage.world.drop(stage.balancer)
    assert [stage.world.row(gone) for gone in (stage.https, stage.http, rule)] == [None, None, None]
    assert stage.world.live(stage.orders)["loadBalancerArns"] == []
    stage.world.drop(stage.orders)


@pytest.mark.parametrize("held", ["subnet", "security group", "internet gateway"])
def test_what_a_load_balancer_holds_cannot_be_deleted(held: str) -> None:
    world = World()
    network = world.network()
    group = world.make(kinds.SECURITY_GROUP, "group", vpcId=network.vpc.id)
    balancer = world.load_balancer(network, securityGroups=[group.id])
    assert network.internet is not None
    target = {"subnet": network.subnets[0], "security group": group, "internet gateway": network.internet}[held]
    with pytest.raises(Refused, match="DependencyViolation"):
        world.drop(target)
    world.drop(balancer)
    world.drop(target)
