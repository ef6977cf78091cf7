"""LAT001 to LAT004, LAT008, LAT010, LAT014, LAT017, LAT018: VPC Lattice resources that a program makes itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource, flag
from policies.engine.rule import ADVISORY, CRITICAL, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.documents import open_to_all
from policies.rules.grpc import ranges

TARGETS: Final = "aws:vpclattice:TargetGroup"
SERVICE: Final = "aws:vpclattice:Service"
NETWORK: Final = "aws:vpclattice:ServiceNetwork"
LISTENER: Final = "aws:vpclattice:Listener"
RULE: Final = "aws:vpclattice:ListenerRule"
POLICY: Final = "aws:vpclattice:AuthPolicy"
_GUIDE: Final = "VPC Lattice user guide"
_API: Final = "VPC Lattice API Reference"
_NAMES: Final = {SERVICE: (3, 40, "svc-"), NETWORK: (3, 63, "servicenetwork-"), TARGETS: (3, 128, "tg-")}


def targets(**config: Any) -> Mapping[str, Any]:
    """A target group for gRPC as every rule wants it, but for what is given; None takes a setting away."""
    usual: dict[str, Any] = {
        "port": 50051,
        "protocol": "HTTP",
        "protocolVersion": "GRPC",
        "vpcIdentifier": "vpc-0123456789abcdef0",
        "healthCheck": {"enabled": False},
    }
    kept = {key: value for key, value in {**usual, **config}.items() if value is not None}
    return {"type": "aws:vpclattice/targetGroup:TargetGroup", "properties": {"type": "IP", "config": kept}}


def _check(**check: Any) -> Mapping[str, Any]:
    usual = {"enabled": True, "protocolVersion": "HTTP1", "port": 8081, "path": "/healthz", "matcher": {"value": "200"}}
    return targets(healthCheck={key: value for key, value in {**usual, **check}.items() if value is not None})


def _about(title: str, targets: Mapping[str, Any]) -> Example:
    return Example(title, {"orders": targets}, about=("orders",))


_GOOD: Final = Example("no health check", {"orders": targets()})
_CHECKED: Final = Example("a check in HTTP on a port of its own", {"orders": _check()})


def speaks_grpc(resource: Resource) -> bool:
    """Whether a Lattice target group says gRPC, in whatever case."""
    return str(known(resource.get("config.protocolVersion", "HTTP1"))).upper() == "GRPC"


def _spelled(resource: Resource, _: Context) -> Iterator[Problem]:
    given = known(resource.get("config.protocolVersion"))
    if given is not None and given not in ("HTTP1", "HTTP2", "GRPC"):
        shown = resource.shown("config.protocolVersion")
        yield Problem("config.protocolVersion", f"must be HTTP1, HTTP2 or GRPC, in capitals; received {shown}")


LAT001: Final = Rule(
    id="LAT001",
    title="The protocol version of a Lattice target group is spelled as AWS has it",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_spelled,
    why="Without it a target group speaks HTTP/1.1, and another spelling is refused in the middle of a deployment.",
    remedy='Set config.protocolVersion to "GRPC". It makes a new target group.',
    source=f"{_API}, TargetGroupConfig",
    replaces=True,
    bad=(_about("lower case", targets(protocolVersion="grpc")), _about("a space", targets(protocolVersion="GRPC "))),
    good=(_GOOD,),
)


def _checking(resource: Resource) -> bool:
    """Whether a check is made: the provider turns it on unless told otherwise."""
    return flag(known(resource.get("config.healthCheck.enabled")), default=True)


def _version(resource: Resource, _: Context) -> Iterator[Problem]:
    if not speaks_grpc(resource) or not _checking(resource):
        return
    given = known(resource.get("config.healthCheck.protocolVersion"))
    if given not in ("HTTP1", "HTTP2"):
        yield Problem(
            "config.healthCheck.protocolVersion",
            f"must be HTTP1 or HTTP2, since Lattice asks no gRPC; received "
            f"{resource.shown('config.healthCheck.protocolVersion')}",
        )


LAT002: Final = Rule(
    id="LAT002",
    title="A health check of gRPC targets is one that Lattice can make",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_version,
    why="Lattice's health checks speak HTTP/1.1 and HTTP/2 alone; the provider turns one on unless told otherwise.",
    remedy="Set config.healthCheck.enabled to false, or protocolVersion to HTTP1 with a port that speaks it.",
    source=f"{_GUIDE}: Health checks for your target groups",
    bad=(
        _about("none said, so one of HTTP on the gRPC port", targets(healthCheck=None)),
        _about("in gRPC", _check(protocolVersion="GRPC")),
    ),
    good=(_GOOD, _CHECKED),
)


def _port(resource: Resource, _: Context) -> Iterator[Problem]:
    if not speaks_grpc(resource) or not _checking(resource):
        return
    port = known(resource.get("config.healthCheck.port"))
    if port is None or str(port) == str(known(resource.get("config.port"))):
        yield Problem("config.healthCheck.port", "is the port of the calls, which speaks gRPC and answers no HTTP")


LAT003: Final = Rule(
    id="LAT003",
    title="A health check of gRPC targets has a port of its own",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_port,
    why="A gRPC server answers no HTTP request: all targets are unhealthy, and Lattice then calls all of them anyway.",
    remedy="Open a port that answers HTTP, and set config.healthCheck.port to it; or turn the check off.",
    source=f"{_GUIDE}: Health checks for your target groups",
    bad=(_about("none", _check(port=None)), _about("the port of the calls", _check(port=50051))),
    good=(_GOOD, _CHECKED),
)


def _matcher(resource: Resource, _: Context) -> Iterator[Problem]:
    if not _checking(resource):
        return
    matcher = known(resource.get("config.healthCheck.matcher.value"))
    found = ranges(matcher) if matcher is not None else [(200, 200)]
    if found is None or any(low < 200 or high > 599 for low, high in found):
        shown = resource.shown("config.healthCheck.matcher.value")
        yield Problem("config.healthCheck.matcher.value", f"must be HTTP codes from 200 to 599; received {shown}")


LAT004: Final = Rule(
    id="LAT004",
    title="The matcher of a Lattice health check has HTTP codes",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_matcher,
    why="There are no gRPC codes here: 0 is no HTTP status, and no answer ever matches.",
    remedy='Set config.healthCheck.matcher.value to "200".',
    source=f"{_API}, Matcher",
    bad=(_about("a gRPC code", _check(matcher={"value": "0"})), _about("no code", _check(matcher={"value": "ok"}))),
    good=(_GOOD, _CHECKED),
)


def _kind(resource: Resource, _: Context) -> Iterator[Problem]:
    kind = str(known(resource.get("type", "IP"))).upper()
    if kind in ("LAMBDA", "ALB") and speaks_grpc(resource):
        yield Problem("type", f"{kind} targets take no gRPC target group")


LAT014: Final = Rule(
    id="LAT014",
    title="gRPC targets of Lattice are addresses or instances",
    severity=HIGH,
    level=MANDATORY,
    kinds=(TARGETS,),
    check=_kind,
    why="AWS refuses a protocol version for functions, and a load balancer as a target ends gRPC by itself.",
    remedy='Set type to "IP". It makes a new target group.',
    source=f"{_API}, TargetGroupConfig",
    replaces=True,
    bad=tuple(
        _about(title, {**targets(), "properties": {**targets()["properties"], "type": kind}})
        for title, kind in (("a function", "LAMBDA"), ("a load balancer", "ALB"))
    ),
    good=(_GOOD,),
)


def _policy(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **statement}],
    }
    given = {"resourceIdentifier": "svc-0123456789abcdef0", "policy": json.dumps(document)}
    return {"type": "aws:vpclattice/authPolicy:AuthPolicy", "properties": given}


LAT010: Final = Rule(
    id="LAT010",
    title="Auth policies of Lattice name who may call",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(POLICY,),
    check=open_to_all,
    why="A star without a condition admits callers that did not even sign in.",
    remedy="Name roles, or add a condition such as aws:PrincipalOrgID.",
    source=f"{_GUIDE}: Auth policies",
    bad=(
        Example("everybody", {"orders": _policy({"Principal": "*"})}, about=("orders",)),
        Example("every account", {"orders": _policy({"Principal": {"AWS": "*"}})}, about=("orders",)),
    ),
    good=(
        Example(
            "a role, and an organization",
            {
                "orders": _policy({"Principal": {"AWS": "arn:aws:iam::111122223333:role/billing"}}),
                "other": _policy(
                    {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-a1b2c3d4e5"]}}}
                ),
            },
        ),
    ),
)


def _named(resource: Resource, _: Context) -> Iterator[Problem]:
    least, most, reserved = _NAMES[resource.kind]
    name = known(resource.get("name"))
    if name is None:
        return
    form = re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", str(name))
    if form is None or not least <= len(str(name)) <= most or str(name).startswith(reserved):
        yield Problem(
            "name",
            f"must have {least} to {most} lower-case letters, digits and single hyphens, and not begin with "
            f"{reserved}; received {resource.shown('name')}",
        )


def _service(name: str) -> Mapping[str, Any]:
    return {"type": "aws:vpclattice/service:Service", "properties": {"name": name, "authType": "AWS_IAM"}}


LAT017: Final = Rule(
    id="LAT017",
    title="Names of Lattice are such as AWS takes",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(SERVICE, NETWORK, TARGETS),
    check=_named,
    why="AWS refuses others in the middle of a deployment.",
    remedy="Choose lower-case letters, digits and single hyphens. It makes a new resource.",
    source=f"{_API}, CreateService, CreateServiceNetwork, CreateTargetGroup",
    replaces=True,
    bad=(
        Example("a reserved beginning", {"orders": _service("svc-orders")}, about=("orders",)),
        Example("two hyphens", {"orders": _service("orders--api")}, about=("orders",)),
        Example("too long", {"orders": _service("o" * 41)}, about=("orders",)),
    ),
    good=(Example("a plain name", {"orders": _service("orders")}),),
)


def _fixed(resource: Resource, _: Context) -> Iterator[Problem]:
    action = "defaultAction" if resource.kind == LISTENER else "action"
    code = known(resource.get(f"{action}.fixedResponse.statusCode"))
    if code is not None and str(code) not in ("404", "500"):
        yield Problem(f"{action}.fixedResponse.statusCode", f"must be 404 or 500; received {code}")


def _listener(code: Any) -> Mapping[str, Any]:
    action = {"fixedResponse": {"statusCode": code}}
    given = {"protocol": "HTTPS", "serviceIdentifier": "svc-0123456789abcdef0", "defaultAction": action}
    return {"type": "aws:vpclattice/listener:Listener", "properties": given}


LAT018: Final = Rule(
    id="LAT018",
    title="Fixed answers of Lattice are 404 or 500",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(LISTENER, RULE),
    check=_fixed,
    why="AWS takes no other. A gRPC client reads 404 as UNIMPLEMENTED, 500 as UNKNOWN.",
    remedy="Set statusCode to 404.",
    source=f"{_API}, FixedResponseAction",
    bad=(
        Example("a redirect", {"orders": _listener(302)}, about=("orders",)),
        Example("unavailable", {"orders": _listener(503)}, about=("orders",)),
    ),
    good=(Example("not found", {"orders": _listener(404)}),),
)


def _auth(resource: Resource, _: Context) -> Iterator[Problem]:
    if known(resource.get("authType", "NONE")) != "AWS_IAM":
        yield Problem("authType", f"must be AWS_IAM; received {resource.shown('authType')}")


LAT008: Final = Rule(
    id="LAT008",
    title="Lattice services authenticate their callers",
    severity=HIGH,
    level=ADVISORY,
    kinds=(SERVICE, NETWORK),
    check=_auth,
    why="Otherwise whoever is in the network may call, and a network is shared more easily than one thinks.",
    remedy="Set authType to AWS_IAM, and give an auth policy.",
    source=f"{_GUIDE}: Control access to services using auth policies",
    bad=(
        Example(
            "AWS's default", {"orders": {**_service("orders"), "properties": {"name": "orders"}}}, about=("orders",)
        ),
        Example("none", {"orders": {**_service("orders"), "properties": {"authType": "NONE"}}}, about=("orders",)),
    ),
    good=(Example("IAM", {"orders": _service("orders")}),),
)

RULES: Final = (LAT001, LAT002, LAT003, LAT004, LAT008, LAT010, LAT014, LAT017, LAT018)
