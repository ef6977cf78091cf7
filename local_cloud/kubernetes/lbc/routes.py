"""Routes of the Gateway API: which listener takes one, and which listener rules it means (pkg/gateway/routeutils)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.lbc.model import Props, Unreconciled
from local_cloud.kubernetes.rules.metadata import matches
from local_cloud.store import Row

GRPC: Final = "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute"
HTTP: Final = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
KINDS: Final = {GRPC: "GRPCRoute", HTTP: "HTTPRoute"}
# pkg/gateway/routeutils/constants.go: defaultProtocolToRouteKindMap.
_TAKES: Final = {"HTTP": {"HTTPRoute"}, "HTTPS": {"HTTPRoute", "GRPCRoute"}}
_FILTERS: Final = {"GRPCRoute": {"ExtensionRef"}, "HTTPRoute": {"ExtensionRef", "RequestRedirect", "URLRewrite"}}


@dataclass
class Attachment:
    """What became of one reference of a route to the Gateway."""

    route: Row
    parent: Props
    listeners: list[Props] = field(default_factory=list)
    reason: str = "Accepted"
    message: str = ""
    unresolved: str = ""

    @property
    def kind(self) -> str:
        """GRPCRoute or HTTPRoute."""
        return KINDS[self.route.token]

    @property
    def hosts(self) -> list[str]:
        """The host names of the route."""
        found: list[str] = self.route.inputs["spec"].get("hostnames") or []
        return found

    @property
    def accepted(self) -> bool:
        """Whether at least one listener takes it."""
        return self.reason == "Accepted"

    def reject(self, reason: str, message: str) -> None:
        """Takes it off all listeners."""
        self.reason, self.message, self.listeners = reason, message, []


def attached(cluster: Cluster, gateway: Row) -> list[Attachment]:
    """Every reference of a route to this Gateway, judged."""
    found = [attachment for token in (HTTP, GRPC) for attachment in _references(cluster, token, gateway)]
    for attachment in found:
        _judge(cluster, gateway, attachment)
    _refuse_shared_hosts(found)
    return found


def _references(cluster: Cluster, token: str, gateway: Row) -> Iterator[Attachment]:
    for row in cluster.store.rows(cluster.key, token):
        home = str(row.inputs["metadata"]["namespace"])
        for parent in row.inputs["spec"].get("parentRefs") or ():
            named = f"{parent.get('namespace') or home}/{parent['name']}"
            if (parent.get("kind") or "Gateway") == "Gateway" and named == gateway.id:
                yield Attachment(row, parent)


def _judge(cluster: Cluster, gateway: Row, attachment: Attachment) -> None:
    """listener_attachment_helper.go: namespaceCheck, kindCheck; then host names."""
    section, port = attachment.parent.get("sectionName"), attachment.parent.get("port")
    listeners = [
        each
        for each in gateway.inputs["spec"]["listeners"]
        if section in {None, each["name"]} and port in {None, each["port"]}
    ]
    if not listeners:
        attachment.reject("NoMatchingParent", f"no listener {section or port} in Gateway {gateway.id}")
        return
    allowed = [each for each in listeners if _allows(cluster, gateway, each, attachment)]
    if not allowed:
        attachment.reject(
            "NotAllowedByListeners", f"Listener does not allow route attachment, kind {attachment.kind} is not allowed"
        )
        return
    attachment.listeners = [each for each in allowed if _hosts_meet(each.get("hostname"), attachment.hosts)]
    if not attachment.listeners:
        attachment.reject("NoMatchingListenerHostname", "Listener hostname does not match any route hostname")
        return
    _judge_filters(attachment)


def _allows(cluster: Cluster, gateway: Row, listener: Props, attachment: Attachment) -> bool:
    routes = listener.get("allowedRoutes") or {}
    kinds = {each["kind"] for each in routes.get("kinds") or ()} or _TAKES.get(listener["protocol"], set())
    spaces = routes.get("namespaces") or {}
    home, own = str(attachment.route.inputs["metadata"]["namespace"]), str(gateway.inputs["metadata"]["namespace"])
    match spaces.get("from") or "Same":
        case "All":
            inside = True
        case "Selector":
            inside = matches(Field(spaces.get("selector")), Field(cluster.labels(home))) is True
        case _:
            inside = home == own
    return inside and attachment.kind in kinds


def _hosts_meet(own: Any, hosts: list[str]) -> bool:
    return not own or not hosts or any(_covers(str(own), host) or _covers(host, str(own)) for host in hosts)


def _covers(pattern: str, host: str) -> bool:
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _judge_filters(attachment: Attachment) -> None:
    """docs/guide/gateway/l7gateway.md: what is supported."""
    for rule in attachment.route.inputs["spec"].get("rules") or ():
        for each in [
            *(rule.get("filters") or ()),
            *(f for b in rule.get("backendRefs") or () for f in b.get("filters") or ()),
        ]:
            if each["type"] not in _FILTERS[attachment.kind]:
                attachment.reject("UnsupportedValue", f"unsupported filter type: {each['type']}")


def _refuse_shared_hosts(found: list[Attachment]) -> None:
    """kubernetes-sigs/aws-load-balancer-controller#4793: a GRPCRoute on the host of an HTTPRoute is refused."""
    for attachment in found:
        if attachment.kind != "GRPCRoute" or not attachment.accepted:
            continue
        for other in found:
            shared = set(attachment.hosts) & set(other.hosts) or (not attachment.hosts and not other.hosts)
            places = {each["name"] for each in attachment.listeners} & {each["name"] for each in other.listeners}
            if other.kind == "HTTPRoute" and other.accepted and shared and places:
                attachment.reject(
                    "NotAllowedByListeners", f"overlap hostname with HTTPRoute {other.route.id} on the same listener"
                )
                break


