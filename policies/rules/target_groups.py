"""ALB001 to ALB007, ALB010: what a target group by itself must say for gRPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.rules import grpc
from policies.rules.tokens import TARGET_GROUP

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"


def group(**properties: Any) -> Mapping[str, Any]:
    """A gRPC target group that every rule is content with, but for what is given; None takes a property away."""
    whole: dict[str, Any] = {
        "port": 50051,
        "protocol": "HTTP",
        "protocolVersion": "GRPC",
        "targetType": "ip",
        "vpcId": "vpc-0123456789abcdef0",
        "deregistrationDelay": 50,
        "healthCheck": {
            "enabled": True,
            "path": "/grpc.health.v1.Health/Check",
            "matcher": "0",
            "interval": 10,
            "timeout": 5,
            "unhealthyThreshold": 2,
        },
    }
    given = {**whole, **properties}
    return {
        "type": "aws:lb/targetGroup:TargetGroup",
        "properties": {key: value for key, value in given.items() if value is not None},
    }


def checked(**check: Any) -> Mapping[str, Any]:
    """The same with other settings of the health check."""
    usual = group()["properties"]["healthCheck"]
    merged = {key: value for key, value in {**usual, **check}.items() if value is not None}
    return group(healthCheck=merged)


def bad(title: str, made: Mapping[str, Any]) -> Example:
    """A bad example of one target group."""
    return Example(title, {"orders": made}, about=("orders",))


_WEB: Final = group(
    port=8080,
    protocolVersion=None,
    healthCheck={"path": "/healthz", "matcher": "200-299", "interval": 10, "timeout": 5},
)
GOOD: Final = Example("a gRPC target group, and one for HTTP beside it", {"orders": group(), "web": _WEB})


def _version(group: Resource, _: Context) -> Iterator[Problem]:
    sign = grpc.meant_for_grpc(group)
    if not sign:
        return
    given = group.get("protocolVersion")
    if given is None:
        yield Problem("protocolVersion", f"missing, which means HTTP1, and {sign} ({group.shown(sign)}) means gRPC")
    elif given != "GRPC":
        yield Problem("protocolVersion", f"must be exactly GRPC; received {group.shown('protocolVersion')}")


ALB001: Final = Rule(
    id="ALB001",
    title="A target group for gRPC has protocol version GRPC",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_version,
    why=(
        "Any other version speaks HTTP/1.1 or plain HTTP/2 to the pods: calls end with HTTP 464 or 502. Another "
        "spelling makes the provider send an HTTP matcher instead of gRPC codes."
    ),
    remedy='Set protocolVersion to "GRPC", in capitals. It makes a new target group.',
    source=f"{_GUIDE}: Target groups, protocol version",
    replaces=True,
    bad=(
        bad("HTTP1 by default", group(protocolVersion=None)),
        bad("wrong case", group(protocolVersion="grpc")),
        bad("HTTP2 with a gRPC health check", group(protocolVersion="HTTP2")),
    ),
    good=(GOOD,),
)


def _codes(group: Resource, _: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(group):
        return
    matcher = group.get("healthCheck.matcher")
    if matcher is None:
        return  # AWS's own default is a gRPC code; ALB006 judges it
    found = grpc.ranges(matcher)
    if found is None or any(low > high or high > 99 for low, high in found):
        shown = group.shown("healthCheck.matcher")
        yield Problem("healthCheck.matcher", f"must be gRPC status codes from 0 to 99, low to high; received {shown}")


ALB005: Final = Rule(
    id="ALB005",
    title="The matcher of a gRPC target group has gRPC status codes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_codes,
    why="AWS refuses HTTP codes there, in the middle of a deployment.",
    remedy='Set healthCheck.matcher to "0", the code of a healthy answer.',
    source="Elastic Load Balancing API Reference, Matcher",
    fix=lambda group, _: {"healthCheck.matcher": "0"} if any(_codes(group, _)) else {},
    bad=(
        bad("an HTTP code", checked(matcher="200")),
        bad("a range that goes down", checked(matcher="12-0")),
    ),
    good=(GOOD, Example("two codes", {"orders": checked(matcher="0,1")})),
)


def _serving(group: Resource, context: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(group):
        return
    matcher = group.get("healthCheck.matcher")
    if matcher is None:
        yield Problem("healthCheck.matcher", "missing, which means 12 (UNIMPLEMENTED): any server passes")
        return
    allowed = set(context.options["codes"])
    other = sorted({code for code in grpc.codes(matcher) if code < 100} - allowed)
    if other:
        yield Problem(
            "healthCheck.matcher",
            f"{group.shown('healthCheck.matcher')} takes status {other[0]} for healthy too; allowed: "
            f"{', '.join(map(str, sorted(allowed)))}",
        )


ALB006: Final = Rule(
    id="ALB006",
    title="The matcher of a gRPC target group means SERVING",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_serving,
    why=(
        "AWS's default, 12, is UNIMPLEMENTED: every server passes that has no health service at all, broken ones too. "
        '"0-99" is a check that never fails.'
    ),
    remedy='Set healthCheck.matcher to "0", and healthCheck.path to /grpc.health.v1.Health/Check.',
    source=f"{_GUIDE}: Health checks for your target groups",
    fix=lambda group, context: {"healthCheck.matcher": "0"} if any(_serving(group, context)) else {},
    options={
        "codes": Option(
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 0, "maximum": 99},
                "default": [0],
                "description": "gRPC status codes that may count as healthy.",
            }
        )
    },
    bad=(
        bad("no matcher: AWS's own", checked(matcher=None)),
        bad("every status", checked(matcher="0-99")),
    ),
    good=(GOOD,),
)


def _method(group: Resource, _: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(group):
        return
    path = group.get("healthCheck.path")
    if path is None:
        yield Problem("healthCheck.path", f"missing, which means {grpc.AWS_DEFAULT}: a method no server has")
    elif path in (grpc.AWS_DEFAULT, grpc.MISPRINT) or not grpc.METHOD.fullmatch(str(path)):
        shown = group.shown("healthCheck.path")
        yield Problem("healthCheck.path", f"must be a method of the server, /package.Service/Method; received {shown}")


ALB007: Final = Rule(
    id="ALB007",
    title="The health check of a gRPC target group calls a method",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_method,
    why=(
        "The load balancer calls the path as a gRPC method. A path of HTTP is a method nobody has, and so is AWS's "
        'default, which AWS\'s own API reference misprints as "/Amazon Web Services.ALB/healthcheck".'
    ),
    remedy="Set healthCheck.path to /grpc.health.v1.Health/Check, or to a method of your own.",
    source=f"{_GUIDE}: Health checks for your target groups; grpc/grpc doc/health-checking.md",
    fix=lambda group, context: {"healthCheck.path": grpc.HEALTH_CHECK} if any(_method(group, context)) else {},
    bad=(
        bad("a path of HTTP", checked(path="/healthz")),
        bad("AWS's own", checked(path=grpc.AWS_DEFAULT)),
        bad("the misprint", checked(path=grpc.MISPRINT)),
        bad("no path", checked(path=None)),
    ),
    good=(GOOD, Example("a method of one's own", {"orders": checked(path="/acme.Health/Ready")})),
)


def _budget(group: Resource, context: Context) -> Iterator[Problem]:
    interval = number(group.get("healthCheck.interval", 30)) or 30
    threshold = number(group.get("healthCheck.unhealthyThreshold", 3)) or 3
    budget = context.options["seconds"]
    if interval * threshold > budget:
        yield Problem(
            "healthCheck.interval",
            f"{interval:g} s × {threshold:g} bad answers are {interval * threshold:g} s until a broken pod is left "
            f"out; at most {budget}",
        )


ALB010: Final = Rule(
    id="ALB010",
    title="A health check notices a broken pod in time",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_budget,
    why="Until then calls fail.",
    remedy="Lower healthCheck.interval or healthCheck.unhealthyThreshold.",
    source="Elastic Load Balancing API Reference, CreateTargetGroup",
    options={
        "seconds": Option(
            {
                "type": "integer",
                "minimum": 10,
                "maximum": 3000,
                "default": 30,
                "description": "Most seconds until a broken pod is left out.",
            }
        )
    },
    bad=(bad("a minute", checked(interval=30)),),
    good=(GOOD,),
)

RULES: Final = (ALB001, ALB005, ALB006, ALB007, ALB010)
