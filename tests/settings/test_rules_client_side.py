"""Rules of balancing by the client."""

from typing import Any

import pytest

from .conftest import Desk

PATH = "services.orders.expose.client_side"


def test_the_defaults_stand_beside_no_load_balancer(desk: Desk) -> None:
    desk.drop("services.orders.expose.alb").put(PATH, {}).put("services.orders.drain", 45)
    client_side = desk.load().services["orders"].expose.client_side
    assert client_side is not None
    assert (client_side.max_connection_age, client_side.max_connection_age_grace) == (300, 45)
    assert client_side.retry.codes == ("UNAVAILABLE",)


def test_exposures_stand_beside_each_other(desk: Desk) -> None:
    desk.put(PATH, {"max_connection_age": 301, "max_connection_age_grace": 7})
    orders = desk.load().services["orders"]
    assert orders.expose.client_side is not None
    assert orders.expose.client_side.max_connection_age_grace == 7
    assert orders.expose.alb is not None
    assert orders.expose.alb.load_balancer == "public"


@pytest.mark.parametrize("age", [10, 299, 300])
def test_a_connection_outlives_the_idle_timeout_of_its_load_balancer(desk: Desk, age: int) -> None:
    (line,) = desk.put(PATH, {"max_connection_age": age}).lines()
    assert line.startswith(f"{PATH}.max_connection_age: must be longer than load_balancers.public.idle_timeout, 300: ")
    assert line.endswith(f"received {age}")
    assert desk.put("load_balancers.public.idle_timeout", 9).lines() == []


def test_it_is_of_grpc_only(desk: Desk) -> None:
    assert desk.put("services.web.expose.client_side", {"max_connection_age": 900}).lines() == [
        "services.web.expose.client_side: only for gRPC workloads, and the protocol is http; leave it out"
    ]


def test_backoff_grows(desk: Desk) -> None:
    retry = {"initial_backoff": 500, "max_backoff": 400}
    assert desk.put(PATH, {"max_connection_age": 900, "retry": retry}).lines() == [
        f"{PATH}.retry.initial_backoff: must be at most max_backoff, 400; received 500"
    ]


@pytest.mark.parametrize(
    ("key", "value"), [("attempts", 6), ("attempts", 0), ("codes", ["OK"]), ("codes", []), ("budget", 501)]
)
def test_what_grpc_would_not_take_is_refused(desk: Desk, key: str, value: Any) -> None:
    (line,) = desk.put(PATH, {"max_connection_age": 900, "retry": {key: value}}).lines()
    assert line.startswith(f"{PATH}.retry.{key}")


def test_its_variables_are_taken_and_free_without_it(desk: Desk) -> None:
    desk.put("services.orders.env.MAX_CONNECTION_AGE", "1").put("services.orders.env.MAX_CONNECTION_AGE_GRACE", "1")
    assert desk.lines() == []
    desk.put(PATH, {"max_connection_age": 900})
    assert desk.lines() == [
        f"services.orders.env.{name}: the platform sets this variable itself because of expose.client_side; "
        "choose another name"
        for name in ("MAX_CONNECTION_AGE", "MAX_CONNECTION_AGE_GRACE")
    ]


def test_a_call_leads_to_a_workload_that_shows_its_pods(desk: Desk) -> None:
    desk.put("services.web.calls", ["orders"])
    assert desk.lines() == [
        "services.web.calls: services.orders has no expose.client_side, so there is nothing to call it by"
    ]
    desk.put(PATH, {"max_connection_age": 900})
    assert desk.lines() == []
    assert desk.put("services.web.calls", ["order"]).lines() == [
        'services.web.calls: there is no workload "order"; did you mean "orders"? (there is: orders)'
    ]


def test_variables_of_a_call_are_taken(desk: Desk) -> None:
    desk.put(PATH, {"max_connection_age": 900}).put("services.web.calls", ["orders"])
    assert desk.put("services.web.env.ORDERS_TARGET", "x").lines() == [
        (
            "services.web.env.ORDERS_TARGET: the platform sets this variable itself because of calls: orders; "
            "choose another name"
        )
    ]


def test_a_fault_elsewhere_leaves_these_rules_speaking(desk: Desk) -> None:
    desk.put(PATH, {"max_connection_age": 60, "retry": {"attempts": "x"}}).put("services.web.calls", ["orders"])
    found = desk.lines()
    assert any(line.startswith(f"{PATH}.max_connection_age: must be longer") for line in found)
    assert any(line.startswith(f"{PATH}.retry.attempts: must be a whole number") for line in found)
