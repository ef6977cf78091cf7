"""Priorities of listener rules: the more specific rule first, and a rule moves only when it collides with another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

# Elastic Load Balancing API Reference, CreateRule: 1 to 50000, unique on a listener, the lowest is tried first.
LAST: Final = 50_000
# How many services stacks share a listener, each with a run of priorities of its own, and the shortest run there is.
SLOTS: Final = 20
LEAST: Final = 500
MAX_DEPTH: Final = 8


@dataclass(frozen=True, order=True)
class Specificity:
    """How narrow a rule is: literal path segments, 0 to 8, and whether it has conditions beside host and path."""

    depth: int
    conditions: bool = False


# Rules crowd where gRPC is: at depth 1 the rules of services, at depth 2 the forward and deny rules of routes, at depth
# 0 whole hosts. All other bands have `_OTHER` places.
_WIDTHS: Final = {
    Specificity(2, conditions=True): 6_000,
    Specificity(2): 6_000,
    Specificity(1): 24_000,
    Specificity(0): 4_000,
}
_OTHER: Final = 700
# In the order in which they are tried.
_BANDS: Final = tuple(
    Specificity(depth, conditions) for depth in range(MAX_DEPTH, -1, -1) for conditions in (True, False)
)


def slot(number: int) -> tuple[int, int]:
    """First and last priority of services stack `number`, 1 to 20: 2,500 each."""
    return (number - 1) * (LAST // SLOTS) + 1, number * (LAST // SLOTS)


def assign(keys: Mapping[str, Specificity], *, first: int = 1, last: int = LAST) -> dict[str, int]:
    """A priority for every rule, by its logical name. Unique, `first` to `last`, whatever the order of `keys`.

    Every specificity has a band of its own; deeper paths come first, and with conditions before without. The place in
    the band is a hash of the key. When several keys want one place the first in sorted order gets it and the others
    take free places, so a new rule moves another one only when the two collide.

    What remains: two rules that collide exchange places when one of them comes or goes, the place itself and the
    substitute. As rules change one by one, AWS may refuse that with PriorityInUse; another name for the new workload or
    route is the way out. In a full load balancer, 84 rules of gRPC services beside those of 8 routes, a new one
    collides in about one case of three hundred (84 of 24,000 places).

    A shorter run of priorities than 1 to 50000 has shorter bands, in proportion.

    Raises ValueError for a depth outside 0 to 8, a run shorter than 500, or when a band is full (700 rules of 50,000; a
    listener has 100 by default).
    """
    size = last - first + 1
    if size < LEAST:
        raise ValueError(f"{first} to {last} are {size} priorities; at least {LEAST} are needed")
    bands: dict[Specificity, list[str]] = {}
    for key, specificity in keys.items():
        if not 0 <= specificity.depth <= MAX_DEPTH:
            raise ValueError(f"{key}: depth {specificity.depth}; allowed: 0 to {MAX_DEPTH}")
        bands.setdefault(specificity, []).append(key)
    assigned: dict[str, int] = {}
    for specificity, band in bands.items():
        start = first - 1 + _first(specificity, size)
        assigned |= {key: start + place for key, place in _places(sorted(band), width(specificity, size)).items()}
    return {key: assigned[key] for key in keys}


def _places(keys: list[str], width: int) -> dict[str, int]:
    if len(keys) > width:
        raise ValueError(f"{len(keys)} rules of one specificity; at most {width} have a priority")
    owners: dict[int, str] = {}
    for key in keys:
        owners.setdefault(_hash(key, 0, width), key)
    for key in keys:
        if owners[_hash(key, 0, width)] != key:
            owners[next(place for place in _probes(key, width) if place not in owners)] = key
    return {key: place for place, key in owners.items()}


def _probes(key: str, width: int) -> Iterator[int]:
    """Every place of the band, in an order of the key's own."""
    start = _hash(key, 1, width)
    yield from (place % width for place in range(start, start + width))


def _hash(key: str, attempt: int, width: int) -> int:
    digest = hashlib.sha256(f"{attempt}:{key}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % width


def width(specificity: Specificity, size: int = LAST) -> int:
    """How many places the band of a specificity has in a run of `size` priorities."""
    return _WIDTHS.get(specificity, _OTHER) * size // LAST


def _first(specificity: Specificity, size: int) -> int:
    before = _BANDS[: _BANDS.index(specificity)]
    return 1 + sum(width(each, size) for each in before)
