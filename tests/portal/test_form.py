"""Settings as a form and back."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import form
from portal.form import texts
from portal.form.fields import name_of
from tests.variations.generator import random_settings

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = form.load(CHECKOUT)
ORDERS = (form.SERVICES, "orders")
SECRETS = (*ORDERS, "secrets")
SECURE = {"secure": "v1:bm9uY2U=:Y2lwaGVy"}


def config(name: str = "dev") -> dict[str, Any]:
    """The settings of one of the stack files."""
    found: dict[str, Any] = yaml.safe_load((CHECKOUT / f"Pulumi.{name}.yaml").read_text("utf-8"))["config"]
    return found


def small() -> dict[str, Any]:
    """Settings with one workload, which has a secret."""
    return {
        "aws:region": "eu-west-1",
        form.SERVICES: {
            "orders": {
                "protocol": "grpc",
                "port": 50051,
                "env": {"LEVEL": "info"},
                "secrets": {"URL": dict(SECURE)},
                "expose": {"client_side": {}},
            }
        },
    }


def sent(page: form.Form) -> list[tuple[str, str]]:
    """What a browser sends of a form in which nobody changed anything."""
    pairs = [(each.name, each.value.replace("\n", "\r\n")) for each in page.root.fields()]
    for group in page.root.groups():
        if group.name:
            pairs += [(group.name, group.unticked), *([(group.name, form.YES)] if group.present else [])]
    return pairs


def changed(
    base: Mapping[str, Any], *inputs: tuple[str, Sequence[str], str], under: tuple[str, ...] = ()
) -> form.Reading:
    """The settings after somebody changed some inputs; those of an unchanged form are sent before them."""
    pairs = sent(form.build(SCHEMA, base, under=under))
    return form.read(
        SCHEMA, base, [*pairs, *((name_of(letter, tuple(path)), text) for letter, path, text in inputs)], under=under
    )


def field_at(page: form.Form, path: Sequence[str]) -> form.Field:
    """A field of a form."""
    return next(each for each in page.root.fields() if each.path == tuple(path))


def without_secrets(value: Any) -> Any:
    """Settings without what is encrypted: nothing of it is on a page."""
    if isinstance(value, dict):
        return {key: without_secrets(each) for key, each in value.items() if each != SECURE and key != "secrets"}
    return value


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_an_untouched_form_changes_nothing(name: str) -> None:
    base = config(name)
    reading = form.read(SCHEMA, base, sent(form.build(SCHEMA, base)))
    assert reading.problems == ()
    assert reading.settings == base
    assert list(reading.settings[form.SERVICES]) == list(base[form.SERVICES])
    assert reading.secrets == {}


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_text_alone_gives_all_valid_settings_back(seed: int) -> None:
    drawn = random_settings(Random(seed))  # noqa: S311 - settings, not keys
    base = {"aws:region": "eu-west-1"} | {f"grpc-platform:{key}": value for key, value in drawn.items()}
    base = without_secrets(base)
    reading = form.read(SCHEMA, {}, sent(form.build(SCHEMA, base)))
    assert reading.problems == ()
    assert reading.settings == base


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_form_of_one_workload_leaves_the_others_alone(seed: int) -> None:
    drawn = random_settings(Random(seed))  # noqa: S311 - settings, not keys
    base = {"aws:region": "eu-west-1"} | {f"grpc-platform:{key}": value for key, value in drawn.items()}
    name = min(base[form.SERVICES])
    reading = changed(base, ("v", (form.SERVICES, name, "drain"), "77"), under=(form.SERVICES, name))
    wanted = copy.deepcopy(base)
    wanted[form.SERVICES][name]["drain"] = 77
    assert (reading.settings, reading.problems) == (wanted, ())


TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", " ", '"', '"a"', "[]", "[", "{}", "a: b", "a:", ":", "1", "true", "\n", "\r\n"]
)


@given(TEXTS)
@settings(deadline=None)
def test_any_text_is_read_as_it_is_shown(value: str) -> None:
    assert texts.parsed(form.Kind.TEXT, texts.shown(form.Kind.TEXT, value)) == value


@given(st.integers() | TEXTS)
@settings(deadline=None)
def test_any_number_and_what_is_none_is_read_as_it_is_shown(value: int | str) -> None:
    found = texts.parsed(form.Kind.NUMBER, texts.shown(form.Kind.NUMBER, value))
    assert (type(found), found) == (type(value), value)


@given(st.lists(TEXTS))
@settings(deadline=None)
def test_any_list_is_read_as_it_is_shown(value: list[str]) -> None:
    assert texts.parsed(form.Kind.LIST, texts.shown(form.Kind.LIST, value)) == value


@given(st.dictionaries(TEXTS, TEXTS))
@settings(deadline=None)
def test_any_map_is_read_as_it_is_shown(value: dict[str, str]) -> None:
    assert texts.parsed(form.Kind.MAP, texts.shown(form.Kind.MAP, value)) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@settings(deadline=None)
def test_any_value_is_read_as_it_is_shown_as_json(value: Any) -> None:
    assert texts.parsed(form.Kind.RAW, texts.shown(form.Kind.RAW, value)) == value


@given(JSON, st.sampled_from(["port", "env", "grpc_services", "protocol", "expose", "nonsense", "secrets", "image"]))
@settings(max_examples=50, deadline=None)
def test_values_that_are_not_as_they_should_be_are_kept(value: Any, key: str) -> None:
    base = small()
    base[form.SERVICES]["orders"][key] = value
    reading = form.read(SCHEMA, base, sent(form.build(SCHEMA, base)))
    assert reading.settings == base


@given(
    st.lists(st.tuples(st.text(max_size=20) | st.from_regex(r"[vpra]:(/[a-z:~01-]{0,9}){0,4}", fullmatch=True), TEXTS))
)
@settings(max_examples=50, deadline=None)
def test_whatever_is_sent_is_no_error(pairs: list[tuple[str, str]]) -> None:
    reading = form.read(SCHEMA, small(), pairs)
    form.build(SCHEMA, reading.settings, problems=reading.problems, pending=reading.pending, entered=reading.entered)


def test_text_becomes_what_the_schema_says() -> None:
    reading = changed(
        small(),
        ("v", (*ORDERS, "port"), " 8080 "),
        ("v", (*ORDERS, "health", "liveness"), '""'),
        ("v", (*ORDERS, "grpc_services"), "a.B\r\n\r\n c.D \r\n"),
        ("v", (*ORDERS, "env"), "LEVEL: debug\r\nURL: http://x:1/y\r\nEMPTY:"),
        ("v", ("grpc-platform:environment", "protected"), "true"),
        ("v", ("grpc-platform:cluster", "version"), "1.30"),
        ("p", ("grpc-platform:lattice",), form.YES),
    )
    assert reading.problems == ()
    orders = reading.settings[form.SERVICES]["orders"]
    assert orders["port"] == 8080
    assert orders["health"] == {"liveness": ""}
    assert orders["grpc_services"] == ["a.B", "c.D"]
    assert orders["env"] == {"LEVEL": "debug", "URL": "http://x:1/y", "EMPTY": ""}
    assert reading.settings["grpc-platform:environment"] == {"protected": True}
    assert reading.settings["grpc-platform:cluster"] == {"version": "1.30"}
    assert reading.settings["grpc-platform:lattice"] == {}


def test_an_empty_field_takes_the_setting_out_and_an_unticked_box_the_group() -> None:
    reading = changed(
        small(),
        ("v", (*ORDERS, "env"), ""),
        ("p", (*ORDERS, "expose"), form.WAS),
    )
    assert set(reading.settings[form.SERVICES]["orders"]) == {"protocol", "port", "secrets"}


def test_a_workload_is_added_and_another_goes() -> None:
    base = small()
    added = form.read(SCHEMA, base, [("a:/" + form.SERVICES, "stock"), ("r:/" + form.SERVICES + "/orders", form.YES)])
    assert added.problems == ()
    assert added.settings == {"aws:region": "eu-west-1", form.SERVICES: {"stock": {}}}
    filled = changed(added.settings, ("v", (form.SERVICES, "stock", "port"), "1"))
    assert filled.settings[form.SERVICES] == {"stock": {"port": 1}}
    twice = form.read(SCHEMA, base, [("a:/" + form.SERVICES, "orders")])
    assert [each.message for each in twice.problems] == ["orders is there already"]


def test_a_new_entry_keeps_its_place_while_it_is_filled_in() -> None:
    base = small()
    reading = changed(base, ("a", (*ORDERS, "expose", "alb", "routes"), "purge"))
    page = form.build(SCHEMA, reading.settings)
    again = form.read(SCHEMA, base, sent(page))
    assert again.settings[form.SERVICES]["orders"]["expose"]["alb"] == {"routes": {"purge": {}}}


def test_an_input_of_an_unknown_setting_is_refused() -> None:
    reading = changed(
        small(), ("v", (*ORDERS, "prot"), "1"), ("v", ("grpc-platform:nothing",), "x"), ("v", ("aws:x", "y"), "x")
    )
    assert {each.where for each in reading.problems} == {
        f"{form.SERVICES}.orders.prot",
        "grpc-platform:nothing",
        "aws:x.y",
    }
    assert reading.settings == small()


def test_an_input_of_another_part_is_refused() -> None:
    base = small()
    other = [("v:/aws:region", "us-east-1"), ("r:/" + form.SERVICES + "/orders", form.YES)]
    reading = form.read(SCHEMA, base, other, under=(form.SERVICES, "stock"))
    assert reading.settings == base
    assert {each.message for each in reading.problems} == {"is no part of this form"}


def test_names_of_the_page_itself_are_left_alone() -> None:
    assert form.read(SCHEMA, small(), [("csrf", "x"), ("action", "preview")]).problems == ()


def test_a_secret_is_never_on_a_page_and_stays_where_nothing_is_typed() -> None:
    page = form.build(SCHEMA, small())
    shown = field_at(page, (*SECRETS, "URL"))
    assert (shown.kind, shown.value, shown.is_set) == (form.Kind.SECRET, "", True)
    assert "Y2lwaGVy" not in repr(page)
    assert form.read(SCHEMA, small(), sent(page)).settings == small()


def test_a_new_secret_is_handed_back_apart_and_nowhere_else() -> None:
    reading = changed(small(), ("v", (*SECRETS, "URL"), "hunter2"), ("v", (*SECRETS, "KEY"), " key one\r\nkey two "))
    assert reading.problems == ()
    assert reading.secrets == {(*SECRETS, "URL"): "hunter2", (*SECRETS, "KEY"): " key one\nkey two "}
    assert reading.settings == small()
    page = form.build(SCHEMA, reading.settings, pending=reading.pending, entered=reading.entered)
    for text in (repr(reading), repr(page), repr(reading.entered)):
        assert "hunter2" not in text
        assert "key two" not in text
    assert field_at(page, (*SECRETS, "KEY")).required
    assert not field_at(page, (*SECRETS, "KEY")).is_set
    whole = form.with_secrets(reading.settings, {path: f"enc({len(text)})" for path, text in reading.secrets.items()})
    assert whole[form.SERVICES]["orders"]["secrets"] == {"URL": {"secure": "enc(7)"}, "KEY": {"secure": "enc(17)"}}


def test_a_secret_that_is_added_waits_for_its_value() -> None:
    reading = changed(small(), ("a", SECRETS, "KEY"))
    assert reading.settings == small()
    assert reading.pending == ((*SECRETS, "KEY"),)
    page = form.build(SCHEMA, reading.settings, pending=reading.pending)
    again = form.read(SCHEMA, small(), sent(page))
    assert [(each.path, each.message) for each in again.problems] == [((*SECRETS, "KEY"), "has no value yet")]


def test_a_secret_is_taken_out_by_its_box() -> None:
    reading = changed(small(), ("r", (*SECRETS, "URL"), form.YES))
    assert reading.settings[form.SERVICES]["orders"]["secrets"] == {}


def test_a_secret_in_a_wrong_place_is_not_shown_either() -> None:
    base = small()
    base[form.SERVICES]["orders"]["env"] = {"A": dict(SECURE)}
    base["grpc-platform:cluster"] = {"version": dict(SECURE)}
    page = form.build(SCHEMA, base)
    assert "Y2lwaGVy" not in repr(page)
    assert form.read(SCHEMA, base, sent(page)).settings == base
    reading = changed(base, ("r", (*ORDERS, "env"), form.YES))
    assert "env" not in reading.settings[form.SERVICES]["orders"]


def test_text_that_is_no_map_is_a_problem_at_its_field_and_shown_again() -> None:
    reading = changed(small(), ("v", (*ORDERS, "env"), "LEVEL: debug\nnonsense"))
    assert [(each.where, each.message) for each in reading.problems] == [
        (f"{form.SERVICES}.orders.env", "line 2: must be key: value")
    ]
    page = form.build(SCHEMA, reading.settings, problems=reading.problems, entered=reading.entered)
    shown = field_at(page, (*ORDERS, "env"))
    assert shown.errors == ("line 2: must be key: value",)
    assert shown.value == "LEVEL: debug\nnonsense"


def test_the_program_says_what_is_wrong_and_each_field_has_its_own() -> None:
    base = config()
    orders = base[form.SERVICES]["orders"]
    orders["port"] = 70000
    orders["grpc_services"] = ["acme.orders.v1.Orders", "no name"]
    orders["prot"] = 1
    base["grpc-platform:cluster"]["version"] = "1.1"
    problems = form.check(CHECKOUT, base)
    page = form.build(SCHEMA, base, problems=problems, under=ORDERS)
    assert "must be a whole number from 1 to 65535; received 70000" in field_at(page, (*ORDERS, "port")).errors
    assert field_at(page, (*ORDERS, "grpc_services")).errors[0].startswith("1: must be a full gRPC service name")
    assert "did you mean" in field_at(page, (*ORDERS, "prot")).errors[0]
    assert any(each.startswith("grpc-platform:cluster.version: ") for each in page.errors)


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_the_program_takes_what_the_form_gives_back(name: str) -> None:
    base = config(name)
    reading = form.read(SCHEMA, base, sent(form.build(SCHEMA, base)))
    assert form.check(CHECKOUT, reading.settings) == ()


def test_the_check_counts_secrets_to_come_and_shows_none() -> None:
    base = config()
    assert form.check(CHECKOUT, base, pending=[(*ORDERS, "secrets", "LATER")]) == ()
    base["grpc-platform:cluster"]["version"] = {"secure": "v1:abc"}
    (problem,) = form.check(CHECKOUT, base)
    assert problem.path == ("grpc-platform:cluster", "version")
    assert "secrets belong under" in problem.message
    assert "v1:abc" not in repr(problem)


def test_a_region_is_asked_for_like_everything_else() -> None:
    base = config()
    del base["aws:region"]
    (problem,) = form.check(CHECKOUT, base)
    assert (problem.path, problem.where) == (("aws:region",), "aws:region")


def test_a_program_that_cannot_check_is_no_approval(tmp_path: Path) -> None:
    with pytest.raises(form.CheckError):
        form.check(tmp_path, config())
    with pytest.raises(form.SchemaError):
        form.load(tmp_path)


def test_what_a_field_says_is_what_the_schema_says() -> None:
    page = form.build(SCHEMA, small(), under=ORDERS)
    port, drain = field_at(page, (*ORDERS, "port")), field_at(page, (*ORDERS, "drain"))
    assert (port.kind, port.required, port.minimum, port.maximum) == (form.Kind.NUMBER, True, 1, 65535)
    assert (drain.default, drain.is_set, drain.label) == ("30", False, "Drain")
    assert field_at(page, (*ORDERS, "protocol")).choices == ("grpc", "http")
    assert "deregistration delay" in drain.help
    assert field_at(page, (*ORDERS, "architecture")).default.startswith("any")


def test_there_is_no_form_of_what_cannot_be() -> None:
    with pytest.raises(KeyError):
        form.build(SCHEMA, small(), under=("grpc-platform:nothing",))


def test_a_form_for_a_workload_that_is_not_there_makes_it() -> None:
    path = (form.SERVICES, "stock")
    reading = changed(small(), ("v", (*path, "protocol"), "http"), ("v", (*path, "port"), "80"), under=path)
    assert reading.settings[form.SERVICES]["stock"] == {"protocol": "http", "port": 80}
    assert reading.settings[form.SERVICES]["orders"] == small()[form.SERVICES]["orders"]
