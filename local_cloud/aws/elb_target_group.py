"""Target groups and what is registered in them: aws:lb/targetGroup:TargetGroup, aws:lb/targetGroupAttachment:…"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any, Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.elb_common import SERVICE, TARGET_ATTACHMENT, TARGET_GROUP, actions_of, users
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row
from local_cloud.values import UNKNOWN

_ATTRIBUTES: Final = "ModifyTargetGroupAttributes"
_CODES: Final = {"GRPC": ("GRPC code", 0, 99), "HTTP": ("HTTP code", 200, 499), "OTHER": ("HTTP code", 200, 599)}
_PROTOCOLS: Final = ("HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
_ALGORITHMS: Final = ("round_robin", "least_outstanding_requests", "weighted_random")
_STICKINESS: Final = ("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto")


_CHECK_DEFAULTS: Final[Props] = {
    "enabled": True,
    "healthyThreshold": 3,
    "interval": 30,
    "port": "traffic-port",
    "protocol": "HTTP",
    "unhealthyThreshold": 3,
}


def speaks_http(props: Props) -> bool:
    """Whether a group's protocol is one that has a protocol version."""
    return props.get("protocol") in ("HTTP", "HTTPS") and props.get("targetType") != "lambda"


def version(props: Props) -> str | None:
    """The protocol version that reaches AWS.

    The provider sends it in upper case, and only for HTTP and HTTPS (target_group.go: resourceTargetGroupCreate).
    """
    return str(props.get("protocolVersion") or "HTTP1").upper() if speaks_http(props) else None


def _asks_grpc(props: Props) -> bool:
    return str(props.get("protocolVersion") or "").upper() == "GRPC"


def health_check(props: Props) -> Props:
    """The whole health check: what is given over the provider's and AWS's defaults.

    ALB user guide: target-group-health-checks (path /AWS.ALB/healthcheck and code 12 for gRPC); the thresholds are the
    provider's (target_group.go), which differ from the API's.
    """
    grpc = version(props) == "GRPC"
    given = props.get("healthCheck") or {}
    filled: Props = {**_CHECK_DEFAULTS, "timeout": 5, "path": "/", "matcher": "200"}
    if grpc:
        filled |= {"path": "/AWS.ALB/healthcheck", "matcher": "12"}
    if given.get("protocol") == "TCP":
        filled |= {"path": "", "matcher": "", "timeout": 10}
    return filled | {key: value for key, value in given.items() if value is not None}


def _preview(props: Props) -> Props:
    given = props.get("healthCheck")
    if not isinstance(given, dict):
        return {}
    return {"healthCheck": {**health_check(props), "matcher": UNKNOWN, "path": UNKNOWN, "timeout": UNKNOWN, **given}}


def _identify(cloud: Cloud, props: Props) -> str:
    prefix = f"arn:{cloud.partition}:elasticloadbalancing:{cloud.region}:{cloud.account}"
    return f"{prefix}:targetgroup/{props['name']}/{cloud.hex(16)}"


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    return {
        "arn": arn,
        "arnSuffix": arn.rsplit(":", 1)[1],
        "healthCheck": health_check(props),
        "ipAddressType": props.get("ipAddressType") or "ipv4",
        "loadBalancingAlgorithmType": props.get("loadBalancingAlgorithmType") or "round_robin",
        "loadBalancingAnomalyMitigation": props.get("loadBalancingAnomalyMitigation") or "off",
        "loadBalancingCrossZoneEnabled": props.get("loadBalancingCrossZoneEnabled")
        or "use_load_balancer_configuration",
        "protocolVersion": version(props) or "",
        "stickiness": props.get("stickiness") or {"enabled": False, "type": "lb_cookie", "cookieDuration": 86400},
        "targetFailovers": props.get("targetFailovers") or [],
        "targetHealthStates": props.get("targetHealthStates") or [],
        **lookups.fresh(cloud, TARGET_GROUP, arn, lambda: {"loadBalancerArns": []}),
    }


def _name_failures(props: Props) -> Iterable[Failure]:
    """validate.go: validTargetGroupName."""
    name = props.get("name")
    if not isinstance(name, str):
        return
    if len(name) > 32:
        yield Failure("name", '"name" cannot be longer than 32 characters')
    if not re.fullmatch(r"[0-9A-Za-z-]+", name):
        yield Failure("name", 'only alphanumeric characters and hyphens allowed in "name"')
    if name.startswith("-"):
        yield Failure("name", '"name" cannot begin with a hyphen')
    if name.endswith("-"):
        yield Failure("name", '"name" cannot end with a hyphen')


