"""ALB008, ALB012, ALB023, ALB029, ALB037 to ALB040: how a target group is checked, named and used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.engine.resource import Resource, number
from policies.engine.rule import (
    ADVISORY,
    DISABLED,
    HIGH,
    LOW,
    MANDATORY,
    MEDIUM,
    Context,
    Example,
    Option,
    Problem,
    Rule,
)
from policies.engine.unknown import known
from policies.rules import grpc
from policies.rules.forwarding import targets
from policies.rules.listeners import edge, rule
from policies.rules.routing import to_grpc
from policies.rules.target_groups import GOOD, bad, checked, group
from policies.rules.tokens import BINDING, LISTENER, LISTENER_RULE, TARGET_GROUP

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
# A name that a new set of inputs makes anew: it ends with a hash, which mostly has a digit; one of ten characters in
# base 32 is of letters alone one time in eight, and then no word that names end with.
_HASHED: Final = re.compile(r".*-(?:(?=[a-z]*\d)[0-9a-z]{5,}|(?!production|deployment|monitoring)[a-z2-7]{10})")


def _standard(resource: Resource, context: Context) -> Iterator[Problem]:
    path = resource.get("healthCheck.path")
    if path is None or not grpc.speaks_grpc(resource) or not grpc.METHOD.fullmatch(str(known(path))):
        return  # ALB007's
    if path not in (grpc.HEALTH_CHECK, *context.options["paths"]):
        yield Problem("healthCheck.path", f"{resource.shown('healthCheck.path')} is not the standard health service")


ALB008: Final = Rule(
    id="ALB008",
    title="The health check of a gRPC target group calls the standard health service",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_standard,
    why="A method of one's own is one more thing to keep, and no tool, probe or library knows it.",
    remedy=f"Set healthCheck.path to {grpc.HEALTH_CHECK}, or list the method in this rule's `paths`.",
    source="grpc/grpc doc/health-checking.md",
    options={
        "paths": Option(
            {
                "type": "array",
                "items": {"type": "string", "pattern": "^/[^/]+/[^/]+$"},
                "default": [],
                "description": "Methods that may be called beside the standard one, as /package.Service/Method.",
            }
        )
    },
    bad=(bad("a method of one's own", checked(path="/acme.Health/Ready")),),
    good=(GOOD,),
)


def _balanced(resource: Resource, _: Context) -> Iterator[Problem]:
    given = str(known(resource.get("loadBalancingAlgorithmType", "round_robin")))
    if grpc.speaks_grpc(resource) and given == "round_robin":
        yield Problem("loadBalancingAlgorithmType", "is round_robin: a pod that is slow gets as many calls as the rest")


ALB012: Final = Rule(
    id="ALB012",
    title="Calls go to the pods that have fewest open",
    severity=LOW,
    level=DISABLED,
    kinds=(TARGET_GROUP,),
    check=_balanced,
    why=(
        "Unary calls of uneven length pile up on slow pods. Off by default: with calls of even length round robin is "
        "as good, and slow start works with it alone."
    ),
    remedy="Set loadBalancingAlgorithmType to least_outstanding_requests.",
    source=f"{_GUIDE}: Target groups, routing algorithms",
    bad=(bad("by default", group()), bad("said", group(loadBalancingAlgorithmType="round_robin"))),
    good=(
        Example("fewest open", {"orders": group(loadBalancingAlgorithmType="least_outstanding_requests")}),
        Example("HTTP", {"web": group(protocolVersion="HTTP1", healthCheck={"path": "/", "matcher": "200"})}),
    ),
)


def _orphan(resource: Resource, context: Context) -> Iterator[Problem]:
    if not grpc.speaks_grpc(resource):
        return
    graph = context.graph
    used = any(resource in targets(each, graph) for each in graph.users(resource, LISTENER, LISTENER_RULE))
    if not used and not graph.users(resource, BINDING):
        yield Problem("", "no listener, rule or TargetGroupBinding leads to it")


ALB023: Final = Rule(
    id="ALB023",
    title="gRPC target groups are used",
    severity=LOW,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_orphan,
    stack=True,
    why="A target group that nothing leads to is never checked: its pods stay unused, and wait at readiness gates.",
    remedy="Forward to it from a listener rule, bind it, or remove it.",
    source="AWS Load Balancer Controller guide: Pod readiness gate",
    bad=(Example("beside the rules", edge(one=rule("web", path="/*")), about=("orders",)),),
    good=(Example("a rule", edge(one=rule("orders"))),),
)


def _encrypted(resource: Resource, _: Context) -> Iterator[Problem]:
    protocol = str(known(resource.get("protocol", ""))).upper()
    if grpc.speaks_grpc(resource) and protocol != "HTTPS":
        yield Problem("protocol", f"is {resource.shown('protocol')}: calls cross the VPC without TLS")


ALB029: Final = Rule(
    id="ALB029",
    title="Calls are encrypted up to the pod",
    severity=MEDIUM,
    level=DISABLED,
    kinds=(TARGET_GROUP,),
    check=_encrypted,
    why="Some rule books ask for TLS inside the VPC. Off by default: the load balancer does not verify the pod's name.",
    remedy="Let the pods speak TLS and set protocol to HTTPS. It makes a new target group.",
    source=f"{_GUIDE}: Target groups, protocol",
    replaces=True,
    bad=(bad("HTTP", group()),),
    good=(Example("HTTPS", {"orders": group(protocol="HTTPS")}),),
)

_RANGES: Final = {
    "interval": (30, 5, 300, " s"),
    "timeout": (None, 2, 120, " s"),
    "healthyThreshold": (None, 2, 10, ""),
    "unhealthyThreshold": (None, 2, 10, ""),
}


def _timing(resource: Resource, _: Context) -> Iterator[Problem]:
    if resource.get("healthCheck") is None:
        return
    found: dict[str, float] = {}
    for name, (default, least, most, unit) in _RANGES.items():
        path = f"healthCheck.{name}"
        given = known(resource.get(path, default))
        value = number(given)
        if given is not None and (value is None or not least <= value <= most):
            yield Problem(path, f"must be {least} to {most}{unit}; received {resource.shown(path)}")
        elif value is not None:
            found[name] = value
    if "timeout" in found and "interval" in found and found["timeout"] >= found["interval"]:
        interval, timeout = found["interval"], found["timeout"]
        if str(known(resource.get("protocol", ""))).upper() in ("HTTP", "HTTPS"):
            yield Problem("healthCheck.timeout", f"{timeout:g} s is not less than the interval, {interval:g} s")


ALB037: Final = Rule(
    id="ALB037",
    title="The times of a health check are ones that AWS takes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_timing,
    why="AWS refuses others in the middle of a deployment.",
    remedy="Interval 5 to 300 s, timeout 2 to 120 s and below the interval, thresholds 2 to 10.",
    source="Elastic Load Balancing API Reference, CreateTargetGroup",
    bad=(
        bad("a timeout as long as the interval", checked(timeout=10)),
        bad("every second", checked(interval=1, timeout=None)),
        bad("one bad answer", checked(unhealthyThreshold=1)),
        bad("eleven good answers", checked(healthyThreshold=11)),
        bad("a timeout longer than the interval by default", checked(interval=None, timeout=60)),
        bad("no number", checked(interval="often", timeout=None)),
    ),
    good=(GOOD, Example("numbers as text", {"orders": checked(interval="10", timeout="5", unhealthyThreshold="2")})),
)


def _named(resource: Resource, _: Context) -> Iterator[Problem]:
    name = resource.get("name")
    if name is not None and grpc.speaks_grpc(resource) and not _HASHED.fullmatch(str(known(name))):
        yield Problem("name", f"is fixed ({resource.shown('name')}): one with another port cannot replace it")


ALB038: Final = Rule(
    id="ALB038",
    title="A gRPC target group can be replaced",
    severity=LOW,
    level=ADVISORY,
    kinds=(TARGET_GROUP,),
    check=_named,
    why=(
        "Port, protocol, version and VPC cannot be changed in place. The new group must exist before rules leave the "
        "old one, and AWS takes a name once."
    ),
    remedy="Leave name out, use namePrefix, or end the name with a hash of what cannot be changed in place.",
    source="Elastic Load Balancing API Reference, CreateTargetGroup (DuplicateTargetGroupName)",
    bad=(bad("a plain name", group(name="orders")), bad("a stage", group(name="orders-production"))),
    good=(
        GOOD,
        Example("a hash", {"orders": group(name="orders-4f9a2c1")}),
        Example("a hash of letters", {"orders": group(name="orders-qvlsbvaobn")}),
        Example("a prefix", {"orders": group(namePrefix="ord-")}),
    ),
)


def _rewritten(resource: Resource, context: Context) -> Iterator[Problem]:
    for path, transform in resource.items("transforms"):
        given = known(transform)
        if str(known(given.get("type"))) == "url-rewrite" and to_grpc(resource, context.graph):
            yield Problem(path, "rewrites the path of gRPC calls, which names the method")


_REWRITE: Final = [{"type": "url-rewrite", "urlRewriteConfig": {"rewrite": {"regex": "^/v1/(.*)$", "replace": "/$1"}}}]
ALB039: Final = Rule(
    id="ALB039",
    title="The paths of gRPC calls are not rewritten",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LISTENER_RULE,),
    check=_rewritten,
    stack=True,
    why="The path is the method. A rewritten one is another method, mostly one that nobody has.",
    remedy="Take the url-rewrite transform out, or waive this rule where old clients need it.",
    source=f"{_GUIDE}: Transforms for listener rules; grpc/grpc doc/PROTOCOL-HTTP2.md",
    bad=(Example("a rewrite", edge(one=rule("orders", transforms=_REWRITE)), about=("one",)),),
    good=(
        Example("HTTP", edge(one=rule("web", path="/v1/*", transforms=_REWRITE))),
        Example("another host", edge(one=rule("orders", transforms=[{"type": "host-header-rewrite"}]))),
    ),
)


def _agree(resource: Resource, _: Context) -> Iterator[Problem]:
    path, matcher = resource.get("healthCheck.path"), resource.get("healthCheck.matcher")
    if not grpc.speaks_grpc(resource) or path is None or matcher is None:
        return
    taken, asked = set(grpc.codes(matcher)), str(known(path))
    if asked == grpc.HEALTH_CHECK and taken == {12}:
        yield Problem("healthCheck.matcher", "takes UNIMPLEMENTED alone, which a health service never answers")
    elif asked == grpc.AWS_DEFAULT and taken == {0}:
        yield Problem("healthCheck.path", f"{asked} is a method no server has, and OK alone counts as healthy")


ALB040: Final = Rule(
    id="ALB040",
    title="What a health check asks can be answered as it wants",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGET_GROUP,),
    check=_agree,
    why="Every pod is unhealthy for ever, so that calls go to all of them, broken or not.",
    remedy=f"Set healthCheck.path to {grpc.HEALTH_CHECK} and healthCheck.matcher to 0.",
    source=f"{_GUIDE}: Health checks for your target groups",
    bad=(
        bad("the health service, and 12", checked(matcher="12")),
        bad("AWS's own path, and 0", checked(path=grpc.AWS_DEFAULT)),
    ),
    good=(GOOD, Example("AWS's own pair", {"orders": checked(path=grpc.AWS_DEFAULT, matcher="12")})),
)

RULES: Final = (ALB008, ALB012, ALB023, ALB029, ALB037, ALB038, ALB039, ALB040)
