"""Correct set-ups that are unusual: load balancers, listeners and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.engine.unknown import Unknown
from policies.rules.clusters import cluster
from policies.rules.listeners import BALANCER, listener

from .stacks import (
    EDGE,
    ELB,
    GRPC,
    ORDERS,
    REDIRECT,
    WEB,
    Resources,
    aws,
    host,
    merged,
    path,
    plain,
    rule,
)

_NLB: Final = merged(BALANCER, loadBalancerType="network", subnets=["subnet-a"])
_TLS: Final[Mapping[str, Any]] = {
    "protocol": "TLS",
    "certificateArn": "arn:aws:acm:eu-west-1:111122223333:certificate/1",
}
_TO: Final = [{"type": "forward", "targetGroupArn": Unknown("defaultActions[0].targetGroupArn")}]
_TCP: Final[Mapping[str, Any]] = {
    "port": 5432,
    "protocol": "TCP",
    "vpcId": "vpc-1",
    "targetType": "ip",
    "tags": {"by": "grpc-platform"},
}


def _network(balancer: Mapping[str, Any], to: Mapping[str, Any], **properties: Any) -> Resources:
    given = aws(
        "lb/listener:Listener",
        {"loadBalancerArn": ("nlb",), "defaultActions": ("to",)},
        defaultActions=_TO,
        **{"port": 443, **properties},
    )
    return {"nlb": balancer, "in": given, "to": to}


BALANCING: Final[Mapping[str, Resources]] = {
    "HTTP beside gRPC": {
        **EDGE,
        "web": WEB,
        "one": rule("orders", conditions=[ORDERS]),
        "two": rule("web", conditions=[path("/*")], priority=20),
    },
    "a redirect for browsers": {
        **EDGE,
        "web": WEB,
        "port80": plain(defaultActions=[REDIRECT]),
        "one": rule("orders", conditions=[ORDERS]),
        "two": rule("web", conditions=[path("/*")], priority=20),
    },
    "a host for each service": {
        **EDGE,
        "billing": GRPC,
        "one": rule("orders", conditions=[host("orders.example.com"), path("/*")]),
        "two": rule("billing", conditions=[host("billing.example.com"), path("/*")], priority=20),
    },
    "services and reflection in one rule": {
        **EDGE,
        "one": rule(
            "orders",
            conditions=[path("/acme.A/*", "/acme.B/*", "/grpc.reflection.v1.ServerReflection/*")],
        ),
    },
    "a canary": {
        **EDGE,
        "next": GRPC,
        "one": rule("orders", "next", conditions=[ORDERS], weights=(100, 0)),
        "two": rule(
            "next",
            conditions=[ORDERS, {"httpHeader": {"httpHeaderName": "x-canary", "values": ["1"]}}],
            priority=5,
        ),
    },
    "a legacy load balancer beside it": {
        **EDGE,
        "one": rule("orders", conditions=[ORDERS]),
        "old": merged(BALANCER, enableHttp2=False, idleTimeout="120"),
        "web": WEB,
        "port80": aws(
            "alb/listener:Listener",
            {"loadBalancerArn": ("old",), "defaultActions": ("web",)},
            port=80,
            protocol="HTTP",
            defaultActions=_TO,
        ),
    },
    "the older spelling": {
        **EDGE,
        "orders": {**GRPC, "type": "aws:alb/targetGroup:TargetGroup"},
        "edge": {**BALANCER, "type": "aws:alb/loadBalancer:LoadBalancer"},
        "one": {**rule("orders", conditions=[ORDERS]), "type": "aws:alb/listenerRule:ListenerRule"},
    },
    "a database behind a network load balancer": _network(
        _NLB, aws("lb/targetGroup:TargetGroup", **_TCP), protocol="TCP", port=5432
    ),
    "TLS without ALPN, not for gRPC": _network(
        _NLB, aws("lb/targetGroup:TargetGroup", name="grpc-platform-db", **_TCP), **_TLS
    ),
    "a network load balancer before an application load balancer": {
        **EDGE,
        "one": rule("orders", conditions=[ORDERS]),
        **_network(
            _NLB,
            aws("lb/targetGroup:TargetGroup", port=443, protocol="TCP", targetType="alb", vpcId="vpc-1"),
            protocol="TCP",
        ),
    },
    "target groups of other teams": {
        "function": aws("lb/targetGroup:TargetGroup", targetType="lambda"),
        "ecs": aws("lb/targetGroup:TargetGroup", port=80, protocol="HTTP", targetType="ip", vpcId="vpc-1"),
        "machines": aws("lb/targetGroup:TargetGroup", port=80, protocol="HTTP", vpcId="vpc-1"),
        "firewall": aws("lb/targetGroup:TargetGroup", port=6081, protocol="GENEVE", vpcId="vpc-1"),
        "task": aws("ecs/service:Service", desiredCount=2, loadBalancers=[{"containerName": "a", "containerPort": 80}]),
        "cache": aws("elasticache/cluster:Cluster", engine="redis", port=6379),
        "queue": aws("sqs/queue:Queue"),
    },
    "a listener whose load balancer is elsewhere, in China": {
        "orders": merged(GRPC, arn="arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:targetgroup/o/1"),
        "https": {
            **listener(loadBalancerArn="arn:aws-cn:elasticloadbalancing:cn-north-1:1:loadbalancer/app/e/1"),
            "made_of": {},
        },
        "one": rule("orders", conditions=[ORDERS]),
    },
    "a rule whose listener is elsewhere": {
        "orders": GRPC,
        "one": {
            **rule("orders", conditions=[ORDERS]),
            "properties": {
                **rule("orders", conditions=[ORDERS])["properties"],
                "listenerArn": f"{ELB}:listener/app/edge/1/2",
            },
            "made_of": {"actions": ("orders",)},
        },
    },
    "on an Outpost": {
        **EDGE,
        "edge": merged(BALANCER, subnets=["subnet-a"], customerOwnedIpv4Pool="ipv4pool-coip-1"),
        "one": rule("orders", conditions=[ORDERS]),
    },
    "an older policy of TLS 1.2": {
        **EDGE,
        "https": listener(sslPolicy="ELBSecurityPolicy-FS-1-2-Res-2020-10"),
        "one": rule("orders", conditions=[ORDERS]),
    },
    "two clusters for a change-over": {"blue": cluster(name="blue"), "green": cluster(name="green", version="1.37")},
}
