"""What listeners and rules may do with a request: the provider's plan-time checks and AWS's refusals of actions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from local_cloud.aws import plan
from local_cloud.aws.elb_common import (
    LOAD_BALANCER,
    TARGET_GROUP,
    actions_of,
    forwards,
    holders,
    load_balancer_of,
    type_of,
    users,
)
from local_cloud.aws.elb_target_group import version
from local_cloud.aws.kind import Check, Cloud, Failure, Props, Refusal, Row

_TYPES: Final = ("forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response", "jwt-validation")
_LAST: Final = ("forward", "redirect", "fixed-response")
_NEEDED: Final = {
    "redirect": "redirect",
    "fixed-response": "fixedResponse",
    "authenticate-oidc": "authenticateOidc",
    "authenticate-cognito": "authenticateCognito",
    "jwt-validation": "jwtValidation",
}
_BODIES: Final = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")

_TARGET_GROUPS: Final = 100  # per load balancer, fixed: ALB user guide, load-balancer-limits


def checks(path: str) -> tuple[Check, ...]:
    """The provider's plan-time checks of the actions at a path (listener.go, listener_rule.go)."""
    return (
        _needed(path),
        plan.one_of(f"{path}.type", *_TYPES, any_case=True),
        plan.between(f"{path}.order", 1, 50000),
        plan.one_of(f"{path}.fixedResponse.contentType", *_BODIES),
        plan.length(f"{path}.fixedResponse.messageBody", 0, 1024),
        plan.matches(f"{path}.fixedResponse.statusCode", r"[245]\d\d", "invalid value for {path} ({value})"),
        plan.one_of(f"{path}.redirect.statusCode", "HTTP_301", "HTTP_302"),
        plan.one_of(f"{path}.redirect.protocol", "#{protocol}", "HTTP", "HTTPS"),
        plan.items(f"{path}.forward.targetGroups", 1, 5),
        plan.between(f"{path}.forward.targetGroups.weight", 0, 999),
        plan.between(f"{path}.forward.stickiness.duration", 1, 604800),
        plan.arn(f"{path}.forward.targetGroups.arn"),
        plan.arn(f"{path}.targetGroupArn"),
    )


def _needed(path: str) -> Check:
    """validateListenerActionsCustomDiff: each action type comes with its block."""

    def check(props: Props) -> Iterable[Failure]:
        for number, action in enumerate(props.get(path) or []) if isinstance(props.get(path), list) else []:
            if not isinstance(action, dict):
                continue
            where, kind = f"{path}[{number}]", action.get("type")
            needed = _NEEDED.get(kind) if isinstance(kind, str) else None
            if needed and not action.get(needed):
                name = f"{where}.{needed}"
                yield Failure(name, f'Attribute "{name}" must be specified when "{where}.type" is "{kind}".')
            if kind == "forward" and not action.get("forward") and not action.get("targetGroupArn"):
                names = f'"{where}.forward", "{where}.targetGroupArn"'
                reason = f"At least one attribute out of [{names}] must be specified"
                yield Failure(where, reason)

    return check


def filled(actions: Iterable[Props]) -> list[Props]:
    """Actions with the order AWS gives them."""
    return [{**action, "order": action.get("order") or number} for number, action in enumerate(actions, 1)]


def refuse(cloud: Cloud, own: str, listener: Props, actions: list[Props], operation: str) -> None:
    """Raises the refusal of an action list. ``own``: the ARN of the listener or rule that holds it ("" in a create).

    ``listener``: what ``seen_from`` says of the listener it acts for.
    """
    _refuse_order(actions, str(listener["protocol"]), operation)
    for arn in forwards(actions):
        group = cloud.get(TARGET_GROUP, arn)
        if group is None:
            raise Refusal("TargetGroupNotFound", f"Target groups '{arn}' not found", operation=operation)
        _refuse_protocol(listener, actions, group, operation)
        _refuse_association(cloud, own, str(listener["loadBalancerArn"]), group, operation)
    _refuse_versions(cloud, actions, operation)
    _refuse_stickiness(cloud, actions, operation)
    _refuse_total(own, listener["holders"], actions, operation)


def _refuse_versions(cloud: Cloud, actions: list[Props], operation: str) -> None:
    """ALB user guide: load-balancer-target-groups, "Protocol version"; the page has no text of the refusal."""
    groups = (cloud.get(TARGET_GROUP, arn) for arn in forwards(actions))
    versions = sorted({str(version(group.outputs)) for group in groups if group is not None})
    if len(versions) > 1:
        message = f"Target groups of one forward action must have the same protocol version, not {', '.join(versions)}"
        raise Refusal("InvalidLoadBalancerAction", message, operation=operation)


