"""Rules between fields of the Gateway API's kinds and of the load balancer controller's own.

Sources: the x-kubernetes-validations of kubernetes-sigs/gateway-api config/crd/standard (1.6), and the
AWS Load Balancer Controller's CRDs and docs/guide/gateway (3.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules.metadata import selector_problems

_PLAIN: Final = ("HTTP", "TCP", "UDP")
_NO_HOST: Final = ("TCP", "UDP")
_MATCHES: Final = 128
_PREROUTING: Final = ("authenticate-oidc", "authenticate-cognito", "jwt-validation")
_BLOCKS: Final = {
    "forward": "forwardConfig",
    "redirect": "redirectConfig",
    "fixed-response": "fixedResponseConfig",
    "authenticate-oidc": "authenticateOIDCConfig",
    "authenticate-cognito": "authenticateCognitoConfig",
    "jwt-validation": "jwtValidationConfig",
}
_OPTIONAL_BLOCKS: Final = ("forward", "redirect")
_FILTERS: Final = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestMirror": "requestMirror",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "CORS": "cors",
    "ExtensionRef": "extensionRef",
}


def gateway(root: Field, _version: str) -> Iterator[str]:
    """A Gateway: TLS where it belongs, listeners that differ."""
    names: set[str] = set()
    places: set[tuple[int, str, str]] = set()
    for listener in root.at("spec", "listeners").items:
        yield from _listener(listener)
        name = listener["name"].text
        if name is not None and name in names:
            yield listener["name"].says(f"Listener name must be unique within the Gateway; {name!r} is there already")
        names.add(name or "")
        port, protocol, host = listener["port"].number, listener["protocol"].text, listener["hostname"]
        if port is None or protocol is None or host.unknown:
            continue
        place = (port, protocol, host.text or "")
        if place in places:
            yield listener.says("Combination of port, protocol and hostname must be unique for each listener")
        places.add(place)


def _listener(listener: Field) -> Iterator[str]:
    protocol, tls = listener["protocol"].text, listener["tls"]
    if protocol in _PLAIN and tls.present:
        yield tls.says("must not be specified for protocols ['HTTP', 'TCP', 'UDP']")
    if protocol == "HTTPS" and tls["mode"].text == "Passthrough":
        yield tls["mode"].says("must be Terminate for protocol HTTPS")
    if protocol == "TLS" and tls["mode"].missing and not tls.unknown:
        yield tls["mode"].says("must be set for protocol TLS")
    if protocol in _NO_HOST and listener["hostname"].present:
        yield listener["hostname"].says("must not be specified for protocols ['TCP', 'UDP']")
    terminates = tls.present and tls["mode"].value in {None, "Terminate"}
    if terminates and not tls["certificateRefs"].value and not tls["options"].value:
        yield tls.says("certificateRefs or options must be specified when mode is Terminate")
    spaces = listener.at("allowedRoutes", "namespaces")
    if spaces["from"].text == "Selector":
        yield from selector_problems(spaces["selector"])


def grpc_route(root: Field, version: str) -> Iterator[str]:
    """A GRPCRoute."""
    yield from _route(root)
    for rule in root.at("spec", "rules").items:
        for match in rule["matches"].items:
            yield from _method(match["method"])


def _method(method: Field) -> Iterator[str]:
    if not method.present:
        return
    service, name = method["service"], method["method"]
    if service.missing and name.missing:
        yield method.says("One or both of 'service' or 'method' must be specified")
    if method["type"].value in {None, "Exact"}:
        yield from syntax.spelled(service, _full_name)
        yield from syntax.spelled(name, _identifier)


def _full_name(value: str) -> str | None:
    return None if all(part.isidentifier() for part in value.split(".")) else (
        "service must only contain valid characters (dotted identifiers)"
    )  # fmt: skip


def _identifier(value: str) -> str | None:
    return None if value.isidentifier() else "method must only contain valid characters (one identifier)"


def http_route(root: Field, version: str) -> Iterator[str]:
    """An HTTPRoute."""
    yield from _route(root)
    for rule in root.at("spec", "rules").items:
        for match in rule["matches"].items:
            yield from _path(match["path"])
        kinds = {each["type"].text for each in rule["filters"].items}
        if "RequestRedirect" in kinds and rule["backendRefs"].value:
            yield rule.says("RequestRedirect filter must not be used together with backendRefs")


def _path(path: Field) -> Iterator[str]:
    value = path["value"].text
    if value is None or path["type"].text == "RegularExpression":
        return
    if not value.startswith("/"):
        yield path["value"].says(
            f"{value!r} must be an absolute path and start with '/' when type is Exact or PathPrefix"
        )
    for part in ("//", "/./", "/../", "%2f", "%2F", "#"):
        if part in value:
            yield path["value"].says(f"must not contain {part!r} when type is Exact or PathPrefix")


def _route(root: Field) -> Iterator[str]:
    spec = root["spec"]
    parents: dict[tuple[str, str], list[str | None]] = {}
    for parent in spec["parentRefs"].items:
        if parent["name"].text is not None and not parent["sectionName"].unknown:
            key = (parent["namespace"].text or "", parent["name"].text)
            parents.setdefault(key, []).append(parent["sectionName"].text)
    for sections in parents.values():
        if len(sections) > 1 and (None in sections or len(set(sections)) < len(sections)):
            yield spec["parentRefs"].says(
                "sectionName must be specified and unique when parentRefs includes 2 or more references to the same "
                "parent"
            )
    if sum(len(rule["matches"].items) for rule in spec["rules"].items) >= _MATCHES:
        yield spec["rules"].says("the total number of matches across all rules must be less than 128")
    for rule in spec["rules"].items:
        for each in rule["filters"].items:
            yield from _filter(each)
        for backend in rule["backendRefs"].items:
            yield from _backend(backend)


def _filter(each: Field) -> Iterator[str]:
    kind = each["type"].text
    for name, block in _FILTERS.items():
        if name == kind and each[block].missing:
            yield each[block].says(f"must be specified for filter type {name}")
        if name != kind and kind is not None and each[block].present:
            yield each[block].says(f"must be nil if the filter.type is not {name}")


def _backend(backend: Field) -> Iterator[str]:
    service = backend["group"].value in {None, ""} and backend["kind"].value in {None, "Service"}
    if service and backend["port"].missing and not backend.unknown:
        yield backend["port"].says("Must have port for Service reference")


def load_balancer_configuration(root: Field, _version: str) -> Iterator[str]:
    """A LoadBalancerConfiguration: each listener once, mutual TLS with its trust store."""
    seen: set[str] = set()
    for listener in root.at("spec", "listenerConfigurations").items:
        place = listener["protocolPort"].text
        if place is not None and place in seen:
            yield listener["protocolPort"].says(f"{place!r} is configured already")
        seen.add(place or "")
        mutual = listener["mutualAuthentication"]
        if mutual["mode"].text == "verify" and mutual["trustStore"].missing:
            yield mutual["trustStore"].says("trustStore must be specified when mutualAuthentication mode is verify")
        if mutual["mode"].text in {"off", "passthrough"}:
            for name in ("trustStore", "ignoreClientCertificateExpiry", "advertiseTrustStoreCaNames"):
                if mutual[name].present:
                    yield mutual[name].says("only for mutualAuthentication mode verify")


def target_group_configuration(root: Field, _version: str) -> Iterator[str]:
    """A TargetGroupConfiguration: one matcher, and one that its protocol version has."""
    for properties in (
        root.at("spec", "defaultConfiguration"),
        *(each["targetGroupProps"] for each in root.at("spec", "routeConfigurations").items),
    ):
        check = properties["healthCheckConfig"]
        matcher, version = check["matcher"], properties["protocolVersion"].text
        if matcher["httpCode"].present and matcher["grpcCode"].present:
            yield matcher.says("only one of httpCode and grpcCode may be given")
        if version == "GRPC" and matcher["httpCode"].present:
            yield matcher["httpCode"].says("a target group of protocol version GRPC is matched by grpcCode")
        if version in {"HTTP1", "HTTP2"} and matcher["grpcCode"].present:
            yield matcher["grpcCode"].says(f"a target group of protocol version {version} is matched by httpCode")
        if properties["targetType"].text == "ip" and properties["nodeSelector"].present:
            yield properties["nodeSelector"].says("cannot be set when targetType is ip")


def listener_rule_configuration(root: Field, _version: str) -> Iterator[str]:
    """A ListenerRuleConfiguration: at most one action before routing and one that routes, each with its own block."""
    kinds: list[str] = []
    for action in root.at("spec", "actions").items:
        kind = action["type"].text
        if kind is None:
            continue
        kinds.append(kind)
        block = _BLOCKS.get(kind, "")
        if block and kind not in _OPTIONAL_BLOCKS and action[block].missing:
            yield action[block].says(f"must be specified for action type {kind}")
        for other, name in _BLOCKS.items():
            if other != kind and action[name].present:
                yield action[name].says(f"must be nil if the action type is not {other}")
    before = sum(kind in _PREROUTING for kind in kinds)
    if before > 1 or len(kinds) - before > 1:
        yield root.at("spec", "actions").says(
            "at most one pre-routing action (authentication, jwt-validation) and one routing action "
            "(forward, redirect, fixed-response)"
        )
