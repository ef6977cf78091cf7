"""Route table, route, route table association.

Create-only properties: CloudFormation schemas AWS::EC2::RouteTable, Route, SubnetRouteTableAssociation. Texts without
a source beside them: EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import zlib
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws.kind import Cloud, Kind, Props, Refusal, Row, latest

_DESTINATIONS: Final = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
_TARGETS: Final = (
    "carrierGatewayId",
    "coreNetworkArn",
    "egressOnlyGatewayId",
    "gatewayId",
    "localGatewayId",
    "natGatewayId",
    "networkInterfaceId",
    "odbNetworkArn",
    "transitGatewayId",
    "vpcEndpointId",
    "vpcPeeringConnectionId",
)


def _destination(props: Props) -> str:
    return next(str(props[name]) for name in _DESTINATIONS if props.get(name))


def _route_id(cloud: Cloud, props: Props) -> str:
    """terraform-provider-aws internal/service/ec2/vpc_route.go: routeCreateID."""
    return f"r-{props['routeTableId']}{zlib.crc32(_destination(props).encode())}"


def _locate_route(cloud: Cloud, given: str) -> str:
    """An import names table and destination: ``rtb-..._0.0.0.0/0``."""
    table, _, destination = given.partition("_")
    return f"r-{table}{zlib.crc32(destination.encode())}"


def _route_taken(cloud: Cloud, props: Props) -> None:
    """The text is moto's (ec2/exceptions.py: RouteAlreadyExistsError). The local route counts."""
    destination = _destination(props)
    table = cloud.get(common.ROUTE_TABLE, str(props["routeTableId"]))
    vpc = cloud.get(common.VPC, str(table["vpcId"])) if table else None
    taken = {_destination(row.inputs) for row in cloud.where(common.ROUTE, "routeTableId", props["routeTableId"])}
    if destination in taken | ({vpc["cidrBlock"]} if vpc else set()):
        raise Refusal("RouteAlreadyExists", f"The route identified by {destination} already exists.")


def _target_exists(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    gateway, nat = props.get("gatewayId"), props.get("natGatewayId")
    if nat and cloud.get(common.NAT_GATEWAY, nat) is None:
        raise Refusal("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
    if not gateway or not str(gateway).startswith("igw-"):
        return
    row = cloud.get(common.INTERNET_GATEWAY, gateway)
    table = cloud.get(common.ROUTE_TABLE, str(props["routeTableId"]))
    if row is None:
        raise Refusal("InvalidInternetGatewayID.NotFound", f"The internetGateway ID '{gateway}' does not exist")
    if table is not None and row["vpcId"] != table["vpcId"]:
        message = f"route table {table.id} and network gateway {gateway} belong to different networks"
        raise Refusal("InvalidParameterValue", message)


def _route_outputs(cloud: Cloud, route: str, props: Props) -> Props:
    return {"origin": "CreateRoute", "state": "active", "instanceId": "", "instanceOwnerId": ""}


def _table_gone(cloud: Cloud, row: Row) -> None:
    """The provider disassociates subnets first; routes live inside their table (vpc_route_table.go)."""
    for token in (common.ROUTE, common.ASSOCIATION):
        for inner in cloud.where(token, "routeTableId", row.id):
            cloud.remove(token, inner.id)


def _associated(cloud: Cloud, props: Props) -> None:
    """Code: moto ec2/models/route_tables.py; a subnet or gateway has one route table."""
    for name in ("subnetId", "gatewayId"):
        if props.get(name) and cloud.where(common.ASSOCIATION, name, props[name]):
            table = props["routeTableId"]
            message = f"the specified association for route table {table} conflicts with an existing association"
            raise Refusal("Resource.AlreadyAssociated", message)


def _same_vpc(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    subnet = cloud.get(common.SUBNET, str(props.get("subnetId", "")))
    table = cloud.get(common.ROUTE_TABLE, str(props["routeTableId"]))
    if subnet and table and subnet["vpcId"] != table["vpcId"]:
        message = f"Route table {table.id} and subnet {subnet.id} belong to different networks"
        raise Refusal("InvalidParameterValue", message)


def _locate_association(cloud: Cloud, given: str) -> str:
    """An import names subnet and table: ``subnet-.../rtb-...``."""
    member, _, table = given.partition("/")
    for row in cloud.where(common.ASSOCIATION, "routeTableId", table):
        if member in {row["subnetId"], row["gatewayId"]}:
            return row.id
    return given


KINDS: Final = (
    Kind(
        token=common.ROUTE_TABLE,
        service="EC2",
        thing="EC2 Route Table",
        operations={"create": "CreateRouteTable", "update": "CreateRoute", "delete": "DeleteRouteTable"},
        create_only=frozenset({"vpcId"}),
        source="CloudFormation schema AWS::EC2::RouteTable",
        computed=frozenset({"routes", "propagatingVgws"}),
        identify=common.identity("rtb"),
        outputs=lambda cloud, table, props: {
            **common.owned("route-table")(cloud, table, props),
            "routes": props.get("routes", []),
            "propagatingVgws": props.get("propagatingVgws", []),
        },
        refuse_create=(common.vpc_exists, common.few_tags),
        refuse_update=(common.few_tags,),
        after_delete=(_table_gone,),
    ),
    Kind(
        token=common.ROUTE,
        service="EC2",
        thing="Route",
        operations={"create": "CreateRoute", "update": "ReplaceRoute", "delete": "DeleteRoute"},
        create_only=frozenset({"routeTableId", *_DESTINATIONS}),
        source="CloudFormation schema AWS::EC2::Route; terraform-provider-aws internal/service/ec2/vpc_route.go",
        computed=frozenset({"networkInterfaceId"}),
        identify=_route_id,
        outputs=_route_outputs,
        checks=(
            common.only_one(*_DESTINATIONS),
            common.only_one(*_TARGETS),
            common.cidr("destinationCidrBlock"),
        ),
        refuse_create=(common.table_exists, _route_taken, _target_exists),
        refuse_update=(_target_exists,),
        locate=_locate_route,
    ),
    Kind(
        token=common.ASSOCIATION,
        service="EC2",
        thing="Route Table Association",
        operations={
            "create": "AssociateRouteTable",
            "update": "ReplaceRouteTableAssociation",
            "delete": "DisassociateRouteTable",
        },
        create_only=frozenset({"subnetId", "gatewayId"}),
        source="terraform-provider-aws internal/service/ec2/vpc_route_table_association.go",
        computed=frozenset(),
        identify=common.identity("rtbassoc"),
        checks=(common.only_one("subnetId", "gatewayId"),),
        refuse_create=(common.table_exists, common.subnet_exists, _same_vpc, _associated),
        refuse_update=(common.table_exists, _same_vpc),
        locate=_locate_association,
    ),
)
