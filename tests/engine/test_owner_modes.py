"""Load balancers that the controller makes, on the real engine: up, change, another owner, down, and nothing left."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT, MINIMAL, World, new_world

pytestmark = pytest.mark.engine

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:lb/targetGroup:TargetGroup"
RECORD = "aws:route53/record:Record"
HOST = "orders.dev.example.com"


def settings(owner: str, **balancer: Any) -> dict[str, Any]:
    """gRPC with a route and a canary, and HTTP: on the same host where that can be."""
    raw = deepcopy(MINIMAL)
    raw["load_balancers"]["public"] |= {"owner": owner, "http_redirect": True, **balancer}
    raw["services"]["orders"]["expose"]["alb"] |= {
        "routes": {"purge": {"methods": ["acme.orders.v1.Orders/Purge"], "headers": {"x-role": ["admin"]}}},
        "canary": {"tag": "1.5.0", "weight": 10},
    }
    host = HOST if owner == "ingress" else "web.dev.example.com"
    raw["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "image": {"uri": "ghcr.io/acme/web", "tag": "1"},
        "expose": {"alb": {"host": host}},
    }
    return raw


def patterns(world: World) -> list[tuple[str, str]]:
    """Path and kind of action of the rules on HTTPS, in the order in which they are tried."""
    secure = {row.id for row in world.cloud(LISTENER) if row["port"] == 443}
    rules = [row for row in world.cloud(RULE) if row["listenerArn"] in secure]
    return [
        (condition["pathPattern"]["values"][0], row["actions"][0]["type"])
        for row in sorted(rules, key=lambda row: int(row["priority"]))
        for condition in row["conditions"]
        if "pathPattern" in condition
    ]


def address(world: World) -> str:
    """Where the host's record leads."""
    (record,) = [row for row in world.cloud(RECORD) if row["name"] == HOST]
    found = record.inputs.get("records") or [each["name"] for each in record.inputs["aliases"]]
    return str(found[0])


@pytest.fixture(scope="module", params=[pytest.param("ingress", marks=pytest.mark.slow), "gateway"])
def up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, World]]:
    """A platform in one of the modes; whatever the tests did, it goes down with nothing left."""
    world = new_world(tmp_path_factory.mktemp(request.param))
    world.configure(settings(request.param))
    world.up()
    yield request.param, world
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def test_the_edge_is_the_same_as_pulumis_and_a_second_up_changes_nothing(up: tuple[str, World]) -> None:
    mode, world = up
    assert set(world.steps()) == {"same"}
    versions = {row["protocolVersion"]: row["healthCheck"] for row in world.cloud(GROUP)}
    assert len(world.cloud(GROUP)) == 3
    assert (versions["GRPC"]["path"], versions["GRPC"]["matcher"]) == ("/grpc.health.v1.Health/Check", "0")
    assert patterns(world) == [
        ("/acme.orders.v1.Orders/Purge", "forward"),
        ("/acme.orders.v1.Orders/Purge", "fixed-response"),
        ("/acme.orders.v1.Orders/*", "forward"),
        ("/*", "forward"),
    ]
    (balancer,) = world.cloud(BALANCER)
    assert address(world) == balancer["dnsName"]
    assert balancer["name"].startswith("k8s-")
    assert {row["port"]: row["protocol"] for row in world.cloud(LISTENER)} == {443: "HTTPS", 80: "HTTP"}
    assert world.run("stack", "output", "load_balancers", "--json").json() == {
        "public": {"arn": None, "dns_name": balancer["dnsName"]}
    }, mode


@pytest.mark.slow
def test_attributes_and_weights_change_in_place(up: tuple[str, World]) -> None:
    mode, world = up
    (before,) = world.cloud(BALANCER)
    raw = settings(mode, idle_timeout=600)
    raw["services"]["orders"]["expose"]["alb"]["canary"]["weight"] = 50
    world.configure(raw)
    assert set(world.steps()) == {"same", "update"}
    world.up()
    (after,) = world.cloud(BALANCER)
    assert (after.id, after["idleTimeout"]) == (before.id, 600)
    weights = [
        [each["weight"] for each in row["actions"][0]["forward"]["targetGroups"]]
        for row in world.cloud(RULE)
        if "forward" in row["actions"][0]
    ]
    assert weights == [[50, 50], [50, 50]]


@pytest.mark.slow
def test_another_scheme_is_made_beside_the_old_one_and_the_record_follows(up: tuple[str, World]) -> None:
    mode, world = up
    (before,) = world.cloud(BALANCER)
    world.configure(settings(mode, scheme="internal"))
    world.up()
    (after,) = world.cloud(BALANCER)
    assert after.id != before.id
    assert after["internal"] is True
    assert address(world) == after["dnsName"]
    assert len(patterns(world)) == 4
    assert set(world.steps()) == {"same"}


def test_a_workload_goes_with_its_rules(up: tuple[str, World]) -> None:
    mode, world = up
    raw = settings(mode, scheme="internal")
    del raw["services"]["web"], raw["load_balancers"]["public"]["http_redirect"]
    world.configure(raw)
    world.up()
    assert len(patterns(world)) == 3
    assert len(world.cloud(GROUP)) == 2
    assert [row["port"] for row in world.cloud(LISTENER)] == [443]


@pytest.mark.slow
def test_the_owner_changes_there_and_back(up: tuple[str, World]) -> None:
    mode, world = up
    for owner in ("pulumi", mode):
        raw = settings(owner, scheme="internal")
        world.configure(raw)
        world.up()
        (balancer,) = world.cloud(BALANCER)
        assert balancer["name"].startswith("k8s-") is (owner != "pulumi")
        assert address(world) == balancer["dnsName"]
        assert len(patterns(world)) == 4
    assert set(world.steps()) == {"same"}


LEAKING = """
import pulumi

seen = {}


def shortened(args):
    if args.type_ == "kubernetes:helm.sh/v3:Release":
        seen["release"] = args.resource
    held = ("kubernetes:networking.k8s.io/v1:Ingress", "kubernetes:core/v1:Namespace")
    if args.type_ in held and "release" in seen:
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(deleted_with=seen["release"]))
        return pulumi.ResourceTransformationResult(args.props, opts)
    return None


pulumi.runtime.register_stack_transformation(shortened)
"""


@pytest.mark.slow
def test_objects_deleted_with_their_controller_leak_what_it_made(tmp_path: Path) -> None:
    """Pulumi skips the delete call of such an object, so that the controller is never asked to clean up."""
    program = LEAKING + (CHECKOUT / "__main__.py").read_text(encoding="utf-8")
    world = new_world(tmp_path, program)
    (world.program / "components").symlink_to(CHECKOUT / "components")
    world.configure(settings("ingress"))
    world.up()
    gone = world.run("destroy", "--yes", "--skip-preview", check=False)
    assert gone.code != 0
    assert "has dependencies and cannot be deleted" in gone.stdout
    kept = {row.token for row in world.cloud()}
    assert {BALANCER, LISTENER, RULE} <= kept
