"""Internet gateway, NAT gateway, Elastic IP address.

Create-only properties: CloudFormation schemas AWS::EC2::InternetGateway, NatGateway, EIP. Texts without a source
beside them: EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row, latest

_ATTACH: Final = "AttachInternetGateway"
_DETACH: Final = "DetachInternetGateway"
_LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"


def _one_gateway(cloud: Cloud, *given: Row | Props) -> None:
    """binlab/terraform-aws-vault-ha-raft#54."""
    own, props = (given[0].id if isinstance(given[0], Row) else ""), latest(given)
    vpc = props.get("vpcId")
    others = cloud.where(common.INTERNET_GATEWAY, "vpcId", vpc) if vpc else []
    if any(row.id != own for row in others):
        message = f"Network {vpc} already has an internet gateway attached"
        raise Refusal("InvalidParameterValue", message, operation=_ATTACH)


def _mapped_addresses(cloud: Cloud, row: Row) -> None:
    """hashicorp/terraform#497."""
    vpc = row["vpcId"]
    if not vpc:
        return
    for subnet in cloud.where(common.SUBNET, "vpcId", vpc):
        for user in cloud.referring(subnet.id):
            public = user.token == common.NAT_GATEWAY and user["connectivityType"] == "public"
            if public or (user.token == _LOAD_BALANCER and not user["internal"]):
                message = (
                    f"Network {vpc} has some mapped public address(es). "
                    "Please unmap those public address(es) before detaching the gateway."
                )
                raise Refusal("DependencyViolation", message, operation=_DETACH)


def _moved(cloud: Cloud, row: Row, props: Props) -> None:
    if row["vpcId"] != props.get("vpcId"):
        _mapped_addresses(cloud, row)


def _routes_lost(cloud: Cloud, row: Row) -> None:
    """Routes to a gateway that is gone become black holes (VPC user guide, "Route table concepts")."""
    for route in cloud.referring(row.id, common.ROUTE):
        cloud.patch(route, state="blackhole")


def _nat_shape(props: Props) -> Iterable[Failure]:
    """terraform-provider-aws internal/service/ec2/vpc_nat_gateway.go: resourceNATGatewayCustomizeDiff."""
    public = props.get("connectivityType", "public") == "public"
    if props.get("availabilityMode", "zonal") == "regional":
        for name in ("allocationId", "subnetId"):
            if props.get(name):
                yield Failure(name, f"{name} is not supported with availabilityMode = regional")
        if not public:
            yield Failure("connectivityType", "availabilityMode = regional needs connectivityType = public")
        if not props.get("vpcId"):
            yield Failure("vpcId", "vpcId is required with availabilityMode = regional")
        return
    if not props.get("subnetId"):
        yield Failure("subnetId", "subnetId is required with availabilityMode = zonal")
    if public and not props.get("allocationId"):
        yield Failure("allocationId", "allocationId is required with connectivityType = public")
    if not public and props.get("allocationId"):
        yield Failure("allocationId", "allocationId is not supported with connectivityType = private")


def _nat_vpc(cloud: Cloud, props: Props) -> str:
    subnet = cloud.get(common.SUBNET, str(props.get("subnetId", "")))
    return str(subnet["vpcId"]) if subnet else str(props.get("vpcId", ""))


def _failed(reason: str) -> Refusal:
    """A NAT gateway is accepted first and fails while the provider waits for it."""
    return Refusal(
        "", f"waiting for create: unexpected state 'failed', wanted target 'available'. last error: {reason}"
    )


def _nat_network(cloud: Cloud, props: Props) -> None:
    """VPC user guide, "Troubleshoot NAT gateways": the two causes of state failed."""
    allocation = props.get("allocationId")
    if allocation and cloud.where(common.NAT_GATEWAY, "allocationId", allocation):
        raise _failed(f"Resource.AlreadyAssociated: Elastic IP address [{allocation}] is already associated")
    vpc = _nat_vpc(cloud, props)
    if props.get("connectivityType", "public") == "public" and not cloud.where(common.INTERNET_GATEWAY, "vpcId", vpc):
        raise _failed(f"Gateway.NotAttached: Network {vpc} has no Internet gateway attached")


def _nat_quota(cloud: Cloud, props: Props) -> None:
    """VPC user guide, "Amazon VPC quotas": 5 NAT gateways an availability zone."""
    subnet = cloud.get(common.SUBNET, str(props.get("subnetId", "")))
    zone = subnet["availabilityZone"] if subnet else None
    places = [cloud.get(common.SUBNET, str(row["subnetId"])) for row in cloud.rows(common.NAT_GATEWAY)]
    if zone and sum(place is not None and place["availabilityZone"] == zone for place in places) >= 5:
        raise Refusal("NatGatewayLimitExceeded", "The maximum number of NAT Gateways has been reached.")


def address(allocation: str) -> str:
    """A public address for an allocation, out of a range that belongs to Amazon."""
    digest = hashlib.sha256(allocation.encode()).digest()
    return f"52.{48 + digest[0] % 16}.{digest[1]}.{1 + digest[2] % 254}"


