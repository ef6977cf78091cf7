"""Changes that rules make by themselves, where the configuration asks for it: in place, and only of what is known.

A change is made on the engine's own message, so that everything else in it stays as it was, secrets and unknown values
too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import Context, Rule
from policies.engine.unknown import Unknown, UnknownValueError

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def remedied(
    resource: Resource, message: Any, rules: Iterable[Rule], options: Mapping[str, Mapping[str, Any]]
) -> tuple[Any, list[Rule]]:
    """The properties with what the rules change, and the rules that changed something.

    A rule whose changes would touch a secret or unknown value changes nothing.
    """
    properties = struct_pb2.Struct()
    properties.CopyFrom(message)
    repaired: list[Rule] = []
    for rule in rules:
        if rule.fix is None or resource.kind not in rule.kinds:
            continue
        given = options.get(rule.id) or {key: option.default for key, option in rule.options.items()}
        try:
            changes = rule.fix(resource, Context(given, Graph([resource])))
        except UnknownValueError:
            continue
        if changes and all(_may(resource, path) for path in changes):
            for path, value in changes.items():
                _set(properties, path, value)
            repaired.append(rule)
    return properties, repaired


def _may(resource: Resource, path: str) -> bool:
    """Whether nothing on the way to a path, or below it, is secret, and nothing on the way unknown."""
    if any(_within(path, secret) or _within(secret, path) for secret in resource.secrets):
        return False
    return not isinstance(resource.get(path), Unknown)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _set(properties: Any, path: str, value: Any) -> None:
    steps = [int(index) if index else key for index, key in _STEP.findall(path)]
    place = properties
    for step in steps[:-1]:
        inner = place.values[step] if isinstance(step, int) else place.fields[step]
        if inner.WhichOneof("kind") not in ("struct_value", "list_value"):
            inner.struct_value.SetInParent()
        place = inner.list_value if inner.WhichOneof("kind") == "list_value" else inner.struct_value
    last = steps[-1]
    target = place.values[last] if isinstance(last, int) else place.fields[last]
    _write(target, value)


def _write(target: Any, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _write(target.struct_value.fields[key], each)
    elif isinstance(value, (list, tuple)):
        target.list_value.Clear()
        for each in value:
            _write(target.list_value.values.add(), each)
    else:
        raise TypeError(f"a remedy cannot write a {type(value).__name__}")
