"""What the EC2 kinds share: tokens, identifiers, and refusals that many of them make.

Codes and texts without a source beside them are those of the EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable
from typing import Final

from local_cloud.aws.kind import Check, Cloud, Failure, Props, Refusal, Row, latest

VPC: Final = "aws:ec2/vpc:Vpc"
SUBNET: Final = "aws:ec2/subnet:Subnet"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
NAT_GATEWAY: Final = "aws:ec2/natGateway:NatGateway"
EIP: Final = "aws:ec2/eip:Eip"
ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE: Final = "aws:ec2/route:Route"
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
SECURITY_GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
NETWORK_INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"

IN_SUBNETS: Final = frozenset(
    {
        NETWORK_INTERFACE,
        NAT_GATEWAY,
        "aws:ec2/instance:Instance",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:eks/cluster:Cluster",
        "aws:eks/nodeGroup:NodeGroup",
        "aws:lb/loadBalancer:LoadBalancer",
    }
)
"""Types that have network interfaces in the subnets they name, with the security groups they name."""


def identity(prefix: str) -> Callable[[Cloud, Props], str]:
    """An id like ``vpc-`` + 17 hex digits."""
    return lambda cloud, props: f"{prefix}-{cloud.hex(17)}"


def belonging(prefix: str, resource_id: str) -> str:
    """The id of something AWS makes along with a resource: always the same for the same resource."""
    return f"{prefix}-{hashlib.sha256(f'{prefix}/{resource_id}'.encode()).hexdigest()[:17]}"


def arn(cloud: Cloud, resource: str, resource_id: str) -> str:
    """``arn:aws:ec2:REGION:ACCOUNT:RESOURCE/ID``."""
    return f"arn:{cloud.partition}:ec2:{cloud.region}:{cloud.account}:{resource}/{resource_id}"


def owned(resource: str) -> Callable[[Cloud, str, Props], Props]:
    """The outputs ``arn`` and ``ownerId``, which are all that many types have."""
    return lambda cloud, resource_id, props: {"arn": arn(cloud, resource, resource_id), "ownerId": cloud.account}


def must_exist(token: str, name: str, code: str, words: str, operation: str | None = None) -> Callable[..., None]:
    """Refuses a create or update whose property ``name`` holds an id of nothing; ``words`` has ``{}`` for that id."""

    def refuse(cloud: Cloud, *given: Row | Props) -> None:
        props = latest(given)
        wanted = props.get(name)
        if wanted and cloud.get(token, str(wanted)) is None:
            raise Refusal(code, words.replace("{}", str(wanted)), operation=operation)

    return refuse


vpc_exists = must_exist(VPC, "vpcId", "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist")
subnet_exists = must_exist(SUBNET, "subnetId", "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist")
table_exists = must_exist(
    ROUTE_TABLE, "routeTableId", "InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"
)


def few_tags(cloud: Cloud, *given: Row | Props) -> None:
    """EC2 user guide, "Tag restrictions": 50 tags a resource."""
    props = latest(given)
    tags = props.get("tags")
    if tags and len(tags) > 50:
        raise Refusal("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


def quota(token: str, maximum: int, code: str, words: str) -> Callable[[Cloud, Props], None]:
    """Refuses a create beyond the region's default quota."""

    def refuse(cloud: Cloud, props: Props) -> None:
        if len(cloud.rows(token)) >= maximum:
            raise Refusal(code, words)

    return refuse


def only_one(*names: str, required: bool = True) -> Check:
    """Plan-time rule ExactlyOneOf (ConflictsWith when not ``required``) of the Terraform plugin SDK."""

    def check(props: Props) -> Iterable[Failure]:
        given = [name for name in names if props.get(name) not in {None, ""}]
        if len(given) > 1:
            yield Failure(given[0], f"only one of `{', '.join(names)}` can be specified, but `{', '.join(given)}` were")
        elif required and not given:
            yield Failure(names[0], f"one of `{', '.join(names)}` must be specified")

    return check


def cidr(name: str) -> Check:
    """Plan-time rule for an IPv4 block: the network's own address (terraform-provider-aws internal/verify)."""

    def check(props: Props) -> Iterable[Failure]:
        value = props.get(name)
        if not isinstance(value, str):
            return
        try:
            network = ipaddress.IPv4Network(value, strict=False)
        except ValueError:
            yield Failure(name, f'"{value}" is not a valid CIDR block: invalid CIDR address: {value}')
            return
        if "/" not in value:
            yield Failure(name, f'"{value}" is not a valid CIDR block: invalid CIDR address: {value}')
        elif str(network) != value:
            yield Failure(name, f'"{value}" is not a valid CIDR block; did you mean "{network}"?')

    return check
