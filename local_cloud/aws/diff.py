"""What changed between two sets of inputs, and whether AWS can change it in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from local_cloud.aws.check import DEFAULTS, bare
from local_cloud.aws.kind import Kind, Props, Value
from local_cloud.plugin import Difference
from local_cloud.values import UNKNOWN, leaves

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EMPTY: tuple[Value, ...] = (None, [], {})


def changes(old: Value, new: Value, path: str = "") -> Iterator[tuple[str, str, Value]]:
    """(path, add | delete | update, the value that appears or vanishes), at the deepest level both sides have.

    Absent, null, an empty list and an empty map are the same, and so are two JSON texts of the same content, as for
    the real provider.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from changes(old.get(key), new.get(key), _join(path, key))
    elif isinstance(old, list) and isinstance(new, list) and old and new:
        for number in range(max(len(old), len(new))):
            before, after = (side[number] if number < len(side) else None for side in (old, new))
            yield from changes(before, after, f"{path}[{number}]")
    elif new is UNKNOWN or not _same(old, new):
        kind = "add" if _empty(old) else "delete" if _empty(new) else "update"
        yield path, kind, old if kind == "delete" else new


def _join(path: str, key: str) -> str:
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'


def _empty(value: Value) -> bool:
    return any(value is empty or (not isinstance(value, bool) and value == empty) for empty in _EMPTY)


def _same(old: Value, new: Value) -> bool:
    if _empty(old) and _empty(new):
        return True
    if isinstance(old, str) and isinstance(new, str) and old != new and old[:1] == new[:1] and old[:1] in {"{", "["}:
        try:
            return bool(json.loads(old) == json.loads(new))
        except ValueError:
            return False
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _bare_path(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def _forces(create_only: frozenset[str], path: str, value: Value) -> bool:
    """Whether a change at ``path`` touches a create-only property (an object that appears is looked into)."""
    touched = {_bare_path(path), *(_bare_path(leaf) for leaf, _ in leaves(value, path))}
    return any(
        leaf == fixed or leaf.startswith((f"{fixed}.", f"{fixed}[")) for leaf in touched for fixed in create_only
    )


def difference(kind: Kind, olds: Props, news: Props, ignored: tuple[str, ...] = ()) -> Difference:
    """The provider's answer to Diff for two sets of checked inputs; ``ignored``: paths of ``ignore_changes``."""
    old, new = bare(olds), bare(news)
    skipped = frozenset(ignored) | kind.ignored
    found = [change for change in changes(old, new) if not _forces(skipped, change[0], change[2])]
    fixed = kind.create_only | {"region"}
    conditional = set(kind.replaces(old, new)) if kind.replaces else set()
    detailed: dict[str, str] = {}
    replaces: set[str] = set()
    for path, how, value in found:
        top = re.split(r"[.\[]", path)[0]
        forced = top in conditional or _forces(fixed, path, value)
        detailed[path] = f"{how}-replace" if forced else how
        replaces |= {top} if forced else set()
    stables = {path for path in fixed if path in new and path not in replaces}
    first = bool(replaces) and (kind.deletes_first or (not kind.framework and _named_by_user(kind, news)))
    return Difference(detailed, tuple(sorted(replaces)), first, tuple(sorted(stables)))


def _named_by_user(kind: Kind, news: Props) -> bool:
    """A name the user gave is taken while the old resource lives (nameRequiresDeleteBeforeReplace in schema.go)."""
    return kind.name is not None and kind.name.property in news and kind.name.property not in news.get(DEFAULTS, ())
