"""What indexes of resources are made with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from policies.engine.forms import MAPS
from policies.engine.resource import Resource

_K = TypeVar("_K")


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
