"""Rules of VPC Lattice: refused with the reason, and the good case next to it."""

from typing import Any

import pytest

from .conftest import Desk

CALLER = "arn:aws:iam::111122223333:role/billing"
LISTS = {"ipv4": "pl-0123456789abcdef0", "ipv6": "pl-0123456789abcdef1"}
ORDERS = "services.orders.expose.lattice"


@pytest.fixture
def lattice(desk: Desk) -> Desk:
    """Orders exposed by both a load balancer and VPC Lattice, web by VPC Lattice alone."""
    desk.put("lattice", {"prefix_lists": dict(LISTS)}).put(ORDERS, {"allow": [CALLER]})
    return desk.put("services.web.expose", {"lattice": {"allow": [CALLER]}})


def test_lattice_stands_beside_a_load_balancer_and_alone(lattice: Desk) -> None:
    assert lattice.lines() == []


def test_an_exposure_needs_a_service_network(lattice: Desk) -> None:
    assert lattice.drop("lattice").lines() == [
        f"services.{name}.expose.lattice: there is no service network; add the section lattice, such as "
        "lattice: {auth: iam, prefix_lists: …}"
        for name in ("orders", "web")
    ]


def test_the_prefix_lists_are_missing_in_the_words_of_the_command_that_prints_them(lattice: Desk) -> None:
    (line,) = lattice.drop("lattice.prefix_lists").lines()
    assert line.startswith("lattice.prefix_lists: missing; without it the pods' security group lets nothing")
    assert "aws ec2 describe-managed-prefix-lists --region eu-west-1" in line
    assert "Values=com.amazonaws.eu-west-1.vpc-lattice" in line
    lattice.region = None
    assert "Values=com.amazonaws.REGION.vpc-lattice" in lattice.lines()[0]


def test_prefix_lists_have_ids(lattice: Desk) -> None:
    (line,) = lattice.put("lattice.prefix_lists.ipv4", "com.amazonaws.eu-west-1.vpc-lattice").lines()
    assert line.startswith("lattice.prefix_lists.ipv4: must be the id of a prefix list such as pl-0123456789abcdef0")


def test_with_iam_somebody_must_be_allowed(lattice: Desk) -> None:
    assert lattice.put(ORDERS, {}).lines() == [
        (
            f"{ORDERS}.allow: missing; with lattice.auth: iam nobody may call unless named here: give the ARNs of IAM "
            "roles or users"
        )
    ]


def test_without_iam_an_allow_list_would_promise_too_much(lattice: Desk) -> None:
    lattice.put("lattice.auth", "none").put("services.web.expose.lattice", {})
    assert lattice.lines() == [
        f"{ORDERS}.allow: has no effect with lattice.auth: none, where calls are not signed; leave one of the two out"
    ]
    assert lattice.put(ORDERS, {}).lines() == []


def test_the_allow_list_fits_an_auth_policy(lattice: Desk) -> None:
    roles = [f"arn:aws:iam::111122223333:role/{'caller' * 8}-{number}" for number in range(200)]
    (line,) = lattice.put(f"{ORDERS}.allow", roles).lines()
    assert line.startswith(f"{ORDERS}.allow: an auth policy has at most 10240 bytes, and one with these principals has")
    assert lattice.put(f"{ORDERS}.allow", roles[:100]).lines() == []


def test_a_stream_of_more_than_ten_minutes_cannot_live(lattice: Desk) -> None:
    assert lattice.put(f"{ORDERS}.longest_stream", 601).lines() == [
        (
            f"{ORDERS}.longest_stream: VPC Lattice ends every connection after 600 seconds, which no setting changes; "
            "received 601: let clients resume, or use expose.alb"
        )
    ]
    assert lattice.put(f"{ORDERS}.longest_stream", 600).lines() == []


@pytest.mark.parametrize("seconds", [59, 601])
def test_the_idle_timeout_has_a_range(lattice: Desk, seconds: int) -> None:
    (line,) = lattice.put(f"{ORDERS}.idle_timeout", seconds).lines()
    assert line == f"{ORDERS}.idle_timeout: must be a whole number from 60 to 600; received {seconds}"