def _refuse_stickiness(cloud: Cloud, actions: list[Props], operation: str) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#2734."""
    for action in actions:
        forward = action.get("forward") or {}
        arns = [str(group["arn"]) for group in forward.get("targetGroups") or ()]
        if len(arns) < 2 or (forward.get("stickiness") or {}).get("enabled") is True:
            continue
        for arn in arns:
            group = cloud.get(TARGET_GROUP, arn)
            sticky = (group["stickiness"] if group else None) or {}
            if sticky.get("enabled") is True:
                message = (
                    f"This target group appears behind a rule with group stickiness disabled ({arn}). You must enable "
                    "group stickiness before enabling target stickiness"
                )
                raise Refusal("InvalidConfigurationRequest", message, operation=operation)


def _refuse_order(actions: list[Props], protocol: str, operation: str) -> None:
    """ELB API reference: CreateRule, Actions; ALB user guide: load-balancer-listeners, "Rule action types"."""
    kinds = [str(action.get("type", "")).lower() for action in actions]
    last = sum(kind in _LAST for kind in kinds)
    if last > 1:
        message = "Only one forward, redirect or fixed-response action can be specified"
        raise Refusal("TooManyActions", message, operation=operation)
    if not kinds or kinds[-1] not in _LAST:
        message = "The last action must be a forward, redirect or fixed-response action"
        raise Refusal("InvalidLoadBalancerAction", message, operation=operation)
    for kind in kinds:
        if (kind.startswith("authenticate-") or kind == "jwt-validation") and protocol != "HTTPS":
            message = f"Actions of type '{kind}' are supported only on HTTPS listeners"
            raise Refusal("InvalidLoadBalancerAction", message, operation=operation)


def _refuse_protocol(listener: Props, actions: list[Props], group: Row, operation: str) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#2214; ALB user guide: load-balancer-target-groups."""
    protocol, spoken = str(listener["protocol"]), version(group.outputs)
    ending = f"is not supported with a target group with the protocol-version '{spoken}'"
    if spoken in {"GRPC", "HTTP2"}:
        refused = [f"Listener protocol '{protocol}'"] if protocol == "HTTP" else []
        refused += [f"Action type '{action['type']}'" for action in actions if action["type"] != "forward"]
        for thing in refused:
            raise Refusal("InvalidLoadBalancerAction", f"{thing} {ending}", operation=operation)
    _refuse_mixture(listener, group, operation)


def _refuse_mixture(listener: Props, group: Row, operation: str) -> None:
    """ELB API reference: CreateListener, IncompatibleProtocols; ALB user guide: load-balancer-target-groups."""
    protocol, target = str(listener["protocol"]), str(group["protocol"])
    application = type_of(str(listener["loadBalancerArn"])) == "application"
    if application != (target in ("HTTP", "HTTPS")) and group["targetType"] != "lambda":
        message = f"Listener protocol '{protocol}' is not supported with a target group with the protocol '{target}'"
        raise Refusal("IncompatibleProtocols", message, operation=operation)
    if listener.get("vpcId") and group["vpcId"] and group["vpcId"] != listener["vpcId"]:
        message = f"Target group '{group.id}' is not in the VPC '{listener['vpcId']}' of the load balancer"
        raise Refusal("InvalidConfigurationRequest", message, operation=operation)


def _refuse_association(cloud: Cloud, own: str, load_balancer: str, group: Row, operation: str) -> None:
    """hashicorp/terraform-provider-aws#22005: one load balancer per target group."""
    if {load_balancer_of(row) for row in users(cloud, group.id) if row.id != own} - {load_balancer}:
        message = f"The following target groups cannot be associated with more than one load balancer: {group.id}"
        raise Refusal("TargetGroupAssociationLimit", message, operation=operation)


def _refuse_total(own: str, rows: list[Row], actions: list[Props], operation: str) -> None:
    """ELB API reference: CreateRule, TooManyUniqueTargetGroupsPerLoadBalancer; ALB user guide: load-balancer-limits."""
    wanted = forwards(actions)
    used = {*wanted, *forwards(action for row in rows if row.id != own for action in actions_of(row))}
    if wanted and len(used) > _TARGET_GROUPS:
        message = (
            "You've reached the limit on the number of unique target groups per load balancer across all listeners. "
            "If a target group is used by multiple actions for a load balancer, it is counted as only one use."
        )
        raise Refusal("TooManyUniqueTargetGroupsPerLoadBalancer", message, operation=operation)


def seen_from(cloud: Cloud, load_balancer: str, protocol: str) -> Props:
    """What ``refuse`` needs to know of a listener and of what else its load balancer does."""
    row = cloud.get(LOAD_BALANCER, load_balancer)
    return {
        "protocol": protocol,
        "loadBalancerArn": load_balancer,
        "vpcId": row["vpcId"] if row else None,
        "holders": holders(cloud, load_balancer),
    }