def _nat_outputs(cloud: Cloud, gateway: str, props: Props) -> Props:
    allocation = props.get("allocationId")
    digest = hashlib.sha256(gateway.encode()).digest()
    subnet = cloud.get(common.SUBNET, str(props.get("subnetId", "")))
    network = str(subnet["cidrBlock"]).rsplit(".", 1)[0] if subnet and subnet["cidrBlock"] else "10.0.0"
    return {
        "publicIp": address(allocation) if allocation else "",
        "privateIp": props.get("privateIp") or f"{network}.{4 + digest[0] % 8}",
        "associationId": common.belonging("eipassoc", gateway) if allocation else "",
        "networkInterfaceId": common.belonging("eni", gateway),
        "routeTableId": common.belonging("rtb", gateway) if props.get("availabilityMode") == "regional" else "",
        "availabilityMode": props.get("availabilityMode", "zonal"),
        "vpcId": _nat_vpc(cloud, props),
    }


def _eip_outputs(cloud: Cloud, allocation: str, props: Props) -> Props:
    public = props.get("address") or address(allocation)
    zone = "compute-1" if cloud.region == "us-east-1" else f"{cloud.region}.compute"
    return {
        "arn": common.arn(cloud, "elastic-ip", allocation),
        "allocationId": allocation,
        "publicIp": public,
        "publicDns": f"ec2-{public.replace('.', '-')}.{zone}.amazonaws.com",
        "publicIpv4Pool": props.get("publicIpv4Pool", "amazon"),
        "networkBorderGroup": props.get("networkBorderGroup", cloud.region),
    }


def _eip_in_use(cloud: Cloud, row: Row) -> None:
    """kubernetes/kops#1604: what ReleaseAddress says while a NAT gateway holds the address."""
    if cloud.where(common.NAT_GATEWAY, "allocationId", row.id):
        raise Refusal("AuthFailure", "You do not have permission to access the specified resource.")


KINDS: Final = (
    Kind(
        token=common.INTERNET_GATEWAY,
        service="EC2",
        thing="EC2 Internet Gateway",
        operations={"create": "CreateInternetGateway", "update": _ATTACH, "delete": "DeleteInternetGateway"},
        create_only=frozenset(),
        source="CloudFormation schema AWS::EC2::InternetGateway; terraform-provider-aws ec2/vpc_internet_gateway.go",
        computed=frozenset({"vpcId"}),
        identify=common.identity("igw"),
        outputs=common.owned("internet-gateway"),
        refuse_create=(
            common.must_exist(
                common.VPC, "vpcId", "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist", operation=_ATTACH
            ),
            _one_gateway,
            common.few_tags,
        ),
        refuse_update=(common.vpc_exists, _one_gateway, _moved, common.few_tags),
        refuse_delete=(_mapped_addresses,),
        after_delete=(_routes_lost,),
    ),
    Kind(
        token=common.NAT_GATEWAY,
        service="EC2",
        thing="EC2 NAT Gateway",
        operations={"create": "CreateNatGateway", "update": "AssociateNatGatewayAddress", "delete": "DeleteNatGateway"},
        create_only=frozenset(
            {"subnetId", "allocationId", "connectivityType", "privateIp", "availabilityMode", "vpcId"}
        ),
        source="CloudFormation schema AWS::EC2::NatGateway; terraform-provider-aws ec2/vpc_nat_gateway.go",
        computed=frozenset(
            {
                "privateIp",
                "vpcId",
                "availabilityMode",
                "secondaryAllocationIds",
                "secondaryPrivateIpAddressCount",
                "secondaryPrivateIpAddresses",
                "availabilityZoneAddresses",
            }
        ),
        identify=common.identity("nat"),
        outputs=_nat_outputs,
        defaults={"connectivityType": "public"},
        checks=(_nat_shape,),
        refuse_create=(
            common.subnet_exists,
            common.must_exist(
                common.EIP, "allocationId", "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"
            ),
            _nat_quota,
            _nat_network,
            common.few_tags,
        ),
        refuse_update=(common.few_tags,),
        after_delete=(_routes_lost,),
    ),
    Kind(
        token=common.EIP,
        service="EC2",
        thing="EC2 EIP",
        operations={"create": "AllocateAddress", "update": "AssociateAddress", "delete": "ReleaseAddress"},
        create_only=frozenset(
            {"address", "networkBorderGroup", "ipamPoolId", "domain", "publicIpv4Pool", "customerOwnedIpv4Pool"}
        ),
        source="CloudFormation schema AWS::EC2::EIP; terraform-provider-aws internal/service/ec2/ec2_eip.go",
        computed=frozenset(
            {"domain", "instance", "networkInterface", "networkBorderGroup", "publicIpv4Pool", "ipamPoolId"}
        ),
        identify=common.identity("eipalloc"),
        outputs=lambda cloud, allocation, props: {"domain": "vpc", **_eip_outputs(cloud, allocation, props)},
        checks=(common.only_one("instance", "networkInterface", required=False),),
        refuse_create=(
            common.quota(common.EIP, 5, "AddressLimitExceeded", "The maximum number of addresses has been reached."),
            common.few_tags,
        ),
        refuse_update=(common.few_tags,),
        refuse_delete=(_eip_in_use,),
    ),
)
