"""Rules between load balancers and what they serve."""

from typing import Any

from .conftest import Desk

ARN = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"


def grpc(host: str, **more: Any) -> dict[str, Any]:
    return {
        "protocol": "grpc",
        "port": 50051,
        "grpc_services": ["acme.v1.Echo"],
        "expose": {"alb": {"host": host, "load_balancer": "public"} | more},
    }


def test_https_needs_a_certificate_or_a_zone_to_validate_one_in(desk: Desk) -> None:
    desk.drop("existing")
    assert desk.lines() == [
        (
            "load_balancers.public.certificate: an HTTPS listener needs a certificate: give the arn of one, or "
            "existing.hosted_zone, in which a new one can be validated"
        )
    ]
    assert desk.put("load_balancers.public.certificate", {"arn": ARN}).lines() == []


def test_domains_need_the_zone_too(desk: Desk) -> None:
    desk.drop("existing").put("load_balancers.public.certificate", {"domains": ["*.dev.example.com"]})
    (line,) = desk.lines()
    assert line.startswith("load_balancers.public.certificate: an HTTPS listener needs a certificate")


def test_a_certificate_is_given_or_requested_never_both_or_neither(desk: Desk) -> None:
    for certificate in ({}, {"arn": ARN, "domains": ["*.dev.example.com"]}):
        lines = desk.put("load_balancers.public.certificate", certificate).lines()
        assert "load_balancers.public.certificate: must have exactly one of arn and domains" in lines


def test_a_certificate_lies_in_the_region_of_the_stack(desk: Desk) -> None:
    desk.put("load_balancers.public.certificate", {"arn": ARN.replace("eu-west-1", "us-east-1")})
    assert desk.lines() == [
        (
            "load_balancers.public.certificate.arn: must be a certificate of eu-west-1 (aws:region); "
            "received one of us-east-1"
        )
    ]
    desk.region = None
    assert desk.lines() == []


def test_requested_domains_lie_in_the_zone(desk: Desk) -> None:
    domains = ["*.dev.example.com", "*.other.com", "notdev.example.com"]
    lines = desk.put("load_balancers.public.certificate", {"domains": domains}).lines()
    path = "load_balancers.public.certificate.domains"
    outside = "is outside the hosted zone dev.example.com (existing.hosted_zone), where it would be validated"
    assert lines == [f"{path}: *.other.com {outside}", f"{path}: notdev.example.com {outside}"]


def test_a_host_lies_in_the_zone_in_which_its_record_is_made(desk: Desk) -> None:
    desk.put("services.orders.expose.alb.host", "orders.other.com")
    desk.put("load_balancers.public.certificate", {"arn": ARN})
    (line,) = desk.lines()
    assert line.startswith(
        "services.orders.expose.alb.host: orders.other.com is outside the hosted zone dev.example.com"
    )
    assert desk.drop("existing").lines() == []


def test_requested_domains_cover_every_host(desk: Desk) -> None:
    desk.put("load_balancers.public.certificate", {"domains": ["*.dev.example.com"]})
    assert desk.lines() == []
    desk.put("services.orders.expose.alb.host", "a.b.dev.example.com")
    assert desk.lines() == [
        (
            "services.orders.expose.alb.host: a.b.dev.example.com is not covered by "
            "load_balancers.public.certificate.domains (*.dev.example.com; a star stands for one label)"
        )
    ]


def test_a_requested_certificate_has_ten_names_at_most(desk: Desk) -> None:
    for number in range(9):
        desk.put(f"services.s{number}", grpc(f"x.p{number}.dev.example.com"))
    assert desk.lines() == []
    (line,) = desk.put("services.s9", grpc("x.p9.dev.example.com")).lines()
    assert line.startswith("load_balancers.public: its hosts need a certificate with 11 names; ACM takes 10")


def test_one_name_of_a_requested_certificate_has_64_characters_at_most(desk: Desk) -> None:
    long = ".".join(["a" * 53, "dev.example.com"])
    path = "load_balancers.public.certificate"
    words = "the first name of a certificate has at most 64 characters"
    desk.drop("services.web").put("services.orders.expose.alb.host", f"orders.{long}")
    (line,) = desk.lines()
    assert line.startswith(f"{path}: {words} (ACM), and the shortest here, *.{long}, has 71; ")
    assert desk.put("services.web", grpc("web.dev.example.com")).lines() == []
    desk.put(path, {"domains": [f"*.{long}"]}).drop("services.web")
    assert [line.startswith(f"{path}.domains: {words}") for line in desk.lines()] == [True]
    assert desk.put(path, {"domains": [f"*.{long}", "dev.example.com"]}).lines() == []
    assert desk.put(path, {"arn": ARN}).lines() == []


