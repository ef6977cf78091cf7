"""K8S012, K8S013, K8S027, K8S028: what a GRPCRoute may say on a load balancer's Gateway, and on VPC Lattice's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.rule import DISABLED, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.gateways import ALB, LATTICE, Attachment, attachments, gateways_of
from policies.rules.tokens import GRPC_ROUTE, HTTP_ROUTE

_ALB_PAGE: Final = "AWS Load Balancer Controller, Gateway API for Layer 7"
_LATTICE_PAGE: Final = "AWS Gateway API Controller, GRPCRoute API Reference"
_API: Final = "gateway.networking.k8s.io/v1"
_MOST_HEADERS: Final = 5
# What means something in a regular expression and stands for itself in a pattern of a listener rule.
_EXPRESSION: Final = re.compile(r"[\\^$+()\[\]{}|]")
_CLASSES: Final = {ALB: "aws-alb", LATTICE: "amazon-vpc-lattice"}
HTTPS: Final = {"name": "https", "port": 443, "protocol": "HTTPS"}
HTTP: Final = {"name": "http", "port": 80, "protocol": "HTTP"}


def gateway(maker: str, *listeners: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A Gateway that one of the two controllers makes something of, and its class."""
    name = _CLASSES[maker]
    spec = {"gatewayClassName": name, "listeners": list(listeners or (HTTPS, HTTP))}
    return {
        "class": {
            "type": f"kubernetes:{_API}:GatewayClass",
            "properties": {"metadata": {"name": name}, "spec": {"controllerName": maker}},
        },
        "gateway": {
            "type": f"kubernetes:{_API}:Gateway",
            "properties": {"metadata": {"name": "edge", "namespace": "shop"}, "spec": spec},
        },
    }


def route(*rules: Mapping[str, Any], kind: str = "GRPCRoute", section: str | None = "https", **spec: Any) -> Any:
    """A route on the Gateway of `gateway`, leading to the Service of other examples."""
    usual = {"matches": [{"method": {"service": "acme.orders.v1.Orders"}}]}
    led = {"backendRefs": [{"name": "orders", "port": 50051}]}
    parent = {"name": "edge", **({"sectionName": section} if section else {})}
    whole = {"parentRefs": [parent], "rules": [{**led, **each} for each in rules or (usual,)], **spec}
    return {
        "type": f"kubernetes:{_API}:{kind}",
        "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": whole},
    }


def _bad(title: str, maker: str, given: Any, *listeners: Mapping[str, Any]) -> Example:
    return Example(title, {**gateway(maker, *listeners), "route": given}, about=("route",))


def _good(title: str, maker: str, given: Any, *listeners: Mapping[str, Any]) -> Example:
    return Example(title, {**gateway(maker, *listeners), "route": given})


def _matching(*matches: Mapping[str, Any]) -> Any:
    return route({"matches": list(matches)})


def _https(resource: Resource, context: Context) -> Iterator[Problem]:
    """VPC Lattice takes any listener where none is named, a load balancer HTTPS ones alone."""
    if not any(True for _ in resource.items("spec.parentRefs")):
        yield Problem("spec.parentRefs", "missing: the route hangs on no Gateway")
    for maker in (ALB, LATTICE):
        for each in attachments(resource, context.graph, maker):
            name, protocols = each.gateway.name, each.protocols
            if not each.listeners:
                yield Problem(each.path, f"the Gateway {name} has no such listener")
            elif "HTTPS" not in protocols:
                yield Problem(each.path, f"leads to no listener of {name} that speaks HTTPS")
            elif maker == LATTICE and len(protocols) > 1:
                yield Problem(each.path, f"leads to every listener of {name}, of which some do not speak HTTPS")


K8S012: Final = Rule(
    id="K8S012",
    title="GRPCRoutes hang on HTTPS listeners",
    severity=HIGH,
    level=MANDATORY,
    kinds=(GRPC_ROUTE,),
    check=_https,
    stack=True,
    why=(
        "Load balancers refuse gRPC on any other listener, and their controller makes the target groups HTTP1 there. "
        "VPC Lattice negotiates HTTP/2 on HTTPS alone."
    ),
    remedy="Give parentRefs the sectionName of a listener whose protocol is HTTPS.",
    source=f"{_ALB_PAGE}; {_LATTICE_PAGE}, Limitations",
    bad=(
        Example("no Gateway at all", {"route": route(parentRefs=[])}, about=("route",)),
        _bad("HTTP by name", ALB, route(section="http")),
        _bad("HTTP alone", ALB, route(section=None), HTTP),
        _bad("a listener that is not there", ALB, route(section="grpc")),
        _bad("VPC Lattice, HTTP by name", LATTICE, route(section="http")),
        _bad("VPC Lattice, any listener", LATTICE, route(section=None)),
    ),
    good=(
        _good("HTTPS by name", ALB, route()),
        _good("any listener, where HTTP takes no GRPCRoute", ALB, route(section=None)),
        _good("VPC Lattice", LATTICE, route()),
        Example(
            "another controller, which serves gRPC without TLS",
            {
                "class": {
                    "type": f"kubernetes:{_API}:GatewayClass",
                    "properties": {
                        "metadata": {"name": "mesh"},
                        "spec": {"controllerName": "istio.io/gateway-controller"},
                    },
                },
                "gateway": {
                    "type": f"kubernetes:{_API}:Gateway",
                    "properties": {
                        "metadata": {"name": "edge", "namespace": "shop"},
                        "spec": {"gatewayClassName": "mesh", "listeners": [HTTP]},
                    },
                },
                "route": route(section="http"),
            },
        ),
    ),
)


