"""Balancing by the client: what the cluster gets, and what clients are told."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from components import clients, settings
from tests.conftest import REGION

Platform = Callable[..., Any]
Raw = dict[str, Any]

SERVICE = "kubernetes:core/v1:Service"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SIDE = {"max_connection_age": 600, "max_connection_age_grace": 20}


def variables(seen: Any, deployment: str) -> dict[str, Any]:
    container = seen.one(DEPLOYMENT, deployment).inputs["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def told(minimal: Raw) -> Any:
    loaded = settings.load(minimal, region=REGION).services["orders"]
    return clients.client("orders", loaded)


def test_a_headless_service_of_its_own_name_stands_beside_the_ordinary_one(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"] = {"client_side": SIDE}
    seen = platform(minimal)
    ordinary = seen.one(SERVICE, "orders-service").inputs
    headless = seen.one(SERVICE, "orders-headless-service").inputs
    assert headless["metadata"]["name"] == "orders-headless"
    assert headless["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert headless["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in ordinary["spec"]
    assert headless["spec"]["selector"] == ordinary["spec"]["selector"]
    assert headless["spec"]["ports"] == ordinary["spec"]["ports"]
    assert seen.one(SERVICE, "orders-headless-service").urn in seen.one(DEPLOYMENT).depends_on


def test_the_server_is_told_how_long_to_keep_a_connection(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"]["client_side"] = SIDE
    found = variables(platform(minimal), "orders-deployment")
    assert (found["MAX_CONNECTION_AGE"], found["MAX_CONNECTION_AGE_GRACE"]) == ("600", "20")


def test_without_it_nothing_of_it_is_there(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    assert seen.names(SERVICE) == ["orders-service"]
    assert not seen.of(CONFIG_MAP)
    assert "MAX_CONNECTION_AGE" not in variables(seen, "orders-deployment")
    assert "client_side" not in told(minimal)


def test_clients_get_target_and_service_config(minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"]["client_side"] = SIDE
    found = told(minimal)
    assert found["target"] == "dns:///orders.dev.example.com:443"
    assert found["client_side"]["target"] == "dns:///orders-headless.orders.svc.cluster.local:50051"
    config = json.loads(found["client_side"]["service_config"])
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
    assert config["healthCheckConfig"] == {"serviceName": "acme.orders.v1.Orders"}
    policy = config["methodConfig"][0]["retryPolicy"]
    assert policy == {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "1s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    assert config["retryThrottling"] == {"maxTokens": 20, "tokenRatio": 0.1}


def server(name: str, status: Any) -> Any:
    """A gRPC server that answers every call with its own name."""

    class Anything(grpc.GenericRpcHandler):  # type: ignore[type-arg]
        def service(self, details: Any) -> Any:
            if not details.method.startswith("/acme.orders.v1.Orders/"):
                return None
            return grpc.unary_unary_rpc_method_handler(lambda request, context: name.encode())

    made = grpc.server(ThreadPoolExecutor(4), handlers=[Anything()])
    servicer = health.HealthServicer()
    servicer.set("acme.orders.v1.Orders", status)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, made)
    port = made.add_insecure_port("127.0.0.1:0")
    made.start()
    return made, port


def answers(config: str, ports: list[int], wanted: int) -> set[bytes]:
    """Who answers the calls of a client that sees these addresses, once `wanted` of them have."""
    addresses = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    with grpc.insecure_channel(addresses, options=[("grpc.service_config", config)]) as channel:
        call = channel.unary_unary("/acme.orders.v1.Orders/Get", bytes, bytes)
        found = {call(b"", timeout=10, wait_for_ready=True)}
        deadline = time.monotonic() + 10
        while len(found) < wanted and time.monotonic() < deadline:  # connections come up one after the other
            found.add(call(b"", timeout=10))
        return found | {call(b"", timeout=10) for _ in range(50)}


def test_grpc_spreads_calls_over_the_pods_and_leaves_out_a_draining_one(minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"] = {"client_side": SIDE}
    config = told(minimal)["client_side"]["service_config"]
    serving, draining = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    made = [server("a", serving), server("b", serving), server("c", draining)]
    ports = [port for _, port in made]
    try:
        assert answers(config, ports[:2], 2) == {b"a", b"b"}
        assert answers(config, [ports[0], ports[2]], 1) == {b"a"}
        unaware = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})
        assert answers(unaware, [ports[0], ports[2]], 2) == {b"a", b"c"}
    finally:
        for each, _ in made:
            each.stop(None)


def test_one_attempt_is_no_retry(minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"] = {"client_side": {**SIDE, "retry": {"attempts": 1}}}
    config = json.loads(told(minimal)["client_side"]["service_config"])
    assert sorted(config) == ["healthCheckConfig", "loadBalancingConfig"]


def test_the_configuration_lies_on_the_cluster_under_a_known_name(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"]["client_side"] = SIDE
    found = platform(minimal).one(CONFIG_MAP, "orders-client")
    assert found.inputs["metadata"]["name"] == "orders-client"
    assert found.inputs["data"]["target"] == told(minimal)["client_side"]["target"]
    assert found.delete_before_replace is True


def test_a_caller_gets_the_configuration_in_its_own_namespace(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["expose"]["client_side"] = SIDE
    minimal["services"]["billing-eu"] = {
        "protocol": "grpc",
        "port": 9000,
        "image": {"uri": "ghcr.io/acme/billing", "tag": "1"},
        "health": {"service": "billing"},
        "calls": ["orders"],
    }
    seen = platform(minimal)
    told_here = seen.one(CONFIG_MAP, "billing-eu-calls-orders").inputs
    assert told_here["metadata"]["namespace"] == "billing-eu"
    assert "name" not in told_here["metadata"]
    found = variables(seen, "billing-eu-deployment")
    assert found["ORDERS_TARGET"]["configMapKeyRef"] == {"name": "billing-eu-calls-orders-auto", "key": "target"}
    assert found["ORDERS_SERVICE_CONFIG"]["configMapKeyRef"]["key"] == "service_config.json"
