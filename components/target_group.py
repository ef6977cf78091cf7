"""The target group of a workload and the listener rules that lead to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import pods, settings
from components.base import Component
from components.load_balancer import NO_ROUTE
from components.settings import names
from components.settings.rules import Rule


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


def protocol_version(config: settings.Workload) -> str:
    """`GRPC` or `HTTP1`, upper case: any other spelling makes the provider send an HTTP matcher instead."""
    return "GRPC" if config.protocol == "grpc" else "HTTP1"


def target_group(
    owner: Component, config: settings.Workload, alb: settings.Alb, edge: Edge, tags: Mapping[str, str]
) -> aws.lb.TargetGroup:
    """Target group of pod addresses, replaced by a new one under a new name when a create-only input changes."""
    version = protocol_version(config)
    identity = (owner.name, str(config.port), "HTTP", version, "ip", "ipv4", str(alb.generation), *edge.identity)
    return aws.lb.TargetGroup(
        f"{owner.name}-target-group",
        # A name of its own for each set of create-only inputs: the new group must exist before rules leave the old
        # one, since a group in use cannot be deleted ("ResourceInUse").
        name=names.physical(owner.name, *identity),
        port=config.port,
        protocol="HTTP",
        protocol_version=version,
        target_type="ip",
        ip_address_type="ipv4",
        vpc_id=edge.vpc_id,
        load_balancing_algorithm_type=alb.algorithm,
        slow_start=alb.slow_start,
        deregistration_delay=pods.deregistration_delay(config.drain),
        health_check=_health_check(config),
        tags=dict(tags),
        opts=owner.child(delete_before_replace=False),
    )


def _health_check(config: settings.Workload) -> aws.lb.TargetGroupHealthCheckArgs:
    """For gRPC the health service itself and status OK, of the whole server: an ALB cannot ask for one service.

    AWS's default (/AWS.ALB/healthcheck with UNIMPLEMENTED) passes any server that speaks HTTP/2, broken ones too
    (ALB user guide: "Health checks for your target groups").
    """
    health = config.health
    return aws.lb.TargetGroupHealthCheckArgs(
        enabled=True,
        protocol="HTTP",
        port="traffic-port" if health.port in {None, config.port} else str(health.port),
        path=health.path,
        matcher=health.success_codes,
        interval=health.interval,
        timeout=health.timeout,
        healthy_threshold=health.healthy,
        unhealthy_threshold=health.unhealthy,
    )


def listener_rules(
    owner: Component,
    rules: Sequence[Rule],
    alb: settings.Alb,
    group: aws.lb.TargetGroup,
    edge: Edge,
    tags: Mapping[str, str],
) -> list[pulumi.Resource]:
    """One listener rule per `Rule`; `deny` answers as the listener does when nothing matches."""
    return [
        aws.lb.ListenerRule(
            rule.key,
            listener_arn=edge.listener_arn,
            priority=edge.priorities[rule.key],
            conditions=_conditions(rule, alb.host),
            actions=[_action(rule, group)],
            tags=dict(tags),
            opts=owner.child(),
        )
        for rule in rules
    ]


def _conditions(rule: Rule, host: str) -> list[aws.lb.ListenerRuleConditionArgs]:
    return [
        aws.lb.ListenerRuleConditionArgs(host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=[host])),
        aws.lb.ListenerRuleConditionArgs(
            path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=list(rule.paths))
        ),
        *(
            aws.lb.ListenerRuleConditionArgs(
                http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(http_header_name=header, values=list(values))
            )
            for header, values in sorted(rule.headers.items())
        ),
    ]


def _action(rule: Rule, group: aws.lb.TargetGroup) -> aws.lb.ListenerRuleActionArgs:
    if rule.action == "deny":
        return aws.lb.ListenerRuleActionArgs(
            type="fixed-response", fixed_response=aws.lb.ListenerRuleActionFixedResponseArgs(**NO_ROUTE)
        )
    return aws.lb.ListenerRuleActionArgs(type="forward", target_group_arn=group.arn)
