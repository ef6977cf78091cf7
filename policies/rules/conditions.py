"""What calls the conditions of listener rules take, and which rules leave nothing for others."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.unknown import UnknownValueError, known
from policies.rules.forwarding import listener_of
from policies.rules.tokens import LISTENER_RULE

_KINDS: Final = ("pathPattern", "hostHeader", "httpHeader", "httpRequestMethod", "queryStrings", "sourceIp")


def conditions(resource: Resource) -> dict[str, list[tuple[str, Any]]]:
    """The conditions of a rule by kind, each with its path."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for path, condition in resource.items("conditions"):
        for kind in _KINDS:
            value = known(known(condition).get(kind))
            if value is not None:
                found.setdefault(kind, []).append((f"{path}.{kind}", value))
    return found


def values(condition: Any) -> list[str]:
    """What a condition may be equal to, whatever its kind."""
    if isinstance(condition, Mapping):
        listed = known(condition.get("values")) or ()
        return [str(known(each)) for each in listed] + [str(known(each)) for each in condition.get("regexValues") or ()]
    return [f"{known(each.get('key'))}={known(each.get('value'))}" for each in condition]


def _covers(pattern: str, other: str) -> bool:
    """Whether everything that `other` matches is matched by `pattern`; * is any text, ? one character."""
    if "*" not in pattern and "?" not in pattern:  # most hosts: comparing texts is much cheaper
        return pattern == other
    return _form(pattern).fullmatch(other) is not None


@functools.lru_cache(maxsize=4096)
def _form(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if char == "*" else "[^*]" if char == "?" else re.escape(char) for char in pattern))


class _Given:
    """What a rule asks of calls by one kind of condition; looked at as far as a comparison needs it, and once."""

    def __init__(self, kind: str, found: Sequence[tuple[str, Any]]) -> None:
        self._kind = kind
        self._found = [condition for _, condition in found]

    @cached_property
    def headers(self) -> list[Any]:
        """The names of headers; none for other kinds."""
        return [each.get("httpHeaderName") for each in self._found] if self._kind == "httpHeader" else []

    @cached_property
    def values(self) -> list[list[str]]:
        """For each condition what it may be equal to; hosts have no case."""
        found = [values(each) for each in self._found]
        return [[each.lower() for each in own] for own in found] if self._kind == "hostHeader" else found

    @cached_property
    def all(self) -> list[str]:
        """The values of all conditions."""
        return [each for own in self.values for each in own]


def given(resource: Resource, _: Graph) -> dict[str, _Given]:
    """The conditions of a rule by kind, in a form in which rules can be compared."""
    return {kind: _Given(kind, found) for kind, found in conditions(resource).items()}


def _taken(other: str, own: Sequence[str]) -> bool:
    """Whether one of the patterns matches everything that `other` does."""
    return other in own or any(_covers(each, other) for each in own)


def shadows(first: Mapping[str, _Given], second: Mapping[str, _Given]) -> bool:
    """Whether a rule with the first conditions leaves nothing for one with the second."""
    for kind, mine in first.items():
        theirs = second.get(kind)
        if theirs is None or not all(each in theirs.headers for each in mine.headers):
            return False
        if not theirs.all or any(not _taken(other, own) for own in mine.values for other in theirs.all):
            return False
    return True


def priority(resource: Resource) -> float | None:
    """The priority of a rule; None where it has none. Raises UnknownValueError when it is not known."""
    return number(resource.get("priority"))


class Beside:
    """The rules of a listener, by priority and by what calls they take."""

    def __init__(self, rules: Sequence[Resource], graph: Graph) -> None:
        self.by_priority: dict[float, list[Resource]] = {}
        self._ranked: list[tuple[float, Resource]] = []
        self._blind: list[tuple[Resource, str]] = []
        self._wide: list[int] = []
        self._by_value: dict[tuple[str, str], list[int]] = {}
        for each in rules:
            try:
                rank = priority(each)
            except UnknownValueError as unknown:
                self._blind.append((each, unknown.path))
                continue
            if rank is not None:
                self.by_priority.setdefault(rank, []).append(each)
                self._index(len(self._ranked), each, graph)
                self._ranked.append((rank, each))

    def _index(self, place: int, rule: Resource, graph: Graph) -> None:
        try:
            kind, first = next(iter(graph.remembered(given, rule).items()), ("", None))
            own = first.values[0] if first is not None and not first.headers else []
        except UnknownValueError:
            own = []
        if own and not any("*" in each or "?" in each for each in own):
            for value in own:
                self._by_value.setdefault((kind, value), []).append(place)
        else:
            self._wide.append(place)

    def candidates(self, mine: Mapping[str, _Given]) -> Iterator[tuple[float, Resource]]:
        """The rules that may leave nothing for one with some conditions, each with its priority.

        Whoever asks for certain hosts, paths or the like takes calls from those alone that ask for one of them: to look
        these up keeps a long listener as cheap for each rule as a short one.
        """
        try:
            asked = [(kind, value) for kind, theirs in mine.items() for value in theirs.all]
            places = {place for each in asked for place in self._by_value.get(each, ())}.union(self._wide)
        except UnknownValueError:
            return iter(self._ranked)
        return (self._ranked[place] for place in sorted(places))

    def refuse_blind(self, resource: Resource) -> None:
        """Raises UnknownValueError where the priority of some rule other than a given one is not known."""
        for each, path in self._blind:
            if each is not resource:
                raise UnknownValueError(path)


def rules_beside(resource: Resource, graph: Graph) -> Beside:
    """The rules of a rule's listener, itself among them; none where the listener is none of the program's."""
    listener = listener_of(resource, graph)
    return graph.remembered(_beside, listener) if listener is not None else Beside((), graph)


def _beside(listener: Resource, graph: Graph) -> Beside:
    rules = [each for each in graph.users(listener, LISTENER_RULE) if listener_of(each, graph) is listener]
    return Beside(rules, graph)
