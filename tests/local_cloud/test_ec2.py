"""What EC2 refuses, in its words, and what its resources return."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local_cloud.aws.catalogue import KINDS
from local_cloud.aws.ec2 import zone_id
from local_cloud.plugin import Refused
from tests.local_cloud.edge_world import ALB, GATEWAY, SECURITY_GROUP, SUBNET, VPC, Invalid, Made, Network, World

EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


@dataclass(frozen=True)
class Stage:
    """A VPC of two subnets with an internet gateway, a NAT gateway, a route table and two security groups."""

    world: World
    network: Network
    eip: Made
    nat: Made
    table: Made
    route: Made
    association: Made
    web: Made
    nodes: Made

    @property
    def vpc(self) -> Made:
        return self.network.vpc

    def group(self, name: str, /, **props: Any) -> Made:
        return self.world.make(SECURITY_GROUP, name, **{"vpcId": self.vpc.id, **props})

    def ingress(self, name: str, group: Made, /, **props: Any) -> Made:
        given = {"securityGroupId": group.id, "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
        return self.world.make(INGRESS, name, **{**given, **props})

    def old_rule(self, name: str, group: Made, /, **props: Any) -> Made:
        given = {"securityGroupId": group.id, "type": "ingress", "protocol": "tcp", "fromPort": 443, "toPort": 443}
        return self.world.make(OLD_RULE, name, **{**given, **props})


@pytest.fixture
def stage() -> Stage:
    world = World()
    network = world.network()
    eip = world.make(EIP, "nat")
    nat = world.make(NAT, "nat", subnetId=network.subnets[0].id, allocationId=eip.id)
    table = world.make(TABLE, "private", vpcId=network.vpc.id)
    route = world.make(ROUTE, "out", routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", natGatewayId=nat.id)
    association = world.make(ASSOCIATION, "b", routeTableId=table.id, subnetId=network.subnets[1].id)
    groups = [world.make(SECURITY_GROUP, name, vpcId=network.vpc.id) for name in ("web", "nodes")]
    return Stage(world, network, eip, nat, table, route, association, *groups)


def _many_rules(stage: Stage) -> object:
    return [stage.ingress(f"r{n}", stage.web, fromPort=n, toPort=n, cidrIpv4="10.0.0.0/8") for n in range(61)]


def _elsewhere(stage: Stage) -> Network:
    return stage.world.network(block=1)


def _gateway(network: Network) -> Made:
    assert network.internet is not None
    return network.internet


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


DELETE_REFUSALS: dict[str, tuple[Callable[[Stage], Made], str]] = {
    "vpc": (lambda s: s.vpc, "DependencyViolation: The vpc '{id}' has dependencies and cannot be deleted."),
    "subnet with a nat gateway": (
        lambda s: s.network.subnets[0],
        "DependencyViolation: The subnet '{id}' has dependencies and cannot be deleted.",
    ),
    "internet gateway below a nat gateway": (
        lambda s: _gateway(s.network),
        "DetachInternetGateway, .*DependencyViolation: Network {vpc} has some mapped public address",
    ),
    "address of a nat gateway": (
        lambda s: s.eip,
        "deleting EC2 EIP .*ReleaseAddress.*AuthFailure: You do not have permission to access the specified resource.",
    ),
}


@pytest.mark.parametrize("case", DELETE_REFUSALS)
def test_ec2_refuses_to_delete_what_is_in_use(case: str, stage: Stage) -> None:
    pick, said = DELETE_REFUSALS[case]
    made = pick(stage)
    with pytest.raises(Refused) as caught:
        stage.world.drop(made)
    assert re.search(said.format(id=made.id, vpc=stage.vpc.id), str(caught.value))
    assert stage.world.row(made) is not None


@pytest.mark.parametrize("holder", ["subnet", "gateway", "table", "group"])
def test_each_thing_in_a_vpc_holds_it(holder: str) -> None:
    world = World()
    vpc = world.make(VPC, "net", cidrBlock="10.0.0.0/16")
    made = {
        "subnet": lambda: world.make(SUBNET, "a", vpcId=vpc.id, cidrBlock="10.0.0.0/24"),
        "gateway": lambda: world.make(GATEWAY, "a", vpcId=vpc.id),
        "table": lambda: world.make(TABLE, "a", vpcId=vpc.id),
        "group": lambda: world.make(SECURITY_GROUP, "a", vpcId=vpc.id),
    }[holder]()
    with pytest.raises(Refused, match="DependencyViolation"):
        world.drop(vpc)
    world.drop(made)
    world.drop(vpc)
    assert world.row(vpc) is None


def test_a_whole_network_can_be_taken_down_in_order(stage: Stage) -> None:
    world = stage.world
    internet = stage.network.internet
    assert internet is not None
    order = (
        stage.route,
        stage.association,
        stage.table,
        stage.nat,
        stage.eip,
        *stage.network.subnets,
        stage.web,
        stage.nodes,
    )
    for made in (*order, internet, stage.vpc):
        world.drop(made)
    assert world.aws.store.rows() == []


def test_a_load_balancer_holds_gateway_subnets_and_groups(stage: Stage) -> None:
    world = stage.world
    world.drop(stage.nat)
    balancer = world.make(ALB, "edge", subnets=stage.network.ids, securityGroups=[stage.web.id])
    for held in (stage.network.subnets[0], stage.web, _gateway(stage.network)):
        with pytest.raises(Refused, match="DependencyViolation"):
            world.drop(held)
    world.drop(balancer)
    world.drop(stage.web)


def test_a_private_load_balancer_needs_no_gateway(stage: Stage) -> None:
    stage.world.drop(stage.nat)
    stage.world.make(ALB, "edge", subnets=stage.network.ids, internal=True)
    stage.world.drop(_gateway(stage.network))
    assert stage.world.row(_gateway(stage.network)) is None


def test_a_group_named_in_a_rule_of_another_is_held_by_it(stage: Stage) -> None:
    rule = stage.ingress("from-nodes", stage.web, referencedSecurityGroupId=stage.nodes.id)
    with pytest.raises(Refused, match=f"DependencyViolation: resource {stage.nodes.id} has a dependent object"):
        stage.world.drop(stage.nodes)
    stage.world.drop(rule)
    stage.world.drop(stage.nodes)


def test_old_rules_hold_a_group_too_but_its_own_do_not(stage: Stage) -> None:
    own = stage.old_rule("own", stage.nodes, self=True)
    rule = stage.old_rule("from-nodes", stage.web, sourceSecurityGroupId=stage.nodes.id)
    with pytest.raises(Refused, match="DependencyViolation"):
        stage.world.drop(stage.nodes)
    stage.world.drop(rule)
    stage.world.drop(stage.nodes)
    assert stage.world.row(own) is None


def test_revoke_on_delete_strips_the_rules_of_other_groups(stage: Stage) -> None:
    group = stage.group("cluster", revokeRulesOnDelete=True)
    rule = stage.ingress("from-cluster", stage.web, referencedSecurityGroupId=group.id)
    stage.world.drop(group)
    assert stage.world.row(rule) is None


def test_a_gateway_cannot_be_moved_away_from_its_users(stage: Stage) -> None:
    other = stage.world.make(VPC, "other", cidrBlock="10.5.0.0/16")
    gateway = _gateway(stage.network)
    assert not stage.world.diff(gateway, vpcId=other.id).replaces
    with pytest.raises(Refused, match="mapped public address"):
        stage.world.change(gateway, vpcId=other.id)
    stage.world.drop(stage.nat)
    assert stage.world.change(gateway, vpcId=other.id)["vpcId"] == other.id


def test_a_route_to_a_gateway_that_is_gone_is_a_black_hole(stage: Stage) -> None:
    stage.world.drop(stage.nat)
    assert stage.world.live(stage.route)["state"] == "blackhole"


def test_ids_and_imports_of_routes(stage: Stage) -> None:
    assert stage.route.id == f"r-{stage.table.id}1080289494"
    for made, given in (
        (stage.route, f"{stage.table.id}_0.0.0.0/0"),
        (stage.association, f"{stage.network.ids[1]}/{stage.table.id}"),
    ):
        locate = KINDS[made.token].locate
        assert locate is not None
        assert locate(stage.world.aws.account, given) == made.id


def test_rules_change_in_place_unless_the_group_or_the_kind_of_source_changes(stage: Stage) -> None:
    rule = stage.ingress("a", stage.web, cidrIpv4="10.0.0.0/8")
    assert stage.world.diff(rule, cidrIpv4="11.0.0.0/8").replaces == ()
    assert stage.world.diff(rule, cidrIpv4=None, cidrIpv6="::/0").replaces == ("cidrIpv4", "cidrIpv6")
    assert stage.world.diff(rule, securityGroupId=stage.nodes.id).replaces == ("securityGroupId",)
    changed = stage.world.change(rule, cidrIpv4="11.0.0.0/8")
    assert changed["securityGroupRuleId"] == rule.id


def test_a_launch_template_counts_its_versions(stage: Stage) -> None:
    template = stage.world.make(TEMPLATE, "nodes", instanceType="m7g.large", updateDefaultVersion=True)
    assert (template["latestVersion"], template["defaultVersion"]) == (1, 1)
    tagged = stage.world.change(template, tags={"a": "b"})
    assert tagged["latestVersion"] == 1
    changed = stage.world.change(tagged, instanceType="m7g.xlarge", updateDefaultVersion=None)
    assert (changed["latestVersion"], changed["defaultVersion"]) == (2, 1)


def test_zones_have_ids() -> None:
    zones = {
        "eu-west-1a": "euw1-az1",
        "us-east-1c": "use1-az3",
        "ap-northeast-1d": "apne1-az4",
        "us-gov-west-1b": "usgw1-az2",
    }
    assert {zone: zone_id(zone) for zone in zones} == zones


def test_a_subnet_by_zone_id_has_its_zone(stage: Stage) -> None:
    made = stage.world.make(SUBNET, "c", vpcId=stage.vpc.id, cidrBlock="10.0.9.0/24", availabilityZoneId="euw1-az3")
    assert made["availabilityZone"] == "eu-west-1c"


@pytest.mark.parametrize(
    ("token", "props", "reason"),
    [
        (NAT, {"subnetId": "s"}, "allocationId is required with connectivityType = public"),
        (NAT, {"allocationId": "e"}, "subnetId is required with availabilityMode = zonal"),
        (NAT, {"subnetId": "s", "allocationId": "e", "connectivityType": "private"}, "allocationId is not supported"),
        (NAT, {"availabilityMode": "regional", "subnetId": "s"}, "subnetId is not supported with availabilityMode"),
        (ROUTE, {"routeTableId": "r", "gatewayId": "g"}, "one of `destinationCidrBlock, .*` must be specified"),
        (ROUTE, {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0"}, "one of `carrierGatewayId, .*` must be"),
        (
            ROUTE,
            {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "g", "natGatewayId": "n"},
            "`gatewayId, natGatewayId` were",
        ),
        (ASSOCIATION, {"routeTableId": "r"}, "one of `subnetId, gatewayId` must be specified"),
        (INGRESS, {"securityGroupId": "s", "ipProtocol": "-1"}, "one of `cidrIpv4, .*` must be specified"),
        (TEMPLATE, {"name": "x"}, "3 to 128"),
    ],
)
def test_the_provider_objects_before_anything_is_created(token: str, props: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        World().checked(token, "new", props)
