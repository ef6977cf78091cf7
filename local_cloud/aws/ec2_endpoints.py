"""VPC endpoints and flow logs.

Create-only properties: CloudFormation schemas AWS::EC2::VPCEndpoint and AWS::EC2::FlowLog (createOnlyProperties). Texts
without a source beside them: EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws import lookups, plan
from local_cloud.aws import vpclattice_common as lattice
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row, latest

ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"

_GATEWAYS: Final = ("dynamodb", "s3")
# AWS PrivateLink guide, "AWS services that integrate with AWS PrivateLink": a part of the list.
_SERVICES: Final = frozenset(
    {
        *_GATEWAYS, "acm-pca", "athena", "autoscaling", "cloudformation", "cloudtrail", "ec2", "ec2messages", "ecr.api",
        "ecr.dkr", "ecs", "eks", "eks-auth", "elasticfilesystem", "elasticloadbalancing", "events", "execute-api",
        "guardduty-data", "kinesis-streams", "kms", "lambda", "logs", "monitoring", "rds", "secretsmanager",
        "servicediscovery", "sns", "sqs", "ssm", "ssmmessages", "states", "sts", "vpc-lattice", "xray",
    }
)  # fmt: skip
_WATCHED: Final = (
    *("eniId", "regionalNatGatewayId", "subnetId", "transitGatewayAttachmentId", "transitGatewayId", "vpcId"),
)

_WORDS: Final = {
    "routeTableIds": "Route table IDs",
    "securityGroupIds": "Security group IDs",
    "subnetIds": "Subnet IDs",
}


def _service(props: Props) -> str:
    """``s3`` of ``com.amazonaws.eu-west-1.s3``; the whole name of a service that is not AWS's own."""
    name = str(props.get("serviceName") or "")
    found = re.fullmatch(r"(?:cn\.)?com\.amazonaws\.[a-z0-9-]+\.(.+)", name)
    return found[1] if found and not found[1].startswith("vpce.") else name


def _kind_of(props: Props) -> str:
    return str(props.get("vpcEndpointType") or "Gateway")


