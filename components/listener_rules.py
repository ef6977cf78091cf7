"""The listener rules that lead to a workload, and what they forward to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component
from components.listener import NO_ROUTE
from components.settings.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Destination:
    """What rules forward to: a target group, and beside it the canary's with its share of the calls.

    weight: per cent of the calls that go to the canary. stickiness: seconds a client stays with the group it met
    first, 0 for not at all.
    """

    group: aws.lb.TargetGroup
    canary: aws.lb.TargetGroup | None = None
    weight: int = 0
    stickiness: int = 0


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The load balancer as a workload meets it.

    identity: what decides the identity of stack and VPC (part of the physical name). priorities: listener rule
    priority by rule key. ready: what must exist before the load balancer reaches pods.
    """

    listener_arn: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    identity: tuple[str, ...]
    priorities: Mapping[str, int]
    ready: Sequence[pulumi.Resource] = ()


def listener_rules(
    owner: Component,
    rules: Sequence[Rule],
    alb: settings.Alb,
    destinations: Mapping[str | None, Destination],
    edge: Edge,
    tags: Mapping[str, str],
) -> list[pulumi.Resource]:
    """One listener rule per `Rule`; `deny` answers as the listener does when nothing matches.

    destinations: by workload, under None the owner's own.
    """
    return [
        aws.lb.ListenerRule(
            rule.key,
            listener_arn=edge.listener_arn,
            priority=edge.priorities[rule.key],
            conditions=_conditions(rule, alb.host),
            actions=[_action(rule, destinations[rule.to])],
            transforms=_transforms(rule.rewrite),
            tags=dict(tags),
            opts=owner.child(),
        )
        for rule in rules
    ]


def _conditions(rule: Rule, host: str) -> list[aws.lb.ListenerRuleConditionArgs]:
    """Each condition must hold; of the values of one condition any may match."""
    found = [
        aws.lb.ListenerRuleConditionArgs(
            host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=list(rule.hosts or (host,)))
        ),
        aws.lb.ListenerRuleConditionArgs(
            path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=list(rule.paths))
        ),
        *(
            aws.lb.ListenerRuleConditionArgs(
                http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(http_header_name=header, values=list(values))
            )
            for header, values in sorted(rule.headers.items())
        ),
        *(
            aws.lb.ListenerRuleConditionArgs(
                query_strings=[aws.lb.ListenerRuleConditionQueryStringArgs(key=key, value=value) for value in values]
            )
            for key, values in sorted(rule.query.items())
        ),
    ]
    if rule.source_ips:
        networks = aws.lb.ListenerRuleConditionSourceIpArgs(values=list(rule.source_ips))
        found.append(aws.lb.ListenerRuleConditionArgs(source_ip=networks))
    return found


def _action(rule: Rule, destination: Destination) -> aws.lb.ListenerRuleActionArgs:
    if rule.action == "deny":
        return aws.lb.ListenerRuleActionArgs(
            type="fixed-response", fixed_response=aws.lb.ListenerRuleActionFixedResponseArgs(**NO_ROUTE)
        )
    if destination.canary is None:
        return aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=destination.group.arn)
    shares = ((destination.group, 100 - destination.weight), (destination.canary, destination.weight))
    stickiness = aws.lb.ListenerRuleActionForwardStickinessArgs(enabled=True, duration=destination.stickiness)
    return aws.lb.ListenerRuleActionArgs(
        type="forward",
        forward=aws.lb.ListenerRuleActionForwardArgs(
            target_groups=[
                aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=group.arn, weight=weight)
                for group, weight in shares
            ],
            # Without it AWS refuses a sticky target group here (aws-load-balancer-controller#2734).
            stickiness=stickiness if destination.stickiness else None,
        ),
    )


def _transforms(rewrite: settings.Rewrites | None) -> list[aws.lb.ListenerRuleTransformArgs] | None:
    if rewrite is None:
        return None
    found = []
    if rewrite.host is not None:
        host = aws.lb.ListenerRuleTransformHostHeaderRewriteConfigRewriteArgs(
            regex=rewrite.host.regex, replace=rewrite.host.replace
        )
        found.append(
            aws.lb.ListenerRuleTransformArgs(
                type="host-header-rewrite",
                host_header_rewrite_config=aws.lb.ListenerRuleTransformHostHeaderRewriteConfigArgs(rewrite=host),
            )
        )
    if rewrite.path is not None:
        path = aws.lb.ListenerRuleTransformUrlRewriteConfigRewriteArgs(
            regex=rewrite.path.regex, replace=rewrite.path.replace
        )
        found.append(
            aws.lb.ListenerRuleTransformArgs(
                type="url-rewrite",
                url_rewrite_config=aws.lb.ListenerRuleTransformUrlRewriteConfigArgs(rewrite=path),
            )
        )
    return found
