"""The program's `settings.schema.json`, asked for what a form needs to know of a setting."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from portal.form.fields import Kind

Node = Mapping[str, Any]
RAW: Final[Node] = {}
"""What is known of a setting that the schema does not have."""
_SCALARS: Final = {"string": Kind.TEXT, "integer": Kind.NUMBER, "boolean": Kind.FLAG}


class SchemaError(Exception):
    """A program's schema cannot be read; the message says why."""


@dataclass(frozen=True)
class Shape:
    """What a setting looks like.

    kind: of a field, None for a group. numbers: whether its items or values are numbers. entries: of a group, whether
    people choose its keys.
    """

    kind: Kind | None
    numbers: bool = False
    entries: bool = False


class Schema:
    """A JSON Schema as `python -m components.settings schema` writes it. SchemaError when it has no `config`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._definitions: Mapping[str, Node] = document.get("$defs") or {}
        config = (document.get("properties") or {}).get("config")
        if not isinstance(config, Mapping):
            raise SchemaError("the schema does not describe the config of a stack file")
        self.config: Node = config

    def resolved(self, node: Node) -> Node:
        """A node with what it refers to, itself first."""
        reference = node.get("$ref")
        if reference is None:
            return node
        found = self._definitions.get(str(reference).removeprefix("#/$defs/"))
        if found is None:
            raise SchemaError(f"the schema has no {reference}")
        return {**self.resolved(found), **{key: value for key, value in node.items() if key != "$ref"}}

    def shape(self, given: Node) -> Shape:
        """How a setting is typed; raw where the schema says it in a way that is not known here."""
        node = self.resolved(given)
        kind = node.get("type")
        if _is_secret(node):
            return Shape(Kind.SECRET)
        if "enum" in node or "const" in node:
            return Shape(Kind.CHOICE, numbers=kind == "integer")
        if kind == "object":
            return self._object(node)
        if kind == "array":
            return self._scalars(Kind.LIST, node.get("items") or {})
        return Shape(_SCALARS.get(str(kind), Kind.RAW))

    def _object(self, node: Node) -> Shape:
        if node.get("properties"):
            return Shape(None)
        inner = self.entry(node)
        of_scalars = self._scalars(Kind.MAP, inner or {})
        return Shape(None, entries=True) if inner and of_scalars.kind is Kind.RAW else of_scalars

    def _scalars(self, kind: Kind, inner: Node) -> Shape:
        found = self.shape(inner) if inner else Shape(Kind.RAW)
        if found.kind not in (Kind.TEXT, Kind.NUMBER, Kind.CHOICE):
            return Shape(Kind.RAW)
        return Shape(kind, numbers=found.numbers or found.kind is Kind.NUMBER)

    def entry(self, given: Node) -> Node | None:
        """What the entries of a map are; None where the schema does not say, or says several things."""
        node = self.resolved(given)
        described = [*(node.get("patternProperties") or {}).values(), node.get("additionalProperties")]
        found = [each for each in described if isinstance(each, Mapping)]
        return found[0] if len(found) == 1 else None

    def child(self, given: Node, key: str) -> Node | None:
        """What is known of a key in a group; None for one that is unknown."""
        node = self.resolved(given)
        if node.get("properties"):
            found: Node | None = node["properties"].get(key)
            return found
        return self.entry(node)

    def keys(self, given: Node) -> tuple[str, ...]:
        """The keys of a group whose keys are given."""
        return tuple(self.resolved(given).get("properties") or ())

    def required(self, given: Node, key: str) -> bool:
        """Whether a group cannot be without a key."""
        return key in (self.resolved(given).get("required") or ())


def _is_secret(node: Node) -> bool:
    """Whether a value is text or `{secure: …}`."""
    return any("secure" in (each.get("properties") or {}) for each in node.get("anyOf") or ())


def load(checkout: Path) -> Schema:
    """The schema of the program in a folder. Raises SchemaError."""
    file = checkout / "settings.schema.json"
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SchemaError(f"{file.name} of the program cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise SchemaError(f"{file.name} of the program is no JSON object")
    return Schema(document)
