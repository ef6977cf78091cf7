"""Which properties matter to gRPC, and which values each may be given: enums, boundaries, texts.

Enums and ranges of AWS are read from the service models that AWS itself publishes (botocore), not written down here;
those of attributes, which the models give as text, are from the pages named beside them. A path with `[]` stands for
every element of a list. Nothing here is shared with the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import botocore.loaders

from policies.rules import tokens

_VERSIONS: Final = {"elbv2": "2015-12-01", "vpc-lattice": "2022-11-30"}


@dataclass(frozen=True)
class Domain:
    """A property and the values to try. form: `number`, `text` or `flag`, which decides what a wrong type is.

    added: whether it is also given to resources that do not have it. removed: whether it is also taken away. anywhere:
    whether it matters to resources too that have nothing to do with gRPC.
    """

    kind: str
    path: str
    form: str
    values: tuple[Any, ...] = ()
    added: bool = False
    removed: bool = True
    anywhere: bool = False


@cache
def _shapes(service: str) -> Any:
    return botocore.loaders.Loader().load_service_model(service, "service-2", _VERSIONS[service])["shapes"]


def _shape(service: str, name: str, member: str) -> Any:
    shapes = _shapes(service)
    return shapes[shapes[name]["members"][member]["shape"]]


def _enum(service: str, name: str, member: str) -> tuple[Any, ...]:
    """Every value of an enum, the first in lower case, and nothing at all."""
    found = _shape(service, name, member)["enum"]
    return (*found, found[0].lower() if found[0] != found[0].lower() else found[0].upper(), "")


def _edges(least: int, most: int) -> tuple[Any, ...]:
    return (least - 1, least, most, most + 1)


def _range(service: str, name: str, member: str) -> tuple[Any, ...]:
    found = _shape(service, name, member)
    return _edges(found["min"], found["max"])


_TARGETS: Final = "CreateTargetGroupInput"
# CreateTargetGroup, ProtocolVersion: the model has no enum for it.
_VERSIONS_OF_HTTP: Final = ("HTTP1", "HTTP2", "GRPC", "grpc", "Grpc", "HTTP", "")
_PATHS: Final = (
    "/grpc.health.v1.Health/Check",
    "/AWS.ALB/healthcheck",
    "/Amazon Web Services.ALB/healthcheck",
    "/healthz",
    "/",
    "grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health",
    "",
)
_MATCHERS: Final = ("0", "12", "0-99", "0,12", "14", "200", "200-299", "99", "100", "5-3", "OK", "")
_PORTS: Final = ("traffic-port", *_edges(1, 65535))


def _group(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.TARGET_GROUP, path, form, values, **more)


TARGET_GROUP: Final = (
    _group("protocolVersion", "text", _VERSIONS_OF_HTTP, anywhere=True),
    _group("protocol", "text", _enum("elbv2", _TARGETS, "Protocol")),
    _group("targetType", "text", _enum("elbv2", _TARGETS, "TargetType")),
    _group("ipAddressType", "text", _enum("elbv2", _TARGETS, "IpAddressType")),
    _group("port", "number", _range("elbv2", _TARGETS, "Port")),
    _group("healthCheck", "map", ()),
    _group("healthCheck.enabled", "flag", (True, False)),
    _group("healthCheck.path", "text", _PATHS),
    _group("healthCheck.matcher", "text", _MATCHERS),
    _group("healthCheck.protocol", "text", _enum("elbv2", _TARGETS, "HealthCheckProtocol")),
    _group("healthCheck.port", "port", _PORTS),
    _group("healthCheck.interval", "number", _range("elbv2", _TARGETS, "HealthCheckIntervalSeconds")),
    _group("healthCheck.timeout", "number", _range("elbv2", _TARGETS, "HealthCheckTimeoutSeconds")),
    _group("healthCheck.healthyThreshold", "number", _range("elbv2", _TARGETS, "HealthyThresholdCount")),
    _group("healthCheck.unhealthyThreshold", "number", _range("elbv2", _TARGETS, "UnhealthyThresholdCount")),
    # TargetGroupAttribute: deregistration_delay, slow_start, load_balancing.algorithm, stickiness.
    _group("deregistrationDelay", "number", _edges(0, 3600)),
    _group("slowStart", "number", (*_edges(30, 900), 0)),
    _group(
        "loadBalancingAlgorithmType",
        "text",
        ("round_robin", "least_outstanding_requests", "weighted_random", "least_connections", ""),
    ),
    _group("loadBalancingAnomalyMitigation", "text", ("on", "off", "true"), added=True),
    _group("stickiness.enabled", "flag", (True, False)),
    _group("stickiness.type", "text", ("lb_cookie", "app_cookie", "source_ip", "cookie")),
)


def _listener(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.LISTENER, path, form, values, **more)


_POLICIES: Final = (
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "TLSv1.2",
)
_ACTIONS: Final = _enum("elbv2", "Action", "Type")
LISTENER: Final = (
    _listener("protocol", "text", _enum("elbv2", "CreateListenerInput", "Protocol")),
    _listener("port", "number", _range("elbv2", "CreateListenerInput", "Port")),
    _listener("certificateArn", "text", ()),
    _listener("sslPolicy", "text", _POLICIES),
    # CreateListener, AlpnPolicy: one of these, for listeners of TLS.
    _listener("alpnPolicy", "text", ("HTTP2Only", "HTTP2Preferred", "None"), added=True),
    _listener("mutualAuthentication.mode", "text", ("off", "verify", "passthrough", "on")),
    _listener("defaultActions", "list", ()),
    _listener("defaultActions[].type", "text", _ACTIONS),
    # FixedResponseActionConfig: 2XX, 4XX or 5XX.
    _listener("defaultActions[].fixedResponse.statusCode", "text", ("200", "404", "503", "302", "99", "600")),
)


def _rule(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.LISTENER_RULE, path, form, values, **more)


_PATTERNS: Final = (
    "/*",
    "/acme.orders.v1.Orders",
    "/acme.orders.v1.Orders/",
    "/acme.orders.v1.Orders/*",
    "acme.orders.v1.Orders/*",
    "/ACME.ORDERS.V1.ORDERS/*",
    "/" + "a" * 128,
    "",
)
LISTENER_RULE: Final = (
    _rule("priority", "number", _edges(1, 50000)),
    _rule("actions", "list", ()),
    _rule("actions[].type", "text", _ACTIONS),
    _rule("conditions", "list", ()),
    _rule("conditions[].pathPattern.values[]", "text", _PATTERNS, removed=False),
    # RuleCondition: up to 128 characters; names of hosts without a scheme or a port.
    _rule("conditions[].hostHeader.values[]", "text", ("*", "h" * 129, ""), removed=False),
    _rule("conditions[].httpHeader.httpHeaderName", "text", ("h" * 41, "")),
)


def _balancer(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.LOAD_BALANCER, path, form, values, **more)


LOAD_BALANCER: Final = (
    _balancer("loadBalancerType", "text", _enum("elbv2", "CreateLoadBalancerInput", "Type")),
    _balancer("ipAddressType", "text", _enum("elbv2", "CreateLoadBalancerInput", "IpAddressType"), added=True),
    # LoadBalancerAttribute: routing.http2.enabled, idle_timeout, client_keep_alive, routing.http.*.
    _balancer("enableHttp2", "flag", (True, False)),
    _balancer("idleTimeout", "number", (*_edges(1, 4000), 60)),
    _balancer("clientKeepAlive", "number", _edges(60, 604800)),
    _balancer("desyncMitigationMode", "text", ("defensive", "strictest", "monitor", "off")),
    _balancer("dropInvalidHeaderFields", "flag", (True, False)),
    _balancer("xffHeaderProcessingMode", "text", ("append", "preserve", "remove", "drop")),
    _balancer("subnets", "list", ()),
)
AWS: Final = (*TARGET_GROUP, *LISTENER, *LISTENER_RULE, *LOAD_BALANCER)
