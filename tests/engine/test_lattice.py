"""VPC Lattice on the real engine: up, nothing on the second up, changes in place, and nothing left at the end."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import MINIMAL, World, new_world

pytestmark = pytest.mark.engine

CALLER = "arn:aws:iam::444455556666:role/billing"
NETWORK = "aws:vpclattice/serviceNetwork:ServiceNetwork"
SERVICE = "aws:vpclattice/service:Service"
TARGET_GROUP = "aws:vpclattice/targetGroup:TargetGroup"
AUTH_POLICY = "aws:vpclattice/authPolicy:AuthPolicy"


def meshed(**exposure: Any) -> dict[str, Any]:
    """The minimal platform with one workload behind both, and an HTTP one behind VPC Lattice alone."""
    raw = deepcopy(MINIMAL)
    raw["lattice"] = {
        "prefix_lists": {"ipv4": "pl-0123456789abcdef0", "ipv6": "pl-0123456789abcdef1"},
        "share": {"principals": ["444455556666"]},
    }
    raw["services"]["orders"]["expose"]["lattice"] = {"allow": [CALLER], **exposure}
    raw["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "image": {"uri": "ghcr.io/acme/web", "tag": "1"},
        "expose": {"lattice": {"allow": [CALLER]}},
    }
    return raw


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The platform with VPC Lattice, up; whatever the tests did, it goes down with nothing left."""
    world = new_world(tmp_path_factory.mktemp("lattice"))
    world.configure(meshed())
    world.up()
    yield world
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def services(world: World) -> dict[str, Any]:
    """The VPC Lattice services by workload."""
    return {row["name"].split("-")[1]: row for row in world.cloud(SERVICE)}


def test_routes_are_services_of_the_network_and_a_second_up_changes_nothing(up: World) -> None:
    assert set(up.steps()) == {"same"}
    found = services(up)
    assert sorted(found) == ["orders", "web"]
    assert {row["authType"] for row in found.values()} == {"AWS_IAM"}
    versions = {row["config"]["protocolVersion"]: row["config"]["healthCheck"] for row in up.cloud(TARGET_GROUP)}
    assert versions["GRPC"]["enabled"] is False
    assert (versions["HTTP1"]["enabled"], versions["HTTP1"]["path"]) == (True, "/")
    assert len(up.cloud(AUTH_POLICY)) == 3


def test_clients_are_told_where_and_how(up: World) -> None:
    found = up.run("stack", "output", "lattice", "--json").json()
    assert found["service_network"]["name"] == "grpc-platform-test"
    domain = services(up)["orders"]["dnsEntries"][0]["domainName"]
    client = found["clients"]["orders"]
    assert client["target"] == f"dns:///{domain}:443"
    assert client["signing"]["service"] == "vpc-lattice-svcs"
    assert found["clients"]["web"]["url"].startswith("https://lattice-web-")


@pytest.mark.slow
def test_an_http_check_for_grpc_and_another_caller_come_in_place(up: World) -> None:
    before = {name: row.id for name, row in services(up).items()}
    check = {"port": 8081, "path": "/healthz"}
    up.configure(meshed(health_check=check, idle_timeout=300, longest_stream=600))
    steps = up.steps()
    assert not {"replace", "delete", "create"} & set(steps)
    assert {"orders-target-group-policy", "orders-lattice-route"} <= set(steps["update"])
    up.up()
    assert set(up.steps()) == {"same"}
    assert {name: row.id for name, row in services(up).items()} == before
    assert services(up)["orders"]["idleTimeoutSeconds"] == 300


def test_a_workload_leaves_the_network_and_takes_its_service_along(up: World) -> None:
    raw = meshed()
    del raw["services"]["orders"]["expose"]["lattice"]
    up.configure(raw)
    up.up()
    assert sorted(services(up)) == ["web"]
    assert len(up.cloud(TARGET_GROUP)) == 1


@pytest.mark.slow
def test_the_section_goes_and_nothing_of_lattice_stays(up: World) -> None:
    up.configure(MINIMAL)
    up.up()
    assert [row.token for row in up.cloud() if "vpclattice" in row.token or "aws:ram" in row.token] == []
    assert set(up.steps()) == {"same"}
    raw = meshed()
    raw["lattice"]["association"] = "endpoint"
    up.configure(raw)
    up.up()
    assert len(up.cloud(NETWORK)) == len(up.cloud("aws:ec2/vpcEndpoint:VpcEndpoint")) == 1
