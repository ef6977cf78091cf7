"""ALB014 to ALB018, ALB024, ALB033: what listeners and rules must be like before gRPC target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.rule import CRITICAL, HIGH, MANDATORY, Context, Example, Option, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc
from policies.rules.forwarding import actions, balancer_of, listener_of, targets
from policies.rules.tokens import LISTENER, LISTENER_RULE

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
_MODERN: Final = [
    f"ELBSecurityPolicy-TLS13-1-{version}{suffix}"
    for version in ("2", "2-Res", "3", "2-FIPS", "2-Res-FIPS", "3-FIPS")
    for suffix in ("-2021-06", "-PQ-2025-09", "-2023-04")
] + [
    *(f"ELBSecurityPolicy-TLS13-1-2-{part}" for part in ("Ext1-2021-06", "Ext2-2021-06", "Ext0-FIPS-2023-04")),
    *(f"ELBSecurityPolicy-TLS13-1-2-{part}" for part in ("Ext1-FIPS-2023-04", "Ext2-FIPS-2023-04")),
    *(f"ELBSecurityPolicy-{part}" for part in ("TLS-1-2-2017-01", "TLS-1-2-Ext-2018-06", "FS-1-2-2019-08")),
    *(f"ELBSecurityPolicy-{part}" for part in ("FS-1-2-Res-2019-08", "FS-1-2-Res-2020-10")),
]
_CERTIFICATE: Final = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"

GROUP: Final[Mapping[str, Any]] = {
    "type": "aws:lb/targetGroup:TargetGroup",
    "properties": {"port": 50051, "protocol": "HTTP", "protocolVersion": "GRPC", "targetType": "ip", "vpcId": "vpc-1"},
}
WEB: Final[Mapping[str, Any]] = {
    "type": "aws:lb/targetGroup:TargetGroup",
    "properties": {"port": 8080, "protocol": "HTTP", "targetType": "ip", "vpcId": "vpc-1"},
}
BALANCER: Final[Mapping[str, Any]] = {
    "type": "aws:lb/loadBalancer:LoadBalancer",
    "properties": {"loadBalancerType": "application", "subnets": ["subnet-a", "subnet-b"]},
}


def listener(*made: str, **properties: Any) -> Mapping[str, Any]:
    """An HTTPS listener that answers 404, on the load balancer `edge`; `made`: target groups it was made of."""
    fixed = {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
    usual = {
        "port": 443,
        "protocol": "HTTPS",
        "certificateArn": _CERTIFICATE,
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "defaultActions": [fixed],
    }
    given = {**usual, **properties}
    return {
        "type": "aws:lb/listener:Listener",
        "properties": {key: value for key, value in given.items() if value is not None},
        "made_of": {"loadBalancerArn": ("edge",), **({"defaultActions": made} if made else {})},
    }


def rule(*made: str, path: str = "/acme.orders.v1.Orders/*", before: Any = (), **properties: Any) -> Mapping[str, Any]:
    """A rule of the listener `https` that forwards to target groups."""
    from policies.engine.unknown import Unknown  # noqa: PLC0415 - for the example alone

    arns = [Unknown(f"actions[0].forward.targetGroups[{place}].arn") for place, _ in enumerate(made)]
    forward = {"type": "forward", "forward": {"targetGroups": [{"arn": arn, "weight": 1} for arn in arns]}}
    usual = {"priority": 10, "actions": [*before, forward], "conditions": [{"pathPattern": {"values": [path]}}]}
    return {
        "type": "aws:lb/listenerRule:ListenerRule",
        "properties": {**usual, **properties},
        "made_of": {"listenerArn": ("https",), "actions": made},
    }


def edge(**others: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A load balancer with its listener and target groups, and what is given beside them."""
    return {"edge": BALANCER, "https": listener(), "orders": GROUP, "web": WEB, **others}


_ARN: Final = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/orders/0123456789abcdef"
_PLAIN: Final = listener(
    protocol="HTTP",
    port=80,
    certificateArn=None,
    sslPolicy=None,
    defaultActions=[{"type": "forward", "targetGroupArn": _ARN}],
)
_GOOD: Final = Example("gRPC behind HTTPS, HTTP beside it", edge(one=rule("orders"), two=rule("web", path="/*")))


