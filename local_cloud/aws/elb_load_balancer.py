"""The load balancer kind: aws:lb/loadBalancer:LoadBalancer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from local_cloud.aws import lookups, plan, s3
from local_cloud.aws.elb_common import LISTENER, LOAD_BALANCER, PATHS, SERVICE, drop_listener, type_of
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row

_ZONE_IDS: Final = {  # ALB: terraform-provider-aws internal/service/elbv2/hosted_zone_id_data_source.go
    "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-northeast-2": "ZWKZPGTI48KDX",
    "ap-south-1": "ZP97RAFLXTNZK",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
    "ap-southeast-2": "Z1GM3OXH4ZPM65",
    "ca-central-1": "ZQSVJUPU6J1EY",
    "eu-central-1": "Z215JYRZR1TBD5",
    "eu-north-1": "Z23TAZ6LKFMNIO",
    "eu-west-1": "Z32O12XQLNTSW2",
    "eu-west-2": "ZHURV8PSTC4K8",
    "eu-west-3": "Z3Q77PNBQS71R4",
    "sa-east-1": "Z2P70J7HTTTPLU",
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-1": "Z368ELLRRE2KJ0",
    "us-west-2": "Z1H1FL5HABSF5",
}

_RANGES: Final = {  # ELB API reference: LoadBalancerAttribute; the provider does not check them at plan
    "idleTimeout": ("idle_timeout.timeout_seconds", 1, 4000),
    "clientKeepAlive": ("client_keep_alive.seconds", 60, 604800),
}


def name_failures(props: Props) -> Iterable[Failure]:
    """terraform-provider-aws internal/service/elbv2/validate.go: validName."""
    name = props.get("name")
    if not isinstance(name, str) or not name:
        return
    if len(name) > 32:
        yield Failure("name", f'"name" cannot be longer than 32 characters: "{name}"')
    if not all(character.isascii() and (character.isalnum() or character == "-") for character in name):
        yield Failure("name", f'only alphanumeric characters and hyphens allowed in "name": "{name}"')
    if name.startswith("-"):
        yield Failure("name", f'"name" cannot begin with a hyphen: "{name}"')
    if name.endswith("-"):
        yield Failure("name", f'"name" cannot end with a hyphen: "{name}"')
    if name.startswith("internal-"):
        yield Failure("name", f'"name" cannot begin with "internal-": "{name}"')


def _subnet_ids(props: Props) -> list[str]:
    mappings = props.get("subnetMappings") or []
    return lookups.texts(props.get("subnets")) or [str(mapping["subnetId"]) for mapping in mappings]


def _identify(cloud: Cloud, props: Props) -> str:
    path = PATHS[props.get("loadBalancerType") or "application"]
    prefix = f"arn:{cloud.partition}:elasticloadbalancing:{cloud.region}:{cloud.account}"
    return f"{prefix}:loadbalancer/{path}/{props['name']}/{cloud.hex(16)}"


def _dns_name(arn: str, props: Props, region: str) -> str:
    name, number = arn.split("/")[-2:]
    if type_of(arn) == "network":
        return f"{name}-{number}.elb.{region}.amazonaws.com"
    prefix = "internal-" if props.get("internal") else ""
    return f"{prefix}{name}-{int(number, 16) % 10**10:010d}.{region}.elb.amazonaws.com".lower()


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    rows = [row for row in (cloud.get(lookups.SUBNET, subnet) for subnet in _subnet_ids(props)) if row]
    vpc_id = str(rows[0]["vpcId"]) if rows else ""
    groups = lookups.texts(props.get("securityGroups"))
    if not groups and type_of(arn) == "application":
        groups = lookups.default_security_group(cloud, vpc_id)
    return {
        "arn": arn,
        "arnSuffix": arn.split("loadbalancer/", 1)[1],
        "dnsName": _dns_name(arn, props, cloud.region),
        "zoneId": _ZONE_IDS.get(cloud.region, "Z32O12XQLNTSW2"),
        "vpcId": vpc_id,
        "internal": bool(props.get("internal")),
        "ipAddressType": props.get("ipAddressType") or "ipv4",
        "securityGroups": groups,
        "subnets": _subnet_ids(props),
        "subnetMappings": props.get("subnetMappings") or [{"subnetId": subnet} for subnet in _subnet_ids(props)],
    }


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """The provider looks before it asks (load_balancer.go: resourceLoadBalancerCreate)."""
    for row in cloud.where(LOAD_BALANCER, "name", props["name"]):
        if row["loadBalancerType"] == props.get("loadBalancerType", "application"):
            raise Refusal("", f"ELBv2 Load Balancer ({props['name']}) already exists")
        message = f"A load balancer with the same name '{props['name']}' exists, but with different settings"
        raise Refusal("DuplicateLoadBalancerName", message)


def _refuse_quota(cloud: Cloud, props: Props) -> None:
    """ELB API reference: CreateLoadBalancer, TooManyLoadBalancers; ALB user guide: load-balancer-limits (50)."""
    if len(cloud.where(LOAD_BALANCER, "loadBalancerType", props.get("loadBalancerType", "application"))) >= 50:
        message = "You've reached the limit on the number of load balancers for your AWS account."
        raise Refusal("TooManyLoadBalancers", message)


def _no_subnet(operation: str | None) -> Any:
    return lambda subnet: Refusal("SubnetNotFound", f"The subnet ID '{subnet}' does not exist", operation=operation)


def _refuse_network(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """kasmtech/terraform#5 (two zones), terraform-aws-modules/terraform-aws-vault#5 (one subnet a zone)."""
    rows = lookups.subnets(cloud, _subnet_ids(props), _no_subnet(operation))
    zones = lookups.zones(rows)
    if len(set(zones)) < len(zones):
        message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        raise Refusal("InvalidConfigurationRequest", message, operation=operation)
    if props.get("loadBalancerType", "application") == "application" and len(set(zones)) < 2:
        message = "At least two subnets in two different Availability Zones must be specified"
        raise Refusal("ValidationError", message, operation=operation)
    vpcs = {str(row["vpcId"]) for row in rows}
    if len(vpcs) > 1:
        message = f"All subnets must belong to the same VPC: {', '.join(sorted(vpcs))}"
        raise Refusal("InvalidConfigurationRequest", message, operation=operation)
    _refuse_gateway(cloud, props, vpcs, operation)


