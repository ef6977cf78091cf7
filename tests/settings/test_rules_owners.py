"""Rules of load balancers that a controller makes of Ingresses or of a Gateway."""

from typing import Any

import pytest

from components.settings import Workload
from components.settings.gateway_rules import Match, RouteRule, route_rules
from components.settings.ingress_order import order
from components.settings.load_balancers import LoadBalancer
from components.settings.rules import rules_of

from .conftest import Desk

ALB = "services.orders.expose.alb"
STORE = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:truststore/partners/0123456789abcdef"
ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/12345678-1234-1234-1234-123456789012"
NO_SETTING = "which has no setting for it here; use owner pulumi"

BALANCER: list[tuple[str, Any]] = [
    ("mtls", {"mode": "passthrough"}),
    ("waf", {"web_acl_arn": ACL}),
    ("logs", {}),
]


def owned(desk: Desk, owner: str) -> Desk:
    return desk.put("load_balancers.public.owner", owner)


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
@pytest.mark.parametrize(("key", "value"), BALANCER)
def test_what_a_controller_has_no_place_for_is_refused(desk: Desk, owner: str, key: str, value: Any) -> None:
    lines = owned(desk, owner).put(f"load_balancers.public.{key}", value).lines()
    assert lines == [f"load_balancers.public.{key}: the load balancer's owner is {owner}, {NO_SETTING}"]


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_listener_headers_are_refused_and_balancer_headers_taken(desk: Desk, owner: str) -> None:
    headers = {"server": False, "add": {"x_frame_options": "DENY"}, "drop_invalid": True, "preserve_host": True}
    lines = owned(desk, owner).put("load_balancers.public.headers", headers).lines()
    assert [line.partition(":")[0] for line in lines] == [
        "load_balancers.public.headers.add",
        "load_balancers.public.headers.server",
    ]


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_every_other_setting_of_a_balancer_is_taken(desk: Desk, owner: str) -> None:
    given = {
        "scheme": "internal",
        "idle_timeout": 60,
        "client_keep_alive": 600,
        "tls_policy": "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "allow_cidrs": ["192.0.2.0/24"],
        "generation": 2,
        "deletion_protection": True,
        "http_redirect": True,
        "desync_mitigation": "strictest",
        "zonal_shift": True,
        "certificate": {"domains": ["*.dev.example.com"]},
    }
    assert owned(desk.put("load_balancers.public", given), owner).lines() == []
    refused = {"mtls", "waf", "logs", "pod_ports", "owner", "headers"}
    assert set(given) | refused == set(LoadBalancer.model_fields), "say of a new setting whether controllers have it"


EXPOSURE: list[tuple[str, str, Any, str]] = [
    ("ingress", "generation", 2, f"{ALB}.generation: not with owner ingress: the controller names target groups"),
    ("gateway", "generation", 2, f"{ALB}.generation: not with owner gateway: the controller names target groups"),
    ("ingress", "target_health", {}, f"{ALB}.target_health: the load balancer's owner is ingress, {NO_SETTING}"),
    ("gateway", "rewrite", {"host": {"regex": "a", "replace": "b"}, "grpc": True}, f"{ALB}.rewrite: the load"),
    ("ingress", "routes.purge.to", "other", f"{ALB}.routes.purge.to: not with owner ingress: an Ingress leads to"),
    ("gateway", "routes.purge.to", "other", f"{ALB}.routes.purge.to: not with owner gateway: a workload leads to"),
    (
        "gateway",
        "routes.purge.hosts",
        ["a.dev.example.com"],
        "all rules of a GRPCRoute or HTTPRoute have the same host",
    ),
    ("gateway", "routes.purge.source_ips", ["192.0.2.0/24"], f"{ALB}.routes.purge.source_ips: the load balancer's"),
]