@dataclass(frozen=True)
class Match:
    """One match of a rule, as the controller sorts them."""

    attachment: Attachment
    rule: Props
    match: Props
    place: tuple[int, int]

    @property
    def precedence(self) -> tuple[Any, ...]:
        """route_rule_precedence.go: host, kind of path, lengths, method, headers, query; then age, name and place."""
        hosts = self.attachment.hosts
        exact = any(not host.startswith("*.") for host in hosts)
        length = max((len(host) for host in hosts), default=0)
        kind, first, second = self._path()
        made = str((self.attachment.route.outputs.get("metadata") or {}).get("creationTimestamp"))
        counts = (bool(self.match.get("method")), len(self.match.get("headers") or ()))
        http = counts[0] if self.attachment.kind == "HTTPRoute" else False
        queries = len(self.match.get("queryParams") or ())
        ahead = (-exact, -length, -kind, -first, -second, -http, -counts[1], -queries)
        return (*ahead, made, self.attachment.route.id, self.place)

    def _path(self) -> tuple[int, int, int]:
        if self.attachment.kind == "GRPCRoute":
            method = self.match.get("method") or {}
            kind = {"RegularExpression": 1}.get(method.get("type") or "Exact", 3) if method else 0
            return kind, len(method.get("service") or ""), len(method.get("method") or "")
        path = self.match.get("path") or {}
        kinds = {"Exact": 3, "PathPrefix": 2, "RegularExpression": 1}
        return kinds[path.get("type") or "PathPrefix"], len(path.get("value") or "/"), 0

    def conditions(self) -> list[Props]:
        """route_rule_condition.go."""
        hosts = self.attachment.hosts
        found: list[Props] = [{"hostHeader": {"values": hosts}}] if hosts else []
        paths = _grpc_paths(self.match) if self.attachment.kind == "GRPCRoute" else _http_paths(self.match)
        found += [{"pathPattern": {"values": paths}}]
        for header in self.match.get("headers") or ():
            found.append({"httpHeader": {"httpHeaderName": header["name"], "values": [header["value"]]}})
        for pair in self.match.get("queryParams") or ():
            found.append({"queryStrings": [{"key": pair["name"], "value": pair["value"]}]})
        if self.attachment.kind == "HTTPRoute" and self.match.get("method"):
            found.append({"httpRequestMethod": {"values": [self.match["method"]]}})
        return found


def _grpc_paths(match: Props) -> list[str]:
    method = match.get("method") or {}
    service, name = method.get("service"), method.get("method")
    if service and name:
        return [f"/{service}/{name}"]
    if service:
        return [f"/{service}/*"]
    return [f"/*/{name}"] if name else ["/*"]


def _http_paths(match: Props) -> list[str]:
    path = match.get("path") or {}
    value, kind = str(path.get("value") or "/"), path.get("type") or "PathPrefix"
    if kind == "RegularExpression":
        return [value]
    if re.search(r"[*?]", value):
        word = "prefix" if kind == "PathPrefix" else "exact"
        raise Unreconciled(f"{word} path shouldn't contain wildcards: {value}")
    if kind == "Exact":
        return [value]
    return ["/*"] if value == "/" else [value.removesuffix("/"), f"{value.removesuffix('/')}/*"]


def ordered(attachments: list[Attachment]) -> list[Match]:
    """All matches of all routes of a listener, the most specific first."""
    found = [
        Match(attachment, rule, match, (number, inner))
        for attachment in attachments
        for number, rule in enumerate(attachment.route.inputs["spec"].get("rules") or ())
        for inner, match in enumerate(rule.get("matches") or [{}])
    ]
    return sorted(found, key=lambda each: each.precedence)
