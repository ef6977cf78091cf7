"""K8S024, K8S025: annotations of Ingresses word for word, and paths that match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource, number
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Option, Problem, Rule
from policies.engine.unknown import is_unknown, known
from policies.rules import grpc
from policies.rules.documents import parsed
from policies.rules.ingresses import PREFIX, backends, is_albs, is_grpc, notes
from policies.rules.intent import port_says_grpc, service_ports
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.service_wiring import service_port
from policies.rules.tokens import INGRESS, SERVICE

_PAGE: Final = "AWS Load Balancer Controller, Ingress annotations"
_ANNOTATIONS: Final = "metadata.annotations"
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "backend-protocol-version": ("HTTP1", "HTTP2", "GRPC"),
    "backend-protocol": ("HTTP", "HTTPS"),
    "healthcheck-protocol": ("HTTP", "HTTPS"),
    "target-type": ("instance", "ip"),
    "scheme": ("internal", "internet-facing"),
    "ip-address-type": ("ipv4", "dualstack", "dualstack-without-public-ipv4"),
}
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "healthcheck-interval-seconds": (5, 300),
    "healthcheck-timeout-seconds": (2, 120),
    "healthy-threshold-count": (2, 10),
    "unhealthy-threshold-count": (2, 10),
    "ssl-redirect": (1, 65535),
    "group.order": (-1000, 1000),
}
_JUDGED: Final = frozenset({*_WORDS, *_NUMBERS, "success-codes", "healthcheck-path", "listen-ports", "group.name"})
# What K8S008, K8S010 and K8S011 say of Ingresses that lead to gRPC.
_SAID_ELSEWHERE: Final = frozenset({"backend-protocol-version", "target-type"})
_JSON: Final = ("actions.", "conditions.", "transforms.")
_GRPC_CODES: Final = (0, 99)
_HTTP_CODES: Final = (200, 499)


def _texts(resource: Resource) -> Iterator[Problem]:
    """The API server takes text alone, so that one number refuses the whole object.

    What is not known yet and no word, number or code is an id or ARN that AWS makes, and text.
    """
    for key, value in known(resource.get(_ANNOTATIONS) or {}).items():
        judged = key.removeprefix(PREFIX) in _JUDGED
        if key.startswith(PREFIX) and (judged or not is_unknown(value)) and not isinstance(known(value), str):
            yield Problem(_ANNOTATIONS, f"{key} must be text: write it in quotes")


def _exact(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if resource.kind == INGRESS:
        found = list(backends(resource, graph)) if is_albs(resource, graph) else []
        to_grpc = any(is_grpc(service, port, graph) for _, service, port in found)
    else:
        found, to_grpc = [], any(port_says_grpc(port) for _, port in service_ports(resource))
    given = notes(resource)
    yield from _texts(resource)
    for key, words in _WORDS.items():
        if key in given and given[key] not in words and not (to_grpc and key in _SAID_ELSEWHERE):
            yield Problem(_ANNOTATIONS, f"{key} must be one of {', '.join(words)}, in these letters")
    for key, (least, most) in _NUMBERS.items():
        value = number(given.get(key))
        if key in given and (value is None or not least <= value <= most or value != int(value)):
            yield Problem(_ANNOTATIONS, f"{key} must be a whole number from {least} to {most}")
    for key, text in given.items():
        # K8S009 says it of the listeners for gRPC.
        written = key.startswith(_JSON) or (key == "listen-ports" and not to_grpc)
        if written and not _is_json(known(text)):
            yield Problem(_ANNOTATIONS, f"{key} is no JSON")
    if resource.kind == INGRESS and not to_grpc:
        yield from _codes(resource, [service for _, service, _ in found])


def _is_json(text: str) -> bool:
    try:
        parsed(text)
    except ValueError:
        return False
    return True


def _codes(resource: Resource, behind: list[Resource]) -> Iterator[Problem]:
    """Codes of the version that a target group has; not where a Service outside the program may say another version."""
    if not behind and "backend-protocol-version" not in notes(resource):
        return
    seen: set[str] = set()
    places: list[Resource | None] = [*behind] or [None]
    for service in places:
        given = notes(resource, service)
        codes, version = given.get("success-codes"), given.get("backend-protocol-version", "HTTP1")
        if codes is None or codes in seen or version not in _WORDS["backend-protocol-version"]:
            continue
        seen.add(codes)
        least, most = _GRPC_CODES if version == "GRPC" else _HTTP_CODES
        found = grpc.ranges(codes)
        if found is None or any(not least <= low <= high <= most for low, high in found):
            yield Problem(_ANNOTATIONS, f"success-codes must lie within {least} to {most}, as the version is {version}")


def ingress(
    path: str = "/", kind: str = "Prefix", *, annotations: Mapping[str, Any] | None = None, name: str = "web"
) -> Mapping[str, Any]:
    """An Ingress of the controller with one path and some annotations, given without their prefix."""
    backend = {"service": {"name": "orders", "port": {"number": 50051}}}
    paths = [{"path": path, "pathType": kind, "backend": backend}]
    given = {f"{PREFIX}{key}": value for key, value in (annotations or {}).items()}
    return {
        "type": "kubernetes:networking.k8s.io/v1:Ingress",
        "properties": {
            "metadata": {"name": name, "namespace": "shop", "annotations": given},
            "spec": {"ingressClassName": "alb", "rules": [{"host": "a.example.com", "http": {"paths": paths}}]},
        },
    }


_WEB: Final = service_port(name="http", appProtocol="http")


def _noted(service: Mapping[str, Any] = _WEB, **annotations: Any) -> Mapping[str, Mapping[str, Any]]:
    given = {key.replace("_", "-"): value for key, value in annotations.items()}
    return {"ingress": ingress(annotations=given), "service": service}


def _wrong(title: str, **annotations: Any) -> Example:
    return Example(title, _noted(**annotations), about=("ingress",))


def _on_service(**annotations: Any) -> Mapping[str, Any]:
    given = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    properties = _WEB["properties"]
    return {**_WEB, "properties": {**properties, "metadata": {**properties["metadata"], "annotations": given}}}


K8S024: Final = Rule(
    id="K8S024",
    title="Annotations of the load balancer controller are such as it takes",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS, SERVICE),
    check=_exact,
    stack=True,
    why=(
        "Kubernetes refuses annotations that are no text. The controller takes its words in these letters alone, and "
        "stops at any other with the whole group; AWS refuses codes of the other protocol."
    ),
    remedy="Write the value as the controller's documentation has it, in quotes.",
    source=f"{_PAGE}; Elastic Load Balancing API Reference, Matcher; Kubernetes, Annotations",
    bad=(
        _wrong("lower case", backend_protocol_version="http2"),
        _wrong("a protocol that is none", backend_protocol="GRPC"),
        _wrong("a number", healthcheck_interval_seconds=15),
        _wrong("a number with a unit", healthcheck_timeout_seconds="5s"),
        _wrong("once is not enough", unhealthy_threshold_count="1"),
        _wrong("codes of gRPC", success_codes="0"),
        _wrong("codes of HTTP", backend_protocol_version="GRPC", success_codes="200-299"),
        _wrong("a scheme in capitals", scheme="Internal"),
        _wrong("no JSON", listen_ports="HTTPS:443"),
        Example(
            "on a Service",
            _noted(_on_service(healthcheck_protocol="http"), success_codes="200"),
            about=("service",),
        ),
        Example("lower case for gRPC", _noted(GRPC_SERVICE, backend_protocol="https"), about=("ingress",)),
    ),
    good=(
        Example(
            "HTTP",
            _noted(backend_protocol_version="HTTP2", success_codes="200-299,301", healthcheck_interval_seconds="15"),
        ),
        Example(
            "gRPC by the Service",
            _noted(_on_service(backend_protocol_version="GRPC"), success_codes="0", scheme="internal"),
        ),
        Example("the backend elsewhere", {"ingress": ingress(annotations={"success-codes": "0"})}),
        Example("gRPC, which other rules judge", _noted(GRPC_SERVICE, backend_protocol_version="grpc")),
    ),
)

_NAME: Final = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*")


def _matching(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if not is_albs(resource, graph):
        return
    for where, service, port in backends(resource, graph):
        place = where.partition(".backend")[0]
        kind, path = known(resource.get(f"{place}.pathType")), str(known(resource.get(f"{place}.path", "/")))
        if kind in ("Prefix", "Exact") and is_grpc(service, port, graph):
            told = _never(path, kind, context.options["services"])
            if told:
                yield Problem(f"{place}.path", f"{resource.shown(f'{place}.path')} {told}")


def _never(path: str, kind: str, services: Iterable[str]) -> str:
    """Why a path of a type never matches the path of a call, /package.Service/Method; "" where it does."""
    if "*" in path or "?" in path:
        return f"has a wildcard, which the controller refuses in a path of type {kind}"
    parts = [part for part in path.split("/") if part]
    if kind == "Exact":
        return "" if grpc.METHOD.fullmatch(path) else "is no method such as /package.Service/Method"
    if not parts or parts[0] in services:
        return ""
    if not _NAME.fullmatch(parts[0]) or len(parts) > 2:
        return "is no beginning of a call's path, /package.Service/Method"
    if not parts[0].rpartition(".")[2][0].isupper():
        return "ends at a package, and a prefix is compared by whole parts: it must name a service"
    return ""


def _path(path: str, kind: str = "Prefix") -> Mapping[str, Mapping[str, Any]]:
    return {"ingress": ingress(path, kind), "service": GRPC_SERVICE}


def _unmatched(title: str, path: str, kind: str = "Prefix") -> Example:
    return Example(title, _path(path, kind), about=("ingress",))


K8S025: Final = Rule(
    id="K8S025",
    title="Paths of Ingresses match gRPC calls",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_matching,
    stack=True,
    why=(
        "The load balancer compares a prefix with whole parts of a path, and a call's are package.Service and Method: "
        "a package alone never matches."
    ),
    remedy=(
        "Name the service, as /package.Service; for all of a package write /package.* with pathType "
        "ImplementationSpecific. A service in lower case goes into this rule's `services`."
    ),
    source=(
        "AWS Load Balancer Controller, pkg/ingress/model_build_listener_rules.go; Kubernetes, Ingress, Path types; "
        "grpc/grpc doc/PROTOCOL-HTTP2.md"
    ),
    options={
        "services": Option(
            {
                "type": "array",
                "items": {"type": "string", "pattern": "^[^/]+$"},
                "default": [],
                "description": "gRPC services whose name does not begin with a capital, as package.service.",
            }
        )
    },
    bad=(
        _unmatched("a package", "/acme.orders.v1"),
        _unmatched("a package and a slash", "/acme.orders/"),
        _unmatched("a path of HTTP", "/api/v1/orders"),
        _unmatched("a wildcard", "/acme.orders.v1.Orders/*"),
        _unmatched("exactly a service", "/acme.orders.v1.Orders", "Exact"),
    ),
    good=(
        Example("everything", _path("/")),
        Example("a service", _path("/acme.orders.v1.Orders")),
        Example("a service and a slash", _path("/acme.orders.v1.Orders/")),
        Example("a method", _path("/acme.orders.v1.Orders/Get", "Exact")),
        Example("a pattern", _path("/acme.orders.*", "ImplementationSpecific")),
        Example("HTTP", {"ingress": ingress("/api/v1"), "service": _WEB}),
    ),
)

RULES: Final = (K8S024, K8S025)