@pytest.mark.parametrize(("owner", "key", "value", "said"), EXPOSURE)
def test_what_a_workload_behind_it_cannot_have(desk: Desk, owner: str, key: str, value: Any, said: str) -> None:
    desk.raw["services"]["other"] = {**desk.raw["services"]["orders"], "grpc_services": ["a.B"]}
    desk.raw["services"]["other"]["expose"] = {"alb": {"host": "other.dev.example.com"}}
    lines = owned(desk, owner).put(f"{ALB}.{key}", value).lines()
    assert len(lines) == 1
    assert said in lines[0]


def test_an_ingress_takes_every_condition_and_a_canary(desk: Desk) -> None:
    desk.put("services.orders.image", {"uri": "ghcr.io/acme/orders", "tag": "1"})
    desk.put(f"{ALB}.canary", {"tag": "2"}).put(f"{ALB}.algorithm", "least_outstanding_requests")
    route = {"methods": ["acme.orders.v1.Orders/Get"], "source_ips": ["192.0.2.0/24"], "hosts": ["get.dev.example.com"]}
    desk.put(f"{ALB}.routes.get", route)
    assert owned(desk, "ingress").lines() == []


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_stickiness_and_a_canary_exclude_each_other(desk: Desk, owner: str) -> None:
    desk.put("services.web.image", {"uri": "ghcr.io/acme/web", "tag": "1"})
    desk.put("services.web.expose.alb.canary", {"tag": "2"}).put("services.web.expose.alb.stickiness", {})
    lines = owned(desk, owner).lines()
    assert lines == [
        f"services.web.expose.alb.stickiness: not together with canary where the load balancer's owner is {owner}"
    ]


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_a_services_stack_cannot_join_it(desk: Desk, owner: str) -> None:
    desk.raw = {key: value for key, value in desk.raw.items() if key != "services"}
    desk.put("environment.kind", "platform").put("load_balancers.public.pod_ports", [50051])
    lines = owned(desk, owner).lines()
    assert any(
        line.startswith("load_balancers.public.owner: must be pulumi in a stack of kind platform") for line in lines
    )


@pytest.mark.parametrize("owner", ["ingress", "gateway"])
def test_the_zone_itself_takes_no_cname(desk: Desk, owner: str) -> None:
    lines = owned(desk.put(f"{ALB}.host", "dev.example.com"), owner).lines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{ALB}.host: dev.example.com is the zone itself, which takes no CNAME")
    assert desk.put("load_balancers.public.owner", "pulumi").lines() == []


def test_one_host_for_grpc_and_http_is_for_others_than_a_gateway(desk: Desk) -> None:
    desk.put("services.web.expose.alb.host", "orders.dev.example.com")
    assert owned(desk, "ingress").lines() == []
    lines = owned(desk, "gateway").lines()
    assert len(lines) == 1
    assert "a gateway does not take a GRPCRoute and an HTTPRoute of one host" in lines[0]


def test_paths_of_two_ingresses_on_one_host_must_not_interleave(desk: Desk) -> None:
    web: dict[str, Any] = {"protocol": "http", "port": 8080, "expose": {"alb": {"host": "web.dev.example.com"}}}
    web["expose"]["alb"]["paths"] = ["/api/v1/*", "/*"]
    desk.put("services.web", web)
    api = {"protocol": "http", "port": 8080, "expose": {"alb": {"host": "web.dev.example.com", "paths": ["/api/*"]}}}
    desk.put("services.api", api)
    assert owned(desk, "pulumi").lines() == []
    assert owned(desk, "gateway").lines() == []
    lines = owned(desk, "ingress").lines()
    assert len(lines) == 1
    assert "web.dev.example.com/api/* would be tried before the narrower /api/v1/* of services.web" in lines[0]
    web["expose"]["alb"]["paths"] = ["/*"]
    assert desk.put("services.web", web).lines() == []


