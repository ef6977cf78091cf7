"""What EC2 refuses to create, in its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import ec2_stage
from tests.local_cloud.ec2_stage import ASSOCIATION, EGRESS, EIP, INGRESS, NAT, ROUTE, TABLE, TEMPLATE, Stage
from tests.local_cloud.edge_world import GATEWAY, SECURITY_GROUP, SUBNET, VPC, Network


@pytest.fixture
def stage() -> Stage:
    return ec2_stage.stage()


def _many_rules(stage: Stage) -> object:
    return [stage.ingress(f"r{n}", stage.web, fromPort=n, toPort=n, cidrIpv4="10.0.0.0/8") for n in range(61)]


def _elsewhere(stage: Stage) -> Network:
    return stage.world.network(block=1)


def _made(kind: str, **props: Any) -> Callable[[Stage], object]:
    return lambda stage: stage.world.make(kind, "new", **props)


CREATE_REFUSALS: dict[str, tuple[Callable[[Stage], object], str]] = {
    "vpc without an address": (_made(VPC), "MissingParameter: Either 'cidrBlock' or 'ipv4IpamPoolId'"),
    "sixth vpc": (
        lambda s: [s.world.make(VPC, f"v{n}", cidrBlock="10.0.0.0/16") for n in range(5)],
        "VpcLimitExceeded: The maximum number of VPCs has been reached.",
    ),
    "too many tags": (
        lambda s: s.world.make(VPC, "new", cidrBlock="10.9.0.0/16", tags={str(n): "x" for n in range(51)}),
        "TagLimitExceeded: The maximum number of Tags for a resource has been reached.",
    ),
    "subnet outside its vpc": (
        lambda s: s.world.make(SUBNET, "new", vpcId=s.vpc.id, cidrBlock="192.168.0.0/24"),
        "InvalidSubnet.Range: The CIDR '192.168.0.0/24' is invalid.",
    ),
    "subnet too small": (
        lambda s: s.world.make(SUBNET, "new", vpcId=s.vpc.id, cidrBlock="10.0.9.0/29"),
        "InvalidSubnet.Range: The CIDR '10.0.9.0/29' is invalid.",
    ),
    "subnet over another": (
        lambda s: s.world.make(SUBNET, "new", vpcId=s.vpc.id, cidrBlock="10.0.0.128/25"),
        "InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet",
    ),
    "subnet in a zone that is not there": (
        lambda s: s.world.make(SUBNET, "new", vpcId=s.vpc.id, cidrBlock="10.0.9.0/24", availabilityZone="eu-west-1f"),
        "InvalidParameterValue: Value .eu-west-1f. for parameter availabilityZone is invalid.",
    ),
    "second internet gateway": (
        lambda s: s.world.make(GATEWAY, "new", vpcId=s.vpc.id),
        "EC2: AttachInternetGateway, .*InvalidParameterValue: Network {vpc} already has an internet gateway attached",
    ),
    "gateway of no vpc": (_made(GATEWAY, vpcId="vpc-0"), "InvalidVpcID.NotFound: The vpc ID 'vpc-0' does not exist"),
    "nat without an address": (
        lambda s: s.world.make(NAT, "new", subnetId=s.network.ids[1], allocationId="eipalloc-0"),
        "InvalidAllocationID.NotFound: The allocation ID 'eipalloc-0' does not exist",
    ),
    "nat with a used address": (
        lambda s: s.world.make(NAT, "new", subnetId=s.network.ids[1], allocationId=s.eip.id),
        "state 'failed', .*Resource.AlreadyAssociated: Elastic IP address .{eip}. is already associated",
    ),
    "nat without an internet gateway": (
        lambda s: s.world.make(
            NAT, "new", subnetId=s.world.network(gateway=False, block=2).ids[0], allocationId=s.world.make(EIP, "e").id
        ),
        "Gateway.NotAttached: Network vpc-[0-9a-f]{{17}} has no Internet gateway attached",
    ),
    "sixth address": (
        lambda s: [s.world.make(EIP, f"e{n}") for n in range(5)],
        "AddressLimitExceeded: The maximum number of addresses has been reached.",
    ),
    "table of no vpc": (_made(TABLE, vpcId="vpc-0"), "InvalidVpcID.NotFound"),
    "route of no table": (
        _made(ROUTE, routeTableId="rtb-0", destinationCidrBlock="0.0.0.0/0", gatewayId="igw-0"),
        "InvalidRouteTableID.NotFound: The routeTable ID 'rtb-0' does not exist",
    ),
    "route twice": (
        lambda s: s.world.make(
            ROUTE, "new", routeTableId=s.table.id, destinationCidrBlock="0.0.0.0/0", natGatewayId=s.nat.id
        ),
        "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists.",
    ),
    "the local route": (
        lambda s: s.world.make(
            ROUTE, "new", routeTableId=s.table.id, destinationCidrBlock="10.0.0.0/16", natGatewayId=s.nat.id
        ),
        "RouteAlreadyExists: The route identified by 10.0.0.0/16 already exists.",
    ),
    "route to another vpc's gateway": (
        lambda s: s.world.make(
            ROUTE,
            "new",
            routeTableId=s.table.id,
            destinationCidrBlock="1.0.0.0/8",
            gatewayId=_elsewhere(s).internet.id,  # type: ignore[union-attr]
        ),
        "InvalidParameterValue: route table {table} and network gateway igw-[0-9a-f]+ belong to different networks",
    ),
    "route to no nat": (
        lambda s: s.world.make(
            ROUTE, "new", routeTableId=s.table.id, destinationCidrBlock="1.0.0.0/8", natGatewayId="nat-0"
        ),
        "InvalidNatGatewayID.NotFound: The natGateway ID 'nat-0' does not exist",
    ),
    "second table of a subnet": (
        lambda s: s.world.make(ASSOCIATION, "new", routeTableId=s.table.id, subnetId=s.network.ids[1]),
        "Resource.AlreadyAssociated: the specified association for route table {table} conflicts",
    ),
    "table of another vpc": (
        lambda s: s.world.make(ASSOCIATION, "new", routeTableId=s.table.id, subnetId=_elsewhere(s).ids[0]),
        "InvalidParameterValue: Route table {table} and subnet subnet-[0-9a-f]+ belong to different networks",
    ),
    "group without a vpc": (_made(SECURITY_GROUP), "VPCIdNotSpecified: No default VPC for this user"),
    "group of a taken name": (
        lambda s: s.group("new", name=s.web["name"]),
        "InvalidGroup.Duplicate: The security group 'web-[0-9a-f]{{7}}' already exists for VPC '{vpc}'",
    ),
    "rule twice": (
        lambda s: [s.ingress(name, s.web, cidrIpv4="10.0.0.0/8") for name in "ab"],
        'InvalidPermission.Duplicate: the specified rule "peer: 10.0.0.0/8, TCP, from port: 443, to port: 443, ALLOW"',
    ),
    "rule twice, old and new": (
        lambda s: [
            s.old_rule("a", s.web, cidrBlocks=["1.0.0.0/8", "10.0.0.0/8"]),
            s.ingress("b", s.web, cidrIpv4="10.0.0.0/8"),
        ],
        "InvalidPermission.Duplicate",
    ),
    "rule for everything twice": (
        lambda s: [
            s.world.make(EGRESS, n, securityGroupId=s.web.id, ipProtocol=p, cidrIpv4="0.0.0.0/0")
            for n, p in zip("ab", ("-1", "all"), strict=True)
        ],
        'InvalidPermission.Duplicate: the specified rule "peer: 0.0.0.0/0, ALL, ALLOW"',
    ),
    "too many rules": (
        _many_rules,
        "RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group",
    ),
    "rule of no group": (
        _made(INGRESS, securityGroupId="sg-0", ipProtocol="-1", cidrIpv4="0.0.0.0/0"),
        "InvalidGroup.NotFound: The security group 'sg-0' does not exist",
    ),
    "rule from no group": (
        lambda s: s.ingress("new", s.web, referencedSecurityGroupId="sg-0"),
        "InvalidGroup.NotFound: The security group 'sg-0' does not exist",
    ),
    "template of a taken name": (
        lambda s: [s.world.make(TEMPLATE, name, name="nodes") for name in "ab"],
        "InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use.",
    ),
}


@pytest.mark.parametrize("case", CREATE_REFUSALS)
def test_ec2_refuses_to_create(case: str, stage: Stage) -> None:
    attempt, said = CREATE_REFUSALS[case]
    expected = said.format(vpc=stage.vpc.id, eip=stage.eip.id, table=stage.table.id)
    with pytest.raises(Refused) as caught:
        attempt(stage)
    assert re.search(expected, str(caught.value))
