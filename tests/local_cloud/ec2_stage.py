"""A network with everything EC2 puts into one, to refuse things on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.local_cloud.edge_world import SECURITY_GROUP, Made, Network, World

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


def stage() -> Stage:
    """A fresh account with the stage in it."""
    world = World()
    network = world.network()
    eip = world.make(EIP, "nat")
    nat = world.make(NAT, "nat", subnetId=network.subnets[0].id, allocationId=eip.id)
    table = world.make(TABLE, "private", vpcId=network.vpc.id)
    route = world.make(ROUTE, "out", routeTableId=table.id, destinationCidrBlock="0.0.0.0/0", natGatewayId=nat.id)
    association = world.make(ASSOCIATION, "b", routeTableId=table.id, subnetId=network.subnets[1].id)
    groups = [world.make(SECURITY_GROUP, name, vpcId=network.vpc.id) for name in ("web", "nodes")]
    return Stage(world, network, eip, nat, table, route, association, *groups)


def gateway(network: Network) -> Made:
    """The internet gateway of a network that has one."""
    assert network.internet is not None
    return network.internet
