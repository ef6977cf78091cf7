"""Strict validation of the Gateway API's kinds and of what the AWS Load Balancer Controller adds."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from local_cloud.kubernetes import kinds
from local_cloud.kubernetes.crd_schemas import CUSTOM
from local_cloud.kubernetes.manifests import validate

API = "gateway.networking.k8s.io/v1"
AWS = "gateway.k8s.aws/v1"


def _of(api: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    place = {"namespace": "orders"} if kinds.namespaced(kind) else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "it", **place}, "spec": spec}


PARENT = {"name": "public", "namespace": "edge", "sectionName": "https"}
BACKEND = {"name": "orders", "port": 50051, "weight": 1}
GOOD: dict[str, dict[str, Any]] = {
    "class": _of(
        API,
        "GatewayClass",
        {
            "controllerName": "gateway.k8s.aws/alb",
            "parametersRef": {
                "group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "alb", "namespace": "edge",
            },
        },
    ),
    "gateway": _of(
        API,
        "Gateway",
        {
            "gatewayClassName": "alb",
            "infrastructure": {
                "parametersRef": {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "public"}
            },
            "listeners": [
                {
                    "name": "https",
                    "port": 443,
                    "protocol": "HTTPS",
                    "allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]},
                },
                {
                    "name": "tls",
                    "port": 8443,
                    "protocol": "HTTPS",
                    "hostname": "*.example.com",
                    "tls": {"mode": "Terminate", "options": {"application-networking.k8s.aws/certificate-arn": "arn"}},
                },
            ],
        },
    ),
    "grpc": _of(
        API,
        "GRPCRoute",
        {
            "parentRefs": [PARENT],
            "hostnames": ["orders.example.com"],
            "rules": [
                {
                    "matches": [
                        {
                            "method": {"service": "acme.orders.v1.Orders", "method": "Purge"},
                            "headers": [{"name": "x-role", "value": "admin"}],
                        }
                    ],
                    "filters": [
                        {
                            "type": "ExtensionRef",
                            "extensionRef": {
                                "group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "deny",
                            },
                        }
                    ],
                    "backendRefs": [BACKEND],
                }
            ],
        },
    ),
    "http": _of(
        API,
        "HTTPRoute",
        {
            "parentRefs": [PARENT],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/api"}}],
                    "backendRefs": [BACKEND],
                    "timeouts": {"request": "10s"},
                }
            ],
        },
    ),
    "grant": _of(
        API,
        "ReferenceGrant",
        {"from": [{"group": "g.io", "kind": "GRPCRoute", "namespace": "a"}], "to": [{"group": "", "kind": "Service"}]},
    ),
    "balancer": _of(
        AWS,
        "LoadBalancerConfiguration",
        {
            "scheme": "internet-facing",
            "loadBalancerSubnets": [{"identifier": "subnet-0a"}],
            "listenerConfigurations": [
                {
                    "protocolPort": "HTTPS:443",
                    "defaultCertificate": "arn",
                    "mutualAuthentication": {"mode": "verify", "trustStore": "arn"},
                }
            ],
            "loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "300"}],
            "tags": {"owner": "platform"},
        },
    ),
    "targets": _of(
        AWS,
        "TargetGroupConfiguration",
        {
            "targetReference": {"name": "orders"},
            "defaultConfiguration": {
                "targetType": "ip",
                "protocolVersion": "GRPC",
                "healthCheckConfig": {
                    "healthCheckPath": "/grpc.health.v1.Health/Check",
                    "healthCheckInterval": 15,
                    "matcher": {"grpcCode": "0"},
                },
            },
        },
    ),
    "rule": _of(
        AWS,
        "ListenerRuleConfiguration",
        {"actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 404}}]},
    ),
    "params": _of(
        "elbv2.k8s.aws/v1beta1",
        "IngressClassParams",
        {"scheme": "internal", "subnets": {"ids": ["subnet-0a1b"]}, "tags": [{"key": "a", "value": "b"}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_manifests_pass(name: str) -> None:
    assert validate(GOOD[name]) == []


def test_every_schema_says_what_replaces_an_object() -> None:
    assert set(CUSTOM) <= set(kinds.REPLACING)


def _changed(base: str, path: str, value: Any) -> dict[str, Any]:
    """A copy of a good manifest with one path of its spec changed; ``...`` deletes it."""
    whole = copy.deepcopy(GOOD[base])
    at: Any = whole["spec"]
    keys = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in keys[:-1]:
        at = at[key]
    if value is ...:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return whole


RULE = "rules/0"
BAD: list[tuple[str, str, Any, str]] = [
    ("class", "controllerName", "alb", "must match"),
    ("class", "controllerNam", "gateway.k8s.aws/alb", 'did you mean "controllerName"'),
    ("gateway", "listeners", [], "has 0 items; allowed: 1 to 64"),
    ("gateway", "listeners/0/port", 0, "must be between 1 and 65535"),
    ("gateway", "listeners/1/name", "https", "Listener name must be unique within the Gateway"),
    ("gateway", "listeners/0/tls", {"mode": "Passthrough"}, "must be Terminate for protocol HTTPS"),
    ("gateway", "listeners/0/tls", {"mode": "Terminate"}, "certificateRefs or options must be specified"),
    ("gateway", "listeners/0/protocol", "https", "must match"),
    ("gateway", "listeners/1", {"name": "b", "port": 443, "protocol": "HTTPS"}, "must be unique for each listener"),
    ("gateway", "listeners/1", {"name": "b", "port": 80, "protocol": "HTTP", "tls": {"options": {"a": "b"}}}, "HTTP"),
    ("gateway", "infrastructure/parametersRef/namespace", "edge", "unknown field"),
    ("grpc", "hostnames/0", "10.0.0.1 ", "must match"),
    ("grpc", "parentRefs", [PARENT, PARENT], "sectionName must be specified and unique"),
    ("grpc", f"{RULE}/matches/0/method", {}, "One or both of 'service' or 'method'"),
    ("grpc", f"{RULE}/matches/0/method/service", "acme orders", "dotted identifiers"),
    ("grpc", f"{RULE}/matches/0/method/method", "*", "one identifier"),
    ("grpc", f"{RULE}/matches/0/path", {"value": "/"}, "unknown field"),
    ("grpc", f"{RULE}/filters/0/type", "URLRewrite", "allowed: RequestHeaderModifier"),
    ("grpc", f"{RULE}/filters/0/extensionRef", ..., "must be specified for filter type ExtensionRef"),
    ("grpc", f"{RULE}/backendRefs/0/port", ..., "Must have port for Service reference"),
    ("grpc", f"{RULE}/backendRefs/0/weight", -1, "must be between 0 and 1000000"),
    ("grpc", f"{RULE}/timeouts", {"request": "1s"}, "unknown field"),
    ("http", f"{RULE}/matches/0/path/value", "api", "must be an absolute path"),
    ("http", f"{RULE}/matches/0/path/value", "/a//b", "must not contain '//'"),
    ("http", f"{RULE}/timeouts/request", "10 seconds", "must match"),
    ("http", f"{RULE}/filters", [{"type": "RequestRedirect", "requestRedirect": {}}], "together with backendRefs"),
    ("balancer", "listenerConfigurations/0/protocolPort", ":443", "must match"),
    ("balancer", "listenerConfigurations/0/mutualAuthentication/trustStore", ..., "must be specified when"),
    ("balancer", "listenerConfigurations/0/mutualAuthentication/mode", "off", "only for mutualAuthentication mode"),
    ("balancer", "tags", [{"key": "a", "value": "b"}], "spec.tags"),
    ("balancer", "sslPolicy", "x", "unknown field"),
    ("targets", "defaultConfiguration/healthCheckConfig/matcher/httpCode", "200", "only one of httpCode and grpcCode"),
    ("targets", "defaultConfiguration/healthCheckConfig/matcher", {"httpCode": "200"}, "matched by grpcCode"),
    ("targets", "defaultConfiguration/protocolVersion", "HTTP2", "matched by httpCode"),
    ("targets", "defaultConfiguration/protocolVersion", "grpc", "allowed: HTTP1, HTTP2, GRPC"),
    ("targets", "defaultConfiguration/healthCheckConfig/healthCheckInterval", 3, "must be between 5 and 300"),
    ("targets", "defaultConfiguration/healthCheckConfig/healthCheckPort", 8080, "must be text"),
    ("targets", "defaultConfiguration/nodeSelector", {"matchLabels": {"a": "b"}}, "when targetType is ip"),
    ("rule", "actions/0/fixedResponseConfig", ..., "must be specified for action type fixed-response"),
    ("rule", "actions/0/redirectConfig", {}, "must be nil if the action type is not redirect"),
    ("rule", "actions", [{"type": "forward"}, {"type": "redirect"}], "at most one pre-routing action"),
    ("params", "sslRedirectPort", 443, "must be text"),
    ("params", "tags", {"a": "b"}, "must be a list"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "path", "value", "said"), BAD)
def test_bad_manifests_are_told(base: str, path: str, value: Any, said: str) -> None:
    problems = validate(_changed(base, path, value))
    assert any(said in problem for problem in problems), problems


@pytest.mark.parametrize("name", ["class", "params"])
def test_cluster_scoped_kinds_have_no_namespace(name: str) -> None:
    whole = copy.deepcopy(GOOD[name])
    whole["metadata"]["namespace"] = "orders"
    assert any("does not live in a namespace" in problem for problem in validate(whole))
