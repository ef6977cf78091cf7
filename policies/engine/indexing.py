"""What indexes of resources are made with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from policies.engine.forms import MAPS
from policies.engine.resource import Resource

_K = TypeVar("_K")
_IDENTITIES: Final = ("arn", "id")


def grouped(pairs: Iterable[tuple[_K, Resource]]) -> dict[_K, list[Resource]]:
    """Resources by what each comes with, in their order."""
    found: dict[_K, list[Resource]] = {}
    for key, each in pairs:
        found.setdefault(key, []).append(each)
    return found


def root(path: str) -> str:
    """The property that a path begins with: `spec` of `spec.ports[0].name`."""
    return path.partition(".")[0].partition("[")[0]


def texts(value: Any) -> Iterator[str]:
    """Every text that may be an id or ARN, however deep it lies."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and len(each) > 8:
            yield each
        elif isinstance(each, MAPS):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += list.__iter__(each)  # also of one that is not whole


def by_identity(resources: Iterable[Resource], by_urn: Mapping[str, Resource]) -> dict[str, Resource]:
    """Resources by their ids and ARNs. A component may give the ARN of what it has inside, which is then the one."""

    def is_inside(each: Resource, component: Resource) -> bool:
        parent = by_urn.get(each.parent)
        return parent is not None and (parent is component or is_inside(parent, component))

    found: dict[str, Resource] = {}
    for each in resources:
        for value in map(each.get, _IDENTITIES):
            if isinstance(value, str) and (value not in found or is_inside(each, found[value])):
                found[value] = each
    return found
