"""Routes: which rules they make, what they take out of the workload's own, and what they may not say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.priorities import assign
from components.settings.rules import Rule, destinations, hosts_of, in_order, rules_of

from .conftest import VALID, Desk

ROUTE = "services.orders.expose.alb.routes"
WEB = "services.web.expose.alb.routes"


def rules(desk: Desk, name: str = "orders") -> dict[str, Rule]:
    """Rules by key, in the order in which they are tried."""
    found = {rule.key: rule for rule in rules_of(name, desk.load().services[name])}
    order = assign({key: rule.specificity for key, rule in found.items()})
    return {key: found[key] for key in sorted(found, key=order.__getitem__)}


def routed(desk: Desk, path: str, **route: Any) -> Desk:
    return desk.put(f"{path}.extra", route)


def test_a_whole_service_with_conditions_is_taken_out_of_the_rules_of_the_workload(desk: Desk) -> None:
    found = rules(routed(desk.put(ROUTE, {}), ROUTE, services=["acme.orders.v1.Orders"], headers={"x-role": ["a"]}))
    assert list(found) == ["orders/route/extra/services", "orders/route/extra/deny/services"]
    assert [rule.action for rule in found.values()] == ["forward", "deny"]
    assert {rule.paths for rule in found.values()} == {("/acme.orders.v1.Orders/*",)}


def test_otherwise_pass_leaves_calls_without_the_conditions_to_the_workload(desk: Desk) -> None:
    routed(desk.put(ROUTE, {}), ROUTE, headers={"x-role": ["a"]}, otherwise="pass")
    assert list(rules(desk)) == ["orders/route/extra/services", "orders/service/acme.orders.v1.Orders"]


def test_a_route_without_conditions_replaces_the_rule_of_the_workload(desk: Desk) -> None:
    other = {"protocol": "grpc", "port": 50051, "health": {"service": "x"}, "grpc_services": ["acme.orders.v2.Orders"]}
    desk.put("services.other", other | {"expose": {"alb": {"host": "orders.dev.example.com"}}}).put(ROUTE, {})
    routed(desk, ROUTE, services=["acme.orders.v1.Orders"], to="other")
    found = rules(desk)
    assert list(found) == ["orders/route/extra/services"]
    assert found["orders/route/extra/services"].to == "other"


def test_another_host_leaves_the_rules_of_the_own_host_alone(desk: Desk) -> None:
    routed(desk, ROUTE, hosts=["old.dev.example.com"])
    found = rules(desk)
    assert {"orders/route/extra/services", "orders/service/acme.orders.v1.Orders"} <= set(found)
    assert found["orders/route/extra/services"].hosts == ("old.dev.example.com",)
    alb = desk.load().services["orders"].expose.alb
    assert alb is not None
    assert hosts_of(alb) == ("orders.dev.example.com", "old.dev.example.com")


def test_source_networks_and_methods_and_services_make_a_rule_each(desk: Desk) -> None:
    method, service, network = "acme.orders.v1.Orders/Purge", "acme.orders.v1.Orders", "10.0.0.0/8"
    routed(desk.put(ROUTE, {}), ROUTE, methods=[method], services=[service], source_ips=[network])
    found = rules(desk)
    assert list(found) == [
        "orders/route/extra",
        "orders/route/extra/deny",
        "orders/route/extra/services",
        "orders/route/extra/deny/services",
    ]
    assert found["orders/route/extra"].source_ips == (network,)
    assert found["orders/route/extra/deny"].source_ips == ()


def test_each_path_of_an_http_route_has_a_rule_of_its_own_depth(desk: Desk) -> None:
    routed(desk, WEB, paths=["/admin/*", "/admin/keys/deny"], query={"debug": ["1"], "v": ["2", "3"]})
    found = rules(desk, "web")
    assert list(found) == [
        "web/route/extra/exactly/admin/keys/deny",
        "web/route/extra/deny/exactly/admin/keys/deny",
        "web/route/extra/under/admin",
        "web/route/extra/deny/under/admin",
        "web/under",
    ]
    assert found["web/route/extra/under/admin"].query == {"debug": ("1",), "v": ("2", "3")}


def test_a_rewrite_of_the_workload_holds_for_its_routes_and_theirs_goes_before(desk: Desk) -> None:
    path = {"path": {"regex": "^/docs/(.*)$", "replace": "/$1"}}
    desk.put("services.web.expose.alb.rewrite", path)
    routed(desk, WEB, paths=["/a/*"], headers={"x-a": ["1"]}, rewrite={"host": {"regex": ".*", "replace": "b"}})
    found = rules(desk, "web")
    assert found["web/under"].rewrite
    assert found["web/under"].rewrite.path
    special = found["web/route/extra/under/a"].rewrite
    assert special
    assert special.host
    assert special.path is None
    assert found["web/route/extra/deny/under/a"].rewrite is None


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("orders", {"paths": ["/a"]}, ".paths: only for HTTP workloads"),
    ("orders", {"query": {"a": ["b"]}}, ".query: only for HTTP workloads: a gRPC call has no query string"),
    ("web", {"methods": ["a.B/C"], "headers": {"a": ["b"]}}, ".methods: only for gRPC workloads"),
    ("web", {"services": ["a.B"], "headers": {"a": ["b"]}}, ".services: only for gRPC workloads"),
    ("orders", {"methods": ["acme.orders.v1.Orders/Get"]}, ": changes nothing"),
    ("orders", {"services": ["acme.orders.v1.Order"], "headers": {"a": ["b"]}}, "is not of this workload's grpc_serv"),
    ("orders", {"hosts": ["x.dev.example.com"], "otherwise": "pass"}, ".otherwise: there is no condition"),
    ("orders", {"to": "orders"}, ".to: is the workload itself"),
    ("orders", {"to": "order"}, '.to: there is no workload "order"; did you mean "orders"?'),
    ("orders", {"to": "web"}, ".to: services.web speaks http, and this workload grpc"),
    ("orders", {"rewrite": {"grpc": True}}, ".rewrite: must have at least one of host and path"),
    (
        "orders",
        {"rewrite": {"path": {"regex": "a", "replace": "b"}}},
        ".rewrite: the path of a gRPC call is its method",
    ),
    ("web", {"rewrite": {"grpc": True, "path": {"regex": "a", "replace": "b"}}}, ".rewrite.grpc: only for gRPC"),
    ("web", {"paths": ["/1/2/3/4/5/6/7/8/9"], "headers": {"a": ["b"]}}, ".paths[0]: must have at most 8 segments"),
    (
        "web",
        {"query": {"a": ["1", "2", "3", "4"]}},
        ": a listener rule takes 5 values, and this needs 6: 1 host, 1 path",
    ),
    ("web", {"query": {"a": ["*?*?*?"]}}, ".query: a listener rule takes 5 wildcards (* and ?); received 6"),
    ("web", {"query": {"a": ["*?*?*"]}}, ": a listener rule takes 5 wildcards (* and ?); received 6, one for each"),
    ("web", {"source_ips": ["10.0.0.1/8"]}, ".source_ips[0]: must be an IPv4 network written 10.0.0.0/8"),
    ("orders", {"hosts": ["x.other.com"]}, ".hosts[0]: x.other.com is outside the hosted zone"),
    (
        "orders",
        {"methods": ["acme.orders.v1.Orders/Purge"], "headers": {"X-Role": ["Admin"]}},
        ": /acme.orders.v1.Orders/Purge with the same conditions is in routes",
    ),
]


@pytest.mark.parametrize(("name", "route", "said"), REFUSED)
def test_what_a_route_may_not_say(desk: Desk, name: str, route: dict[str, Any], said: str) -> None:
    lines = routed(desk, f"services.{name}.expose.alb.routes", **route).lines()
    assert any(said in line and line.startswith(f"services.{name}.expose.alb.routes.") for line in lines), lines


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("orders", {"methods": ["acme.orders.v1.Orders/Get"], "source_ips": ["10.0.0.0/8"]}),
    ("orders", {"headers": {"x-tenant": ["big*"]}, "otherwise": "pass"}),
    ("orders", {"rewrite": {"grpc": True, "path": {"regex": "^/v1", "replace": "/v2"}}}),
    ("web", {"query": {"a": ["1", "2", "3"]}}),
    ("web", {"query": {"a": ["*?*?"]}}),
    ("web", {"rewrite": {"path": {"regex": "^/docs/(.*)$", "replace": "/$1"}}}),
    ("web", {"hosts": ["old.dev.example.com", "older.dev.example.com"]}),
]


@pytest.mark.parametrize(("name", "route"), GOOD)
def test_what_a_route_may_say(desk: Desk, name: str, route: dict[str, Any]) -> None:
    assert routed(desk, f"services.{name}.expose.alb.routes", **route).lines() == []


def grpc(host: str, **alb: Any) -> dict[str, Any]:
    services = ["acme.orders.v1.Orders"]
    found = {"protocol": "grpc", "port": 50051, "grpc_services": services, "health": {"service": "x"}}
    return found | {"expose": {"alb": {"host": host} | alb}}


def test_a_destination_is_behind_the_same_load_balancer(desk: Desk) -> None:
    desk.put("load_balancers.inner", {"scheme": "internal"})
    desk.put("services.web.expose.alb.load_balancer", "public")
    desk.put("services.orders.expose.alb.load_balancer", "public")
    desk.put("services.big", grpc("big.dev.example.com", load_balancer="inner"))
    (line,) = routed(desk, ROUTE, headers={"a": ["b"]}, to="big").lines()
    assert line == f"{ROUTE}.extra.to: services.big is behind another load balancer, inner; a target group has one"
    assert desk.put("services.big.expose.alb.load_balancer", "public").lines() == []


def test_routes_that_lead_in_a_circle_are_refused(desk: Desk) -> None:
    back = {"back": {"headers": {"a": ["b"]}, "to": "orders"}}
    desk.put("services.big", grpc("big.dev.example.com", routes=back))
    assert desk.lines() == []
    lines = routed(desk, ROUTE, headers={"a": ["b"]}, to="big").lines()
    assert f"{ROUTE}.extra.to: routes lead in a circle: services.big leads back here" in lines


@given(st.permutations(["a", "b", "c", "d"]), st.sets(st.sampled_from([(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)])))
def test_workloads_come_after_those_their_routes_lead_to(names: list[str], edges: set[tuple[int, int]]) -> None:
    desk = Desk(raw={**VALID, "services": {name: grpc(f"{name}.dev.example.com") for name in names}})
    for first, second in edges:
        route = {"headers": {"a": [names[second]]}, "to": names[second]}
        desk.put(f"services.{names[first]}.expose.alb.routes.to-{names[second]}", route)
    services = desk.load().services
    order = in_order(services)
    assert sorted(order) == ["a", "b", "c", "d"]
    assert all(order.index(to) < order.index(name) for name in names for to in destinations(services[name]))
    if not edges:
        assert order == ("a", "b", "c", "d")
