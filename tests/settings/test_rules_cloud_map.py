"""Rules of the namespace for clients outside the cluster."""

from .conftest import Desk

SIDE = "services.orders.expose.client_side"


def test_a_workload_is_found_in_a_namespace_that_is_there(desk: Desk) -> None:
    desk.put(SIDE, {"max_connection_age": 900, "cloud_map": True})
    assert desk.lines() == [f"{SIDE}.cloud_map: there is no namespace to be found in; add the section cloud_map"]
    assert desk.put("cloud_map.namespace", "grpc.internal").lines() == []
    found = desk.load().cloud_map
    assert found is not None
    assert found.allow_cidrs == ("10.0.0.0/16",)


def test_the_namespace_hides_nobody_elses_names(desk: Desk) -> None:
    for namespace in ("dev.example.com", "example.com"):
        found = desk.put("cloud_map.namespace", namespace).lines()
        assert any(line.startswith("cloud_map.namespace: hides the hosted zone dev.example.com") for line in found)
        assert any(line.startswith("services.orders.expose.alb.host: orders.dev.example.com lies in") for line in found)
    for namespace in ("grpc.internal", "pods.dev.example.com"):
        assert desk.put("cloud_map.namespace", namespace).lines() == []
    (line,) = desk.put("cloud_map.namespace", "web.dev.example.com").lines()
    assert line.startswith("services.web.expose.alb.host: web.dev.example.com lies in web.dev.example.com")


def test_the_rules_fit_into_the_security_group(desk: Desk) -> None:
    desk.drop("services.orders.expose").put("cloud_map.namespace", "grpc.internal")
    desk.put("cloud_map.allow_cidrs", [f"10.{number}.0.0/16" for number in range(20)])
    for number in range(3):
        desk.put(
            f"services.s{number}",
            {
                "protocol": "grpc",
                "port": 5000 + number,
                "health": {"service": "x"},
                "expose": {"client_side": {"cloud_map": number < 2}},
            },
        )
    assert desk.lines() == []
    (line,) = desk.put("services.s2.expose.client_side.cloud_map", True).lines()
    assert line.startswith("cloud_map.allow_cidrs: 60 rules let clients reach the pods, and load balancers need 1; ")
