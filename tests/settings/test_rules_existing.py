"""What exists already: what it replaces and what it needs; every error names the command that prints the value."""

from typing import Any

import pytest

from .conftest import Desk
from .existing_things import everything


@pytest.fixture
def on_existing(desk: Desk) -> Desk:
    """Two services behind a listener that exists, on a cluster that exists, in a VPC that exists."""
    for section in ("network", "cluster", "load_balancers"):
        desk.drop(section)
    return desk.put("existing", everything())


def test_services_alone_on_what_exists(on_existing: Desk) -> None:
    assert on_existing.lines() == []
    loaded = on_existing.load()
    assert loaded.services["orders"].expose.alb is not None
    assert loaded.services["orders"].expose.alb.load_balancer == "shared"


@pytest.mark.parametrize(
    ("path", "value", "command"),
    [
        ("vpc.id", "vpc", "aws ec2 describe-vpcs"),
        ("vpc.cidr", "10.0.0.0/8", "aws ec2 describe-vpcs"),
        ("vpc.cidr", "10.0.0.0", "aws ec2 describe-vpcs"),
        ("vpc.subnets.public.eu-west-1a", "sub", "aws ec2 describe-subnets"),
        ("vpc.subnets.private.eu-west-1b", "sub", "aws ec2 describe-subnets"),
        ("cluster.name", "", "aws eks list-clusters"),
        ("cluster.endpoint", "http://x", "aws eks describe-cluster"),
        ("cluster.certificate_authority", "-----BEGIN", "aws eks describe-cluster"),
        ("cluster.security_group_id", "sg", "aws eks describe-cluster"),
        ("listeners.shared.arn", "arn", "aws elbv2 describe-listeners"),
        ("listeners.shared.dns_name", "lb", "aws elbv2 describe-load-balancers"),
        ("listeners.shared.zone_id", "z", "aws elbv2 describe-load-balancers"),
        ("listeners.shared.security_group_id", "sg", "aws elbv2 describe-load-balancers"),
        ("log_bucket", "A", "aws s3api list-buckets"),
        ("log_bucket", "a..b", "aws s3api list-buckets"),
        ("hosted_zone.id", "z", "aws route53 list-hosted-zones"),
        ("service_network.arn", "sn", "aws vpc-lattice list-service-networks"),
        ("service_network.name", "A", "aws vpc-lattice list-service-networks"),
        ("service_network.name", "a--b", "aws vpc-lattice list-service-networks"),
        ("platform_stack", "A/b", "pulumi stack ls"),
    ],
)
def test_the_error_of_a_field_names_the_command_that_prints_the_value(
    on_existing: Desk, path: str, value: str, command: str
) -> None:
    line = next(line for line in on_existing.put(f"existing.{path}", value).lines() if command in line)
    assert path.partition(".")[0] in line


@pytest.mark.parametrize("field", ["id", "cidr"])
def test_a_missing_field_names_the_command_too(on_existing: Desk, field: str) -> None:
    (line,) = on_existing.drop(f"existing.vpc.{field}").lines()
    assert line.startswith(f"existing.vpc.{field}: missing; must be ")
    assert "aws ec2 describe-vpcs" in line


def test_a_stack_makes_its_network_and_cluster_or_is_told_of_them(desk: Desk) -> None:
    desk.drop("network").drop("cluster")
    assert desk.lines() == [
        "network: missing; must be a map (key: value); or give existing.vpc",
        "cluster: missing; must be a map (key: value); or give existing.cluster",
    ]
    desk.put("network", {}).put("cluster", {})
    assert [line.partition(":")[0] for line in desk.lines()] == ["network.zones", "cluster.node_groups"]


def test_what_exists_is_not_made_as_well(on_existing: Desk) -> None:
    on_existing.put("network", {"zones": ["eu-west-1a", "eu-west-1b"]})
    on_existing.put("cluster.node_groups", {"general": {"instance_types": ["m7g.large"]}})
    assert [line.partition(";")[0] for line in on_existing.lines()] == [
        "network: there is existing.vpc, which nothing here changes",
        "cluster: there is existing.cluster, which nothing here changes",
    ]


