"""Client-side balancing, permissions, metrics and observability on the real engine: up, nothing more to do, gone."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.conftest import MINIMAL, World

pytestmark = pytest.mark.engine


def everything() -> dict[str, Any]:
    raw = deepcopy(MINIMAL)
    raw["cluster"]["metrics_adapter"] = {
        "kind": "prometheus",
        "metrics": {"calls_per_second": {"series": "grpc_server_started_total"}},
    }
    raw["cloud_map"] = {"namespace": "grpc.internal"}
    raw["observability"] = {"create_topic": True, "access_logs": {"bucket": "acme-logs", "prefix": "alb"}}
    raw["services"]["orders"] |= {
        "calls": ["ledger"],
        "permissions": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "statements": {"send": {"actions": ["sqs:SendMessage"], "resources": ["*"]}},
        "scaling": {"metrics": {"calls_per_second": "50"}},
        "spread": {"zones": "required"},
        "labels": {"team": "shop"},
    }
    raw["services"]["orders"]["expose"]["client_side"] = {"max_connection_age": 600}
    raw["services"]["ledger"] = {
        "protocol": "grpc",
        "port": 9000,
        "image": {"uri": "ghcr.io/acme/ledger", "tag": "1"},
        "health": {"service": "ledger"},
        "expose": {"client_side": {"cloud_map": True}},
    }
    return raw


@pytest.mark.slow
def test_everything_comes_up_stays_and_goes(world: World) -> None:
    world.configure(everything())
    world.up()
    assert set(world.steps()) == {"same"}
    found = world.run("stack", "output", "--json").json()
    assert found["observability"]["dashboards"] == {"public": "grpc-platform-test-public"}
    assert found["clients"]["ledger"]["client_side"]["cloud_map_target"] == "dns:///ledger.grpc.internal:9000"
    (dashboard,) = world.cloud("aws:cloudwatch/dashboard:Dashboard")
    assert "targetgroup/orders-" in json.dumps(dashboard.inputs)
    alarms = world.cloud("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert len(alarms) == 6
    assert all(row.inputs["alarmActions"] == [found["observability"]["topic_arn"]] for row in alarms)
    changed = everything()
    changed["observability"]["thresholds"] = {"latency": 3000}
    world.configure(changed)
    assert world.steps()["update"] == ["orders-latency"]
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []
