"""Listener rules: aws:lb/listenerRule:ListenerRule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from local_cloud.aws import elb_actions, plan
from local_cloud.aws.elb_common import LISTENER, RULE, SERVICE, actions_of, associate, forwards
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Refusal, Row

_FIELDS: Final = {
    "hostHeader": "host-header",
    "httpHeader": "http-header",
    "httpRequestMethod": "http-request-method",
    "pathPattern": "path-pattern",
    "queryStrings": "query-string",
    "sourceIp": "source-ip",
}
_ONCE: Final = ("host-header", "http-request-method", "path-pattern", "source-ip")
_WILD: Final = ("host-header", "http-header", "path-pattern", "query-string")

_VALUES: Final = 5  # ALB user guide: load-balancer-limits
_WILDCARDS: Final = 5
_RULES: Final = 100  # per load balancer, default rules not counted; adjustable
_CONDITION: Final = "condition block"


def _fields(condition: Props) -> list[str]:
    return [name for name in _FIELDS if condition.get(name)]


def _values(condition: Props, name: str) -> Iterator[str]:
    field: Any = condition[name]
    if name == "queryStrings":
        yield from (str(pair.get(part)) for pair in field for part in ("key", "value") if pair.get(part))
    else:
        yield from (str(value) for part in ("values", "regexValues") for value in field.get(part) or [])


def _count(condition: Props, name: str) -> int:
    return len(condition[name]) if name == "queryStrings" else sum(1 for _ in _values(condition, name))


def _priority_failures(props: Props) -> Iterable[Failure]:
    """listener_rule.go: validListenerRulePriority."""
    value = props.get("priority")
    if plan.is_number(value) and not 1 <= value <= 50000 and value != 99999:
        reason = '"priority" must be in the range 1-50000 for normal rule or 99999 for the default rule'
        yield Failure("priority", reason)


def _refuse_fields(cloud: Cloud, props: Props) -> None:
    """listener_rule.go: lbListenerRuleConditions (at apply, before the API is asked)."""
    names = ",".join(_FIELDS)
    for condition in props["conditions"]:
        present = _fields(condition)
        if not present:
            raise Refusal("", f"One of {names} must be set in {_CONDITION}")
        if len(present) > 1:
            raise Refusal("", f"Only one of {names} can be set in {_CONDITION}")


def _refuse_conditions(props: Props, operation: str) -> None:
    """aws/aws-cdk#10065 (five values); ALB user guide: load-balancer-listeners, load-balancer-limits."""
    found = [(_FIELDS[name], condition, name) for condition in props["conditions"] for name in _fields(condition)]
    for kind, number in Counter(kind for kind, _, _ in found).items():
        if kind in _ONCE and number > 1:
            message = f"A rule can only have one '{kind}' condition"
            raise Refusal("ValidationError", message, operation=operation)
    if sum(_count(condition, name) for _, condition, name in found) > _VALUES:
        raise Refusal("ValidationError", f"A rule can only have '{_VALUES}' condition values", operation=operation)
    texts = [value for kind, condition, name in found if kind in _WILD for value in _values(condition, name)]
    if sum(text.count("*") + text.count("?") for text in texts) > _WILDCARDS:
        message = f"A rule can only have '{_WILDCARDS}' condition wildcards"
        raise Refusal("ValidationError", message, operation=operation)
    for kind, condition, name in found:
        if kind == "http-header" and str(condition[name].get("httpHeaderName", "")).lower() == "host":
            message = "The 'host' header cannot be used in an 'http-header' condition; use a 'host-header' condition"
            raise Refusal("ValidationError", message, operation=operation)
        if kind == "host-header":
            _refuse_hosts(condition[name].get("values") or [], operation)


def _refuse_hosts(values: Iterable[Any], operation: str) -> None:
    """ELB API reference: HostHeaderConditionConfig."""
    for value in values:
        if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9.*?-]*\.[A-Za-z*?]+", value):
            message = (
                f"The host name '{value}' is not valid: it must include at least one '.' character and only "
                "alphabetical characters after the final '.' character"
            )
            raise Refusal("ValidationError", message, operation=operation)


def _listener(cloud: Cloud, props: Props) -> Row:
    row = cloud.get(LISTENER, props["listenerArn"])
    if row is None:
        raise Refusal("ListenerNotFound", f"Listener '{props['listenerArn']}' not found")
    return row


