"""ALB002 to ALB004, ALB009, ALB011 to ALB013, ALB032: the other settings of a target group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from policies.engine.resource import Resource, flag, number
from policies.engine.rule import ADVISORY, CRITICAL, HIGH, LOW, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc
from policies.rules.target_groups import GOOD, bad, checked, group
from policies.rules.tokens import TARGET_GROUP

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
_ATTRIBUTES: Final = "Elastic Load Balancing API Reference, TargetGroupAttribute"


def _bad(title: str, **properties: Any) -> Example:
    return bad(title, group(**properties))


def _transport(resource: Resource, _: Context) -> Iterator[Problem]:
    if grpc.version(resource) not in ("GRPC", "HTTP2"):
        return
    protocol = resource.get("protocol")
    if protocol is None or str(known(protocol)).upper() not in ("HTTP", "HTTPS"):
        yield Problem("protocol", f"must be HTTP or HTTPS (gRPC is the version); received {resource.shown('protocol')}")


ALB002: Final = Rule(
    id="ALB002",
    title="A gRPC target group has protocol HTTP or HTTPS",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_transport,
    why="With TCP or TLS the provider drops the version without a word, and AWS then refuses the matcher.",
    remedy='Set protocol to "HTTP", or to "HTTPS" where the pods speak TLS. It makes a new target group.',
    source="pulumi/pulumi-aws#3746",
    replaces=True,
    bad=(_bad("TCP", protocol="TCP"), _bad("no protocol", protocol=None)),
    good=(GOOD, Example("TLS to the pod", {"orders": group(protocol="HTTPS")})),
)


def _pods(resource: Resource, _: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(resource):
        return
    kind = str(known(resource.get("targetType", "instance")))
    if kind != "ip":
        yield Problem("targetType", f"must be ip, the addresses of pods; received {resource.shown('targetType')}")


ALB003: Final = Rule(
    id="ALB003",
    title="The targets of a gRPC target group are pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_pods,
    why="Instances pass calls through kube-proxy, connection by connection, and have no readiness gate.",
    remedy='Set targetType to "ip". It makes a new target group.',
    source=f"{_GUIDE}: Target groups; AWS Load Balancer Controller, Pod readiness gate",
    replaces=True,
    bad=(_bad("instances", targetType="instance"), _bad("AWS's default, instances", targetType=None)),
    good=(GOOD,),
)


def _enabled(resource: Resource, _: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(resource):
        return
    if resource.get("healthCheck") is None:
        yield Problem("healthCheck", "missing, so that AWS's own is used, which any server passes")
    elif not flag(known(resource.get("healthCheck.enabled")), default=True):
        yield Problem("healthCheck.enabled", "must not be off; only targets of type lambda may go without")


ALB004: Final = Rule(
    id="ALB004",
    title="A gRPC target group has a health check",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_enabled,
    why="Without one of its own AWS asks a method that nobody has, and takes UNIMPLEMENTED for healthy.",
    remedy="Give healthCheck with path /grpc.health.v1.Health/Check and matcher 0.",
    source=f"{_GUIDE}: Health checks for your target groups",
    bad=(
        _bad("none", healthCheck=None),
        bad("turned off", checked(enabled=False)),
    ),
    good=(GOOD,),
)


def _protocol(resource: Resource, _: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(resource):
        return
    protocol, port = resource.get("healthCheck.protocol"), resource.get("healthCheck.port", "traffic-port")
    if protocol is not None and str(known(protocol)).upper() not in ("HTTP", "HTTPS"):
        yield Problem(
            "healthCheck.protocol", f"must be HTTP or HTTPS; received {resource.shown('healthCheck.protocol')}"
        )
        return
    own = str(known(resource.get("protocol", "HTTP"))).upper()
    if str(known(port)) == "traffic-port" and protocol is not None and str(protocol).upper() != own:
        yield Problem("healthCheck.protocol", f"is {protocol} on the port of the calls, which speaks {own}")


ALB009: Final = Rule(
    id="ALB009",
    title="A health check speaks what its port speaks",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_protocol,
    why="A check without TLS on a port that wants it fails for ever, and the other way round.",
    remedy="Leave healthCheck.protocol as the target group's, or check a port of its own.",
    source=f"{_GUIDE}: Health checks for your target groups",
    bad=(
        bad("TCP", checked(protocol="TCP")),
        bad("TLS on a plain port", checked(protocol="HTTPS")),
    ),
    good=(
        GOOD,
        Example(
            "TLS to the pod, a plain health port",
            {
                "orders": {
                    **checked(protocol="HTTP", port="8081"),
                    "properties": {**checked(protocol="HTTP", port="8081")["properties"], "protocol": "HTTPS"},
                }
            },
        ),
    ),
)


def _delay(resource: Resource, _: Context) -> Iterator[Problem]:
    given = known(resource.get("deregistrationDelay"))
    if given is None:
        if grpc.speaks_grpc(resource):
            yield Problem("deregistrationDelay", "missing, which means 300 s; streams are cut when it ends")
        return
    if grpc.speaks_grpc(resource) and number(given) == 0:
        yield Problem("deregistrationDelay", "0 s: calls of a leaving pod are cut at once")


ALB011: Final = Rule(
    id="ALB011",
    title="The deregistration delay is chosen",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_delay,
    why="When it ends, streams of a leaving pod are cut; until then an update waits.",
    remedy="Set deregistrationDelay to the time a pod needs to finish its calls.",
    source=f"{_ATTRIBUTES} deregistration_delay.timeout_seconds",
    bad=(_bad("AWS's default", deregistrationDelay=None), _bad("none at all", deregistrationDelay=0)),
    good=(GOOD,),
)


def _algorithm(resource: Resource, _: Context) -> Iterator[Problem]:
    algorithm = str(known(resource.get("loadBalancingAlgorithmType", "round_robin")))
    slow = number(known(resource.get("slowStart"))) or 0
    if slow and algorithm != "round_robin":
        yield Problem("slowStart", f"works with round_robin alone, and the algorithm is {algorithm}")
    if slow and not 30 <= slow <= 900:
        yield Problem("slowStart", f"must be 0, or 30 to 900 s; received {slow:g}")
    if known(resource.get("loadBalancingAnomalyMitigation")) == "on" and algorithm != "weighted_random":
        yield Problem(
            "loadBalancingAnomalyMitigation", f"works with weighted_random alone, and the algorithm is {algorithm}"
        )


ALB032: Final = Rule(
    id="ALB032",
    title="Slow start and anomaly mitigation fit the algorithm",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_algorithm,
    why="AWS refuses other pairs in the middle of a deployment.",
    remedy="Choose round_robin for slow start, weighted_random for anomaly mitigation, or turn them off.",
    source=f"{_GUIDE}: Target groups, slow start mode; {_ATTRIBUTES} load_balancing.algorithm",
    bad=(
        _bad(
            "slow start with least outstanding requests",
            slowStart=60,
            loadBalancingAlgorithmType="least_outstanding_requests",
        ),
        _bad("a slow start of 10 s", slowStart=10),
        _bad("anomaly mitigation with round robin", loadBalancingAnomalyMitigation="on"),
    ),
    good=(GOOD, Example("slow start", {"orders": group(slowStart=60)})),
)


def _sticky(resource: Resource, _: Context) -> Iterator[Problem]:
    if grpc.speaks_grpc(resource) and flag(
        known(resource.get("stickiness.enabled")), default=resource.get("stickiness") is not None
    ):
        yield Problem("stickiness", "is on; gRPC clients keep no cookies")


ALB013: Final = Rule(
    id="ALB013",
    title="gRPC target groups have no stickiness",
    severity=LOW,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_sticky,
    why="It works with cookies, which gRPC clients do not keep, and overrides the algorithm where it works.",
    remedy="Set stickiness.enabled to false.",
    source=f"{_GUIDE}: Sticky sessions",
    bad=(
        _bad("a cookie of the load balancer", stickiness={"type": "lb_cookie", "enabled": True}),
        _bad("on by default of the provider", stickiness={"type": "lb_cookie"}),
    ),
    good=(GOOD, Example("off", {"orders": group(stickiness={"type": "lb_cookie", "enabled": False})})),
)

RULES: Final = (ALB002, ALB003, ALB004, ALB009, ALB011, ALB013, ALB032)