def test_a_cluster_and_a_listener_lie_in_a_vpc_that_exists(on_existing: Desk) -> None:
    on_existing.drop("existing.vpc").put("network.zones", ["eu-west-1a", "eu-west-1b"])
    assert on_existing.lines() == [
        "existing.cluster: lies in a VPC that exists too; give existing.vpc",
        "existing.listeners: lie in a VPC that exists too; give existing.vpc",
    ]


def test_one_key_is_one_load_balancer(on_existing: Desk) -> None:
    on_existing.put("load_balancers", {"shared": {"scheme": "internal"}})
    lines = on_existing.lines()
    assert [line.partition(":")[0] for line in lines] == ["existing.listeners.shared"]


def test_an_own_cluster_and_load_balancer_in_an_existing_vpc(desk: Desk) -> None:
    desk.drop("network").put("existing.vpc", everything()["vpc"])
    assert desk.lines() == []
    assert desk.load().cluster.zones == ("eu-west-1a", "eu-west-1b")


@pytest.mark.parametrize(("scheme", "kind"), [("internal", "private"), ("internet-facing", "public")])
def test_a_load_balancer_needs_subnets_of_its_kind_in_two_zones(desk: Desk, scheme: str, kind: str) -> None:
    vpc = everything()["vpc"]
    del vpc["subnets"][kind]["eu-west-1b"]
    desk.drop("network").put("existing.vpc", vpc).put("load_balancers.public.scheme", scheme)
    (line,) = desk.lines()
    assert line.startswith(f"existing.vpc.subnets.{kind}: load_balancers.public is {scheme} and needs {kind} subnets")


def test_two_zones_at_least(on_existing: Desk) -> None:
    on_existing.put("existing.vpc.subnets", {"public": {"eu-west-1a": "subnet-0123456789abcdef0"}})
    assert on_existing.lines() == [
        "existing.vpc.subnets: must lie in at least two zones: clusters and load balancers need two"
    ]


def test_everything_lies_in_the_region_of_the_stack(on_existing: Desk) -> None:
    on_existing.region = "eu-west-2"
    assert [line.partition(": ")[0] for line in on_existing.lines()] == [
        "existing.listeners.shared.arn",
        "existing.vpc.subnets.private.eu-west-1a",
        "existing.vpc.subnets.private.eu-west-1b",
        "existing.vpc.subnets.public.eu-west-1a",
        "existing.vpc.subnets.public.eu-west-1b",
    ]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("services.orders.port", 9000, "services.orders.port: 9000 is no port on which the load balancer"),
        ("services.orders.health", {"port": 9001}, "services.orders.health.port: 9001 is no port"),
        (
            "existing.listeners.shared.certificate_domains",
            ["*.test.example.com"],
            "services.orders.expose.alb.host: orders.dev.example.com is not covered by the certificate",
        ),
        (
            "existing.listeners.shared.priorities",
            {"first": 1, "last": 400},
            "existing.listeners.shared.priorities: must be at least 500 numbers",
        ),
        (
            "services.orders.expose.alb.host",
            "orders.example.org",
            "services.orders.expose.alb.host: orders.example.org",
        ),
        ("services.orders.expose.alb.load_balancer", "shard", "services.orders.expose.alb.load_balancer: there is no"),
    ],
)
def test_a_workload_fits_the_listener(on_existing: Desk, path: str, value: Any, said: str) -> None:
    assert [line for line in on_existing.put(path, value).lines() if line.startswith(said)]


def test_a_short_run_of_priorities_holds_few_rules_of_a_kind(on_existing: Desk) -> None:
    on_existing.put("existing.listeners.shared.priorities", {"first": 501, "last": 1000})
    paths = [f"/a/b/c/d/{number}" for number in range(8)]
    on_existing.put("services.web.expose.alb.paths", paths)
    (line,) = on_existing.lines()
    assert line.startswith("existing.listeners.shared.priorities: are too few: 8 rules of one specificity; at most 7")
    assert on_existing.put("services.web.expose.alb.paths", paths[:7]).lines() == []


def test_a_hundred_rules_on_an_existing_listener_too(on_existing: Desk) -> None:
    on_existing.put("services.orders.grpc_services", [f"acme.v1.Service{number}" for number in range(101)])
    assert [line for line in on_existing.lines() if line.startswith("existing.listeners.shared: its 2 services need")]
