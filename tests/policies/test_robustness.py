"""Junk in any property of any example: a rule says what is wrong, or that it could not judge it, and never breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import given as tried_with
from hypothesis import strategies as st

from policies.engine.evaluate import Evaluator
from policies.engine.resource import Resource
from policies.engine.rule import Example, Level
from policies.engine.unknown import Unknown

from .conftest import RULES, resources

Path = tuple[str | int, ...]
EVALUATOR = Evaluator(RULES, {each.id: Level.ADVISORY for each in RULES}, {})


def _deep(levels: int) -> Any:
    value: Any = "end"
    for level in range(levels):
        value = [value] if level % 2 else {"value": value}
    return value


ODD: list[Any] = ["", "grpc", "*", "/", "100%", "-1", "[[", "\u202e\x00", "9" * 5000, "[" * 5000, 10**400, -(10**400)]
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(ODD)
    | st.builds(Unknown, st.just("junk"))
    | st.just(80).map(_deep)
)
KEYS = st.sampled_from(["name", "type", "values", "grpc", "port", "arn", "kind"]) | st.text(max_size=3)
JUNK = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def _paths(value: Any, start: Path = ()) -> Iterator[Path]:
    if start:
        yield start
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*start, key))


def _with(value: Any, path: Path, junk: Any) -> Any:
    if not path:
        return junk
    first, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        return {**value, first: _with(value[first], rest, junk)}
    return [_with(each, rest, junk) if place == first else each for place, each in enumerate(value)]


def _places() -> list[tuple[Example, str, Path]]:
    """Each place of each kind of resource, in the first few examples of each rule that have it."""
    found: dict[tuple[str, str, Path], list[tuple[Example, str, Path]]] = {}
    for rule in RULES:
        for example in (*rule.bad, *rule.good):
            if len(example.resources) > 20:
                continue  # one that is about a quota
            for name, given in example.resources.items():
                for path in _paths(given["properties"]):
                    like = tuple("*" if isinstance(each, int) else each for each in path)
                    places = found.setdefault((rule.id, given["type"], like), [])
                    if len(places) < 2:
                        places.append((example, name, path))
    return [place for places in found.values() for place in places]


PLACES = _places()


def spoiled(place: tuple[Example, str, Path], junk: Any) -> list[Resource]:
    """The resources of an example with junk in one place."""
    example, name, path = place
    return [
        replace(each, properties=_with(each.properties, path, junk)) if each.name == name else each
        for each in resources(example)
    ]


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@tried_with(st.sampled_from(PLACES), JUNK)
def test_no_rule_breaks_on_junk(place: tuple[Example, str, Path], junk: Any) -> None:
    assert EVALUATOR.everything(spoiled(place, junk)).failures == []


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@tried_with(st.sampled_from(PLACES), KEYS, JUNK)
def test_no_rule_breaks_on_more_than_there_should_be(place: tuple[Example, str, Path], key: str, junk: Any) -> None:
    example, name, path = place
    made = [
        replace(each, properties=_with(each.properties, path[:1], {key: junk})) if each.name == name else each
        for each in resources(example)
    ]
    assert EVALUATOR.everything(made).failures == []