def _https(resource: Resource, context: Context) -> Iterator[Problem]:
    groups = [each for each in targets(resource, context.graph) if grpc.version(each) in ("GRPC", "HTTP2")]
    if not groups:
        return
    before = listener_of(resource, context.graph)
    if before is not None and str(known(before.get("protocol", "HTTP"))).upper() != "HTTPS":
        names = ", ".join(each.name for each in groups)
        yield Problem(
            "protocol" if resource.kind == LISTENER else "listenerArn",
            f"leads from the listener {before.name} ({before.shown('protocol')}) to {grpc.version(groups[0])} target "
            f"groups ({names}), which AWS admits behind HTTPS alone",
        )


ALB014: Final = Rule(
    id="ALB014",
    title="gRPC target groups stand behind HTTPS listeners",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(LISTENER, LISTENER_RULE),
    check=_https,
    stack=True,
    why="AWS refuses it in the middle of a deployment (\"Listener protocol 'HTTP' is not supported …\").",
    remedy="Make the listener HTTPS, with a certificate, or forward from one that is.",
    source="kubernetes-sigs/aws-load-balancer-controller#2214",
    bad=(
        Example("a rule on HTTP", edge(https=listener(protocol="HTTP", port=80), one=rule("orders")), about=("one",)),
        Example(
            "a default action on HTTP",
            edge(plain=_PLAIN, orders={**GROUP, "properties": {**GROUP["properties"], "arn": _ARN}}),
            about=("plain",),
        ),
    ),
    good=(_GOOD,),
)


def _policy(resource: Resource, context: Context) -> Iterator[Problem]:
    if str(known(resource.get("protocol", "HTTP"))).upper() != "HTTPS":
        return
    given = resource.get("sslPolicy")
    if given is None:
        yield Problem("sslPolicy", "missing, which means ELBSecurityPolicy-2016-08, with TLS 1.0 and 1.1")
    elif given not in context.options["policies"]:
        yield Problem("sslPolicy", f"{resource.shown('sslPolicy')} is not among those that ask for TLS 1.2 or newer")


ALB015: Final = Rule(
    id="ALB015",
    title="HTTPS listeners ask for TLS 1.2 or newer",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER,),
    check=_policy,
    why="AWS's default for everything but its console is the policy of 2016, which takes TLS 1.0.",
    remedy="Set sslPolicy to ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09.",
    source=f"{_GUIDE}: Security policies",
    fix=lambda resource, context: (
        {"sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"} if any(_policy(resource, context)) else {}
    ),
    options={
        "policies": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": _MODERN,
                "description": "Security policies that are allowed.",
            }
        )
    },
    bad=(
        Example("AWS's default", edge(https=listener(sslPolicy=None)), about=("https",)),
        Example("TLS 1.0", edge(https=listener(sslPolicy="ELBSecurityPolicy-TLS-1-0-2015-04")), about=("https",)),
    ),
    good=(_GOOD,),
)


def _application(resource: Resource, context: Context) -> Iterator[Problem]:
    if not any(grpc.speaks_grpc(each) for each in targets(resource, context.graph)):
        return
    balancer = balancer_of(resource, context.graph)
    kind = str(known(balancer.get("loadBalancerType", "application"))) if balancer is not None else "application"
    if kind != "application":
        yield Problem("", f"a gRPC target group behind the {kind} load balancer {balancer.name if balancer else ''}")


ALB017: Final = Rule(
    id="ALB017",
    title="gRPC target groups stand behind application load balancers",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(LISTENER, LISTENER_RULE),
    check=_application,
    stack=True,
    why="Only an application load balancer has protocol versions; others drop the setting and refuse the matcher.",
    remedy="Use a load balancer of type application, or a TCP or TLS target group behind this one.",
    source=f"{_GUIDE}: Target groups, protocol version; pulumi/pulumi-aws#3746",
    bad=(
        Example(
            "a network load balancer",
            edge(edge={**BALANCER, "properties": {"loadBalancerType": "network"}}, one=rule("orders")),
            about=("one",),
        ),
        Example(
            "a gateway load balancer",
            edge(edge={**BALANCER, "properties": {"loadBalancerType": "gateway"}}, one=rule("orders")),
            about=("one",),
        ),
    ),
    good=(_GOOD,),
)