def test_the_narrower_ingress_has_the_lower_place(desk: Desk) -> None:
    loaded = owned(desk, "ingress").load()
    places = {name: order(name, workload) for name, workload in loaded.services.items()}
    assert places["orders"] < places["web"] <= 0
    deep: dict[str, Any] = {"protocol": "http", "port": 1, "expose": {"alb": {"host": "a.example.com"}}}
    deep["expose"]["alb"]["paths"] = ["/1/2/3/4/5/6/7/8"]
    assert order("deep", Workload.model_validate(deep)) >= -1000


def test_the_quota_counts_what_the_controller_makes_of_it(desk: Desk) -> None:
    """One listener rule for each path and host, or for each match."""
    methods = [f"acme.orders.v1.Orders/M{number}" for number in range(2)]
    routes = {f"r{number}": {"methods": methods, "headers": {"x": [f"{number}"]}} for number in range(26)}
    desk.put(f"{ALB}.routes", routes)
    assert owned(desk, "pulumi").lines() == []
    assert "need 106 listener rules; AWS allows 100" in owned(desk, "ingress").lines()[0]


def test_a_route_of_the_gateway_api_has_its_limits(desk: Desk) -> None:
    routes = {f"r{number}": {"headers": {"x": [f"{number}"]}, "otherwise": "pass"} for number in range(16)}
    desk.put(f"{ALB}.routes", routes)
    assert owned(desk, "ingress").lines() == []
    assert owned(desk, "gateway").lines() == [
        f"{ALB}: it needs a route with 17 rules, and the Gateway API takes 16; name fewer, or use owner pulumi"
    ]


def test_a_key_of_the_query_is_a_token_for_a_gateway(desk: Desk) -> None:
    desk.put("services.web.expose.alb.routes", {"old": {"query": {"a/b": ["1"]}}})
    assert owned(desk, "ingress").lines() == []
    assert 'query["a/b"]: must be a token' in owned(desk, "gateway").lines()[0]


def test_several_values_are_several_matches(desk: Desk) -> None:
    desk.put(f"{ALB}.routes.purge.headers", {"x-role": ["admin", "root"], "x-tenant": ["acme"]})
    found = route_rules(rules_of("orders", owned(desk, "gateway").load().services["orders"]))
    purge, service = "/acme.orders.v1.Orders/Purge", "/acme.orders.v1.Orders/*"
    tenant = ("x-tenant", "acme")
    assert found == (
        RouteRule(
            (Match(purge, (("x-role", "admin"), tenant)), Match(purge, (("x-role", "root"), tenant))), denies=False
        ),
        RouteRule((Match(purge),), denies=True),
        RouteRule((Match(service),), denies=False),
    )


def test_ports_are_opened_once_for_all_that_the_controller_makes(desk: Desk) -> None:
    """AWS Load Balancer Controller, "Security groups": its load balancers share one."""
    names = [f"lb{number}" for number in range(30)]
    for number, name in enumerate(names):
        desk.put(f"load_balancers.{name}", {"scheme": "internal"})
        alb = {"load_balancer": name, "host": f"h{number}.dev.example.com"}
        desk.put(
            f"services.s{number}", {"protocol": "http", "port": 8080, "expose": {"alb": alb}, "health": {"port": 8081}}
        )
    desk.put(f"{ALB}.load_balancer", "public").put("services.web.expose.alb.load_balancer", "public")
    assert any("different ports, counted for each load balancer" in line for line in desk.lines())
    for name in names:
        desk.put(f"load_balancers.{name}.owner", "ingress")
    assert desk.lines() == []


def test_redirects_are_for_browsers(desk: Desk) -> None:
    desk.put("load_balancers.public.http_redirect", True)
    assert desk.lines() == []
    desk.put("load_balancers.public.allow_cidrs", [f"192.0.{number}.0/24" for number in range(31)])
    assert "must be at most 30 with http_redirect" in desk.lines()[0]
    desk.drop("services.web")
    assert any("http_redirect: no HTTP workload is behind it" in line for line in desk.lines())
