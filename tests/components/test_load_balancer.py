"""The HTTP/2 edge: load balancer, listener, target groups, rules, certificates, records."""

from collections.abc import Callable
from typing import Any

import pytest

LB = "aws:lb/loadBalancer:LoadBalancer"
GROUP = "aws:lb/targetGroup:TargetGroup"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"

Platform = Callable[..., Any]
Raw = dict[str, Any]


def alb(raw: Raw, name: str = "orders") -> Raw:
    found: Raw = raw["services"][name]["expose"]["alb"]
    return found


def test_grpc_has_an_https_listener_and_a_grpc_target_group_of_addresses(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    listener, group = seen.one(LISTENER).inputs, seen.one(GROUP).inputs
    assert (listener["protocol"], listener["port"]) == ("HTTPS", 443)
    assert (group["protocol"], group["protocolVersion"], group["targetType"]) == ("HTTP", "GRPC", "ip")
    assert seen.one(LB).inputs["enableHttp2"] is True
    assert group["port"] == 50051


def test_grpc_health_is_asked_of_the_health_service_and_only_ok_passes(platform: Platform, minimal: Raw) -> None:
    check = platform(minimal).one(GROUP).inputs["healthCheck"]
    assert check["path"] == "/grpc.health.v1.Health/Check"
    assert check["matcher"] == "0"
    assert check["port"] == "traffic-port"


def test_health_settings_reach_the_target_group(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["health"] = {
        "path": "/acme.v1.Ping/Ping",
        "success_codes": "0,5",
        "port": 9000,
        "interval": 30,
        "timeout": 10,
        "healthy": 4,
        "unhealthy": 3,
    }
    check = platform(minimal).one(GROUP).inputs["healthCheck"]
    assert check == {
        "enabled": True,
        "protocol": "HTTP",
        "path": "/acme.v1.Ping/Ping",
        "matcher": "0,5",
        "port": "9000",
        "interval": 30,
        "timeout": 10,
        "healthyThreshold": 4,
        "unhealthyThreshold": 3,
    }


def test_an_http_workload_shares_the_balancer_with_a_target_group_of_its_own(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "expose": {"alb": {"host": "web.dev.example.com", "paths": ["/api/*", "/*"]}},
    }
    seen = platform(minimal)
    group = seen.one(GROUP, "web-target-group").inputs
    assert group["protocolVersion"] == "HTTP1"
    assert group["healthCheck"]["matcher"] == "200"
    paths = {
        rule.inputs["conditions"][1]["pathPattern"]["values"][0]: rule.inputs["priority"] for rule in seen.of(RULE)
    }
    assert paths["/api/*"] < paths["/*"]
    assert len(seen.of(LB)) == 1


def test_each_grpc_service_gets_a_rule_by_host_and_path(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["grpc_services"] = ["acme.orders.v1.Orders", "acme.orders.v1.Returns"]
    seen = platform(minimal)
    found = [
        (rule.inputs["conditions"][0]["hostHeader"]["values"], rule.inputs["conditions"][1]["pathPattern"]["values"])
        for rule in seen.of(RULE)
    ]
    assert sorted(found) == [
        (["orders.dev.example.com"], ["/acme.orders.v1.Orders/*"]),
        (["orders.dev.example.com"], ["/acme.orders.v1.Returns/*"]),
    ]
    assert all(rule.inputs["actions"][0]["type"] == "forward" for rule in seen.of(RULE))


def test_a_route_takes_its_methods_out_of_the_base_rule(platform: Platform, minimal: Raw) -> None:
    """With the header: forwarded. Without it: the default action, never the base rule."""
    alb(minimal)["routes"] = {"purge": {"methods": ["acme.orders.v1.Orders/Purge"], "headers": {"x-role": ["admin"]}}}
    rules = platform(minimal).of(RULE)
    by_path: dict[str, list[Raw]] = {}
    for rule in sorted(rules, key=lambda each: each.inputs["priority"]):
        by_path.setdefault(rule.inputs["conditions"][1]["pathPattern"]["values"][0], []).append(rule.inputs)
    with_header, without = by_path["/acme.orders.v1.Orders/Purge"]
    assert with_header["conditions"][2]["httpHeader"] == {"httpHeaderName": "x-role", "values": ["admin"]}
    assert with_header["actions"][0]["type"] == "forward"
    assert len(without["conditions"]) == 2
    assert without["actions"][0]["fixedResponse"]["statusCode"] == "404"
    assert without["priority"] < by_path["/acme.orders.v1.Orders/*"][0]["priority"]


def test_what_no_rule_knows_is_answered_as_unimplemented(platform: Platform, minimal: Raw) -> None:
    action = platform(minimal).one(LISTENER).inputs["defaultActions"][0]
    assert action["type"] == "fixed-response"
    assert action["fixedResponse"]["statusCode"] == "404"


@pytest.mark.parametrize(
    ("setting", "value", "property_", "expected"),
    [
        ("idle_timeout", 900, "idleTimeout", 900),
        ("client_keep_alive", 600, "clientKeepAlive", 600),
        ("scheme", "internal", "internal", True),
        ("deletion_protection", True, "enableDeletionProtection", True),
    ],
)
def test_settings_of_the_load_balancer_reach_it(
    platform: Platform, minimal: Raw, setting: str, value: object, property_: str, expected: object
) -> None:
    minimal["load_balancers"]["public"][setting] = value
    assert platform(minimal).one(LB).inputs[property_] == expected


def test_an_internal_balancer_stands_in_private_subnets(platform: Platform, minimal: Raw) -> None:
    minimal["load_balancers"]["public"]["scheme"] = "internal"
    assert all("private" in subnet for subnet in platform(minimal).one(LB).inputs["subnets"])


@pytest.mark.parametrize(
    ("setting", "value", "property_"),
    [
        ("algorithm", "round_robin", "loadBalancingAlgorithmType"),
        ("slow_start", 60, "slowStart"),
    ],
)
def test_settings_of_the_exposure_reach_the_target_group(
    platform: Platform, minimal: Raw, setting: str, value: object, property_: str
) -> None:
    alb(minimal)["algorithm"] = "round_robin"
    alb(minimal)[setting] = value
    assert platform(minimal).one(GROUP).inputs[property_] == value


def test_tls_policy_and_client_networks(platform: Platform, minimal: Raw) -> None:
    policy = "ELBSecurityPolicy-TLS13-1-3-2021-06"
    minimal["load_balancers"]["public"] |= {"tls_policy": policy, "allow_cidrs": ["198.51.100.0/24", "203.0.113.0/24"]}
    seen = platform(minimal)
    assert seen.one(LISTENER).inputs["sslPolicy"] == policy
    ingress = [each.inputs for each in seen.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")]
    assert {each["cidrIpv4"] for each in ingress if "cidrIpv4" in each} == {"198.51.100.0/24", "203.0.113.0/24"}


def test_the_balancer_reaches_pods_on_their_ports_and_on_no_other(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["health"] = {"port": 9000}
    seen = platform(minimal)
    to_pods = [each.inputs for each in seen.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")]
    assert sorted(each["fromPort"] for each in to_pods) == [9000, 50051]
    assert {each["referencedSecurityGroupId"] for each in to_pods} == {"sg-cluster"}


def test_one_wildcard_certificate_serves_hosts_side_by_side(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["stock"] = {
        "protocol": "grpc",
        "port": 50051,
        "grpc_services": ["acme.stock.v1.Stock"],
        "expose": {"alb": {"host": "stock.dev.example.com"}},
    }
    seen = platform(minimal)
    assert seen.one("aws:acm/certificate:Certificate").inputs["domainName"] == "*.dev.example.com"
    assert seen.names("aws:route53/record:Record") == [
        "record-orders.dev.example.com",
        "record-stock.dev.example.com",
        "validation-dev.example.com",
    ]


def test_two_balancers_share_the_validation_record_of_a_domain(platform: Platform, minimal: Raw) -> None:
    minimal["load_balancers"]["inside"] = {"scheme": "internal"}
    alb(minimal)["load_balancer"] = "public"
    minimal["services"]["stock"] = {
        "protocol": "grpc",
        "port": 50051,
        "grpc_services": ["acme.stock.v1.Stock"],
        "expose": {"alb": {"load_balancer": "inside", "host": "stock.dev.example.com"}},
    }
    seen = platform(minimal)
    assert seen.names("aws:acm/certificate:Certificate") == ["inside-certificate", "public-certificate"]
    assert [each for each in seen.names("aws:route53/record:Record") if each.startswith("validation")] == [
        "validation-dev.example.com"
    ]


def test_a_protected_balancer_is_refused_by_pulumi_before_it_is_half_taken_apart(
    platform: Platform, minimal: Raw
) -> None:
    minimal["load_balancers"]["public"]["deletion_protection"] = True
    seen = platform(minimal)
    host = seen.one("aws:route53/record:Record", "record-orders.dev.example.com")
    assert seen.one(LB).protect
    assert seen.one(LISTENER).protect
    assert host.protect


def test_the_first_name_of_a_certificate_is_one_that_acm_takes_first(platform: Platform, minimal: Raw) -> None:
    """At most 64 characters; the others may have more."""
    long = f"{'a' * 50}.dev.example.com"
    minimal["services"]["orders"]["expose"]["alb"]["host"] = f"orders.{long}"
    minimal["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "expose": {"alb": {"host": "web.dev.example.com"}},
    }
    inputs = platform(minimal).one("aws:acm/certificate:Certificate").inputs
    assert inputs["domainName"] == "*.dev.example.com"
    assert inputs["subjectAlternativeNames"] == [f"*.{long}"]
    minimal["load_balancers"]["public"]["certificate"] = {"domains": [f"*.{long}", "*.dev.example.com"]}
    assert platform(minimal).one("aws:acm/certificate:Certificate").inputs["domainName"] == "*.dev.example.com"
    minimal["load_balancers"]["public"]["certificate"] = {
        "domains": ["dev.example.com", "*.dev.example.com", f"*.{long}"]
    }
    inputs = platform(minimal).one("aws:acm/certificate:Certificate").inputs
    assert inputs["domainName"] == "dev.example.com"
    assert inputs["subjectAlternativeNames"] == ["*.dev.example.com", f"*.{long}"]


def test_a_given_certificate_is_used_and_none_is_requested(platform: Platform, minimal: Raw) -> None:
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
    minimal["load_balancers"]["public"]["certificate"] = {"arn": arn}
    seen = platform(minimal)
    assert seen.one(LISTENER).inputs["certificateArn"] == arn
    assert not seen.of("aws:acm/certificate:Certificate")


@pytest.mark.parametrize(
    ("change", "renamed"),
    [
        ({"port": 50052}, True),
        ({"protocol": "http", "grpc_services": None}, True),
        ({"expose": {"alb": {"host": "orders.dev.example.com", "generation": 2}}}, True),
        ({"drain": 60}, False),
        ({"health": {"interval": 30}}, False),
        ({"scaling": {"max": 20}}, False),
    ],
)
def test_a_target_group_gets_a_new_name_exactly_when_aws_would_need_a_new_one(
    platform: Platform, minimal: Raw, change: Raw, renamed: bool
) -> None:
    before = platform(minimal).one(GROUP).inputs["name"]
    minimal["services"]["orders"] |= change
    minimal["services"]["orders"] = {
        key: value for key, value in minimal["services"]["orders"].items() if value is not None
    }
    group = platform(minimal).one(GROUP)
    assert (group.inputs["name"] != before) is renamed
    assert group.delete_before_replace is False


def test_a_target_group_is_replaced_together_with_its_load_balancer(platform: Platform, minimal: Raw) -> None:
    before = platform(minimal).one(GROUP).inputs["name"]
    minimal["load_balancers"]["public"]["scheme"] = "internal"
    assert platform(minimal).one(GROUP).inputs["name"] != before


def test_a_new_generation_names_load_balancer_and_target_groups_anew(platform: Platform, minimal: Raw) -> None:
    before = {each.inputs["name"] for type_ in (LB, GROUP) for each in platform(minimal).of(type_)}
    minimal["load_balancers"]["public"]["generation"] = 2
    after = {each.inputs["name"] for type_ in (LB, GROUP) for each in platform(minimal).of(type_)}
    assert len(before) == len(after) == 2
    assert not before & after


def test_names_differ_between_stacks_and_fit(platform: Platform, minimal: Raw) -> None:
    names = [
        [each.inputs["name"] for type_ in (LB, GROUP) for each in platform(minimal, stack=stack).of(type_)]
        for stack in ("dev", "a-very-long-stack-name-that-someone-chose")
    ]
    assert not set(names[0]) & set(names[1])
    assert all(len(name) <= 32 for both in names for name in both)
