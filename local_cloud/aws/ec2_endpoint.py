"""VPC endpoints: gateways to S3 and DynamoDB, interfaces to services, and endpoints of VPC Lattice service networks.

Create-only properties: terraform-provider-aws internal/service/ec2/vpc_endpoint.go. Texts: EC2 API reference, "Error
codes for the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws import lookups, plan
from local_cloud.aws import vpclattice_common as lattice
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row, latest

_KINDS: Final = {
    "Gateway": "serviceName",
    "Interface": "serviceName",
    "GatewayLoadBalancer": "serviceName",
    "ServiceNetwork": "serviceNetworkArn",
    "Resource": "resourceConfigurationArn",
}
_INTERFACES: Final = frozenset({"Interface", "ServiceNetwork", "Resource"})


def _named(props: Props) -> Iterable[Failure]:
    """vpc_endpoint.go: one of the three, and the one that the type of the endpoint is about."""
    kind = props.get("vpcEndpointType", "Gateway")
    wanted = _KINDS.get(kind) if isinstance(kind, str) else None
    if wanted and not plan.given(props, wanted):
        yield Failure(wanted, f"{wanted} must be specified for a VPC endpoint of type {kind}")


def _places(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    missing = {
        "subnetIds": ("InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist", common.SUBNET),
        "routeTableIds": ("InvalidRouteTableId.NotFound", "The routeTable ID '{}' does not exist", common.ROUTE_TABLE),
    }
    for name, (code, words, token) in missing.items():
        for each in lookups.texts(props.get(name)):
            if cloud.get(token, each) is None:
                raise Refusal(code, words.replace("{}", each))
    for group in lookups.texts(props.get("securityGroupIds")):
        if lookups.security_group_vpc(cloud, group) is None:
            raise Refusal("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def _network(cloud: Cloud, props: Props) -> None:
    arn = props.get("serviceNetworkArn")
    if arn and lattice.find(cloud, lattice.NETWORK, arn) is None:
        raise Refusal("InvalidParameter", f"The service network {arn} does not exist")


def _one_zone(cloud: Cloud, *given: Row | Props) -> None:
    """EC2 API reference, CreateVpcEndpoint: one subnet of a zone."""
    subnets = lookups.texts(latest(given).get("subnetIds"))
    zones = [str(row["availabilityZone"]) for each in subnets if (row := cloud.get(common.SUBNET, each))]
    if len(set(zones)) != len(zones):
        raise Refusal("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone")


def _outputs(cloud: Cloud, endpoint: str, props: Props) -> Props:
    kind = props.get("vpcEndpointType", "Gateway")
    subnets = lookups.texts(props.get("subnetIds"))
    interfaces = [common.belonging("eni", f"{endpoint}/{subnet}") for subnet in subnets if kind in _INTERFACES]
    return {
        "arn": common.arn(cloud, "vpc-endpoint", endpoint),
        "ownerId": cloud.account,
        "state": "available",
        "requesterManaged": False,
        "networkInterfaceIds": interfaces,
        "privateDnsEnabled": props.get("privateDnsEnabled", False),
        "ipAddressType": props.get("ipAddressType", "ipv4"),
        "subnetIds": subnets,
        "securityGroupIds": lookups.texts(props.get("securityGroupIds"))
        or (lookups.default_security_group(cloud, str(props["vpcId"])) if kind in _INTERFACES else []),
        "routeTableIds": lookups.texts(props.get("routeTableIds")),
        "prefixListId": common.belonging("pl", str(props.get("serviceName"))) if kind == "Gateway" else "",
    }


KINDS: Final = (
    Kind(
        token=lattice.ENDPOINT,
        service="EC2",
        thing="EC2 VPC Endpoint",
        operations={"create": "CreateVpcEndpoint", "update": "ModifyVpcEndpoint", "delete": "DeleteVpcEndpoints"},
        create_only=frozenset(
            {"vpcId", "vpcEndpointType", "serviceName", "serviceRegion", "serviceNetworkArn"}
            | {"resourceConfigurationArn"}
        ),
        source="terraform-provider-aws internal/service/ec2/vpc_endpoint.go",
        computed=frozenset(
            {"dnsOptions", "ipAddressType", "policy", "privateDnsEnabled", "routeTableIds", "securityGroupIds"}
            | {"subnetConfigurations", "subnetIds"}
        ),
        identify=common.identity("vpce"),
        outputs=_outputs,
        defaults={"vpcEndpointType": "Gateway"},
        checks=(
            plan.one_of("vpcEndpointType", *_KINDS),
            common.only_one("serviceName", "serviceNetworkArn", "resourceConfigurationArn"),
            _named,
        ),
        refuse_create=(common.vpc_exists, _places, _network, _one_zone, common.few_tags),
        refuse_update=(_places, _one_zone, common.few_tags),
    ),
)
