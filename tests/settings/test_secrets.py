"""The value of a secret is never shown, wherever it stands and whatever is wrong with it."""

import traceback
from typing import Any

import pytest

from components.settings import SettingsError

from .conftest import Desk

HIDDEN = "hunter2-correct-horse"


def everything(desk: Desk) -> str:
    """All that could be printed about loading these settings."""
    try:
        settings = desk.load()
    except SettingsError as error:
        shown = [str(error), repr(error), repr(error.problems), "".join(traceback.format_exception(error))]
        return "\n".join(shown)
    return "\n".join([str(settings), repr(settings), settings.model_dump_json()])


def test_a_loaded_secret_is_only_there_for_who_asks(desk: Desk) -> None:
    desk.put("services.orders.secrets.TOKEN", HIDDEN)
    assert HIDDEN not in everything(desk)
    assert desk.load().services["orders"].secrets["TOKEN"].get_secret_value() == HIDDEN


@pytest.mark.parametrize(
    "value",
    [[HIDDEN], {HIDDEN: HIDDEN}, {"secure": HIDDEN}, [{"a": HIDDEN}], None, 5, True, 4711.25],
)
def test_a_secret_that_is_no_text_is_refused_without_showing_it(desk: Desk, value: Any) -> None:
    text = everything(desk.put("services.orders.secrets.TOKEN", value))
    assert "services.orders.secrets.TOKEN: " in text
    assert HIDDEN not in text
    assert "4711" not in text


@pytest.mark.parametrize("value", [f"{HIDDEN}\0", f"{HIDDEN}\ud800", HIDDEN * 2000], ids=["nul", "half", "long"])
def test_a_secret_that_no_container_can_be_given_is_refused_without_showing_it(desk: Desk, value: str) -> None:
    text = everything(desk.put("services.orders.secrets.TOKEN", value))
    assert "services.orders.secrets.TOKEN: must be text" in text
    assert HIDDEN not in text


def test_the_secrets_of_a_workload_fit_into_one_kubernetes_secret(desk: Desk) -> None:
    """Bytes count, not letters: thirty times 5 for the name and 33,000 for the value, and 4 for LAST, are 990,154."""
    secrets = {f"KEY{number:02}": "é" * 16_500 for number in range(30)}
    desk.put("services.orders.secrets", secrets | {"LAST": "x" * 9_846})
    assert desk.lines() == []
    assert desk.put("services.orders.secrets.LAST", "x" * 9_847).lines() == [
        (
            "services.orders.secrets: names and values have 1000001 bytes together, and one Kubernetes Secret holds "
            "them all: at most 1000000; keep large files elsewhere"
        )
    ]


def test_secrets_of_several_workloads_are_counted_apart(desk: Desk) -> None:
    half = {f"KEY{number:02}": "x" * 30_000 for number in range(20)}
    assert desk.put("services.orders.secrets", half).put("services.web.secrets", half).lines() == []


def test_secrets_that_are_too_large_together_are_not_shown(desk: Desk) -> None:
    text = everything(desk.put("services.orders.secrets", {f"K{i}": HIDDEN * 1_500 for i in range(40)}))
    assert "services.orders.secrets: names and values have " in text
    assert HIDDEN not in text


@pytest.mark.parametrize("value", [HIDDEN, [HIDDEN], 4711])
def test_secrets_that_are_no_map_are_refused_without_showing_them(desk: Desk, value: Any) -> None:
    text = everything(desk.put("services.orders.secrets", value))
    assert "services.orders.secrets: must be a map (key: value); the value received is not shown" in text
    assert HIDDEN not in text
    assert "4711" not in text


@pytest.mark.parametrize("value", ["x", None, 5, [HIDDEN]])
def test_a_value_written_into_the_name_is_not_shown_either(desk: Desk, value: Any) -> None:
    text = everything(desk.put(("services", "orders", "secrets", f"TOKEN={HIDDEN}"), value))
    assert "services.orders.secrets: a name here is not allowed" in text
    assert HIDDEN not in text


def test_a_secret_in_a_workload_of_a_wrong_name_is_not_shown(desk: Desk) -> None:
    assert HIDDEN not in everything(desk.put("services.Orders.secrets.TOKEN", [HIDDEN]))


def test_a_secret_on_a_section_that_does_not_exist_is_not_shown(desk: Desk) -> None:
    desk.secret_paths = [("tokens",)]
    assert HIDDEN not in everything(desk.put("tokens", HIDDEN))


PLACES = [
    ("cluster", "version"),
    ("network", "zones", "0"),
    ("network", "cidr"),
    ("environment", "tags", "owner"),
    ("services", "orders", "env", "TOKEN"),
    ("services", "orders", "port"),
    ("services", "orders", "expose", "alb", "host"),
    ("services", "orders", "expose", "alb", "load_balancer"),
    ("services", "orders", "grpc_services", "0"),
    ("load_balancers", "public", "certificate", "arn"),
    ("load_balancers", "public", "scheme"),
    ("cluster", "public_access_cidrs", "0"),
]


@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_a_secret_anywhere_else_is_a_problem_of_its_own_and_is_not_shown(desk: Desk, path: tuple[str, ...]) -> None:
    value: Any = [HIDDEN] if path[-1] == "0" else HIDDEN
    desk.put(tuple(part for part in path if part != "0"), value).secret_paths = [path]
    text = everything(desk)
    shown = ".".join(path).replace(".0", "[0]")
    assert f"grpc-platform:{shown}: a secret value; secrets belong under services.<workload>.secrets.<NAME>" in text
    assert HIDDEN not in text


@pytest.mark.parametrize("path", [(), ("services",), ("services", "orders"), ("services", "orders", "secrets")])
def test_a_whole_section_cannot_be_secret(desk: Desk, path: tuple[str, ...]) -> None:
    desk.put("services.orders.secrets.TOKEN", [HIDDEN]).put("services.orders.prot", HIDDEN)
    if path[-1:] != ("secrets",):
        desk.put("services.orders.health", {"path": HIDDEN})
    desk.secret_paths = [path]
    text = everything(desk)
    assert ": a secret value; secrets belong under" in text
    assert HIDDEN not in text


def test_a_rule_does_not_show_a_secret_that_it_would_quote(desk: Desk) -> None:
    """A valid host outside the zone would be quoted by the rule about zones."""
    desk.put("services.orders.expose.alb.host", "hunter2.other.com")
    desk.secret_paths = [("services", "orders", "expose", "alb", "host")]
    text = everything(desk)
    assert "a secret value" in text
    assert "hunter2" not in text


def test_a_secret_where_secrets_belong_is_no_problem(desk: Desk) -> None:
    desk.put("services.orders.secrets.TOKEN", HIDDEN)
    desk.secret_paths = [("services", "orders", "secrets", "TOKEN"), ("services", "gone", "secrets", "X")]
    assert desk.lines() == []


def test_a_misplaced_secret_hides_no_other_problem(desk: Desk) -> None:
    desk.put("network.nat", "x").secret_paths = [("cluster", "version")]
    assert [line.split(":")[0] for line in desk.lines()] == ["network.nat", "cluster.version"]
