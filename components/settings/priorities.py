"""Priorities of listener rules: the more specific rule first, and no rule moves because another one came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

# Elastic Load Balancing API Reference, CreateRule: 1 to 50000, unique on a listener, the lowest is tried first.
LAST: Final = 50_000
MAX_DEPTH: Final = 8
# Rules crowd at depths 0 to 2 (a gRPC path has two segments), so these bands are wide: with 100 rules in one, a new
# rule wants the place of another one in one case of sixty.
_WIDE, _NARROW, _WIDE_UP_TO = 6_000, 1_150, 2


@dataclass(frozen=True, order=True)
class Specificity:
    """How narrow a rule is: literal path segments, 0 to 8, and whether it has conditions beside host and path."""

    depth: int
    conditions: bool = False


def assign(keys: Mapping[str, Specificity]) -> dict[str, int]:
    """A priority for every rule, by its logical name. Unique, 1 to 50000, whatever the order of `keys`.

    Every specificity has a band of its own; deeper paths come first, and with conditions before without. The place in
    the band is a hash of the key. When several keys want one place the first in sorted order gets it and the others
    take free places, so a new rule moves another one only when the two collide.

    Raises ValueError for a depth outside 0 to 8, or when a band is full (1,150 rules; a listener has 100 by default).
    """
    bands: dict[Specificity, list[str]] = {}
    for key, specificity in keys.items():
        if not 0 <= specificity.depth <= MAX_DEPTH:
            raise ValueError(f"{key}: depth {specificity.depth}; allowed: 0 to {MAX_DEPTH}")
        bands.setdefault(specificity, []).append(key)
    assigned: dict[str, int] = {}
    for specificity, band in bands.items():
        first = _first(specificity)
        assigned |= {key: first + place for key, place in _places(sorted(band), _width(specificity.depth)).items()}
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


def _width(depth: int) -> int:
    return _WIDE if depth <= _WIDE_UP_TO else _NARROW


def _first(specificity: Specificity) -> int:
    deeper = sum(2 * _width(depth) for depth in range(specificity.depth + 1, MAX_DEPTH + 1))
    return 1 + deeper + (0 if specificity.conditions else _width(specificity.depth))
