"""The form of values: what is told, what becomes unknown, and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.engine.evaluate import Evaluator
from policies.engine.forms import Each, Fields, Flag, Form, Number, NumberOrName, Table, Text
from policies.engine.resource import Resource
from policies.engine.unknown import Unknown, is_unknown
from policies.rules import REGISTRY

PORT = Number(1, 65535)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def looked(form: Form, value: Any, **more: Any) -> Resource:
    """A resource with the value as `it`, as its form leaves it."""
    made = Resource("a:b:C", "c", "urn:c", {"it": value, **more}, secrets=("secret",))
    return made.sound(Fields({"it": form, "secret": PORT}))


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (Text(("ip", "instance")), "ip"),
        (PORT, 443),
        (PORT, "443"),
        (Number(1, 9, other="traffic-port"), "traffic-port"),
        (Flag(), True),
        (Flag(), "False"),
        (NumberOrName(1, 9, "[a-z]+", "a number or a name"), "grpc"),
        (Each(PORT), [1, 2]),
        (Table(Text()), {"a": "b"}),
        (Fields({"port": PORT}, required=("port",), one=("port", "name")), {"port": 1}),
        (Text(("ip",)), None),
    ],
)
def test_a_right_value_stays_as_it_is(form: Form, value: Any) -> None:
    found = looked(form, value)
    assert (found.get("it"), found.faults, found.unseen) == (value, (), ())


@pytest.mark.parametrize(
    ("form", "value", "message"),
    [
        (Text(("ip", "instance")), "IP", 'must be ip or instance (did you mean ip?); received "IP"'),
        (PORT, 0, "must be a number from 1 to 65535; received 0"),
        (Number(1, 9, " s", strict=True), "5", 'must be a number from 1 to 9 s, not text; received "5"'),
        (NumberOrName(1, 9, "[a-z]+", "a number or a name"), "G", 'must be a number or a name; received "G"'),
        (Each(PORT, least=1), [], "must have at least 1, and has 0"),
        (Fields({}, required=("port",)), {}, "missing; without it the whole is refused"),
        (Fields({}, one=("a", "b")), {"a": 1, "b": 2}, "must have exactly one of a, b; it has a and b"),
        (Fields({}, most_one=("a", "b")), {"a": 1, "b": 2}, "must not have a and b together"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_and_stays(form: Form, value: Any, message: str) -> None:
    found = looked(form, value)
    assert [each.message for each in found.faults] == [message]
    assert found.properties["it"] == value


@pytest.mark.parametrize(
    ("form", "value"),
    [(Text(), ["a"]), (PORT, "many"), (PORT, True), (Flag(), "perhaps"), (Each(PORT), {}), (Table(Text()), [])],
)
def test_a_value_of_a_wrong_type_is_told_and_is_not_known_any_more(form: Form, value: Any) -> None:
    found = looked(form, value)
    assert len(found.faults) == 1
    assert is_unknown(found.properties["it"])


def test_a_secret_is_never_shown() -> None:
    found = looked(PORT, 1, secret="hunter2")
    assert [each.message for each in found.faults] == ["must be a number from 1 to 65535; received [secret]"]


def test_what_is_not_known_is_left_open_where_it_could_be_wrong() -> None:
    assert looked(PORT, Unknown("it")).unseen == ("it",)
    assert looked(Text(), Unknown("it")).unseen == ()
    assert looked(Fields({"port": PORT}), Unknown("it")).unseen == ("it",)


def test_what_a_patch_leaves_out_is_not_missing() -> None:
    made = Resource("kubernetes:core/v1:ServicePatch", "c", "urn:c", {"spec": {}})
    assert made.sound(Fields({"spec": Fields({}, required=("ports",))})).faults == ()


def told(value: Any) -> Any:
    """A value without what is nothing in it, where it is a map."""
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


@given(JUNK)
def test_whatever_stands_there_it_is_judged_without_an_error(value: Any) -> None:
    for form in (PORT, Flag(), Text(("a",)), Each(PORT, least=1), Table(Text()), Fields({"a": PORT}, one=("a", "b"))):
        found = looked(form, value)
        assert value is None or found.faults or found.properties["it"] == told(value)


def test_a_wrong_type_is_one_finding_and_what_needs_the_value_is_not_evaluated() -> None:
    group = {"port": 1, "protocol": "HTTP", "vpcId": "vpc-1", "targetType": "ip", "protocolVersion": ["GRPC"]}
    made = Resource("aws:lb/targetGroup:TargetGroup", "orders", "urn:orders", group)
    report = Evaluator(REGISTRY, {}, {}).everything([made])
    about = [each.rule for each in report.findings if each.path == "protocolVersion"]
    assert about == ["ALB042"]
    assert report.failures == []
    assert {"ALB001", "ALB002"} <= {each.rule for each in report.not_evaluated}


def test_nothing_in_a_list_is_not_judged_and_nothing_in_a_map_is_not_there() -> None:
    form = Fields({"list": Each(Text()), "map": Fields({"a": Text()})})
    sound = Resource("t", "it", "urn:it", {"list": ["a", None], "map": {"a": None, "b": 1}}).sound(form)
    assert is_unknown(sound.get("list[1]"))
    assert sound.get("map") == {"b": 1}
    assert [each.path for each in sound.faults] == ["list[1]"]
