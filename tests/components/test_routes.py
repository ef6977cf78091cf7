"""Routes as listener rules: conditions, destinations, transforms, records."""

from collections.abc import Callable
from typing import Any

RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:lb/targetGroup:TargetGroup"

Platform = Callable[..., Any]
Raw = dict[str, Any]


def alb(raw: Raw, name: str = "orders") -> Raw:
    found: Raw = raw["services"][name]["expose"]["alb"]
    return found


def web(**alb_: Any) -> Raw:
    return {"protocol": "http", "port": 8080, "expose": {"alb": {"host": "web.dev.example.com", **alb_}}}


def test_every_condition_of_a_route_is_one_of_its_rule(platform: Platform, minimal: Raw) -> None:
    route = {"paths": ["/a/*"], "headers": {"x-b": ["1"]}, "query": {"v": ["2", "3"]}}
    networks = {"paths": ["/n/*"], "source_ips": ["10.0.0.0/8", "192.0.2.0/24"]}
    minimal["services"]["web"] = web(routes={"beta": route, "inside": networks})
    seen = platform(minimal)
    assert seen.one(RULE, "web/route/beta/under/a").inputs["conditions"] == [
        {"hostHeader": {"values": ["web.dev.example.com"]}},
        {"pathPattern": {"values": ["/a/*"]}},
        {"httpHeader": {"httpHeaderName": "x-b", "values": ["1"]}},
        {"queryStrings": [{"key": "v", "value": "2"}, {"key": "v", "value": "3"}]},
    ]
    assert seen.one(RULE, "web/route/inside/under/n").inputs["conditions"][2] == {
        "sourceIp": {"values": ["10.0.0.0/8", "192.0.2.0/24"]}
    }


def test_a_route_leads_to_the_target_group_of_another_workload(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["a-big"] = {
        "protocol": "grpc",
        "port": 50051,
        "grpc_services": ["acme.orders.v1.Orders"],
        "expose": {"alb": {"host": "big.dev.example.com"}},
    }
    minimal["services"]["zero"] = {**minimal["services"]["a-big"], "expose": {"alb": {"host": "zero.dev.example.com"}}}
    alb(minimal)["routes"] = {"big": {"headers": {"x-tenant": ["big"]}, "to": "zero", "otherwise": "pass"}}
    seen = platform(minimal)
    arn = f"arn:aws:{GROUP}:zero-target-group"
    rule = seen.one(RULE, "orders/route/big/services")
    assert rule.inputs["actions"] == [{"type": "forward", "targetGroupArn": arn}]
    own = seen.one(RULE, "orders/service/acme.orders.v1.Orders").inputs
    assert own["actions"] == [{"type": "forward", "targetGroupArn": f"arn:aws:{GROUP}:orders-target-group"}]
    assert rule.inputs["priority"] < own["priority"]


def test_a_route_to_a_workload_with_a_canary_shares_its_calls_too(platform: Platform, minimal: Raw) -> None:
    big = {
        "protocol": "grpc",
        "port": 50051,
        "image": {"uri": "ghcr.io/acme/big", "tag": "1"},
        "grpc_services": ["acme.orders.v1.Orders"],
        "expose": {"alb": {"host": "big.dev.example.com", "canary": {"tag": "2", "weight": 20}}},
    }
    minimal["services"]["big"] = big
    alb(minimal)["routes"] = {"big": {"headers": {"x-tenant": ["big"]}, "to": "big"}}
    forward = platform(minimal).one(RULE, "orders/route/big/services").inputs["actions"][0]["forward"]
    assert [each["weight"] for each in forward["targetGroups"]] == [80, 20]


def test_each_host_of_a_route_has_a_record_and_a_name_on_the_certificate(platform: Platform, minimal: Raw) -> None:
    alb(minimal)["routes"] = {"old": {"hosts": ["orders.old.dev.example.com"]}}
    seen = platform(minimal)
    assert "record-orders.old.dev.example.com" in seen.names("aws:route53/record:Record")
    certificate = seen.one("aws:acm/certificate:Certificate").inputs
    names = {certificate["domainName"], *certificate["subjectAlternativeNames"]}
    assert names == {"*.dev.example.com", "*.old.dev.example.com"}
    host = seen.one(RULE, "orders/route/old/services").inputs["conditions"][0]
    assert host == {"hostHeader": {"values": ["orders.old.dev.example.com"]}}


def test_rewrites_are_transforms_of_what_is_forwarded_and_of_nothing_else(platform: Platform, minimal: Raw) -> None:
    path = {"regex": "^/docs/(.*)$", "replace": "/$1"}
    host = {"regex": ".*", "replace": "inner.example.com"}
    minimal["services"]["web"] = web(
        rewrite={"path": path}, routes={"x": {"paths": ["/x/*"], "headers": {"a": ["b"]}, "rewrite": {"host": host}}}
    )
    seen = platform(minimal)
    assert seen.one(RULE, "web/under").inputs["transforms"] == [
        {"type": "url-rewrite", "urlRewriteConfig": {"rewrite": path}}
    ]
    assert seen.one(RULE, "web/route/x/under/x").inputs["transforms"] == [
        {"type": "host-header-rewrite", "hostHeaderRewriteConfig": {"rewrite": host}}
    ]
    assert "transforms" not in seen.one(RULE, "web/route/x/deny/under/x").inputs
    assert "transforms" not in seen.one(RULE, "orders/service/acme.orders.v1.Orders").inputs