def test_a_grpc_server_is_checked_in_http_on_another_port_or_not_at_all(lattice: Desk) -> None:
    check = f"{ORDERS}.health_check"
    (line,) = lattice.put(check, {}).lines()
    assert (
        line == f"{check}.port: missing; VPC Lattice checks in HTTP, so a gRPC server must answer on a port of its own"
    )
    (line,) = lattice.put(check, {"port": 50051}).lines()
    assert line.startswith(f"{check}.port: must be a port that speaks HTTP, and 50051 speaks gRPC")
    lattice.put("services.orders.health.port", 50052)
    (line,) = lattice.put(check, {"port": 50052}).lines()
    assert line.startswith(f"{check}.port: must be a port that speaks HTTP, and 50052 speaks gRPC")
    assert lattice.put(check, {"port": 8081, "path": "/healthz"}).lines() == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": 8081, "interval": 4}, "interval: must be a whole number from 5 to 300; received 4"),
        ({"port": 8081, "timeout": 121}, "timeout: must be a whole number from 1 to 120; received 121"),
        ({"port": 8081, "healthy": 1}, "healthy: must be a whole number from 2 to 10; received 1"),
        ({"port": 8081, "unhealthy": 11}, "unhealthy: must be a whole number from 2 to 10; received 11"),
        ({"port": 8081, "version": "GRPC"}, 'version: must be one of HTTP1, HTTP2; received "GRPC"'),
        ({"port": 8081, "path": "health"}, 'path: must be a path such as /healthz; no spaces or commas; received "h'),
        ({"port": 8081, "success_codes": "0"}, "success_codes: must be HTTP status codes in text"),
        ({"port": 8081, "success_codes": "299-200"}, "success_codes: must be HTTP status codes from 200 to 599"),
    ],
)
def test_a_health_check_has_the_ranges_of_the_api(lattice: Desk, given: dict[str, Any], said: str) -> None:
    (line,) = lattice.put(f"{ORDERS}.health_check", given).lines()
    assert line.startswith(f"{ORDERS}.health_check.{said}")


def test_an_http_workload_is_checked_on_a_path_that_lattice_takes(lattice: Desk) -> None:
    (line,) = lattice.put("services.web.health.path", "/a,b").lines()
    assert line.startswith("services.web.health.path: VPC Lattice takes letters, digits and")
    assert lattice.put("services.web.expose.lattice.health_check", {"path": "/ready"}).lines() == []


def test_each_grpc_service_is_a_listener_rule(lattice: Desk) -> None:
    lattice.put("services.orders.grpc_services", [f"acme.orders.v1.S{number}" for number in range(11)])
    lattice.drop("services.orders.expose.alb")
    assert lattice.lines() == [
        (
            "services.orders.grpc_services: each is a listener rule of VPC Lattice, which takes 10 by default; "
            "received 11: split the workload, or leave grpc_services out"
        )
    ]


def test_prefix_lists_count_for_ten_rules_each_in_the_security_group(lattice: Desk) -> None:
    services = lattice.raw["services"]
    for number in range(39):
        services[f"s{number}"] = {
            "protocol": "grpc",
            "port": 40000 + number,
            "grpc_services": [f"acme.v1.S{number}"],
            "expose": {"alb": {"host": f"s{number}.dev.example.com"}},
        }
    (line,) = lattice.lines()
    assert line == (
        "services: the services use 40 different ports, counted for each load balancer; a security group takes 60 "
        "rules, one of them EKS's own and 20 for the prefix lists of VPC Lattice: let more services share a port"
    )
    assert lattice.drop("lattice.prefix_lists.ipv6").lines() == []


def test_a_service_network_is_shared_with_accounts_and_organizations(lattice: Desk) -> None:
    unit = "arn:aws:organizations::111122223333:ou/o-a1b2c3d4e5/ou-a1b2-c3d4e5f6"
    share = {"principals": ["444455556666", unit]}
    assert lattice.put("lattice.share", share).lines() == []
    (line,) = lattice.put("lattice.share", {"principals": [CALLER]}).lines()
    assert line.startswith("lattice.share.principals[0]: must be an account number in text, or the ARN of an organiz")
    (line,) = lattice.put("lattice.share", {"principals": [unit], "external": True}).lines()
    assert line.startswith("lattice.share.external: lets accounts outside the organization in, and no account is named")


def test_a_network_takes_five_hundred_services(lattice: Desk) -> None:
    for number in range(499):
        lattice.put(
            f"services.s{number}",
            {"protocol": "http", "port": 8080, "expose": {"lattice": {"allow": [CALLER]}}},
        )
    (line,) = lattice.lines()
    assert line.startswith("services: 501 of them are exposed by lattice; a service network takes 500 services")


def test_an_existing_network_is_used_by_the_section_and_shared_by_its_owner(lattice: Desk) -> None:
    existing = {
        "arn": "arn:aws:vpc-lattice:eu-west-1:111122223333:servicenetwork/sn-0123456789abcdef0",
        "name": "shared",
    }
    loaded = lattice.put("existing.service_network", existing).load()
    assert loaded.existing.service_network is not None
    assert loaded.existing.service_network.id == "sn-0123456789abcdef0"
    lattice.region = "eu-west-2"
    assert any(line.startswith("existing.service_network.arn: must be of eu-west-2") for line in lattice.lines())
    lattice.region = "eu-west-1"
    (line,) = lattice.put("lattice.share", {"principals": ["444455556666"]}).lines()
    assert line.startswith("lattice.share: the owner of existing.service_network shares it")
    lattice.raw.pop("lattice")
    assert "existing.service_network: is used by the section lattice, which is missing" in lattice.lines()


def test_platform_and_services_stacks_have_no_service_network_yet(lattice: Desk) -> None:
    lattice.put("environment.kind", "platform")
    assert any(line.startswith("lattice: not available yet in a stack of kind platform") for line in lattice.lines())
