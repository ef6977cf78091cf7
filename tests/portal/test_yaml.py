"""Settings as YAML text and back."""

from __future__ import annotations

import json
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from yaml.nodes import MappingNode

from portal import form
from portal.form import stack_file
from tests.variations.generator import random_settings

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMA = form.load(CHECKOUT)
SECURE = {"secure": "v1:bm9uY2U=:Y2lwaGVy"}
SECRETS = (form.SERVICES, "orders", "secrets")
BASE: dict[str, Any] = {
    "aws:region": "eu-west-1",
    form.SERVICES: {"orders": {"port": 50051, "secrets": {"URL": SECURE}}},
}
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "yes",
        "NO",
        "null",
        "~",
        "010",
        "1:30",
        "1_000",
        "0x1F",
        "1e3",
        ".5",
        "2026-01-01",
        "<<",
        "=",
        "*a",
        "&a b",
        "!x",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def said(text: str) -> dict[str, Any]:
    """The settings that a text has, without any before."""
    return form.from_yaml(SCHEMA, {}, text).reading.settings


def refused(text: str) -> tuple[int, str]:
    """The line and the message of what is wrong with a text."""
    with pytest.raises(form.YamlError) as caught:
        said(text)
    return caught.value.line, str(caught.value)


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_the_stack_files_come_back(name: str) -> None:
    base = yaml.safe_load((CHECKOUT / f"Pulumi.{name}.yaml").read_text("utf-8"))["config"]
    text = form.to_yaml(base)
    found = form.from_yaml(SCHEMA, base, text).reading
    assert found.settings == base
    assert (found.problems, found.secrets) == ((), {})
    assert "secure" not in text


