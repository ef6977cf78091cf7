"""ALB016, ALB025 to ALB028, ALB030, ALB031: the load balancer itself, and its listeners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag, number
from policies.engine.rule import (
    ADVISORY,
    CRITICAL,
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
from policies.rules.conditions import conditions
from policies.rules.forwarding import actions, balancer_of, targets
from policies.rules.listeners import BALANCER, edge, listener, rule
from policies.rules.tokens import LISTENER, LISTENER_RULE, LOAD_BALANCER

_GUIDE: Final = "Elastic Load Balancing, Application Load Balancers guide"
_HEADER: Final = re.compile(r"[-A-Za-z0-9]+")
PRODUCTION: Final = Option(
    {
        "type": "array",
        "items": {"type": "string"},
        "default": ["prod", "production"],
        "description": "Values of a tag env, environment or stage that mean production.",
    }
)


def is_application(balancer: Resource) -> bool:
    """Whether a load balancer is of type application, which it is by default."""
    return str(known(balancer.get("loadBalancerType", "application"))) == "application"


def is_production(resource: Resource, context: Context) -> bool:
    """Whether its tags say production, or it is protected against deletion already."""
    tags = known(resource.get("tags")) or {}
    said = {str(known(tags[key])).lower() for key in tags if key.lower() in ("env", "environment", "stage")}
    return bool(said & set(context.options["production"]))


def led_to(balancer: Resource, graph: Graph) -> list[Resource]:
    """The target groups that the listeners of a load balancer lead to."""
    listeners = graph.users(balancer, LISTENER)
    rules = [each for one in listeners for each in graph.users(one, LISTENER_RULE)]
    found = {group.urn: group for each in (*listeners, *rules) for group in targets(each, graph)}
    return list(found.values())


def _carries_grpc(balancer: Resource, graph: Graph) -> bool:
    return any(grpc.speaks_grpc(each) for each in led_to(balancer, graph))


def balancer(**properties: Any) -> Mapping[str, Any]:
    """The load balancer of `edge` with other settings."""
    given = {**BALANCER["properties"], **properties}
    return {**BALANCER, "properties": {key: value for key, value in given.items() if value is not None}}


def bad(title: str, **properties: Any) -> Example:
    """A bad example of a load balancer with gRPC behind it."""
    return Example(title, edge(edge=balancer(**properties), one=rule("orders")), about=("edge",))


def good(title: str, **properties: Any) -> Example:
    """A good example of a load balancer with gRPC behind it."""
    return Example(title, edge(edge=balancer(**properties), one=rule("orders")))


PLAIN: Final = good("as it comes")


def _http2(resource: Resource, context: Context) -> Iterator[Problem]:
    if flag(known(resource.get("enableHttp2")), default=True) or not is_application(resource):
        return
    if _carries_grpc(resource, context.graph):
        yield Problem("enableHttp2", "is off, and gRPC is HTTP/2: no call gets through")


ALB016: Final = Rule(
    id="ALB016",
    title="Load balancers before gRPC speak HTTP/2",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(LOAD_BALANCER,),
    check=_http2,
    stack=True,
    why="Without HTTP/2 towards the clients no gRPC call can be made at all.",
    remedy="Leave enableHttp2 out, or set it to true.",
    source=f"{_GUIDE}: Load balancer attributes, routing.http2.enabled",
    bad=(bad("off", enableHttp2=False), bad("off, as text", enableHttp2="false")),
    good=(
        PLAIN,
        Example("off where there is HTTP alone", edge(edge=balancer(enableHttp2=False), one=rule("web", path="/*"))),
    ),
)


def _idle(resource: Resource, context: Context) -> Iterator[Problem]:
    if not is_application(resource):
        return
    seconds = number(known(resource.get("idleTimeout", 60)))
    if seconds is None or not 1 <= seconds <= 4000:
        yield Problem("idleTimeout", f"must be 1 to 4000 s; received {resource.shown('idleTimeout')}")
    elif seconds < context.options["seconds"] and _carries_grpc(resource, context.graph):
        least = context.options["seconds"]
        yield Problem("idleTimeout", f"is {seconds:g} s: a stream that is silent that long is cut; at least {least}")


ALB025: Final = Rule(
    id="ALB025",
    title="The idle timeout is longer than the silences of streams",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LOAD_BALANCER,),
    check=_idle,
    stack=True,
    why="A stream without a message for that long ends with a reset. PING frames of keepalive do not count.",
    remedy="Set idleTimeout above the longest silence, up to 4000 s.",
    source=f"{_GUIDE}: Load balancer attributes, idle_timeout.timeout_seconds",
    options={
        "seconds": Option(
            {
                "type": "integer",
                "minimum": 1,
                "maximum": 4000,
                "default": 60,
                "description": "Fewest seconds for a load balancer before gRPC.",
            }
        )
    },
    bad=(bad("ten seconds", idleTimeout=10), bad("more than there is", idleTimeout=5000)),
    good=(PLAIN, good("an hour", idleTimeout=3600)),
)


def _dropped(resource: Resource, context: Context) -> Iterator[Problem]:
    balancer = balancer_of(resource, context.graph)
    if balancer is None or not flag(known(balancer.get("dropInvalidHeaderFields")), default=False):
        return
    for where, condition in conditions(resource).get("httpHeader", ()):
        name = str(known(condition.get("httpHeaderName")))
        if not _HEADER.fullmatch(name):
            yield Problem(f"{where}.httpHeaderName", f'"{name}" is dropped by {balancer.name} as no valid header name')


def _by_header(name: str) -> Mapping[str, Any]:
    return rule("orders", conditions=[{"httpHeader": {"httpHeaderName": name, "values": ["acme"]}}])


ALB026: Final = Rule(
    id="ALB026",
    title="Metadata that rules look at is not dropped",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LISTENER_RULE,),
    check=_dropped,
    stack=True,
    why=(
        "gRPC admits _ and . in metadata keys. With dropInvalidHeaderFields the load balancer takes such headers out, "
        "and a rule that asks for one never matches."
    ),
    remedy="Name the key with letters, digits and hyphens.",
    source=f"{_GUIDE}: Load balancer attributes, routing.http.drop_invalid_header_fields.enabled",
    bad=tuple(
        Example(title, edge(edge=balancer(dropInvalidHeaderFields=True), one=_by_header(name)), about=("one",))
        for title, name in (("an underscore", "x_tenant"), ("a dot", "acme.tenant"))
    ),
    good=(
        Example("hyphens", edge(edge=balancer(dropInvalidHeaderFields=True), one=_by_header("x-tenant"))),
        Example("nothing is dropped", edge(one=_by_header("x_tenant"))),
    ),
)


def _desync(resource: Resource, _: Context) -> Iterator[Problem]:
    given = known(resource.get("desyncMitigationMode", "defensive"))
    if given not in ("defensive", "strictest"):
        yield Problem("desyncMitigationMode", f"must be defensive or strictest; received {given}")


ALB027: Final = Rule(
    id="ALB027",
    title="Load balancers stop request smuggling",
    severity=LOW,
    level=ADVISORY,
    kinds=(LOAD_BALANCER,),
    check=_desync,
    why="With monitor, requests that two servers read in two ways pass through.",
    remedy="Set desyncMitigationMode to defensive or strictest.",
    source=f"{_GUIDE}: Load balancer attributes, desync mitigation mode",
    bad=(bad("only watching", desyncMitigationMode="monitor"), bad("wrong case", desyncMitigationMode="Defensive")),
    good=(PLAIN, good("strictest", desyncMitigationMode="strictest")),
)


def _logged(resource: Resource, context: Context) -> Iterator[Problem]:
    if not is_application(resource) or not is_production(resource, context):
        return
    if not flag(known(resource.get("accessLogs.enabled")), default=resource.get("accessLogs.bucket") is not None):
        yield Problem("accessLogs", "off: only there a call shows that ended with 464 or never reached a pod")


_TAGS: Final = {"environment": "prod"}
_LOGS: Final = {"bucket": "acme-logs", "enabled": True}
ALB028: Final = Rule(
    id="ALB028",
    title="Load balancers in production write access logs",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LOAD_BALANCER,),
    check=_logged,
    why="What the load balancer answers by itself, such as 464, no server ever logs.",
    remedy="Set accessLogs with a bucket, and enabled to true.",
    source=f"{_GUIDE}: Access logs",
    options={"production": PRODUCTION},
    bad=(bad("none", tags=_TAGS), bad("turned off", tags=_TAGS, accessLogs={**_LOGS, "enabled": False})),
    good=(good("on", tags=_TAGS, accessLogs=_LOGS), good("development", tags={"environment": "dev"})),
)


def _redirecting(resource: Resource, context: Context) -> Iterator[Problem]:
    for group_path, action in actions(resource):
        if known(action.get("type")) != "redirect":
            continue
        balancer = balancer_of(resource, context.graph)
        groups = led_to(balancer, context.graph) if balancer is not None else []
        if groups and all(grpc.speaks_grpc(each) for each in groups):
            yield Problem(group_path, "redirects, and there is gRPC alone behind it, whose clients follow no redirect")


_REDIRECT: Final = listener(
    protocol="HTTP",
    port=80,
    certificateArn=None,
    sslPolicy=None,
    defaultActions=[{"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}],
)
_HTTPS_REDIRECT: Final = listener(defaultActions=_REDIRECT["properties"]["defaultActions"])
ALB030: Final = Rule(
    id="ALB030",
    title="No redirects where there is gRPC alone",
    severity=LOW,
    level=ADVISORY,
    kinds=(LISTENER,),
    check=_redirecting,
    stack=True,
    why="gRPC clients do not follow a redirect: they end with UNKNOWN, where a closed port or a 404 would tell more.",
    remedy="Close port 80; let the default action of the gRPC listener answer 404 (UNIMPLEMENTED).",
    source="grpc/grpc doc/http-grpc-status-mapping.md",
    bad=(
        Example("port 80 before gRPC", edge(plain=_REDIRECT, one=rule("orders")), about=("plain",)),
        Example("the gRPC port's default", edge(https=_HTTPS_REDIRECT, one=rule("orders")), about=("https",)),
    ),
    good=(
        Example("HTTP beside gRPC", edge(plain=_REDIRECT, one=rule("orders"), two=rule("web", path="/*", priority=20))),
    ),
)


def _protected(resource: Resource, context: Context) -> Iterator[Problem]:
    if is_production(resource, context) and not flag(known(resource.get("enableDeletionProtection")), default=False):
        yield Problem("enableDeletionProtection", "off in production: its address is gone with it")


ALB031: Final = Rule(
    id="ALB031",
    title="Load balancers in production are protected",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LOAD_BALANCER,),
    check=_protected,
    why="A load balancer that is deleted takes its DNS name along; the next one has another.",
    remedy="Set enableDeletionProtection to true.",
    source=f"{_GUIDE}: Deletion protection",
    options={"production": PRODUCTION},
    bad=(bad("not said", tags=_TAGS), bad("off", tags=_TAGS, enableDeletionProtection=False)),
    good=(good("on", tags=_TAGS, enableDeletionProtection=True), good("development", tags={"env": "dev"})),
)


RULES: Final = (ALB016, ALB025, ALB026, ALB027, ALB028, ALB030, ALB031)
