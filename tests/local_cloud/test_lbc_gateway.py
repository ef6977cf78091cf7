"""Gateways and routes, and the load balancers the controller makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud.controller_world import (
    BALANCER,
    BALANCERS,
    CERTIFICATE,
    GATEWAY,
    GATEWAY_CLASS,
    GROUP,
    GRPC_ROUTE,
    HTTP_ROUTE,
    LISTENER,
    RULE,
    RULES,
    TARGETS,
    ControllerWorld,
)
from tests.local_cloud.kubernetes_world import NAMESPACE, RELEASE

READY = {"pulumi.com/waitFor": '["condition=Accepted","condition=Programmed"]'}
ACCEPTED = {"pulumi.com/waitFor": "jsonpath={.status.parents[0].conditions[0].status}=True"}
HTTPS = {"name": "https", "port": 443, "protocol": "HTTPS", "allowedRoutes": {"namespaces": {"from": "All"}}}
PLAIN = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
CONFIGURED = {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "public"}


def named(name: str, namespace: str = "orders", **annotations: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace, **({"annotations": annotations} if annotations else {})}


def configuration(**changes: Any) -> dict[str, Any]:
    spec = {
        "scheme": "internet-facing",
        "listenerConfigurations": [{"protocolPort": "HTTPS:443", "defaultCertificate": CERTIFICATE}],
        "loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "300"}],
        **changes,
    }
    return {"metadata": named("public", "edge"), "spec": spec}


def gateway(*listeners: dict[str, Any], waiting: dict[str, str] = READY) -> dict[str, Any]:
    spec = {
        "gatewayClassName": "alb",
        "infrastructure": {"parametersRef": CONFIGURED},
        "listeners": list(listeners or (HTTPS,)),
    }
    return {"metadata": {**named("public", "edge"), "annotations": waiting}, "spec": spec}


def route(name: str = "orders", section: str = "https", waiting: dict[str, str] = ACCEPTED, **changes: Any) -> Any:
    rule = {
        "matches": [{"method": {"service": "acme.Orders"}}],
        "backendRefs": [{"name": "orders", "port": 50051}],
    }
    spec = {
        "parentRefs": [{"name": "public", "namespace": "edge", "sectionName": section}],
        "hostnames": ["orders.example.com"],
        "rules": [rule],
        **changes,
    }
    return {"metadata": {**named(name), "annotations": waiting}, "spec": spec}


def http_route(name: str = "web", host: str = "web.example.com", **changes: Any) -> Any:
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "orders", "port": 50051}],
    }
    return route(name, **{"hostnames": [host], "rules": [rule], **changes})


@pytest.fixture
def world() -> ControllerWorld:
    made = ControllerWorld()
    made.gateway_api()
    made.service()
    made.create(
        GATEWAY_CLASS, "class", {"metadata": {"name": "alb"}, "spec": {"controllerName": "gateway.k8s.aws/alb"}}
    )
    made.create(BALANCERS, "balancer", configuration())
    return made


def test_a_gateway_alone_is_a_load_balancer_without_a_listener(world: ControllerWorld) -> None:
    """model_build_listener.go: a listener exists once a route is attached."""
    _, outputs = world.create(GATEWAY, "gateway", gateway())
    assert outputs["status"]["addresses"][0]["value"] == world.found(BALANCER)[0]["dnsName"]
    assert world.found(BALANCER)[0]["idleTimeout"] == 300
    assert world.found(LISTENER) == []


def test_a_grpc_route_becomes_a_grpc_target_group(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway())
    _, outputs = world.create(GRPC_ROUTE, "route", route())
    assert outputs["status"]["parents"][0]["conditions"][0]["status"] == "True"
    listener, group, rule = world.found(LISTENER)[0], world.found(GROUP)[0], world.found(RULE)[0]
    assert (listener["protocol"], listener["certificateArn"]) == ("HTTPS", CERTIFICATE)
    assert group["protocolVersion"] == "GRPC"
    assert (group["healthCheck"]["path"], group["healthCheck"]["matcher"]) == ("/AWS.ALB/healthcheck", "12")
    assert rule["conditions"] == [
        {"hostHeader": {"values": ["orders.example.com"]}},
        {"pathPattern": {"values": ["/acme.Orders/*"]}},
    ]


def _targets(**properties: Any) -> dict[str, Any]:
    return {
        "metadata": named("orders"),
        "spec": {"targetReference": {"name": "orders"}, "defaultConfiguration": properties},
    }


def test_a_target_group_configuration_says_what_is_healthy(world: ControllerWorld) -> None:
    check = {"healthCheckPath": "/grpc.health.v1.Health/Check", "matcher": {"grpcCode": "0"}}
    delay = [{"key": "deregistration_delay.timeout_seconds", "value": "50"}]
    world.create(TARGETS, "targets", _targets(targetType="ip", healthCheckConfig=check, targetGroupAttributes=delay))
    world.create(GATEWAY, "gateway", gateway())
    world.create(GRPC_ROUTE, "route", route())
    group = world.found(GROUP)[0]
    assert (group["healthCheck"]["path"], group["healthCheck"]["matcher"]) == ("/grpc.health.v1.Health/Check", "0")
    assert (group["targetType"], group["deregistrationDelay"]) == ("ip", 50)


def test_a_configuration_of_another_version_overrides_the_route(world: ControllerWorld) -> None:
    """pkg/gateway/model/model_build_target_group.go: a trap, for the calls then fail with 464."""
    world.create(TARGETS, "targets", _targets(targetType="ip", protocolVersion="HTTP1"))
    world.create(GATEWAY, "gateway", gateway())
    world.create(GRPC_ROUTE, "route", route())
    assert world.found(GROUP)[0]["protocolVersion"] == "HTTP1"


REFUSED = [
    ({"section": "http"}, "NotAllowedByListeners"),
    ({"section": "nope"}, "NoMatchingParent"),
    (
        {
            "rules": [
                {
                    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}],
                    "backendRefs": [{"name": "orders", "port": 50051}],
                }
            ]
        },
        "unsupported filter type: RequestHeaderModifier",
    ),
    ({"rules": [{"backendRefs": [{"name": "orders", "port": 1}]}]}, "unable to find port 1 on service orders/orders"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_routes_that_no_listener_takes(world: ControllerWorld, changes: dict[str, Any], said: str) -> None:
    world.create(GATEWAY, "gateway", gateway(HTTPS, PLAIN))
    with pytest.raises(Refused, match=r"conditions\[0\]\.status}=True was not met") as refused:
        world.create(GRPC_ROUTE, "route", route(**changes))
    assert said in str(refused.value)


def test_a_route_of_another_namespace_needs_a_listener_that_lets_it_in(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway({**HTTPS, "allowedRoutes": {"namespaces": {"from": "Same"}}}))
    with pytest.raises(Refused, match="NotAllowedByListeners"):
        world.create(GRPC_ROUTE, "route", route())
    selector = {"from": "Selector", "selector": {"matchLabels": {"team": "orders"}}}
    _update(world, GATEWAY, "edge/public", gateway({**HTTPS, "allowedRoutes": {"namespaces": selector}}))
    world.create(GRPC_ROUTE, "route", route())


def _update(world: ControllerWorld, kind: str, identity: str, news: dict[str, Any]) -> None:
    old = world.row(kind, identity)
    inputs, complaints = world.check(kind, "it", news, olds=old.inputs)
    assert complaints == []
    world.provider.update(world.call(kind, "it", id=identity, olds=old.outputs, old_inputs=old.inputs, news=inputs))


def test_a_host_is_grpcs_or_https_but_not_both(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway())
    world.create(HTTP_ROUTE, "web", http_route())
    world.create(GRPC_ROUTE, "route", route())
    with pytest.raises(Refused, match=r"overlap hostname with HTTPRoute orders/web"):
        world.create(GRPC_ROUTE, "clash", route("clash", hostnames=["web.example.com"]))


def test_behind_a_plain_listener_everything_is_http1(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway(PLAIN))
    world.create(HTTP_ROUTE, "web", http_route(parentRefs=[{"name": "public", "namespace": "edge"}]))
    assert world.found(GROUP)[0]["protocolVersion"] == "HTTP1"


def test_the_most_specific_match_comes_first(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway())
    backend = [{"name": "orders", "port": 50051}]
    method = {"service": "acme.Orders", "method": "Purge"}
    denial = {"actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 404}}]}
    world.create(RULES, "deny", {"metadata": named("deny"), "spec": denial})
    extension = {"group": "gateway.k8s.aws", "kind": "ListenerRuleConfiguration", "name": "deny"}
    rules = [
        {"matches": [{"method": {"service": "acme.Orders"}}], "backendRefs": backend},
        {"matches": [{"method": method}], "filters": [{"type": "ExtensionRef", "extensionRef": extension}]},
        {
            "matches": [{"method": method, "headers": [{"name": "x-role", "value": "admin"}]}],
            "backendRefs": backend,
        },
    ]
    world.create(GRPC_ROUTE, "route", route(rules=rules))
    found = sorted(world.found(RULE), key=lambda row: int(row["priority"]))
    assert [(row["conditions"][1]["pathPattern"]["values"], row["actions"][0]["type"]) for row in found] == [
        (["/acme.Orders/Purge"], "forward"),
        (["/acme.Orders/Purge"], "fixed-response"),
        (["/acme.Orders/*"], "forward"),
    ]
    assert found[0]["conditions"][2]["httpHeader"]["values"] == ["admin"]
    with pytest.raises(Refused, match=r"orders/deny \(gateway\.k8s\.aws/listenerruleconfigurations\).*in use"):
        world.delete(RULES, "orders/deny", "deny")


@pytest.mark.parametrize(
    ("configured", "listener", "said"),
    [
        ({"loadBalancerAttributes": [{"key": "idle_timeout", "value": "1"}]}, HTTPS, "is not recognized"),
        ({"loadBalancerSubnets": [{"identifier": "subnet-a1"}]}, HTTPS, "At least two subnets"),
        ({}, {**HTTPS, "protocol": "TLS", "tls": {"mode": "Passthrough"}}, "different protocols on port 443"),
    ],
)
def test_what_cannot_be_made_is_not_programmed(
    world: ControllerWorld, configured: dict[str, Any], listener: dict[str, Any], said: str
) -> None:
    _update(world, BALANCERS, "edge/public", configuration(**configured))
    with pytest.raises(Refused, match="condition=Accepted was not met") as refused:
        world.create(GATEWAY, "gateway", gateway(listener))
    assert said in str(refused.value)
    world.create(GATEWAY, "gateway", gateway(listener, waiting={}))
    assert world.row(GATEWAY, "edge/public").outputs["status"]["conditions"][0]["status"] == "False"


def test_without_a_certificate_there_must_be_a_host_to_find_one_for(world: ControllerWorld) -> None:
    _update(world, BALANCERS, "edge/public", configuration(listenerConfigurations=[]))
    world.create(GATEWAY, "gateway", gateway())
    with pytest.raises(Refused, match=r"no certificate found for host: orders\.example\.com"):
        world.create(GRPC_ROUTE, "route", route())


def test_a_gateway_of_no_class_is_nobodys(world: ControllerWorld) -> None:
    news = gateway()
    news["spec"]["gatewayClassName"] = "other"
    with pytest.raises(Refused, match="no GatewayClass other"):
        world.create(GATEWAY, "gateway", news)


def test_a_gateway_goes_before_its_class_and_its_controller(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway())
    world.create(GRPC_ROUTE, "route", route())
    with pytest.raises(Refused, match=r"loadbalancerconfigurations\).*in use"):
        world.delete(BALANCERS, "edge/public", "balancer")
    world.delete(GATEWAY_CLASS, "alb", "class")
    with pytest.raises(Refused, match="GatewayClass alb is gone, so the controller ignores the Gateway"):
        world.delete(GATEWAY, "edge/public", "gateway")
    world.create(
        GATEWAY_CLASS, "again", {"metadata": {"name": "alb"}, "spec": {"controllerName": "gateway.k8s.aws/alb"}}
    )
    world.delete(RELEASE, "kube-system/aws-load-balancer-controller", "controller")
    with pytest.raises(Refused, match="no AWS Load Balancer Controller is installed"):
        world.delete(GATEWAY, "edge/public", "gateway")
    assert world.found(BALANCER)
    world.controller()
    world.delete(GRPC_ROUTE, "orders/orders", "route")
    assert world.found(LISTENER) == world.found(RULE) == world.found(GROUP) == []
    world.delete(GATEWAY, "edge/public", "gateway")
    assert world.left() == []
    world.delete(BALANCERS, "edge/public", "balancer")


def test_aws_keeps_a_protected_load_balancer(world: ControllerWorld) -> None:
    protection = [{"key": "deletion_protection.enabled", "value": "true"}]
    _update(world, BALANCERS, "edge/public", configuration(loadBalancerAttributes=protection))
    world.create(GATEWAY, "gateway", gateway())
    with pytest.raises(Refused, match="deletion protection is enabled"):
        world.delete(GATEWAY, "edge/public", "gateway")
    protection[0]["value"] = "false"
    _update(world, BALANCERS, "edge/public", configuration(loadBalancerAttributes=protection))
    world.delete(NAMESPACE, "edge", "namespace-edge")
    assert world.left() == []


def test_an_expression_nobody_understands_is_refused(world: ControllerWorld) -> None:
    with pytest.raises(Refused, match=r"does not understand 'jsonpath=\{\.status\.addresses\[\*\]\}'"):
        world.create(GATEWAY, "gateway", gateway(waiting={"pulumi.com/waitFor": "jsonpath={.status.addresses[*]}"}))


def test_a_redirect_is_a_rule_of_its_own_listener(world: ControllerWorld) -> None:
    world.create(GATEWAY, "gateway", gateway(HTTPS, PLAIN))
    redirect = {"scheme": "https", "port": 443, "statusCode": 301}
    rules = [{"filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}]
    news = route("redirect", "http", rules=rules)
    del news["spec"]["hostnames"]
    world.create(HTTP_ROUTE, "redirect", news)
    (rule,) = world.found(RULE)
    expected = {"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"}
    assert [(each["type"], each["redirect"]) for each in rule["actions"]] == [("redirect", expected)]
    assert [(row["port"], row["protocol"]) for row in world.found(LISTENER)] == [(80, "HTTP")]
