"""A load balancer with everything on it, on the real engine: up, shift the canary's weight, take it all away."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import MINIMAL, World, new_world

pytestmark = pytest.mark.engine

ACL = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/edge/12345678-1234-1234-1234-123456789012"


def settings(weight: int = 0) -> dict[str, Any]:
    raw = deepcopy(MINIMAL)
    raw["load_balancers"]["public"] |= {
        "mtls": {"mode": "verify", "trust_store": {"bucket": "acme-cas", "key": "ca.pem"}},
        "waf": {"web_acl_arn": ACL},
        "logs": {"connections": True, "health_checks": True},
        "headers": {"server": False, "add": {"x_content_type_options": "nosniff"}},
        "zonal_shift": True,
    }
    orders = raw["services"]["orders"]
    orders["expose"]["alb"] |= {
        "canary": {"tag": "1.5.0", "weight": weight},
        "routes": {"big": {"headers": {"x-tenant": ["big"]}, "to": "zebra", "otherwise": "pass"}},
    }
    raw["services"]["zebra"] = {**deepcopy(MINIMAL["services"]["orders"])}
    raw["services"]["zebra"]["expose"] = {"alb": {"host": "zebra.dev.example.com", "algorithm": "weighted_random"}}
    return raw


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = new_world(tmp_path_factory.mktemp("edge"))
    world.configure(settings())
    world.up()
    yield world
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


@pytest.mark.slow
def test_everything_comes_up_and_a_weight_changes_in_place(up: World) -> None:
    assert set(up.steps()) == {"same"}
    groups = up.cloud("aws:lb/targetGroup:TargetGroup")
    assert sorted(row.inputs["name"].rpartition("-")[0] for row in groups) == ["orders", "orders-canary", "zebra"]
    up.configure(settings(weight=50))
    planned = up.steps()
    assert set(planned) == {"same", "update"}
    assert "orders/service/acme.orders.v1.Orders" in planned["update"]
    up.up()
    assert set(up.steps()) == {"same"}


@pytest.mark.slow
def test_a_plain_load_balancer_is_left_when_all_of_it_goes(up: World) -> None:
    up.configure(MINIMAL)
    up.up()
    assert set(up.steps()) == {"same"}
    left = {row.token for row in up.cloud()}
    assert not [token for token in left if "s3" in token or "wafv2" in token or "trustStore" in token]
    (balancer,) = up.cloud("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["accessLogs"]["enabled"] is False
