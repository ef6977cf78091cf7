"""What the load balancing kinds share: their tokens, and who forwards where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from local_cloud.aws.kind import Cloud, Props, Row

SERVICE: Final = "Elastic Load Balancing v2"

LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
TARGET_ATTACHMENT: Final = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
LISTENER: Final = "aws:lb/listener:Listener"
RULE: Final = "aws:lb/listenerRule:ListenerRule"
LISTENER_CERTIFICATE: Final = "aws:lb/listenerCertificate:ListenerCertificate"
TRUST_STORE: Final = "aws:lb/trustStore:TrustStore"

PATHS: Final = {"application": "app", "network": "net", "gateway": "gwy"}
"""Load balancer type -> the part of its ARN that names it."""


def type_of(arn: str) -> str:
    """``application``, ``network`` or ``gateway``, from the ARN of a load balancer, listener or rule."""
    return next((kind for kind, path in PATHS.items() if f"/{path}/" in arn), "application")


def actions_of(row: Row) -> list[Props]:
    """The actions of a listener or rule."""
    found = row["defaultActions"] if row.token == LISTENER else row["actions"]
    return found if isinstance(found, list) else []


def forwards(actions: Iterable[Props]) -> list[str]:
    """The ARNs of the target groups that actions forward to, each once."""
    arns: dict[str, None] = {}
    for action in actions:
        if action.get("targetGroupArn"):
            arns[str(action["targetGroupArn"])] = None
        for group in (action.get("forward") or {}).get("targetGroups") or []:
            arns[str(group["arn"])] = None
    return list(arns)


def users(cloud: Cloud, target_group: str) -> list[Row]:
    """The listeners and rules that forward to a target group."""
    return [row for token in (LISTENER, RULE) for row in cloud.referring(target_group, token)]


def holders(cloud: Cloud, load_balancer: str) -> list[Row]:
    """The listeners of a load balancer and their rules."""
    listeners = cloud.where(LISTENER, "loadBalancerArn", load_balancer)
    return [*listeners, *(rule for row in listeners for rule in cloud.where(RULE, "listenerArn", row.id))]


def load_balancer_of(row: Row) -> str:
    """The ARN of the load balancer that a listener or rule belongs to: its own ARN holds it."""
    prefix, path = re.split(":listener(?:-rule)?/", row.id, maxsplit=1)
    return f"{prefix}:loadbalancer/{'/'.join(path.split('/')[:3])}"


def associate(cloud: Cloud, target_groups: Iterable[str]) -> None:
    """Brings ``loadBalancerArns`` of target groups up to date after something began or ceased to forward to them."""
    for arn in target_groups:
        group = cloud.get(TARGET_GROUP, arn)
        if group is not None:
            cloud.patch(group, loadBalancerArns=sorted({load_balancer_of(row) for row in users(cloud, arn)}))


def drop_listener(cloud: Cloud, listener: Row) -> None:
    """Removes a listener with its rules and certificates, as AWS does when its owner goes."""
    rules = cloud.where(RULE, "listenerArn", listener.id)
    for row in (*rules, *cloud.where(LISTENER_CERTIFICATE, "listenerArn", listener.id), listener):
        cloud.remove(row.token, row.id)
    associate(cloud, forwards(action for row in (listener, *rules) for action in actions_of(row)))
