"""Services stacks on a platform stack, and a stack on parts that exist, on the real engine."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MINIMAL, World, new_world
from tools import copies
from tools.environment import Environment

pytestmark = pytest.mark.engine

PLATFORM: dict[str, Any] = {
    "environment": {"kind": "platform", "services_stacks": {"shop": 1, "billing": 2}},
    **{key: MINIMAL[key] for key in ("existing", "network", "cluster")},
    "load_balancers": {"public": {"scheme": "internet-facing", "pod_ports": [50051]}},
}


def services(host: str) -> dict[str, Any]:
    orders = deepcopy(MINIMAL["services"]["orders"])
    orders["expose"]["alb"]["host"] = host
    return {
        "environment": {"kind": "services"},
        "existing": {"platform_stack": "platform"},
        "services": {"orders": orders},
    }


def joined(platform: World, name: str, raw: dict[str, Any]) -> World:
    world = replace(platform, stack=name)
    if not (world.program / f"Pulumi.{name}.yaml").exists():
        world.engine.run("stack", "init", name, cwd=world.program)
    world.configure(raw)
    return world


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A platform stack, up; it goes down with nothing left."""
    world = replace(new_world(tmp_path_factory.mktemp("stacks")), stack="platform")
    world.engine.run("stack", "init", world.stack, cwd=world.program)
    world.configure(PLATFORM)
    world.up()
    yield world
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


@pytest.mark.slow
def test_two_stacks_with_the_same_workload_live_on_one_platform(platform: World) -> None:
    before = {row.id for row in platform.cloud()}
    stacks = [joined(platform, name, services(f"{name}.dev.example.com")) for name in ("shop", "billing")]
    for world in stacks:
        world.up()
        assert set(world.steps()) == {"same", "read"}  # what is read is the platform stack
    namespaces = {row.id for row in platform.cloud() if row.token == "kubernetes:core/v1:Namespace"}
    assert namespaces == {"shop-orders", "billing-orders"}
    listener = platform.cloud("aws:lb/listener:Listener")[0].id
    rules = platform.cloud("aws:lb/listenerRule:ListenerRule")
    assert {row["listenerArn"] for row in rules} == {listener}
    runs = sorted((int(row["priority"]) - 1) // 2500 for row in rules)
    assert runs == [0, 1]
    assert set(platform.steps()) == {"same"}
    for world in stacks:
        world.run("destroy", "--yes", "--skip-preview")
    assert {row.id for row in platform.cloud()} == before


@pytest.mark.slow
def test_what_would_clash_or_is_not_expected_is_refused_in_words(platform: World) -> None:
    other = joined(platform, "other", services("other.dev.example.com"))
    assert "does not list this stack; add `other:` with a free number" in other.run("preview", check=False).text
    port = services("shop.dev.example.com")
    port["services"]["orders"]["port"] = 9000
    said = joined(platform, "shop", port).run("preview", check=False).text
    assert 'services.orders.port: 9000 is no port on which the load balancer "public" reaches pods' in said
    host = joined(platform, "shop", services("shop.example.com")).run("preview", check=False).text
    assert "is outside the hosted zone dev.example.com" in host
    wrong = services("shop.dev.example.com")
    wrong["existing"]["platform_stack"] = "shop"
    assert "has no output `platform`" in joined(platform, "shop", wrong).run("preview", check=False).text


def test_the_parts_that_a_platform_exports_can_be_typed_too(platform: World) -> None:
    """What `existing:` asks for is what exists: nothing of it is made, changed or removed."""
    before = [(row.id, row.inputs, row.outputs) for row in platform.cloud()]
    exported = platform.run("stack", "output", "platform", "--json").json()
    del exported["services_stacks"]
    raw = services("typed.dev.example.com") | {"existing": json.loads(json.dumps(exported))}
    world = joined(platform, "typed", raw)
    world.up()
    assert {row.token.split(":")[0] for row in world.cloud()} >= {"aws", "kubernetes"}
    world.run("destroy", "--yes", "--skip-preview")
    assert [(row.id, row.inputs, row.outputs) for row in platform.cloud()] == before


def test_a_services_stack_is_previewed_offline_beside_its_platform(platform: World, tmp_path: Path) -> None:
    shop = services("shop.dev.example.com")
    shop["existing"]["platform_stack"] = "acme/grpc-platform/platform"
    joined(platform, "shop", shop)
    copy, engine = copies.make(Environment(platform.program), "shop", tmp_path)
    steps = engine.run("preview", "--json", "--stack", "shop", cwd=copy).json()["steps"]
    assert "orders-target-group" in [step["urn"].rpartition("::")[2] for step in steps if step["op"] == "create"]
    shop["existing"]["platform_stack"] = "elsewhere"
    joined(platform, "shop", shop)
    with pytest.raises(copies.UnknownEnvironmentError, match="its platform stack elsewhere"):
        copies.make(Environment(platform.program), "shop", tmp_path / "other")
