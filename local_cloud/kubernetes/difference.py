"""Diff: what changed between two manifests and whether that replaces the object (provider/pkg/provider/diff.go)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from local_cloud.kubernetes import kinds
from local_cloud.kubernetes.naming import autonamed
from local_cloud.plugin import Difference
from local_cloud.values import UNKNOWN

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, add | delete | update) at the deepest level both sides have; null is absent, an empty map is not."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if path else key
            yield from changes(old.get(key), new.get(key), inner if _PLAIN.fullmatch(key) else f'{path}["{key}"]')
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            sides = [side[number] if number < len(side) else None for side in (old, new)]
            yield from changes(sides[0], sides[1], f"{path}[{number}]")
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "add" if old is None else "delete" if new is None else "update"


def difference(
    api: str, kind: str, old: dict[str, Any], new: dict[str, Any], *, mutable: frozenset[str], patch: bool
) -> Difference:
    """The answer to Diff. ``mutable``: ConfigMap, Secret where told to change in place; ``patch``: a Patch type."""
    forcing = kinds.NAME_REPLACES if patch else (*kinds.NAME_REPLACES, *_forcing(api, kind, old, new, mutable))
    detailed: dict[str, str] = {}
    replaces = set()
    for path, how in changes(old, new):
        forced = any(
            path == each or path.startswith((f"{each}.", f"{each}[")) or each.startswith(f"{path}.") for each in forcing
        )
        detailed[path] = f"{how}-replace" if forced else how
        if forced:
            replaces.add(re.split(r"[.\[]", path)[0])
    return Difference(detailed, tuple(sorted(replaces)), bool(replaces) and _same_name(old, new))


def _forcing(api: str, kind: str, old: dict[str, Any], new: dict[str, Any], mutable: frozenset[str]) -> tuple[str, ...]:
    listed = kinds.REPLACING.get((api, kind), ())
    if kind in mutable and new.get("immutable") is not True and old.get("immutable") is not True:
        return ("type",) if kind == "Secret" else ()
    return listed


def _same_name(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the new object would need the place of the old one: a name the user gave, in the same namespace."""
    before, after = old.get("metadata") or {}, new.get("metadata") or {}
    if not isinstance(after, dict) or autonamed(after):
        return False
    return all(before.get(name) == after.get(name) for name in ("name", "namespace"))
