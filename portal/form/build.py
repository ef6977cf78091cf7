"""From settings to a form."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from portal.form import texts
from portal.form.fields import Field, Form, Group, Kind, Path, Problem, name_of, typed
from portal.form.schema import RAW, Node, Schema, Shape
from portal.form.texts import MISSING

_FLAGS: Final = ("true", "false")
_CAPITALS: Final = "acl alb ami arn ca cidr cpu dns http id nat tls uri url vpc waf"
_SPELLED: Final[Mapping[str, str]] = {
    **{each: each.upper() for each in _CAPITALS.split()},
    "arns": "ARNs",
    "cidrs": "CIDRs",
    "ips": "IPs",
    "mtls": "mTLS",
    "ttl": "TTL",
    "grpc": "gRPC",
    "ipv4": "IPv4",
    "ipv6": "IPv6",
}
"""Words of keys that a label writes in another way."""


def build(
    schema: Schema,
    settings: Mapping[str, Any],
    *,
    under: Path = (),
    problems: Iterable[Problem] = (),
    pending: Collection[Path] = (),
    entered: Mapping[str, str] | None = None,
) -> Form:
    """A form for the settings, or for the part at `under`, for example `(SERVICES, "orders")`.

    settings: the `config` of a stack file; it need not be valid. problems: shown at the fields they are about. pending:
    secrets that are to be typed, for nothing keeps them (`Reading.pending`). entered: what somebody typed, shown as it
    was instead of how the values would be written (`Reading.entered`). Raises KeyError when nothing can be at `under`.
    """
    builder = _Builder(schema, {*pending}, entered or {})
    node: Node
    value: Any
    node, value, required, entry = schema.config, settings, True, False
    for depth, key in enumerate(under):
        found = schema.child(node, key)
        value = value.get(key) if isinstance(value, Mapping) else None
        if found is None or not is_group(schema, found, value):
            raise KeyError(typed(under[: depth + 1]))
        required, entry, node = schema.required(node, key), schema.shape(node).entries, found
    return _with_problems(builder.group(node, value, under, required=required, entry=entry), problems)


def secure(value: Any) -> bool:
    """Whether a value is an encrypted one."""
    return isinstance(value, Mapping) and set(value) == {"secure"}


def holds_secret(value: Any) -> bool:
    """Whether a value is encrypted, or has an encrypted one in it."""
    if isinstance(value, Mapping):
        return secure(value) or any(map(holds_secret, value.values()))
    return isinstance(value, list) and any(map(holds_secret, value))


def is_group(schema: Schema, node: Node, value: Any) -> bool:
    """Whether something is shown as a group, and not as one field."""
    absent = value is MISSING or value is None
    return schema.shape(node).kind is None and (absent or (isinstance(value, Mapping) and not secure(value)))


def kind_of(shape: Shape, value: Any) -> Kind:
    """How a value is shown: in the way of the schema, but for what is not as it should be, and whatever is secret."""
    if shape.kind is Kind.SECRET or holds_secret(value):
        return Kind.SECRET
    return shape.kind or Kind.RAW


@dataclass
class _Builder:
    schema: Schema
    pending: set[Path]
    entered: Mapping[str, str]

    def group(self, node: Node, value: Any, path: Path, *, required: bool, entry: bool) -> Group:
        resolved, shape = self.schema.resolved(node), self.schema.shape(node)
        inside: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        return Group(
            path=path,
            name=name_of("p", path) if path and not entry else "",
            label=_label(path, entry=entry),
            items=tuple(
                self._item(node, inside, (*path, key), entry=shape.entries) for key in self._keys(node, value, path)
            ),
            help=str(resolved.get("description", "")),
            present=isinstance(value, Mapping) or any(each[: len(path)] == path for each in self.pending),
            required=required,
            add=name_of("a", path) if shape.entries else "",
            hint=str(resolved.get("x-keys", "")),
            remove=name_of("r", path) if entry else "",
        )

    def _keys(self, node: Node, value: Any, path: Path) -> list[str]:
        """As the schema has them, then those it does not know; of entries in their own order, then those to come."""
        there = [str(key) for key in value] if isinstance(value, Mapping) else []
        coming = [
            each[len(path)] for each in sorted(self.pending) if len(each) > len(path) and each[: len(path)] == path
        ]
        first = () if self.schema.shape(node).entries else self.schema.keys(node)
        return list(dict.fromkeys([*first, *there, *coming]))

    def _item(self, node: Node, inside: Mapping[str, Any], path: Path, *, entry: bool) -> Field | Group:
        key = path[-1]
        value = inside.get(key, MISSING)
        inner = self.schema.child(node, key)
        required = not entry and self.schema.required(node, key)
        if inner is not None and is_group(self.schema, inner, value):
            return self.group(inner, value, path, required=required, entry=entry)
        return self._field(inner if inner is not None else RAW, value, path, required=required, entry=entry)

    def _field(self, node: Node, value: Any, path: Path, *, required: bool, entry: bool) -> Field:
        resolved, shape, name = self.schema.resolved(node), self.schema.shape(node), name_of("v", path)
        kind = kind_of(shape, value)
        misfit = value is not MISSING and not texts.fits(kind, value, numbers=shape.numbers)
        text = texts.shown(kind, value, numbers=shape.numbers)
        secret = kind is Kind.SECRET
        return Field(
            path=path,
            name=name,
            label=_label(path, entry=entry),
            kind=Kind.RAW if misfit else kind,
            help=str(resolved.get("description", "")),
            source=str(resolved.get("x-source", "")),
            value=text if secret else self.entered.get(name, text),
            is_set=value is not MISSING,
            required=required or path in self.pending,
            default=_default(shape, resolved),
            hint=_hint(self.schema, resolved),
            choices=_choices(resolved),
            minimum=resolved.get("minimum"),
            maximum=resolved.get("maximum"),
            remove=name_of("r", path) if secret or entry else "",
        )


def _label(path: Path, *, entry: bool) -> str:
    name = path[-1] if path else "settings"
    if entry:
        return name
    words = [_SPELLED.get(each, each) for each in name.rpartition(":")[2].split("_")]
    first = words[0] if words[0] in _SPELLED.values() else words[0][:1].upper() + words[0][1:]
    return " ".join([first, *words[1:]])


def _default(shape: Shape, node: Node) -> str:
    """The default in words; "" where there is none, or where it is that everything in a group has its default."""
    if "x-default" in node:
        return str(node["x-default"])
    if node.get("default") in (None, {}):
        return ""
    return texts.shown(shape.kind or Kind.RAW, node["default"], numbers=shape.numbers)


def _hint(schema: Schema, node: Node) -> str:
    """What is allowed, for a value itself or for each of a list or map."""
    inner = node.get("items") or schema.entry(node) or {}
    keys = f"keys: {node['x-keys']}" if "x-keys" in node else ""
    known = f"known keys: {', '.join(map(str, node['x-known-keys']))}" if "x-known-keys" in node else ""
    said = [str(node.get("x-allowed", "")), str(schema.resolved(inner).get("x-allowed", "")), known or keys]
    limits = [f"at least {node['minItems']}"] if node.get("minItems") else []
    limits += [f"at most {node['maxItems']}"] if node.get("maxItems") else []
    return "; ".join(each for each in [*said, *limits] if each)


def _choices(node: Node) -> tuple[str, ...]:
    if node.get("type") == "boolean":
        return _FLAGS
    found = node.get("enum") or ([node["const"]] if "const" in node else [])
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in found)


def _with_problems(root: Group, problems: Iterable[Problem]) -> Form:
    """Each problem at the deepest field or group on its way; those of another part are the form's own."""
    found: dict[Path, list[str]] = {}
    places = {each.path for each in root.groups()} | {each.path for each in root.fields()}
    elsewhere: list[str] = []
    for problem in problems:
        on_way = [problem.path[:length] for length in range(len(problem.path), -1, -1)]
        place = next((path for path in on_way if path in places), None)
        if place is None or not place:
            elsewhere.append(f"{problem.where}: {problem.message}")
        else:
            deeper = typed(problem.path[len(place) :]) if problem.path != place else ""
            found.setdefault(place, []).append(f"{deeper}: {problem.message}" if deeper else problem.message)
    return Form(_marked(root, found), tuple(elsewhere))


def _marked(group: Group, found: Mapping[Path, list[str]]) -> Group:
    items = tuple(
        _marked(each, found) if isinstance(each, Group) else replace(each, errors=tuple(found.get(each.path, ())))
        for each in group.items
    )
    return replace(group, items=items, errors=tuple(found.get(group.path, ())))