def test_a_load_balancer_without_hosts_gets_a_certificate_of_the_zone(desk: Desk) -> None:
    zone = f"{'a' * 60}.example.com"
    desk.put("existing.hosted_zone.name", zone).put("services", {})
    (line,) = desk.lines()
    assert f"the shortest here, {zone}, has 72" in line


def test_a_load_balancer_that_is_not_there_is_answered_with_the_likely_one(desk: Desk) -> None:
    assert desk.put("services.web.expose.alb.load_balancer", "publc").lines() == [
        (
            'services.web.expose.alb.load_balancer: there is no load balancer "publc"; did you mean '
            '"public"? (there is: public)'
        )
    ]


def test_the_load_balancer_may_be_left_out_only_when_there_is_one(desk: Desk) -> None:
    desk.put("load_balancers.internal", {"scheme": "internal"})
    lines = desk.lines()
    missing = "missing; there are several load balancers: public, internal"
    assert lines == [f"services.{name}.expose.alb.load_balancer: {missing}" for name in ("orders", "web")]


def test_exposing_needs_a_load_balancer(desk: Desk) -> None:
    lines = desk.put("load_balancers", {}).lines()
    assert lines == [
        f"services.{name}.expose.alb: there is no load balancer; add one under load_balancers"
        for name in ("orders", "web")
    ]


def test_a_load_balancer_takes_a_hundred_rules(desk: Desk) -> None:
    # orders has 3 (service, route, denial) and web 1.
    names = [f"acme.v{number}.Echo" for number in range(96)]
    desk.put("services.wide", grpc("wide.dev.example.com")).put("services.wide.grpc_services", names)
    assert desk.lines() == []
    assert desk.put("services.wide.grpc_services", [*names, "acme.v1.More"]).lines() == [
        (
            "load_balancers.public: its 3 services need 101 listener rules; AWS allows 100 by "
            "default: spread them over "
            "several load balancers"
        )
    ]


def test_a_load_balancer_takes_a_hundred_target_groups(desk: Desk) -> None:
    desk.drop("services.orders").drop("services.web")
    for number in range(100):
        desk.put(f"services.s{number}", grpc(f"s{number}.dev.example.com"))
    assert desk.lines() == []
    lines = desk.put("services.last", grpc("last.dev.example.com")).lines()
    assert (
        "load_balancers.public: it has 101 services with one target group each; AWS allows 100, "
        "which cannot be raised: "
        "spread them over several load balancers"
    ) in lines


def test_two_workloads_cannot_claim_one_path_of_a_host(desk: Desk) -> None:
    desk.put("services.copy", grpc("orders.dev.example.com")).put(
        "services.copy.grpc_services", ["acme.orders.v1.Orders"]
    )
    assert desk.lines() == [
        (
            "services.copy.expose.alb: orders.dev.example.com/acme.orders.v1.Orders/* already "
            "belongs to services.orders; one "
            "of the two would never get a call"
        )
    ]
    assert desk.put("services.copy.grpc_services", ["acme.orders.v2.Orders"]).lines() == []


def test_a_grpc_workload_without_names_claims_the_whole_host(desk: Desk) -> None:
    desk.put("services.all", grpc("web.dev.example.com")).drop("services.all.grpc_services")
    desk.put("services.all.health", {"service": "all"})
    (line,) = desk.lines()
    assert line.startswith("services.all.expose.alb: web.dev.example.com/* already belongs to services.web")


def test_grpc_and_http_may_share_a_host(desk: Desk) -> None:
    assert desk.put("services.web.expose.alb.host", "orders.dev.example.com").lines() == []


def test_a_host_in_the_zone_has_one_load_balancer(desk: Desk) -> None:
    desk.put("load_balancers.internal", {"scheme": "internal"})
    desk.put("services.web.expose.alb.load_balancer", "public")
    desk.put("services.orders.expose.alb.load_balancer", "public")
    desk.put("services.inner", grpc("web.dev.example.com", load_balancer="internal"))
    assert desk.lines() == [
        (
            "services.inner.expose.alb.host: web.dev.example.com is served by the load balancers "
            '"public" and "internal", but '
            "a host has one alias record; choose one of them"
        )
    ]


def test_a_security_group_has_room_for_fifty_nine_ports(desk: Desk) -> None:
    desk.drop("services.orders").drop("services.web")
    for number in range(59):
        desk.put(f"services.s{number}", grpc(f"s{number}.dev.example.com"))
        desk.put(f"services.s{number}.port", 5000 + number)
    assert desk.lines() == []
    (line,) = desk.put("services.s0.health", {"port": 9000}).lines()
    assert line.startswith("services: the services use 60 different ports")
