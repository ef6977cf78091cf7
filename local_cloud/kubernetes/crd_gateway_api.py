"""Schemas of the Gateway API, standard channel, version 1.6 (kubernetes-sigs/gateway-api config/crd/standard).

The CRDs' own rules between fields (x-kubernetes-validations) are in rules/gateway_api.py.
"""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.crd_shapes import (
    FLAG,
    PORT,
    SELECTOR,
    TEXT,
    Kind,
    Shape,
    choice,
    custom,
    fields,
    listed,
    mapped,
    text,
    whole,
)

GROUP: Final = "gateway.networking.k8s.io"
V1: Final = f"{GROUP}/v1"
GATEWAY_CLASS: Final = (V1, "GatewayClass")
GATEWAY: Final = (V1, "Gateway")
GRPC_ROUTE: Final = (V1, "GRPCRoute")
HTTP_ROUTE: Final = (V1, "HTTPRoute")
REFERENCE_GRANT: Final = (V1, "ReferenceGrant")

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_NAME = text(most=253)
_NAMESPACE = text(rf"^{_LABEL}$", 63)
_GROUP = text(rf"^({_SUBDOMAIN})?$", 253)
_KIND = text(r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$", 63)
_SECTION = text(rf"^{_SUBDOMAIN}$", 253)
_HOST = text(rf"^(\*\.)?{_SUBDOMAIN}$", 253)
_PROTOCOL = text(r"^(HTTP|HTTPS|TLS|TCP|UDP|[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]+)$", 255)
_DURATION = text(r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")
_HEADER = text(r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$", 256)
_IDENTIFIER_OR_PATTERN = text(most=1024)

_PARAMETERS = fields(("group", "kind", "name"), group=_GROUP, kind=_KIND, name=_NAME, namespace=_NAMESPACE)
_LOCAL = fields(("group", "kind", "name"), group=_GROUP, kind=_KIND, name=_NAME)
_SECRET = fields(("name",), group=_GROUP, kind=_KIND, name=_NAME, namespace=_NAMESPACE)

_LISTENER = fields(
    ("name", "port", "protocol"),
    name=_SECTION,
    port=PORT,
    protocol=_PROTOCOL,
    hostname=_HOST,
    tls=fields(
        mode=choice("Terminate", "Passthrough"),
        certificateRefs=listed(_SECRET, most=64),
        options=mapped(text(most=4096)),
    ),
    allowedRoutes=fields(
        namespaces=fields((), **{"from": choice("Same", "All", "Selector", "None")}, selector=SELECTOR),
        kinds=listed(fields(("kind",), group=_GROUP, kind=_KIND), most=8),
    ),
)

_GATEWAY = fields(
    ("gatewayClassName", "listeners"),
    gatewayClassName=_NAME,
    listeners=listed(_LISTENER, 1, 64),
    addresses=listed(fields(type=TEXT, value=_NAME), most=16),
    infrastructure=fields(labels=mapped(TEXT), annotations=mapped(TEXT), parametersRef=_LOCAL),
    allowedListeners=fields(
        namespaces=fields((), **{"from": choice("None", "Same", "All", "Selector")}, selector=SELECTOR)
    ),
    tls=fields(backend=fields(clientCertificateRef=_SECRET), frontend={"type": "object"}),
)

_PARENT = fields(
    ("name",), group=_GROUP, kind=_KIND, namespace=_NAMESPACE, name=_NAME, sectionName=_SECTION, port=PORT
)  # fmt: skip
_TARGET = {"group": _GROUP, "kind": _KIND, "name": _NAME, "namespace": _NAMESPACE, "port": PORT}
_HEADER_VALUES = listed(fields(("name", "value"), name=_HEADER, value=text(most=4096)), most=16)
_MODIFIER = fields(set=_HEADER_VALUES, add=_HEADER_VALUES, remove=listed(TEXT, most=16))
_MATCHED = listed(
    fields(("name", "value"), type=choice("Exact", "RegularExpression"), name=_HEADER, value=text(most=4096)), most=16
)
_MIRROR = fields(
    ("backendRef",),
    backendRef=fields(("name",), **_TARGET),
    percent=whole(0, 100),
    fraction=fields(("numerator",), numerator=whole(0, 2**31 - 1), denominator=whole(1, 2**31 - 1)),
)
_REWRITTEN = fields(
    ("type",),
    type=choice("ReplaceFullPath", "ReplacePrefixMatch"),
    replaceFullPath=text(most=1024),
    replacePrefixMatch=text(most=1024),
)


def _filter(*kinds: str, **more: Shape) -> Shape:
    return fields(
        ("type",),
        type=choice("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef", *kinds),
        requestHeaderModifier=_MODIFIER, responseHeaderModifier=_MODIFIER, requestMirror=_MIRROR, extensionRef=_LOCAL,
        **more,
    )  # fmt: skip


_HTTP_FILTER = _filter(
    "RequestRedirect",
    "URLRewrite",
    "CORS",
    requestRedirect=fields(
        scheme=choice("http", "https"),
        hostname=_HOST,
        path=_REWRITTEN,
        port=PORT,
        statusCode={"type": "integer", "enum": [301, 302, 303, 307, 308]},
    ),
    urlRewrite=fields(hostname=_HOST, path=_REWRITTEN),
    cors=fields(
        allowOrigins=listed(TEXT, most=64),
        allowMethods=listed(TEXT, most=9),
        allowHeaders=listed(TEXT, most=64),
        exposeHeaders=listed(TEXT, most=64),
        allowCredentials=FLAG,
        maxAge=whole(1, 2**31 - 1),
    ),
)


def _backends(route_filter: Shape) -> Shape:
    return listed(
        fields(("name",), **_TARGET, weight=whole(0, 1_000_000), filters=listed(route_filter, most=16)), most=16
    )


def _route(rules: Shape) -> Shape:
    return fields(parentRefs=listed(_PARENT, most=32), hostnames=listed(_HOST, most=16), rules=rules)


_GRPC_MATCH = fields(
    method=fields(
        type=choice("Exact", "RegularExpression"), service=_IDENTIFIER_OR_PATTERN, method=_IDENTIFIER_OR_PATTERN
    ),
    headers=_MATCHED,
)
_GRPC_FILTER = _filter()
_HTTP_MATCH = fields(
    path=fields(type=choice("Exact", "PathPrefix", "RegularExpression"), value=text(most=1024)),
    method=choice("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
    headers=_MATCHED,
    queryParams=_MATCHED,
)
_GRPC_RULE = fields(
    name=_SECTION,
    matches=listed(_GRPC_MATCH, most=64),
    filters=listed(_GRPC_FILTER, most=16),
    backendRefs=_backends(_GRPC_FILTER),
)
_HTTP_RULE = fields(
    name=_SECTION,
    matches=listed(_HTTP_MATCH, most=64),
    filters=listed(_HTTP_FILTER, most=16),
    backendRefs=_backends(_HTTP_FILTER),
    timeouts=fields(request=_DURATION, backendRequest=_DURATION),
)

SCHEMAS: Final[dict[Kind, dict[str, Any]]] = {
    GATEWAY_CLASS: custom(
        GATEWAY_CLASS,
        fields(
            ("controllerName",),
            controllerName=text(rf"^{_SUBDOMAIN}/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$", 253),
            parametersRef=_PARAMETERS,
            description=text(most=64),
        ),
    ),
    GATEWAY: custom(GATEWAY, _GATEWAY),
    GRPC_ROUTE: custom(GRPC_ROUTE, _route(listed(_GRPC_RULE, most=16))),
    HTTP_ROUTE: custom(HTTP_ROUTE, _route(listed(_HTTP_RULE, 1, 16))),
    REFERENCE_GRANT: custom(
        REFERENCE_GRANT,
        fields(
            ("from", "to"),
            **{"from": listed(fields(("group", "kind", "namespace"), group=_GROUP, kind=_KIND, namespace=_NAMESPACE))},
            to=listed(fields(("group", "kind"), group=_GROUP, kind=_KIND, name=_NAME), 1, 16),
        ),
    ),
}