@given(st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_all_valid_settings_come_back(seed: int) -> None:
    drawn = random_settings(Random(seed))  # noqa: S311 - settings, not keys
    base = {"aws:region": "eu-west-1"} | {f"grpc-platform:{key}": value for key, value in drawn.items()}
    for workload in base[form.SERVICES].values():
        if "secrets" in workload:
            workload["secrets"] = dict.fromkeys(workload["secrets"], SECURE)
    assert form.from_yaml(SCHEMA, base, form.to_yaml(base)).reading.settings == base


@given(VALUES)
@settings(deadline=None)
def test_any_value_comes_back(value: Any) -> None:
    base = {"other:key": value}
    found = form.from_yaml(SCHEMA, {}, form.to_yaml(base)).reading.settings
    assert json.dumps(found) == json.dumps(base)


@given(st.text(max_size=60) | st.text(alphabet="ab:-&*<[]{}'\"!%?|>\n #~1", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_settings_or_has_a_line_that_is_wrong(text: str) -> None:
    line = 1
    try:
        json.dumps(said(text))
    except form.YamlError as error:
        line = error.line
    assert 1 <= line <= len(text.splitlines()) + 1


def test_settings_may_stand_in_config_or_alone() -> None:
    assert said("config:\n  aws:region: eu-west-1") == said("aws:region: eu-west-1") == {"aws:region": "eu-west-1"}


def test_plain_values_are_those_of_yaml_1_2() -> None:
    text = (
        "{a: yes, b: on, c: 010, d: 1:30, e: 2026-01-01, f: 1_0, g: ~, h: true, i: -7, j: 1.5, k: 1e3, l: '1', m: 0x1F}"
    )
    assert said(text) == {
        "a": "yes",
        "b": "on",
        "c": "010",
        "d": "1:30",
        "e": "2026-01-01",
        "f": "1_0",
        "g": None,
        "h": True,
        "i": -7,
        "j": 1.5,
        "k": 1000.0,
        "l": "1",
        "m": "0x1F",
    }


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3", 3, "the key a is there twice"),
        ("a:\n  b: {c: 1,\n      c: 2}", 3, "the key c is there twice"),
        ("config: {}\nconfig: {}", 2, "config is there twice"),
        ("a: [1\nb: 2", 2, "while parsing a flow sequence"),
        ("a: 1\n b: 2", 2, "mapping values are not allowed here"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]", 2, "tag"),
        ("a: !!binary aGk=", 1, "tag such as binary"),
        ("a: !mine 1", 1, "tag such as !mine"),
        ("a: 1\n7: x", 2, "a number needs quotes"),
        ("? [a]\n: 1", 1, "a key must be text"),
        ("- a\n- b", 1, "must be a map of settings"),
        ("", 1, "there is nothing here"),
        ("# nothing but this", 1, "there is nothing here"),
        ("a: 1\n---\nb: 2", 2, "expected a single document"),
        ("a: *missing", 1, "undefined alias"),
        ("config: 1", 1, "config must be a map"),
        ("encryptionsalt: v1\nconfig: {}", 1, "belongs to the environment"),
        ("config: {}\nother: 1", 2, "other must be in config"),
        ("a: 1e999", 1, "too large"),
        (f"a: {'9' * 5000}", 1, "too many digits"),
        ("a: !!int x", 1, "no value of that kind"),
        ("a: &x [*x]", 1, "an alias stands for something that it is in itself"),
        ("a: 1\nb: \x01", 2, "a character that YAML does not allow"),
        ("<<: 1\na: 1", 1, "<< must be a map"),
        ('a: 1\nb: "\\UFFFFFFFF"', 2, "that is none"),
        ('a: 1\nb: "\\U00110000"', 2, "that is none"),
        (f"%YAML 1.{'9' * 5000}\n---\na: 1", 1, "that is none"),
        ('a: 1\nb: "\\ud800"', 2, "a character that is none"),
        ('a: 1\n"\\udfff": 2', 2, "a character that is none"),
        ("a: !!bool maybe", 1, "no value of that kind"),
        ("a: !!int ''", 1, "no value of that kind"),
        ("a: !!int '-'", 1, "no value of that kind"),
        (f"a: !!float '1:{'59:' * 2000}1'", 1, "no value of that kind"),
        ("a: !!float nan", 1, "a number that is none"),
    ],
)
def test_what_is_no_settings_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    found, message = refused(text)
    assert words in message
    assert (found, message.partition(":")[0]) == (line, f"line {line}")


def test_a_character_in_two_halves_as_json_escapes_it_is_one() -> None:
    text = json.dumps({"\U0001f600": "\ufeff\U0001f600x"})
    assert "\\ud83d" in text
    assert said(text) == {"\U0001f600": "\ufeff\U0001f600x"}


def test_an_alias_and_a_merge_stand_for_what_they_name() -> None:
    text = "a: &x {b: 1, c: 2}\nd: *x\ne: {<<: *x, c: 3}\nf: {<<: [{g: 1}, *x], b: 4}"
    both = {"b": 1, "c": 2}
    assert said(text) == {"a": both, "d": both, "e": {"b": 1, "c": 3}, "f": {"g": 1, "b": 4, "c": 2}}


def test_many_merges_take_no_longer_than_they_must() -> None:
    """A text of the longest that is taken kept a processor busy for half a minute."""
    count = 12_000
    for text in (
        "<<: [" + ", ".join(f"{{a{each}: 1}}" for each in range(count)) + "]",
        "{" + ", ".join(f"<<: {{a{each}: 1}}" for each in range(count)) + "}",
    ):
        top = stack_file._composed(text)
        assert isinstance(top, MappingNode)
        begun = time.process_time()
        assert len(stack_file._Values({}).of(top, ())) == count
        assert time.process_time() - begun < 3


def test_a_secret_is_in_no_refusal() -> None:
    """A log has the traceback of a fault, with all that was raised on its way."""
    for text in ("a: !!bool hunter2hunter2", 'a: "hunter2hunter2\\UFFFFFFFF"'):
        with pytest.raises(form.YamlError) as caught:
            said(text)
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_text_that_grows_without_end_is_refused_before_it_does() -> None:
    rows = [f"k{place}: &k{place} [{', '.join([f'*k{place - 1}'] * 9)}]" for place in range(1, 40)]
    assert "at most 50,000 values" in refused("\n".join(["k0: &k0 [x]", *rows]))[1]


def test_a_text_that_is_too_deep_or_too_long_is_refused() -> None:
    assert "nested more than 50 deep" in refused("a: " + "[" * 100_000)[1]
    assert "nested more than 50 deep" in refused("\n".join("  " * depth + "a:" for depth in range(200)))[1]
    assert "at most 524,288 characters" in refused("a: " + "x" * 600_000)[1]


def test_a_secret_that_is_not_touched_stays_and_a_new_one_is_handed_back_apart() -> None:
    text = form.to_yaml(BASE)
    assert "URL: '[secret]'" in text
    kept = form.from_yaml(SCHEMA, BASE, text).reading
    assert (kept.settings, kept.secrets) == (BASE, {})
    new = form.from_yaml(SCHEMA, BASE, text + "        KEY: hunter2\n").reading
    assert new.settings == BASE
    assert new.secrets == {(*SECRETS, "KEY"): "hunter2"}
    assert new.pending == ((*SECRETS, "KEY"),)
    assert "hunter2" not in repr(new)


def test_a_secret_that_is_typed_over_is_new_and_the_old_one_is_gone() -> None:
    reading = form.from_yaml(SCHEMA, BASE, form.to_yaml(BASE).replace("'[secret]'", "hunter2")).reading
    assert reading.settings[form.SERVICES]["orders"]["secrets"] == {}
    assert reading.secrets == {(*SECRETS, "URL"): "hunter2"}
    whole = form.with_secrets(reading.settings, dict.fromkeys(reading.secrets, SECURE["secure"]))
    assert whole == BASE


def test_nothing_is_kept_where_nothing_was() -> None:
    reading = form.from_yaml(SCHEMA, {}, form.to_yaml(BASE)).reading
    assert [each.path for each in reading.problems] == [(*SECRETS, "URL")]
    assert reading.secrets == {}


def test_what_the_program_finds_has_a_line() -> None:
    text = "config:\n  aws:region: eu-west-1\n"
    text += "  grpc-platform:services:\n    orders:\n      protocol: gprc\n      port: 0\n"
    found = form.from_yaml(SCHEMA, {}, text)
    problems = form.check(CHECKOUT, found.reading.settings)
    lines = {each.where: found.line_of(each) for each in problems}
    assert lines["grpc-platform:services.orders.protocol"] == 5
    assert lines["grpc-platform:services.orders.port"] == 6
    assert found.line_of(form.Problem(("grpc-platform:network",), "", "")) == 1
