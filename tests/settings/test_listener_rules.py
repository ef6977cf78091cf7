"""The rules a workload needs on its load balancer."""

from components.settings.priorities import Specificity, assign
from components.settings.rules import Rule, rules_of

from .conftest import Desk


def test_every_grpc_service_has_a_rule_and_a_route_has_two(desk: Desk) -> None:
    assert rules_of("orders", desk.load().services["orders"]) == (
        Rule("orders/service/acme.orders.v1.Orders", ("/acme.orders.v1.Orders/*",), Specificity(1)),
        Rule(
            "orders/route/purge",
            ("/acme.orders.v1.Orders/Purge",),
            Specificity(2, conditions=True),
            {"x-role": ("admin",)},
        ),
        Rule("orders/route/purge/deny", ("/acme.orders.v1.Orders/Purge",), Specificity(2), {}, "deny"),
    )


def test_a_call_without_the_headers_is_denied_before_the_rule_of_its_service(desk: Desk) -> None:
    rules = rules_of("orders", desk.load().services["orders"])
    found = assign({rule.key: rule.specificity for rule in rules})
    assert sorted(found, key=found.__getitem__) == [
        "orders/route/purge",
        "orders/route/purge/deny",
        "orders/service/acme.orders.v1.Orders",
    ]


def test_grpc_without_names_takes_every_path(desk: Desk) -> None:
    desk.drop("services.orders.grpc_services").drop("services.orders.expose.alb.routes")
    desk.put("services.orders.health", {"service": "orders"})
    assert rules_of("orders", desk.load().services["orders"]) == (Rule("orders/under", ("/*",), Specificity(0)),)


def test_http_has_a_rule_for_every_path(desk: Desk) -> None:
    desk.put("services.web.expose.alb.paths", ["/", "/*", "/api/*", "/api", "/api/"])
    assert rules_of("web", desk.load().services["web"]) == (
        Rule("web/exactly/", ("/",), Specificity(1)),
        Rule("web/under", ("/*",), Specificity(0)),
        Rule("web/under/api", ("/api/*",), Specificity(1)),
        Rule("web/exactly/api", ("/api",), Specificity(1)),
        Rule("web/exactly/api/", ("/api/",), Specificity(2)),
    )


def test_an_exact_path_is_tried_before_the_pattern_that_matches_it_too(desk: Desk) -> None:
    """A star stands for nothing too, so `/*` matches `/`, which may belong to another workload."""
    web = desk.raw["services"]["web"]
    for number in range(20):
        desk.put(f"services.all{number}", {**web, "expose": {"alb": {"host": "x.dev.example.com", "paths": ["/*"]}}})
        desk.put(f"services.api{number}", {**web, "expose": {"alb": {"host": "x.dev.example.com", "paths": ["/a/*"]}}})
    desk.put("services.root", {**web, "expose": {"alb": {"host": "x.dev.example.com", "paths": ["/", "/a/"]}}})
    services = desk.raw["services"]
    for number in range(20):
        desk.raw["services"] = {name: services[name] for name in ("root", f"all{number}", f"api{number}")}
        loaded = desk.load().services
        found = assign({rule.key: rule.specificity for name in loaded for rule in rules_of(name, loaded[name])})
        assert found["root/exactly/"] < found[f"all{number}/under"]
        assert found["root/exactly/a/"] < found[f"api{number}/under/a"]


def test_what_is_not_exposed_has_no_rules(desk: Desk) -> None:
    assert rules_of("orders", desk.put("services.orders.expose", {}).load().services["orders"]) == ()


def test_keys_hold_nothing_that_pulumi_reads_as_a_pattern(desk: Desk) -> None:
    services = desk.load().services
    keys = [rule.key for name, workload in services.items() for rule in rules_of(name, workload)]
    assert not [key for key in keys if "*" in key or "::" in key]


def test_the_load_balancer_of_a_workload_can_be_asked_for(desk: Desk) -> None:
    settings = desk.put("services.inner", {"protocol": "http", "port": 80}).load()
    assert settings.load_balancer_of("orders") == "public"
    assert settings.load_balancer_of("inner") is None