def _service_exists(cloud: Cloud, props: Props) -> None:
    """EC2 API reference: InvalidServiceName; a service of another region does not exist in this one."""
    name = str(props.get("serviceName") or "")
    region = props.get("serviceRegion") or cloud.region
    own = re.fullmatch(rf"(?:cn\.)?com\.amazonaws\.{re.escape(str(region))}\.(.+)", name)
    if name and (own is None or (own[1] not in _SERVICES and not own[1].startswith("vpce."))):
        raise Refusal("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _network_exists(cloud: Cloud, props: Props) -> None:
    """VPC Lattice User Guide, "Service network endpoints"."""
    arn = props.get("serviceNetworkArn")
    if arn and lattice.find(cloud, lattice.NETWORK, arn) is None:
        raise Refusal("InvalidParameter", f"The service network {arn} does not exist")


def _type_fits(cloud: Cloud, props: Props) -> None:
    """AWS PrivateLink guide, "Gateway endpoints": S3 and DynamoDB alone."""
    if _kind_of(props) == "Gateway" and _service(props) not in _GATEWAYS:
        message = f"VpcEndpointType Gateway is not available for the service {props.get('serviceName')}"
        raise Refusal("InvalidParameter", message)


def _type_properties(cloud: Cloud, *given: Row | Props) -> None:
    """EC2 API reference, CreateVpcEndpoint: tables belong to gateways, subnets, groups and names to interfaces."""
    props = latest(given)
    foreign = ("subnetIds", "securityGroupIds") if _kind_of(props) == "Gateway" else ("routeTableIds",)
    for name in foreign:
        if props.get(name):
            wanted = "Gateway" if name == "routeTableIds" else "Interface"
            raise Refusal("InvalidParameter", f"{_WORDS[name]} are only supported for {wanted} type VPC Endpoints.")


def _places_exist(cloud: Cloud, *given: Row | Props) -> None:
    """Subnets, route tables and groups of an endpoint lie in its VPC."""
    props = latest(given)
    rows = lookups.subnets(
        cloud,
        lookups.texts(props.get("subnetIds")),
        lambda subnet: Refusal("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist"),
    )
    zones = lookups.zones(rows)
    if len(set(zones)) != len(zones):
        message = "Found another VPC endpoint subnet in the availability zone of the subnet."
        raise Refusal("DuplicateSubnetsInSameZone", message)
    for table in lookups.texts(props.get("routeTableIds")):
        if cloud.get(common.ROUTE_TABLE, table) is None:
            raise Refusal("InvalidRouteTableId.NotFound", f"The routeTable ID '{table}' does not exist")
    for group in lookups.texts(props.get("securityGroupIds")):
        if lookups.security_group_vpc(cloud, group) is None:
            raise Refusal("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def _alone(cloud: Cloud, props: Props) -> None:
    """One private name in a VPC, one route to a prefix list in a table (AWS PrivateLink guide: "Considerations")."""
    for other in cloud.where(ENDPOINT, "vpcId", props["vpcId"]):
        if other["serviceName"] != props.get("serviceName") or _kind_of(other.inputs) != _kind_of(props):
            continue
        if _kind_of(props) == "Interface" and other["privateDnsEnabled"] and props.get("privateDnsEnabled"):
            host = f"{_service(props)}.{cloud.region}.amazonaws.com"
            message = (
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{host} in the VPC {props['vpcId']}"
            )
            raise Refusal("InvalidParameter", message)
        for table in set(lookups.texts(other["routeTableIds"])) & set(lookups.texts(props.get("routeTableIds"))):
            message = f"route table {table} already has a route with destination-prefix-list-id {_prefixes(props)}"
            raise Refusal("RouteAlreadyExists", message)


def _names_resolve(cloud: Cloud, *given: Row | Props) -> None:
    """AWS PrivateLink guide, "Private DNS": both DNS settings of the VPC are on."""
    props = latest(given)
    vpc = cloud.get(common.VPC, str(props["vpcId"]))
    if vpc is None or not props.get("privateDnsEnabled"):
        return
    if not (vpc["enableDnsHostnames"] and vpc["enableDnsSupport"]):
        message = (
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
            f"{vpc.id}"
        )
        raise Refusal("InvalidParameter", message)


def _prefixes(props: Props) -> str:
    return common.belonging("pl", str(props.get("serviceName")))


def _outputs(cloud: Cloud, endpoint: str, props: Props) -> Props:
    outputs: Props = {
        "arn": common.arn(cloud, "vpc-endpoint", endpoint),
        "ownerId": cloud.account,
        "state": "available",
        "requesterManaged": False,
        "policy": props.get("policy") or "",
        "ipAddressType": props.get("ipAddressType", "ipv4"),
        "routeTableIds": lookups.texts(props.get("routeTableIds")),
        "subnetIds": lookups.texts(props.get("subnetIds")),
        "securityGroupIds": lookups.texts(props.get("securityGroupIds")),
        "networkInterfaceIds": [common.belonging("eni", f"{endpoint}/{each}") for each in props.get("subnetIds") or ()],
        "dnsEntries": [],
    }
    if _kind_of(props) == "Gateway":
        return {**outputs, "prefixListId": _prefixes(props), "cidrBlocks": ["52.218.0.0/17"]}
    name = f"{endpoint}-{common.belonging('', endpoint)[1:9]}.{_service(props)}.{cloud.region}.vpce.amazonaws.com"
    groups = outputs["securityGroupIds"] or lookups.default_security_group(cloud, str(props["vpcId"]))
    entries = [{"dnsName": name, "hostedZoneId": "Z38GZ743OKFT7T"}]
    return {**outputs, "securityGroupIds": groups, "dnsEntries": entries}


def _watched(props: Props) -> Iterable[Failure]:
    """terraform-provider-aws internal/service/ec2/vpc_flow_log.go: trafficType is required for these."""
    if any(props.get(name) for name in ("eniId", "subnetId", "vpcId")) and not props.get("trafficType"):
        yield Failure("trafficType", "trafficType is required for a flow log of a VPC, subnet or network interface")


def _interval(props: Props) -> Iterable[Failure]:
    """EC2 API reference, CreateFlowLogs: MaxAggregationInterval."""
    seconds = props.get("maxAggregationInterval")
    if plan.is_number(seconds) and seconds not in {60, 600}:
        yield Failure("maxAggregationInterval", f"expected maxAggregationInterval to be one of [60 600], got {seconds}")


def _destination(cloud: Cloud, props: Props) -> None:
    """EC2 API reference, CreateFlowLogs: a role for CloudWatch, none for S3."""
    bucket = props.get("logDestinationType") == "s3"
    if not bucket and not props.get("iamRoleArn"):
        message = "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        raise Refusal("InvalidParameter", message)
    if bucket and props.get("iamRoleArn"):
        raise Refusal("InvalidParameter", "DeliverLogsPermissionArn is not applicable for LogDestinationType s3.")
    role = lookups.role(cloud, str(props.get("iamRoleArn"))) if not bucket else None
    if role is not None and not lookups.trusts(role, "vpc-flow-logs.amazonaws.com"):
        message = f"Access Denied for IAM role: {role.id} (it does not trust vpc-flow-logs.amazonaws.com)"
        raise Refusal("InvalidParameter", message)


def _twice(cloud: Cloud, props: Props) -> None:
    """moto ec2/models/flow_logs.py: FlowLogAlreadyExists."""
    same = ("trafficType", "logDestinationType", "logDestination", *_WATCHED)
    for other in cloud.rows(FLOW_LOG):
        if all((other[name] or None) == (props.get(name) or None) for name in same):
            message = "Error. There is an existing Flow Log with the same configuration and log destination."
            raise Refusal("FlowLogAlreadyExists", message)


KINDS: Final = (
    Kind(
        token=ENDPOINT,
        service="EC2",
        thing="EC2 VPC Endpoint",
        operations={"create": "CreateVpcEndpoint", "update": "ModifyVpcEndpoint", "delete": "DeleteVpcEndpoints"},
        create_only=frozenset(
            {
                "vpcId",
                "serviceName",
                "vpcEndpointType",
                "serviceNetworkArn",
                "resourceConfigurationArn",
                "serviceRegion",
            }
        ),
        source="CloudFormation schema AWS::EC2::VPCEndpoint",
        computed=frozenset(
            {
                *("arn", "cidrBlocks", "dnsEntries", "ipAddressType", "networkInterfaceIds", "ownerId", "policy"),
                *("prefixListId", "requesterManaged", "routeTableIds", "securityGroupIds", "state", "subnetIds"),
            }
        ),
        identify=common.identity("vpce"),
        outputs=_outputs,
        json=frozenset({"policy"}),
        defaults={"vpcEndpointType": "Gateway"},
        checks=(
            plan.exactly_one("serviceName", "resourceConfigurationArn", "serviceNetworkArn"),
            plan.one_of("vpcEndpointType", "Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"),
        ),
        refuse_create=(
            common.vpc_exists,
            _service_exists,
            _network_exists,
            _type_fits,
            _type_properties,
            _places_exist,
            _alone,
            _names_resolve,
            common.few_tags,
        ),
        refuse_update=(_type_properties, _places_exist, _names_resolve, common.few_tags),
    ),
    Kind(
        token=FLOW_LOG,
        service="EC2",
        thing="EC2 Flow Log",
        operations={"create": "CreateFlowLogs", "update": "CreateTags", "delete": "DeleteFlowLogs"},
        create_only=frozenset(
            {
                *_WATCHED,
                *("deliverCrossAccountRole", "destinationOptions", "iamRoleArn", "logDestination"),
                *("logDestinationType", "logFormat", "maxAggregationInterval", "trafficType"),
            }
        ),
        source="CloudFormation schema AWS::EC2::FlowLog",
        computed=frozenset({"arn", "logFormat"}),
        identify=common.identity("fl"),
        outputs=lambda cloud, log, props: {
            "arn": common.arn(cloud, "vpc-flow-log", log),
            "logFormat": props.get("logFormat") or "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr}",
        },
        defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
        checks=(
            plan.exactly_one(*_WATCHED),
            plan.one_of("trafficType", "ACCEPT", "REJECT", "ALL"),
            plan.one_of("logDestinationType", "cloud-watch-logs", "s3", "kinesis-data-firehose"),
            plan.arn("logDestination"),
            plan.arn("iamRoleArn"),
            _watched,
            _interval,
        ),
        refuse_create=(common.vpc_exists, _destination, _twice, common.few_tags),
        refuse_update=(common.few_tags,),
    ),
)