def _refuse_gateway(cloud: Cloud, props: Props, vpcs: set[str], operation: str | None) -> None:
    """ELB API reference: CreateLoadBalancer, InvalidSubnet."""
    for vpc in vpcs:
        if not props.get("internal") and not cloud.where(lookups.INTERNET_GATEWAY, "vpcId", vpc):
            raise Refusal("InvalidSubnet", f"VPC {vpc} has no internet gateway", operation=operation)


def _refuse_groups(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """ELB API reference: CreateLoadBalancer, InvalidSecurityGroup."""
    subnet = next((cloud.get(lookups.SUBNET, subnet) for subnet in _subnet_ids(props)), None)
    for group in lookups.texts(props.get("securityGroups")):
        vpc = lookups.security_group_vpc(cloud, group)
        if vpc is None:
            raise Refusal("InvalidSecurityGroup", f"The security group '{group}' does not exist", operation=operation)
        if subnet is not None and vpc != subnet["vpcId"]:
            message = "One or more security groups are invalid"
            raise Refusal("InvalidConfigurationRequest", message, operation=operation)


def _refuse_attributes(cloud: Cloud, props: Props) -> None:
    """Attributes are set by a call of their own, after the create."""
    if props.get("loadBalancerType", "application") != "application":
        return
    for name, (key, low, high) in _RANGES.items():
        value = props.get(name)
        if plan.is_number(value) and not low <= value <= high:
            message = f"The value of '{key}' must be between '{low}' and '{high}' seconds inclusive, got '{value}'"
            raise Refusal("ValidationError", message, operation="ModifyLoadBalancerAttributes")


def _refuse_logs(cloud: Cloud, props: Props) -> None:
    """aws-load-balancer-controller#1956; ALB user guide: enable-access-logging (bucket policy)."""
    for kind in ("accessLogs", "connectionLogs", "healthCheckLogs"):
        logs = props.get(kind) or {}
        bucket = str(logs.get("bucket") or "")
        if logs.get("enabled") is True and not s3.lets_load_balancers_write(
            cloud, bucket, str(logs.get("prefix") or "")
        ):
            message = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
            raise Refusal("InvalidConfigurationRequest", message, operation="ModifyLoadBalancerAttributes")


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    if set(_subnet_ids(props)) != set(_subnet_ids(row.inputs)):
        _refuse_network(cloud, props, "SetSubnets")
    if props.get("securityGroups") != row.inputs.get("securityGroups"):
        _refuse_groups(cloud, props, "SetSecurityGroups")
    _refuse_attributes(cloud, props)
    _refuse_logs(cloud, props)


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """aws-cloudformation/rain#187."""
    if row["enableDeletionProtection"] is True:
        message = f"Load balancer '{row.id}' cannot be deleted because deletion protection is enabled"
        raise Refusal("OperationNotPermitted", message)


def _after_delete(cloud: Cloud, row: Row) -> None:
    """ALB user guide: load-balancer-delete. Listeners and rules go with their load balancer; target groups stay."""
    for listener in cloud.where(LISTENER, "loadBalancerArn", row.id):
        drop_listener(cloud, listener)


def _replaces(old: Props, new: Props) -> Iterable[str]:
    """load_balancer.go: customizeDiffLoadBalancerNLB and customizeDiffLoadBalancerALB."""
    before, after = set(_subnet_ids(old)), set(_subnet_ids(new))
    old_mappings, new_mappings = _mappings(old), _mappings(new)
    moved = any(old_mappings[subnet] != new_mappings[subnet] for subnet in old_mappings.keys() & new_mappings.keys())
    if new.get("loadBalancerType") == "network":
        if before - after:
            yield "subnets" if new.get("subnets") else "subnetMappings"
        if bool(old.get("securityGroups")) != bool(new.get("securityGroups")):
            yield "securityGroups"
        if moved:
            yield "subnetMappings"
    elif moved or (old_mappings and len(before) == len(after) and before != after):
        yield "subnetMappings"
    fewer = (old.get("secondaryIpsAutoAssignedPerSubnet") or 0, new.get("secondaryIpsAutoAssignedPerSubnet") or 0)
    if fewer[1] < fewer[0]:
        yield "secondaryIpsAutoAssignedPerSubnet"


def _mappings(props: Props) -> dict[str, Props]:
    return {str(mapping["subnetId"]): mapping for mapping in props.get("subnetMappings") or []}


_DEFAULTS: Final = {
    "clientKeepAlive": 3600,
    "desyncMitigationMode": "defensive",
    "dnsRecordClientRoutingPolicy": "any_availability_zone",
    "dropInvalidHeaderFields": False,
    "enableCrossZoneLoadBalancing": False,
    "enableDeletionProtection": False,
    "enableHttp2": True,
    "enableTlsVersionAndCipherSuiteHeaders": False,
    "enableWafFailOpen": False,
    "enableXffClientPort": False,
    "enableZonalShift": False,
    "idleTimeout": 60,
    "loadBalancerType": "application",
    "preserveHostHeader": False,
    "xffHeaderProcessingMode": "append",
}

KIND: Final = Kind(
    token=LOAD_BALANCER,
    service=SERVICE,
    thing="ELBv2 Load Balancer",
    operations={
        "create": "CreateLoadBalancer",
        "update": "ModifyLoadBalancerAttributes",
        "delete": "DeleteLoadBalancer",
    },
    create_only=frozenset({"name", "namePrefix", "internal", "loadBalancerType", "customerOwnedIpv4Pool"}),
    source="terraform-provider-aws internal/service/elbv2/load_balancer.go",
    computed=frozenset(
        {"arn", "arnSuffix", "dnsName", "zoneId", "vpcId", "internal", "ipAddressType", "securityGroups", "subnets"}
        | {"subnetMappings"}
    ),
    identify=_identify,
    outputs=_outputs,
    name=NameRule(),  # pulumi-aws sets no limit of 32 here: a long logical name fails the provider's own check
    defaults=_DEFAULTS,
    checks=(
        name_failures,
        plan.conflict("name", "namePrefix"),
        plan.exactly_one("subnets", "subnetMappings"),
        plan.length("namePrefix", 1, 6),
        plan.one_of("loadBalancerType", "application", "network", "gateway"),
        plan.one_of("ipAddressType", "ipv4", "dualstack", "dualstack-without-public-ipv4"),
        plan.one_of("desyncMitigationMode", "monitor", "defensive", "strictest"),
        plan.one_of("xffHeaderProcessingMode", "append", "preserve", "remove"),
    ),
    refuse_create=(_refuse_name, _refuse_quota, _refuse_network, _refuse_groups, _refuse_attributes, _refuse_logs),
    refuse_update=(_refuse_update,),
    refuse_delete=(_refuse_delete,),
    replaces=_replaces,
    after_delete=(_after_delete,),
)
