"""What the provider says about inputs before anything is created: types, defaults, names, its own validations."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Final

from local_cloud.aws.kind import Failure, Kind, NameRule, Props, Row, Value
from local_cloud.aws.words import meant
from local_cloud.plugin import Call, Refused
from local_cloud.schema import Shape, Type, Types
from local_cloud.values import UNKNOWN, Asset, Unknown, has_unknown

DEFAULTS: Final = "__defaults"
"""Inputs carry under this name which of them were filled in (pulumi-terraform-bridge schema.go)."""

_WORDS: Final = {"str": "a string", "bool": "true or false", "int": "a whole number", "float": "a number"}
_FITS: Final[dict[str, Callable[[Value], bool]]] = {
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def bare(value: Value) -> Value:
    """A copy without nulls (the engine's way of leaving out) and without ``__defaults``, at any depth."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if item is not None and key != DEFAULTS}
    if isinstance(value, list):
        return [bare(item) for item in value]
    return value


def checked(kind: Kind | None, types: Types, call: Call, orphan: Row | None) -> tuple[Props, list[Failure]]:
    """Inputs as the provider stores them, and what is wrong with them.

    ``orphan``: what a killed engine left behind under this URN; its auto-name is taken over, so that the create adopts
    it. Raises Refused for a logical name that leaves no room for the random part.
    """
    props: Props = bare(call.news)
    shape = types.inputs[call.type]
    for key in kind.json & props.keys() if kind else ():
        props[key] = _document(props[key])
    required = shape.required | kind.required if kind else shape.required
    failures = list(_shape(types, Shape(shape.properties, required), props, ""))
    filled = _fill(kind, props) if kind else []
    if kind and kind.name and _needs_name(kind.name, props):
        filled.append(kind.name.property)
        props[kind.name.property] = _sticky(kind.name, call, orphan) or _auto_name(kind.name, call)
    if kind and not failures:
        failures += [failure for check in kind.checks for failure in check(props)]
        failures += _name_failures(kind.name, props)
    inputs: Props = _mark(types, ["object", ""], props, shape)
    return {**inputs, DEFAULTS: sorted(filled)}, [_worded(failure, call.name) for failure in failures]


def _document(value: Value) -> Value:
    """A policy given as an object becomes the JSON text AWS keeps."""
    if isinstance(value, (dict, list)):
        return UNKNOWN if has_unknown(value) else json.dumps(value, separators=(",", ":"), sort_keys=True)
    return value


def _shape(types: Types, shape: Shape, props: Props, path: str) -> Iterator[Failure]:
    prefix = f"{path}." if path else ""
    for key in sorted(shape.required - props.keys()):
        yield Failure("", f"Missing required property '{prefix}{key}'")
    for key, value in props.items():
        if key in shape.properties:
            yield from _type(types, shape.properties[key], value, prefix + key)
        else:
            allowed = ", ".join(sorted(shape.properties))
            hint = meant(key, shape.properties) or f"; allowed: {allowed}"
            yield Failure(prefix + key, f"Invalid or unknown key{hint}")


def _type(types: Types, kind: Type, value: Value, path: str) -> Iterator[Failure]:
    if isinstance(value, (Unknown, Asset)) or kind == "any":
        return
    if isinstance(kind, str):
        if not _FITS[kind](value):
            yield Failure(path, f"expected {_WORDS[kind]}, got {_described(value)}")
    elif kind[0] == "union":
        options = [list(_type(types, option, value, path)) for option in kind[1:]]
        if all(options):
            yield from options[0]
    elif kind[0] == "list":
        yield from _items(types, kind, value, path)
    elif not isinstance(value, dict):
        yield Failure(path, f"expected {'an object' if kind[0] == 'object' else 'a map'}, got {_described(value)}")
    elif kind[0] == "map":
        for key, item in value.items():
            yield from _type(types, kind[1], item, f"{path}.{key}")
    else:
        yield from _shape(types, types.objects[kind[1]], value, path)


def _items(types: Types, kind: Type, value: Value, path: str) -> Iterator[Failure]:
    if not isinstance(value, list):
        yield Failure(path, f"expected a list, got {_described(value)}")
        return
    for number, item in enumerate(value):
        yield from _type(types, kind[1], item, f"{path}[{number}]")


def _described(value: Value) -> str:
    """The kind of a value; the value itself might be a secret."""
    for name, fits in _FITS.items():
        if fits(value):
            return _WORDS[name]
    return "an object" if isinstance(value, dict) else "a list"


def _fill(kind: Kind, props: Props) -> list[str]:
    """Fills the defaults in (``a.b`` where the object ``a`` is given); returns the filled top-level names."""
    filled = []
    for path, default in kind.defaults.items():
        *parents, last = path.split(".")
        target: Value = props
        for parent in parents:
            target = target.get(parent) if isinstance(target, dict) else None
        if isinstance(target, dict) and last not in target:
            target[last] = default
            if not parents:
                filled.append(last)
    return filled


def _needs_name(rule: NameRule, props: Props) -> bool:
    return rule.property not in props and f"{rule.property}Prefix" not in props


def _sticky(rule: NameRule, call: Call, orphan: Row | None) -> str | None:
    """The auto-name this resource has already."""
    for inputs in (call.olds, orphan.inputs if orphan and not call.olds else {}):
        if rule.property in inputs.get(DEFAULTS, ()):
            return str(inputs[rule.property])
    return None


def _auto_name(rule: NameRule, call: Call) -> str:
    """Logical name, hyphen, 7 random hex digits that follow from the engine's seed (info/autonaming.go)."""
    proposed, mode = call.autonaming
    if mode == "disable":
        raise Refused("automatic naming is disabled but no explicit name was provided")
    if mode == "enforce":
        return proposed
    logical = call.name.lower() if rule.lower else call.name
    if proposed:
        name = rule.prefix + (proposed.lower() if rule.lower else proposed)
        if len(name) > rule.maximum:
            raise Refused(f"proposed name {name!r} exceeds max length of {rule.maximum}")
        return name
    start = f"{rule.prefix}{logical}-"
    if len(start) + 7 > rule.maximum:
        raise Refused(
            f"could not make instance of '{call.type}': name '{start}' plus 7 random chars is longer than "
            f"maximum length {rule.maximum}"
        )
    return start + hashlib.sha256(call.seed or secrets.token_bytes(16)).hexdigest()[:7]


def _name_failures(rule: NameRule | None, props: Props) -> Iterator[Failure]:
    name = props.get(rule.property) if rule else None
    if rule and rule.pattern and isinstance(name, str) and not re.fullmatch(rule.pattern, name):
        words = rule.said or f"invalid value for {rule.property} ({{}}): it must match {rule.pattern}"
        yield Failure(rule.property, words.replace("{}", name))


def _mark(types: Types, kind: Type, value: Value, shape: Shape | None = None) -> Value:
    """The value with an empty ``__defaults`` in every nested object, as the real provider's inputs have."""
    if isinstance(value, list) and kind[0] == "list":
        return [_mark(types, kind[1], item) for item in value]
    if not isinstance(value, dict) or kind[0] != "object":
        return value
    properties = (shape or types.objects[kind[1]]).properties
    marked = {key: _mark(types, properties.get(key, "any"), item) for key, item in value.items()}
    return marked if shape else {**marked, DEFAULTS: []}


def _worded(failure: Failure, name: str) -> Failure:
    """The provider names the place inside its sentence and leaves the property empty."""
    if not failure.property:
        return failure
    return Failure("", f"{failure.reason.removesuffix('.')}. Examine values at '{name}.{failure.property}'.")