def _refuse_priority(props: Props, rows: list[Row], own: str, operation: str) -> None:
    """hashicorp/terraform#24239; ELB API reference: CreateRule, Priority."""
    priority = props.get("priority")
    if priority is None:
        return
    if not 1 <= priority <= 50000:
        message = f"Priority '{priority}' must be between '1' and '50000' inclusive"
        raise Refusal("ValidationError", message, operation=operation)
    others = (row for row in rows if row.token == RULE and row.id != own)
    if any(row["priority"] == priority and row["listenerArn"] == props["listenerArn"] for row in others):
        raise Refusal("PriorityInUse", f"Priority '{priority}' is currently in use", operation=operation)


def _refuse_count(rows: list[Row]) -> None:
    """ELB API reference: CreateRule, TooManyRules; ALB user guide: load-balancer-limits."""
    if sum(row.token == RULE for row in rows) >= _RULES:
        raise Refusal("TooManyRules", "You've reached the limit on the number of rules per load balancer.")


def _refuse_create(cloud: Cloud, props: Props) -> None:
    operation, row = "CreateRule", _listener(cloud, props)
    _refuse_conditions(props, operation)
    listener = elb_actions.seen_from(cloud, str(row["loadBalancerArn"]), str(row["protocol"]))
    _refuse_priority(props, listener["holders"], "", operation)
    _refuse_count(listener["holders"])
    elb_actions.refuse(cloud, "", listener, props["actions"], operation)


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    operation, owner = "ModifyRule", _listener(cloud, props)
    listener = elb_actions.seen_from(cloud, str(owner["loadBalancerArn"]), str(owner["protocol"]))
    if props.get("priority") != row["priority"]:
        _refuse_priority(props, listener["holders"], row.id, "SetRulePriorities")
    _refuse_fields(cloud, props)
    _refuse_conditions(props, operation)
    elb_actions.refuse(cloud, row.id, listener, props["actions"], operation)


def _identify(cloud: Cloud, props: Props) -> str:
    return f"{props['listenerArn'].replace(':listener/', ':listener-rule/', 1)}/{cloud.hex(16)}"


def _outputs(cloud: Cloud, arn: str, props: Props) -> Props:
    outputs: Props = {"arn": arn, "actions": elb_actions.filled(props["actions"])}
    if props.get("priority") is None and cloud.get(RULE, arn) is None:
        others = cloud.where(RULE, "listenerArn", props["listenerArn"])
        outputs["priority"] = max((int(row["priority"]) for row in others), default=0) + 1
    return outputs


def _after_create(cloud: Cloud, row: Row) -> None:
    associate(cloud, forwards(actions_of(row)))


def _after_update(cloud: Cloud, old: Row, new: Row) -> None:
    associate(cloud, {*forwards(actions_of(old)), *forwards(actions_of(new))})


_CHECKED: Final = ("hostHeader", "pathPattern", "httpHeader")
_INVALID: Final = "invalid value for {path} ({value})"
_HEADER: Final = r"[0-9A-Za-z_!#$%&'*+,.^`|~-]{1,40}"

KINDS: Final = (
    Kind(
        token=RULE,
        service=SERVICE,
        thing="ELBv2 Listener Rule",
        operations={"create": "CreateRule", "update": "ModifyRule", "delete": "DeleteRule"},
        create_only=frozenset({"listenerArn"}),
        source="terraform-provider-aws internal/service/elbv2/listener_rule.go; "
        "CloudFormation schema AWS::ElasticLoadBalancingV2::ListenerRule",
        computed=frozenset({"arn", "priority"}),
        identify=_identify,
        outputs=_outputs,
        checks=(
            _priority_failures,
            plan.arn("listenerArn"),
            *(plan.length(f"conditions.{field}.values", 1, 128) for field in _CHECKED),
            plan.matches("conditions.httpHeader.httpHeaderName", _HEADER, _INVALID),
            plan.matches("conditions.httpRequestMethod.values", r"[A-Za-z_-]{1,40}", _INVALID),
            plan.items("transforms", 0, 2),
            plan.one_of("transforms.type", "host-header-rewrite", "url-rewrite", any_case=True),
            *elb_actions.checks("actions"),
        ),
        refuse_create=(_refuse_fields, _refuse_create),
        refuse_update=(_refuse_update,),
        after_create=(_after_create,),
        after_update=(_after_update,),
        after_delete=(_after_create,),
    ),
)