def _rules(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, rule in resource.items("spec.rules"):
        yield path, known(rule)


def _matches(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, rule in _rules(resource):
        for place, match in enumerate(known(rule.get("matches")) or ()):
            yield f"{path}.matches[{place}]", known(match)


def _is_on(resource: Resource, context: Context, maker: str) -> bool:
    return any(True for _ in attachments(resource, context.graph, maker))


def _supported(resource: Resource, context: Context) -> Iterator[Problem]:
    if _is_on(resource, context, LATTICE):
        yield from _for_lattice(resource)
    if _is_on(resource, context, ALB):
        for path, match in _matches(resource):
            method = known(match.get("method")) or {}
            for key in ("service", "method"):
                value = str(known(method.get(key)) or "")
                if known(method.get("type")) == "RegularExpression" and _EXPRESSION.search(value):
                    yield Problem(
                        f"{path}.method.{key}", "is no regular expression here but a pattern: only * and ? mean others"
                    )


def _for_lattice(resource: Resource) -> Iterator[Problem]:
    for path, rule in _rules(resource):
        count = len(known(rule.get("matches")) or ())
        if count > 1:
            yield Problem(f"{path}.matches", f"has {count} matches; VPC Lattice takes one for each rule")
    for path, match in _matches(resource):
        method = known(match.get("method")) or {}
        if known(method.get("method")) and not known(method.get("service")):
            yield Problem(f"{path}.method", "names a method and no service")
        if known(method.get("type")) not in (None, "Exact"):
            yield Problem(f"{path}.method.type", f"must be Exact; received {resource.shown(f'{path}.method.type')}")
        headers = [known(each) for each in known(match.get("headers")) or ()]
        if len(headers) > _MOST_HEADERS:
            yield Problem(f"{path}.headers", f"has {len(headers)} headers; VPC Lattice takes {_MOST_HEADERS}")
        for place, header in enumerate(headers):
            if known(header.get("type")) not in (None, "Exact"):
                where = f"{path}.headers[{place}].type"
                yield Problem(where, f"must be Exact; received {resource.shown(where)}")


def _header(number: int, **more: Any) -> Mapping[str, Any]:
    return {"name": f"x-{number}", "value": "1", **more}


_METHOD: Final = {"method": {"service": "acme.orders.v1.Orders"}}
K8S013: Final = Rule(
    id="K8S013",
    title="GRPCRoutes match by what their controller supports",
    severity=HIGH,
    level=MANDATORY,
    kinds=(GRPC_ROUTE,),
    check=_supported,
    stack=True,
    why=(
        "VPC Lattice takes one exact method for each rule, with its service, and five exact headers; the controller "
        "rejects the route otherwise. A load balancer knows no regular expressions here and never matches."
    ),
    remedy="Make a rule for each match, with method.service, type Exact, and at most five headers.",
    source=f"{_LATTICE_PAGE}, Limitations; {_ALB_PAGE}; Elastic Load Balancing API Reference, RuleCondition",
    bad=(
        _bad("two matches in a rule", LATTICE, _matching(_METHOD, {"method": {"service": "acme.orders.v1.Reports"}})),
        _bad("a method of any service", LATTICE, _matching({"method": {"method": "Get"}})),
        _bad("six headers", LATTICE, _matching({**_METHOD, "headers": [_header(each) for each in range(6)]})),
        _bad(
            "a header by expression",
            LATTICE,
            _matching({"headers": [_header(1, type="RegularExpression", value=".*")]}),
        ),
        _bad(
            "an expression on VPC Lattice",
            LATTICE,
            _matching({"method": {"type": "RegularExpression", "service": "acme.*"}}),
        ),
        _bad(
            "an expression on a load balancer",
            ALB,
            _matching({"method": {"type": "RegularExpression", "service": r"acme\.(orders|items)\..+"}}),
        ),
    ),
    good=(
        _good("a service", LATTICE, _matching(_METHOD)),
        _good("a match for each rule", LATTICE, route({"matches": [_METHOD]}, {"matches": [_METHOD]})),
        _good("all calls", LATTICE, route({})),
        _good("two matches on a load balancer", ALB, _matching(_METHOD, {"method": {"method": "Get"}})),
        _good("a pattern", ALB, _matching({"method": {"type": "RegularExpression", "service": "acme.orders.*"}})),
    ),
)


def _hosts(resource: Resource, listener: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The host names of a route on a listener, each with its path; `*` is every one."""
    own = [(path, str(known(each)).lower()) for path, each in resource.items("spec.hostnames")]
    return own or [("spec.hostnames", str(known(listener.get("hostname")) or "*").lower())]


def _meet(one: str, other: str) -> bool:
    """Whether some host has both names, of which each may begin with `*`."""
    if one.startswith("*") and other.startswith("*"):
        return one[1:].endswith(other[1:]) or other[1:].endswith(one[1:])
    short, long = (one, other) if one.startswith("*") else (other, one)
    return short == long or (short.startswith("*") and long.endswith(short[1:]))


def _shared(resource: Resource, context: Context) -> Iterator[Problem]:
    for mine in attachments(resource, context.graph, ALB):
        for other in context.graph.leading(mine.gateway, gateways_of, HTTP_ROUTE):
            for theirs in attachments(other, context.graph, ALB):
                if mine.gateway is theirs.gateway:
                    for path in _common(mine, theirs, resource, other):
                        yield Problem(path, f"is a host of the HTTPRoute {other.name} too, on the same listener")


def _common(mine: Attachment, theirs: Attachment, resource: Resource, other: Resource) -> list[str]:
    """Where the names stand that two routes on one Gateway share."""
    found: dict[str, None] = {}
    for listener in mine.listeners:
        if known(listener.get("protocol")) == "HTTPS" and listener in theirs.listeners:
            names = [name for _, name in _hosts(other, listener)]
            for path, host in _hosts(resource, listener):
                if any(_meet(host, each) for each in names):
                    found[path] = None
    return list(found)


_WEB: Final = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}


def _beside(*hosts: str, section: str | None = "https") -> Mapping[str, Mapping[str, Any]]:
    """A GRPCRoute with a host name beside an HTTPRoute with others."""
    more = {"hostnames": list(hosts)} if hosts else {}
    other = route(_WEB, kind="HTTPRoute", section=section, **more)
    metadata = {"name": "web", "namespace": "shop"}
    web = {**other, "properties": {**other["properties"], "metadata": metadata}}
    return {**gateway(ALB), "route": route(hostnames=["api.example.com"]), "web": web}


K8S027: Final = Rule(
    id="K8S027",
    title="GRPCRoutes and HTTPRoutes of one listener share no host name",
    severity=MEDIUM,
    level=DISABLED,
    kinds=(GRPC_ROUTE,),
    check=_shared,
    stack=True,
    why=(
        "A controller before that change rejects the GRPCRoute (NotAllowedByListeners), and its calls end with HTTP "
        "464. Off by default: since the middle of 2026 the controller takes both."
    ),
    remedy="Give gRPC a host name of its own, update the controller, or use Ingresses of one group.",
    source="kubernetes-sigs/aws-load-balancer-controller#4793 and #4794",
    bad=(
        Example("the same", _beside("api.example.com"), about=("route",)),
        Example("one for all", _beside("*.example.com"), about=("route",)),
        Example("none said", _beside(section=None), about=("route",)),
    ),
    good=(
        Example("another", _beside("www.example.com")),
        Example("a redirect on HTTP", _beside(section="http")),
    ),
)


def _filtered(resource: Resource, context: Context) -> Iterator[Problem]:
    if not _is_on(resource, context, ALB):
        return
    for path, rule in _rules(resource):
        places = [(path, rule)]
        for place, backend in enumerate(known(rule.get("backendRefs")) or ()):
            places.append((f"{path}.backendRefs[{place}]", known(backend)))
        for where, owner in places:
            for place, given in enumerate(known(owner.get("filters")) or ()):
                if known(known(given).get("type")) != "ExtensionRef":
                    at = f"{where}.filters[{place}].type"
                    yield Problem(at, f"{resource.shown(at)} is not supported on a load balancer")


_MIRROR: Final = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 50051}}}
_HEADERS: Final = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "1"}]}}
_EXTENSION: Final = {
    "type": "ExtensionRef",
    "extensionRef": {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "orders"},
}

K8S028: Final = Rule(
    id="K8S028",
    title="GRPCRoutes on load balancers have no filters but ExtensionRef",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(GRPC_ROUTE,),
    check=_filtered,
    stack=True,
    why="Load balancers cannot mirror calls or change headers as filters say, and the controller supports no other.",
    remedy="Take the filter out; for what a listener rule can do, refer to a ListenerRuleConfiguration.",
    source=f"{_ALB_PAGE}, Feature comparison",
    bad=(
        _bad("a mirror", ALB, route({"filters": [_MIRROR]})),
        _bad(
            "headers, for one backend",
            ALB,
            route({"backendRefs": [{"name": "orders", "port": 50051, "filters": [_HEADERS]}]}),
        ),
    ),
    good=(_good("an extension", ALB, route({"filters": [_EXTENSION]})), _good("none", ALB, route())),
)

RULES: Final = (K8S012, K8S013, K8S027, K8S028)