def _slow_start_failures(props: Props) -> Iterable[Failure]:
    value = props.get("slowStart")
    if plan.is_number(value) and value != 0 and not 30 <= value <= 900:
        reason = f"expected slowStart to be in the range (0 - 0) or (30 - 900), got {value}"
        yield Failure("slowStart", reason)


def _type_failures(props: Props) -> Iterable[Failure]:
    """target_group.go: customizeDiffTargetGroupTargetTypeNotLambda and resourceTargetGroupCustomizeDiff."""
    kind = props.get("targetType", "instance")
    if isinstance(kind, str) and kind != "lambda":
        for name in ("port", "protocol", "vpcId"):
            if not plan.given(props, name):
                yield Failure(name, f'Attribute "{name}" must be specified when "targetType" is "{kind}".')
    check = props.get("healthCheck")
    if not isinstance(check, dict) or check.get("protocol") != "TCP":
        return
    for name in ("matcher", "path"):
        if check.get(name):
            where = f"healthCheck.{name}"
            reason = f'Attribute "{where}" cannot be specified when "healthCheck.protocol" is "TCP".'
            yield Failure(where, reason)
    if props.get("protocol") in ("HTTP", "HTTPS"):
        reason = f'Attribute "healthCheck.protocol" cannot have value "TCP" when "protocol" is "{props["protocol"]}".'
        yield Failure("healthCheck.protocol", reason)


def _port_failures(props: Props) -> Iterable[Failure]:
    port = plan.first(props, "healthCheck.port")
    if isinstance(port, str) and port != "traffic-port" and not (port.isdecimal() and 1 <= int(port) <= 65535):
        reason = f'"healthCheck.port" must be "traffic-port" or a number in the range (1 - 65535), got {port}'
        yield Failure("healthCheck.port", reason)


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """target_group.go: resourceTargetGroupCreate looks before it asks."""
    if cloud.where(TARGET_GROUP, "name", props["name"]):
        raise Refusal("", f"ELBv2 Target Group ({props['name']}) already exists")


def _refuse_vpc(cloud: Cloud, props: Props) -> None:
    """ELB API reference: CreateTargetGroup."""
    vpc = props.get("vpcId")
    if props.get("targetType") != "lambda" and cloud.get(lookups.VPC, str(vpc)) is None:
        raise Refusal("ValidationError", f"The VPC ID '{vpc}' is not found")


def _refuse_type(cloud: Cloud, props: Props) -> None:
    """ALB user guide: load-balancer-target-groups, "gRPC protocol version": instance and ip targets only."""
    kind, protocol = props.get("targetType", "instance"), version(props)
    if kind not in ("instance", "ip") and protocol in ("GRPC", "HTTP2"):
        message = f"Target type '{kind}' is not supported with a target group with the protocol-version '{protocol}'"
        raise Refusal("InvalidConfigurationRequest", message)


def _codes(text: str) -> Iterable[str]:
    return [code.strip() for part in text.split(",") for code in part.split("-", 1)]


