"""VPC Lattice target groups and their targets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any, Final

from local_cloud.aws import lookups, plan
from local_cloud.aws import vpclattice_common as common
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Row
from local_cloud.aws.vpclattice_service import forwarders

_CHECK: Final = "config.healthCheck"
_CHECK_DEFAULTS: Final = {
    "enabled": True,
    "healthCheckIntervalSeconds": 30,
    "healthCheckTimeoutSeconds": 5,
    "healthyThresholdCount": 5,
    "unhealthyThresholdCount": 2,
    "path": "/",
    "protocolVersion": "HTTP1",
}


def check_of(config: Props) -> Props:
    """The whole health check of a target group: what is given over the provider's defaults (target_group.go).

    The provider turns it on for gRPC too, where the API would leave it off, and asks `/` in HTTP/1.1.
    """
    given = {key: value for key, value in (config.get("healthCheck") or {}).items() if value is not None}
    return {**_CHECK_DEFAULTS, "protocol": config.get("protocol", "HTTP"), "matcher": {"value": "200"}, **given}


def _type(props: Props) -> Iterable[Failure]:
    """target_group.go: customizeDiffTargetGroup; VPC Lattice API Reference, TargetGroupConfig."""
    kind, config = props.get("type"), props.get("config")
    if not isinstance(kind, str):
        return
    if kind == "LAMBDA":
        if isinstance(config, dict) and set(config) - {"lambdaEventStructureVersion", "__defaults"}:
            yield Failure("config", "config not supported for LAMBDA target groups")
        return
    if not isinstance(config, dict):
        if config is None:
            yield Failure("config", f"config required for {kind} target groups")
        return
    for name in ("port", "protocol", "vpcIdentifier"):
        if config.get(name) is None:
            yield Failure(f"config.{name}", f"config.{name} is required for {kind} target groups")
    if kind == "ALB" and config.get("healthCheck"):
        yield Failure(_CHECK, "config.healthCheck not supported for ALB target groups")


def _version(props: Props) -> Iterable[Failure]:
    config = props.get("config")
    if isinstance(config, dict) and config.get("protocol") == "TCP" and config.get("protocolVersion"):
        yield Failure("config.protocolVersion", "config.protocolVersion not supported for the protocol TCP")


def _vpc(cloud: Cloud, props: Props) -> None:
    vpc = (props.get("config") or {}).get("vpcIdentifier")
    if vpc and cloud.get(lookups.VPC, str(vpc)) is None:
        raise common.missing("VPC", vpc)


def _in_use(cloud: Cloud, row: Row) -> None:
    """VPC Lattice API Reference, DeleteTargetGroup."""
    if forwarders(cloud, row.id):
        raise common.conflict(f"TargetGroup {row.id} is in use by a listener or a rule")


def _outputs(cloud: Cloud, identity: str, props: Props) -> Props:
    config = props.get("config")
    outputs: Props = {"arn": common.arn(cloud, common.TARGET_GROUP, identity), "status": "ACTIVE"}
    if isinstance(config, dict) and props["type"] != "LAMBDA":
        version = {} if config.get("protocol") == "TCP" else {"protocolVersion": config.get("protocolVersion", "HTTP1")}
        check = {} if props["type"] == "ALB" else {"healthCheck": check_of(config)}
        outputs["config"] = {"ipAddressType": "IPV4", **config, **version, **check}
    return outputs


def _target(cloud: Cloud, props: Props) -> tuple[str, Any]:
    target = props["target"]
    group = common.find(cloud, common.TARGET_GROUP, props["targetGroupIdentifier"])
    config = (group["config"] if group else None) or {}
    return str(target["id"]), target.get("port") or config.get("port") or 0


def _attachment_id(cloud: Cloud, props: Props) -> str:
    target, port = _target(cloud, props)
    return f"{common.short(props['targetGroupIdentifier'])}/{target}/{port}"


def _fits(cloud: Cloud, props: Props) -> None:
    """VPC Lattice user guide, "Register targets": what a target is depends on the type of its group."""
    group = common.find(cloud, common.TARGET_GROUP, props["targetGroupIdentifier"])
    if group is None:
        raise common.missing("Target group", props["targetGroupIdentifier"])
    target = str(props["target"]["id"])
    if group["type"] == "INSTANCE" and not re.fullmatch(r"i-([0-9a-f]{8}|[0-9a-f]{17})", target):
        raise common.invalid(f"Target {target} is not a valid instance ID")
    if group["type"] == "IP":
        try:
            ipaddress.ip_address(target)
        except ValueError:
            raise common.invalid(f"Target {target} is not a valid IP address") from None


KINDS: Final = (
    Kind(
        token=common.TARGET_GROUP,
        service=common.SERVICE,
        thing="VPC Lattice Target Group",
        operations={"create": "CreateTargetGroup", "update": "UpdateTargetGroup", "delete": "DeleteTargetGroup"},
        create_only=frozenset(
            {"name", "type", "config.port", "config.protocol", "config.protocolVersion", "config.vpcIdentifier"}
            | {"config.ipAddressType", "config.lambdaEventStructureVersion"}
        ),
        source="terraform-provider-aws internal/service/vpclattice/target_group.go; "
        "CloudFormation schema AWS::VpcLattice::TargetGroup",
        computed=frozenset({"config"}),
        identify=common.identify(common.TARGET_GROUP),
        outputs=_outputs,
        name=common.named(128, "tg-"),
        checks=(
            plan.one_of("type", "IP", "LAMBDA", "INSTANCE", "ALB"),
            plan.one_of("config.protocol", "HTTP", "HTTPS", "TCP"),
            plan.one_of("config.protocolVersion", "HTTP1", "HTTP2", "GRPC"),
            plan.one_of("config.ipAddressType", "IPV4", "IPV6"),
            plan.between("config.port", 1, 65535),
            # "Health checks do not support gRPC target group protocol versions" (VPC Lattice user guide).
            plan.one_of(f"{_CHECK}.protocolVersion", "HTTP1", "HTTP2"),
            plan.one_of(f"{_CHECK}.protocol", "HTTP", "HTTPS"),
            plan.between(f"{_CHECK}.healthCheckIntervalSeconds", 5, 300),
            plan.between(f"{_CHECK}.healthCheckTimeoutSeconds", 1, 120),
            plan.between(f"{_CHECK}.healthyThresholdCount", 2, 10),
            plan.between(f"{_CHECK}.unhealthyThresholdCount", 2, 10),
            plan.between(f"{_CHECK}.port", 0, 65535),
            plan.matches(
                f"{_CHECK}.path", r"/[a-zA-Z0-9@:%_+.~#?&/=-]{0,2047}", "value of {path} is no valid path: {value}"
            ),
            plan.matches(
                f"{_CHECK}.matcher.value", r"[0-9-,]{1,2000}", "value of {path} must be HTTP codes, got {value}"
            ),
            _type,
            _version,
        ),
        refuse_create=(common.name_free(common.TARGET_GROUP, "Target group"), _vpc),
        refuse_delete=(_in_use,),
        after_delete=(lambda cloud, row: cloud.forget("target", row.id),),
    ),
    Kind(
        token=common.ATTACHMENT,
        service=common.SERVICE,
        thing="VPC Lattice Target Group Attachment",
        operations={"create": "RegisterTargets", "delete": "DeregisterTargets"},
        create_only=frozenset({"targetGroupIdentifier", "target", "target.id", "target.port"}),
        source="terraform-provider-aws internal/service/vpclattice/target_group_attachment.go",
        computed=frozenset(),
        identify=_attachment_id,
        outputs=lambda cloud, identity, props: {
            "target": {"id": _target(cloud, props)[0], "port": _target(cloud, props)[1]}
        },
        checks=(plan.between("target.port", 1, 65535),),
        refuse_create=(_fits,),
        after_create=(
            lambda cloud, row: cloud.note(
                "target", row.id.split("/")[0], ":".join(row.id.split("/")[1:]), {"by": row.id}
            ),
        ),
        after_delete=(
            lambda cloud, row: cloud.forget("target", row.id.split("/")[0], ":".join(row.id.split("/")[1:])),
        ),
    ),
)
