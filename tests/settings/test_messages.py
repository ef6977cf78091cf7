"""How problems are told: all of them, in the words of the one who typed the file, whatever was typed."""

from typing import Any

import pytest

from components.settings import Problem, SettingsError, load

from .conftest import Desk


def test_an_unknown_key_is_answered_with_the_likely_one_and_the_allowed_ones(desk: Desk) -> None:
    allowed = (
        "protocol, port, image, grpc_services, health, expose, backend_tls, scaling, resources, env, secrets, drain, "
        "architecture, calls, permissions, statements, labels, annotations, spread, alarms"
    )
    assert desk.put("services.orders.prot", "grpc").drop("services.orders.protocol").lines()[:1] == [
        f'services.orders.prot: unknown key; did you mean "port"? (allowed: {allowed})'
    ]


def test_an_unknown_key_shows_no_value(desk: Desk) -> None:
    (line,) = desk.put("cluster.password", "hunter2").lines()
    assert line.startswith("cluster.password: unknown key (allowed: version, ")
    assert "hunter2" not in line


def test_an_unknown_section_is_a_problem_even_when_it_is_a_word_of_a_later_release(desk: Desk) -> None:
    (line,) = desk.put("mesh", {"auth": "iam"}).lines()
    allowed = (
        "environment, existing, network, cluster, registry, load_balancers, lattice, services, cloud_map, observability"
    )
    assert line == f"mesh: unknown key (allowed: {allowed})"


def test_all_problems_are_told_at_once_in_the_order_of_the_sections(desk: Desk) -> None:
    desk.put("services.orders.port", "x").put("network.nat", "two").put("load_balancers.public.idle_timeout", 0)
    desk.put("cluster.node_groups.general.min", 9)
    assert [line.split(":")[0] for line in desk.lines()] == [
        "network.nat",
        "cluster.node_groups.general.min",
        "load_balancers.public.idle_timeout",
        "services.orders.port",
    ]


def test_a_problem_can_be_read_by_a_program() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"network": {"zones": ["eu-west-1a", "x"]}, "cluster": {"node_groups": {}}}, namespace="shop")
    problem = caught.value.problems[0]
    assert problem.path == ("network", "zones", 1)
    assert problem.where == "shop:network.zones[1]"
    assert str(problem) == f"shop:network.zones[1]: {problem.message}"


def test_the_namespace_starts_every_line(desk: Desk) -> None:
    with pytest.raises(SettingsError) as caught:
        load(desk.put("network.nat", 1).put("cluster.logs", 1).raw, namespace="shop")
    assert all(line.startswith("shop:") for line in str(caught.value).splitlines())


def test_keys_that_are_not_plain_words_are_written_as_pulumi_writes_them() -> None:
    assert Problem(("environment", "tags", 'a."b'), "no").where == 'grpc-platform:environment.tags["a.\\"b"]'
    assert Problem((), "no").where == "grpc-platform"


@pytest.mark.parametrize("raw", [None, [], "text", 5, b"bytes", object(), True])
def test_settings_that_are_no_map_are_one_problem(raw: Any) -> None:
    with pytest.raises(SettingsError, match="grpc-platform: the settings must be a map of sections"):
        load(raw)


@pytest.mark.parametrize("section", ["environment", "existing", "network", "cluster", "load_balancers", "services"])
@pytest.mark.parametrize("value", [[], "text", 5, True, 1.5, [{}]])
def test_a_section_that_is_no_map_is_refused(desk: Desk, section: str, value: Any) -> None:
    lines = desk.put(section, value).lines()
    assert any(line.startswith(f"{section}: must be a map (key: value); received ") for line in lines), lines


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ([1, 2], "a list of 2 values"),
        ({"a": "inner"}, "a map of 1 key"),
        (float("nan"), "a number that is not finite"),
        (float("inf"), "a number that is not finite"),
        (10**5000, "a number of more than 19 digits"),
        (-(10**30), "a number of more than 19 digits"),
        (object(), "a value of another kind"),
        ("a\x1b[31mb\u202ec\n", '"a\\u001b[31mb\\u202ec\\n"'),
        ("\ud800", '"\\ud800"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("x" * 500, f'"{"x" * 60}…"'),
        ("Zürich 東京", '"Zürich 東京"'),
    ],
    ids=range(12),
)
def test_whatever_was_typed_is_shown_on_one_safe_line(desk: Desk, value: Any, received: str) -> None:
    lines = desk.put("services.orders.expose.alb.algorithm", value).lines()
    assert lines == [
        (
            "services.orders.expose.alb.algorithm: must be one of round_robin, "
            "least_outstanding_requests, weighted_random; "
            f"received {received}"
        )
    ]


@pytest.mark.parametrize("value", [float("nan"), 10**5000, -(10**400)], ids=["nan", "huge", "hugely-negative"])
def test_a_number_beyond_reason_is_no_number(desk: Desk, value: Any) -> None:
    (line,) = desk.put("services.orders.port", value).lines()
    assert line.startswith("services.orders.port: must be a whole number from 1 to 65535; received a number ")


@pytest.mark.parametrize("key", [5, True, None, 1.5, ("a",)])
@pytest.mark.parametrize("section", ["cluster", "services", "load_balancers"])
def test_a_key_that_is_no_text_is_refused(desk: Desk, section: str, key: Any) -> None:
    desk.raw[section][key] = {}
    assert any(line.startswith(f"{section}: the key ") and "is not text" in line for line in desk.lines())


def test_a_section_key_that_is_no_text_is_refused(desk: Desk) -> None:
    desk.raw[True] = {}
    with pytest.raises(SettingsError, match=r"^grpc-platform: the key true is not text; put it in quotes$"):
        desk.load()


def test_control_characters_in_keys_are_escaped(desk: Desk) -> None:
    (line,) = desk.put(("cluster", "ver\x1b]0;x\x07sion"), "1").lines()
    assert line.startswith('cluster["ver\\u001b]0;x\\u0007sion"]: unknown key')


@pytest.mark.parametrize(
    "path", ["services.orders", "cluster.version", "services.orders.expose.alb", "environment.tags"]
)
def test_an_empty_value_below_a_section_is_refused(desk: Desk, path: str) -> None:
    lines = desk.put(path, None).lines()
    assert any(line.startswith(f"{path}: empty; must be ") for line in lines), lines


def test_no_word_of_the_validation_library_reaches_the_user(desk: Desk) -> None:
    for path in ("network.zones", "cluster", "services.orders.port", "services.orders", "load_balancers.public.scheme"):
        desk.put(path, object())
    text = "\n".join(desk.lines())
    assert text
    assert not [word for word in ("Input", "validation", "pydantic", "valid ", "type=", "https://") if word in text]


def test_the_error_carries_no_trace_of_another_one(desk: Desk) -> None:
    with pytest.raises(SettingsError) as caught:
        desk.put("network.nat", "x").load()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