def _refuse_matcher(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#2804 (range), pulumi/pulumi-aws#3746 (code sent in the wrong field).

    The provider puts the matcher into GrpcCode when the *input* says GRPC, even where it does not send the version.
    """
    matcher = (props.get("healthCheck") or {}).get("matcher")
    if not matcher:
        return
    sent = version(props)
    if _asks_grpc(props) and sent != "GRPC":
        raise Refusal("ValidationError", "Health check matcher HTTP code cannot be empty", operation=operation)
    words, low, high = _CODES["GRPC" if sent == "GRPC" else "HTTP" if sent or not props.get("protocol") else "OTHER"]
    for code in _codes(str(matcher)):
        if not (code.isdecimal() and low <= int(code) <= high):
            message = f"Health check matcher {words} '{code}' must be within '{low}-{high}' inclusive"
            raise Refusal("ValidationError", message, operation=operation)


def _refuse_health_check(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """getmoto/moto#6818 (the timeout's text, seen on AWS); ELB API reference: CreateTargetGroup, HealthCheckEnabled."""
    check = health_check(props)
    timeout, interval = check["timeout"], check["interval"]
    if speaks_http(props) and timeout >= interval:
        message = f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        raise Refusal("ValidationError", message, operation=operation)
    if timeout > interval:
        message = f"Health check timeout '{timeout}' must be smaller than or equal to the interval '{interval}'"
        raise Refusal("ValidationError", message, operation=operation)
    if check["enabled"] is False and props.get("targetType") != "lambda":
        kind = props.get("targetType", "instance")
        message = f"Health checks cannot be disabled for a target group with the target-type '{kind}'"
        raise Refusal("ValidationError", message, operation=operation)


def _refuse_attributes(cloud: Cloud, props: Props) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#3686 (slow start); ALB user guide: edit-target-group-attributes."""
    algorithm = props.get("loadBalancingAlgorithmType") or "round_robin"
    code = "InvalidConfigurationRequest"
    if props.get("slowStart") and algorithm != "round_robin":
        words = algorithm.replace("_", " ")
        message = f"You cannot enable both slow start and {words} algorithm on a target group"
        raise Refusal(code, message, operation=_ATTRIBUTES)
    if props.get("loadBalancingAnomalyMitigation") == "on" and algorithm != "weighted_random":
        message = "You cannot enable anomaly mitigation without the weighted random algorithm on a target group"
        raise Refusal(code, message, operation=_ATTRIBUTES)
    stickiness = props.get("stickiness") or {}
    if stickiness and stickiness.get("enabled", True) and props.get("loadBalancingCrossZoneEnabled") == "false":
        message = "You cannot enable stickiness while cross-zone load balancing is off on a target group"
        raise Refusal(code, message, operation=_ATTRIBUTES)


def _refuse_stickiness(cloud: Cloud, row: Row, props: Props) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#2734."""
    if not (props.get("stickiness") or {}).get("enabled", bool(props.get("stickiness"))):
        return
    for user in users(cloud, row.id):
        for action in actions_of(user):
            forward = action.get("forward") or {}
            several = len(forward.get("targetGroups") or ()) > 1
            if several and (forward.get("stickiness") or {}).get("enabled") is not True:
                message = (
                    f"This target group appears behind a rule with group stickiness disabled ({row.id}). You must "
                    "enable group stickiness before enabling target stickiness"
                )
                raise Refusal("InvalidConfigurationRequest", message, operation=_ATTRIBUTES)


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    if props.get("healthCheck") != row.inputs.get("healthCheck"):
        _refuse_matcher(cloud, props, "ModifyTargetGroup")
        _refuse_health_check(cloud, props, "ModifyTargetGroup")
    _refuse_attributes(cloud, props)
    _refuse_stickiness(cloud, row, props)


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """ELB API reference: DeleteTargetGroup, ResourceInUse."""
    if users(cloud, row.id):
        raise Refusal("ResourceInUse", f"Target group '{row.id}' is currently in use by a listener or a rule")


def _after_delete(cloud: Cloud, row: Row) -> None:
    cloud.forget("target", row.id)


def _attachment_id(cloud: Cloud, props: Props) -> str:
    digits = "".join(character for character in cloud.now() if character.isdigit())
    return f"{props['targetGroupArn']}-{digits}{cloud.hex(12)}"


def _refuse_target(cloud: Cloud, props: Props) -> None:
    """ELB API reference: RegisterTargets; ALB user guide: load-balancer-target-groups, "Target type"."""
    group = cloud.get(TARGET_GROUP, props["targetGroupArn"])
    if group is None:
        raise Refusal("TargetGroupNotFound", f"Target groups '{props['targetGroupArn']}' not found")
    target, kind = str(props["targetId"]), group["targetType"] or "instance"
    if kind == "ip" and not _is_address(target):
        raise Refusal("ValidationError", f"The IP address '{target}' is not a valid IPv4 or IPv6 address")
    if kind == "ip" and ipaddress.ip_address(target).is_global:
        message = f"The IP address '{target}' is not in the target group VPC '{group['vpcId']}' or a private range"
        raise Refusal("InvalidTarget", message)
    if kind == "instance" and not re.fullmatch(r"i-([0-9a-f]{8}|[0-9a-f]{17})", target):
        raise Refusal("ValidationError", f"Instance ID '{target}' is not valid")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _target_key(cloud: Cloud, row: Row) -> str:
    group = cloud.get(TARGET_GROUP, str(row["targetGroupArn"]))
    port = row["port"] or (group["port"] if group else None)
    return f"{row['targetId']}:{port}"


def _register(cloud: Cloud, row: Row) -> None:
    cloud.note("target", str(row["targetGroupArn"]), _target_key(cloud, row), {"by": row.id})


def _deregister(cloud: Cloud, row: Row) -> None:
    cloud.forget("target", str(row["targetGroupArn"]), _target_key(cloud, row))


def _attachment_outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    return {"port": props["port"]} if props.get("port") else {}


_DEFAULTS: Final[dict[str, Any]] = {
    "deregistrationDelay": 300,
    "lambdaMultiValueHeadersEnabled": False,
    "proxyProtocolV2": False,
    "slowStart": 0,
    "targetType": "instance",
    **{f"healthCheck.{name}": value for name, value in _CHECK_DEFAULTS.items()},
}
_DRAWN: Final = ("name", "namePrefix", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType")

KINDS: Final = (
    Kind(
        token=TARGET_GROUP,
        service=SERVICE,
        thing="ELBv2 Target Group",
        operations={"create": "CreateTargetGroup", "update": "ModifyTargetGroup", "delete": "DeleteTargetGroup"},
        create_only=frozenset({*_DRAWN, "targetControlPort"}),
        source="terraform-provider-aws internal/service/elbv2/target_group.go; "
        "CloudFormation schema AWS::ElasticLoadBalancingV2::TargetGroup",
        computed=frozenset(
            {"arn", "arnSuffix", "connectionTermination", "healthCheck", "ipAddressType", "loadBalancerArns"}
            | {"loadBalancingAlgorithmType", "loadBalancingAnomalyMitigation", "loadBalancingCrossZoneEnabled"}
            | {"preserveClientIp", "protocolVersion", "stickiness", "targetFailovers", "targetGroupHealth"}
            | {"targetHealthStates"}
        ),
        identify=_identify,
        outputs=_outputs,
        preview=_preview,
        name=NameRule(maximum=32),
        defaults=_DEFAULTS,
        checks=(
            _name_failures,
            _type_failures,
            _slow_start_failures,
            _port_failures,
            plan.conflict("name", "namePrefix"),
            plan.length("namePrefix", 1, 6),
            plan.between("port", 1, 65535),
            plan.between("deregistrationDelay", 0, 3600),
            plan.between("healthCheck.interval", 5, 300),
            plan.between("healthCheck.timeout", 2, 120),
            plan.between("healthCheck.healthyThreshold", 2, 10),
            plan.between("healthCheck.unhealthyThreshold", 2, 10),
            plan.length("healthCheck.path", 1, 1024),
            plan.matches("healthCheck.path", r"/.*|", 'value of {path} must begin with "/", got {value}'),
            plan.one_of("healthCheck.protocol", "HTTP", "HTTPS", "TCP", any_case=True),
            plan.between("stickiness.cookieDuration", 0, 604800),
            plan.one_of("stickiness.type", *_STICKINESS),
            plan.one_of("protocol", *_PROTOCOLS),
            plan.one_of("protocolVersion", "GRPC", "HTTP1", "HTTP2", any_case=True),
            plan.one_of("targetType", "instance", "ip", "lambda", "alb"),
            plan.one_of("ipAddressType", "ipv4", "ipv6"),
            plan.one_of("loadBalancingAlgorithmType", *_ALGORITHMS),
            plan.one_of("loadBalancingAnomalyMitigation", "on", "off"),
            plan.one_of("loadBalancingCrossZoneEnabled", "true", "false", "use_load_balancer_configuration"),
        ),
        refuse_create=(
            *(_refuse_name, _refuse_vpc, _refuse_type),
            *(_refuse_matcher, _refuse_health_check, _refuse_attributes),
        ),
        refuse_update=(_refuse_update,),
        refuse_delete=(_refuse_delete,),
        after_delete=(_after_delete,),
    ),
    Kind(
        token=TARGET_ATTACHMENT,
        service=SERVICE,
        thing="ELBv2 Target Group Attachment",
        operations={"create": "RegisterTargets", "update": "RegisterTargets", "delete": "DeregisterTargets"},
        create_only=frozenset({"targetGroupArn", "targetId", "port", "availabilityZone", "quicServerId"}),
        source="terraform-provider-aws internal/service/elbv2/target_group_attachment.go",
        computed=frozenset(),
        identify=_attachment_id,
        outputs=_attachment_outputs,
        checks=(plan.arn("targetGroupArn"), plan.between("port", 1, 65535)),
        refuse_create=(_refuse_target,),
        after_create=(_register,),
        after_delete=(_deregister,),
    ),
)
