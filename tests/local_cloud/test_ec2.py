"""What EC2 refuses to delete while it is in use, and what its resources return."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.aws.catalogue import KINDS
from local_cloud.aws.ec2 import zone_id
from local_cloud.plugin import Refused
from tests.local_cloud import ec2_stage
from tests.local_cloud.ec2_stage import ASSOCIATION, INGRESS, NAT, ROUTE, TABLE, TEMPLATE, Stage
from tests.local_cloud.edge_world import ALB, GATEWAY, SECURITY_GROUP, SUBNET, VPC, Invalid, Made, World


@pytest.fixture
def stage() -> Stage:
    return ec2_stage.stage()


DELETE_REFUSALS: dict[str, tuple[Callable[[Stage], Made], str]] = {
    "vpc": (lambda s: s.vpc, "DependencyViolation: The vpc '{id}' has dependencies and cannot be deleted."),
    "subnet with a nat gateway": (
        lambda s: s.network.subnets[0],
        "DependencyViolation: The subnet '{id}' has dependencies and cannot be deleted.",
    ),
    "internet gateway below a nat gateway": (
        lambda s: ec2_stage.gateway(s.network),
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
    for held in (stage.network.subnets[0], stage.web, ec2_stage.gateway(stage.network)):
        with pytest.raises(Refused, match="DependencyViolation"):
            world.drop(held)
    world.drop(balancer)
    world.drop(stage.web)


def test_a_private_load_balancer_needs_no_gateway(stage: Stage) -> None:
    stage.world.drop(stage.nat)
    stage.world.make(ALB, "edge", subnets=stage.network.ids, internal=True)
    stage.world.drop(ec2_stage.gateway(stage.network))
    assert stage.world.row(ec2_stage.gateway(stage.network)) is None


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
    gateway = ec2_stage.gateway(stage.network)
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