def _forward_only(resource: Resource, context: Context) -> Iterator[Problem]:
    if not any(grpc.version(each) in ("GRPC", "HTTP2") for each in targets(resource, context.graph)):
        return
    for path, action in actions(resource):
        if known(action.get("type")) != "forward":
            yield Problem(
                f"{path}.type", f"{resource.shown(f'{path}.type')} before a gRPC target group; only forward is allowed"
            )


_LOGIN: Final = {
    "type": "authenticate-cognito",
    "authenticateCognito": {"userPoolArn": "a", "userPoolClientId": "b", "userPoolDomain": "c"},
}
ALB018: Final = Rule(
    id="ALB018",
    title="Rules to gRPC target groups only forward",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER, LISTENER_RULE),
    check=_forward_only,
    stack=True,
    why="AWS supports no other action there: no sign-in, no redirect, no fixed answer.",
    remedy="Take the other actions out; let the server check tokens itself.",
    source=f"{_GUIDE}: Target groups, protocol version",
    bad=(
        Example("sign-in before gRPC", edge(one=rule("orders", before=[_LOGIN])), about=("one",)),
        Example(
            "a redirect before gRPC",
            edge(one=rule("orders", before=[{"type": "redirect", "redirect": {"statusCode": "HTTP_301"}}])),
            about=("one",),
        ),
    ),
    good=(_GOOD, Example("sign-in before HTTP", edge(one=rule("web", before=[_LOGIN])))),
)


def _mixed(resource: Resource, context: Context) -> Iterator[Problem]:
    for path, action in actions(resource):
        if len((action.get("forward") or {}).get("targetGroups") or ()) < 2:
            continue
        versions = sorted({grpc.version(each) for each in targets(resource, context.graph)})
        if len(versions) > 1:
            yield Problem(f"{path}.forward", f"shares calls between target groups of versions {' and '.join(versions)}")


ALB024: Final = Rule(
    id="ALB024",
    title="A weighted forward has one protocol version",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(LISTENER, LISTENER_RULE),
    check=_mixed,
    stack=True,
    why="The share of the calls that meets the other version ends with HTTP 464.",
    remedy="Give both target groups the same protocolVersion.",
    source=f"{_GUIDE}: Target groups, protocol version; Troubleshoot, HTTP 464",
    bad=(
        Example("a canary of another version", edge(one=rule("orders", "web")), about=("one",)),
        Example(
            "HTTP2 beside GRPC",
            edge(
                web={**WEB, "properties": {**WEB["properties"], "protocolVersion": "HTTP2"}}, one=rule("orders", "web")
            ),
            about=("one",),
        ),
    ),
    good=(_GOOD, Example("two of one version", edge(next=GROUP, one=rule("orders", "next")))),
)


def _certificate(resource: Resource, _: Context) -> Iterator[Problem]:
    if (
        str(known(resource.get("protocol", "HTTP"))).upper() in ("HTTPS", "TLS")
        and resource.get("certificateArn") is None
    ):
        yield Problem("certificateArn", "missing; an HTTPS or TLS listener has exactly one default certificate")


ALB033: Final = Rule(
    id="ALB033",
    title="HTTPS listeners have a certificate",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER,),
    check=_certificate,
    why="AWS refuses such a listener in the middle of a deployment.",
    remedy="Set certificateArn to an issued certificate of the region.",
    source="Elastic Load Balancing API Reference, CreateListener",
    bad=(
        Example("HTTPS without one", edge(https=listener(certificateArn=None)), about=("https",)),
        Example("TLS without one", edge(https=listener(certificateArn=None, protocol="TLS")), about=("https",)),
    ),
    good=(_GOOD, Example("HTTP", edge(https=listener(certificateArn=None, protocol="HTTP", port=80)))),
)

RULES: Final = (ALB014, ALB015, ALB017, ALB018, ALB024, ALB033)
