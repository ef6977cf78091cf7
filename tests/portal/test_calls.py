"""How workloads are called: lines that can be pasted into a shell, whatever the settings hold."""

from __future__ import annotations

import shlex
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.calls import workloads
from portal.form import SERVICES

ABOUT = '\'{"service": "acme.orders.v1.Orders"}\''
ORDERS: dict[str, Any] = {
    "protocol": "grpc",
    "port": 50051,
    "image": {"repository": "orders", "tag": "1"},
    "grpc_services": ["acme.orders.v1.Orders", "grpc.health.v1.Health"],
    "health": {"service": "acme.orders.v1.Orders"},
    "expose": {"alb": {"host": "orders.example.com"}, "client_side": {}},
}


def commands(config: Any, outputs: Any = None) -> list[str]:
    (found,) = workloads({SERVICES: {"orders": config}}, outputs)
    return [each.command for each in found.lines]


def test_every_grpc_service_and_the_health_of_a_pod() -> None:
    assert commands(ORDERS) == [
        "grpcurl -proto orders.proto -d '{}' orders.example.com:443 acme.orders.v1.Orders/METHOD",
        "grpcurl -proto health.proto orders.example.com:443 grpc.health.v1.Health/Check",
        "kubectl --namespace orders port-forward deployment/orders 50051:50051",
        f"grpcurl -plaintext -proto health.proto -d {ABOUT} localhost:50051 grpc.health.v1.Health/Check",
    ]
    (found,) = workloads({SERVICES: {"orders": ORDERS}})
    assert found.exposed == ("Application Load Balancer", "pods, balanced by the client")
    assert found.runs
    assert not workloads({SERVICES: {"orders": {}}})[0].runs


def test_http_is_called_with_curl_and_lattice_by_the_name_in_the_outputs() -> None:
    assert commands({**ORDERS, "protocol": "http"}) == ["curl https://orders.example.com/"]
    lattice = {"lattice": {"clients": {"orders": {"target": "dns:///orders-1.vpc-lattice-svcs.eu-west-1.on.aws:443"}}}}
    named = commands({"grpc_services": ["a.B"], "expose": {"lattice": {}}}, lattice)
    assert named[0] == "grpcurl -proto b.proto -d '{}' orders-1.vpc-lattice-svcs.eu-west-1.on.aws:443 a.B/METHOD"
    assert len(commands({"grpc_services": ["a.B"], "expose": {"lattice": {}}})) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(), JSON, JSON)
def test_settings_of_any_shape_are_looked_at_without_a_fault(name: str, config: Any, outputs: Any) -> None:
    for value in (config, {name: config}, {name: {"expose": config, "grpc_services": config, "health": config}}):
        workloads({SERVICES: value}, outputs)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_a_name_or_host_is_never_a_command_of_its_own(name: str, host: str, service: str) -> None:
    config = {"grpc_services": [service], "expose": {"alb": {"host": host}}, "health": {"service": service}}
    (found,) = workloads({SERVICES: {name: config}})
    assert [len(shlex.split(each.command)) for each in found.lines] in ([7, 6, 8], [5, 6, 8], [6, 8])
