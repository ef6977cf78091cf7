"""What the controller wants to exist for one Ingress group or Gateway."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

Props = dict[str, Any]


class Unreconciled(Exception):  # noqa: N818 (the controller's event, not a fault of ours)
    """The controller gave up. ``reason`` is the event's: FailedBuildModel or FailedDeployModel."""

    def __init__(self, message: str, reason: str = "FailedBuildModel") -> None:
        verb = "deploy" if reason == "FailedDeployModel" else "build"
        super().__init__(f"{reason}: Failed {verb} model due to {message}")


@dataclass(frozen=True)
class TargetGroup:
    """A target group of one Service's port; ``props`` are those of aws:lb/targetGroup:TargetGroup."""

    name: str
    namespace: str
    service: str
    service_port: Any
    port: int
    props: Props


@dataclass(frozen=True)
class Rule:
    """Conditions and actions as in aws:lb/listenerRule:ListenerRule; a target group is named by ``@NAME``."""

    conditions: list[Props]
    actions: list[Props]


@dataclass(frozen=True)
class Listener:
    """A listener and its rules, the first one first."""

    port: int
    protocol: str
    props: Props
    rules: list[Rule] = field(default_factory=list)


@dataclass(frozen=True)
class Stack:
    """A load balancer with all that belongs to it; ``props`` are those of aws:lb/loadBalancer:LoadBalancer."""

    identity: str
    name: str
    props: Props
    inbound: tuple[str, ...]
    listeners: list[Listener]
    target_groups: dict[str, TargetGroup]
    tags: dict[str, str] = field(default_factory=dict)


NO_ROUTE: Final[Props] = {
    "type": "fixed-response",
    "fixedResponse": {"contentType": "text/plain", "statusCode": "404"},
}
NO_BACKEND: Final[Props] = {
    "type": "fixed-response",
    "fixedResponse": {
        "contentType": "text/plain", "messageBody": "Backend service does not exist", "statusCode": "503",
    },
}  # fmt: skip


def named(length: int, *readable: str, identity: tuple[str, ...]) -> str:
    """``k8s-READABLE-HASH`` as the controller names things: letters and digits, each part cut to ``length``."""
    parts = [re.sub(r"[^A-Za-z0-9]", "", each)[:length] for each in readable]
    digest = hashlib.sha256("/".join(identity).encode()).hexdigest()[:10]
    return "-".join(["k8s", *parts, digest])


def forward(*targets: tuple[str, int]) -> Props:
    """An action that forwards to target groups by name and weight."""
    if len(targets) == 1:
        return {"type": "forward", "targetGroupArn": f"@{targets[0][0]}"}
    groups = [{"arn": f"@{name}", "weight": weight} for name, weight in targets]
    return {"type": "forward", "forward": {"targetGroups": groups}}


def resolved(value: Any, arns: dict[str, str]) -> Any:
    """The value with every ``@NAME`` replaced by the target group's ARN."""
    if isinstance(value, dict):
        return {key: resolved(item, arns) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, arns) for item in value]
    return arns[value[1:]] if isinstance(value, str) and value[1:] in arns and value[:1] == "@" else value
