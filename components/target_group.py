"""The target groups of a workload: its own, and the canary's."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi_aws as aws

from components import pods, settings
from components.base import Component
from components.listener_rules import Edge
from components.settings import names
from components.track import STABLE, Track


def protocol_version(config: settings.Workload) -> str:
    """`GRPC` or `HTTP1`, upper case: any other spelling makes the provider send an HTTP matcher instead."""
    return "GRPC" if config.protocol == "grpc" else "HTTP1"


def protocol(config: settings.Workload) -> str:
    """What the load balancer speaks to the pod: `HTTPS` with TLS, else `HTTP`. gRPC is either with version GRPC."""
    return "HTTPS" if config.backend_tls else "HTTP"


def target_group(
    owner: Component,
    config: settings.Workload,
    alb: settings.Alb,
    edge: Edge,
    tags: Mapping[str, str],
    track: Track = STABLE,
) -> aws.lb.TargetGroup:
    """Target group of pod addresses, replaced by a new one under a new name when a create-only input changes."""
    version, spoken = protocol_version(config), protocol(config)
    identity = (owner.name, str(config.port), spoken, version, "ip", "ipv4", str(alb.generation), *edge.identity)
    return aws.lb.TargetGroup(
        f"{track.logical(owner.name)}-target-group",
        # A name of its own for each set of create-only inputs: the new group must exist before rules leave the old
        # one, since a group in use cannot be deleted ("ResourceInUse").
        name=names.physical(track.name(owner.name), *identity, *track.identity),
        port=config.port,
        protocol=spoken,
        protocol_version=version,
        target_type="ip",
        ip_address_type="ipv4",
        vpc_id=edge.vpc_id,
        load_balancing_algorithm_type=alb.algorithm,
        load_balancing_anomaly_mitigation=_anomaly_mitigation(alb),
        slow_start=alb.slow_start,
        stickiness=_stickiness(config, alb.stickiness),
        target_group_health=_target_health(alb.target_health),
        deregistration_delay=pods.deregistration_delay(config.drain),
        health_check=_health_check(config),
        tags=dict(tags),
        opts=owner.child(delete_before_replace=False),
    )


def _anomaly_mitigation(alb: settings.Alb) -> str | None:
    """Only weighted_random has it (ELB API: TargetGroupAttribute); said there even when off, or it would stay on."""
    if alb.algorithm != "weighted_random":
        return None
    return "on" if alb.anomaly_mitigation else "off"


def _stickiness(
    config: settings.Workload, stickiness: settings.Stickiness | None
) -> aws.lb.TargetGroupStickinessArgs | None:
    """HTTP only, and said even when off: the provider leaves an input that is not given as it is."""
    if config.protocol == "grpc":
        return None
    if stickiness is None:
        return aws.lb.TargetGroupStickinessArgs(enabled=False, type="lb_cookie")
    return aws.lb.TargetGroupStickinessArgs(
        enabled=True, type=stickiness.type, cookie_duration=stickiness.duration, cookie_name=stickiness.cookie
    )


def _target_health(health: settings.TargetHealth | None) -> aws.lb.TargetGroupTargetGroupHealthArgs | None:
    if health is None:
        return None
    dns, anyone = health.dns_failover, health.any_target
    return aws.lb.TargetGroupTargetGroupHealthArgs(
        dns_failover=aws.lb.TargetGroupTargetGroupHealthDnsFailoverArgs(
            minimum_healthy_targets_count=str(dns.count), minimum_healthy_targets_percentage=_percent(dns)
        ),
        unhealthy_state_routing=aws.lb.TargetGroupTargetGroupHealthUnhealthyStateRoutingArgs(
            minimum_healthy_targets_count=anyone.count, minimum_healthy_targets_percentage=_percent(anyone)
        ),
    )


def _percent(threshold: settings.Threshold) -> str:
    return "off" if threshold.percent is None else str(threshold.percent)


def _health_check(config: settings.Workload) -> aws.lb.TargetGroupHealthCheckArgs:
    """For gRPC the health service itself and status OK, of the whole server: an ALB cannot ask for one service.

    AWS's default (/AWS.ALB/healthcheck with UNIMPLEMENTED) passes any server that speaks HTTP/2, broken ones too
    (ALB user guide: "Health checks for your target groups"). The health port is without TLS, also with `backend_tls`.
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
