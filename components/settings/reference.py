"""The reference of all settings as Markdown, made from the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from . import shape
from .model import Settings
from .schema import NAMESPACE, json_schema

_INTRODUCTION: Final = f"""\
# Settings

<!-- Made by `python -m components.settings docs`; change the models in components/settings instead. -->

Everything a stack file may say under `config:`, each section as `{NAMESPACE}:<section>`. A test keeps this page equal
to the code. Maps are keyed by names of your choice; a key names the resources made from it, so changing a key makes new
ones. Unknown keys are errors. `settings.schema.json` has the same for editors: begin the file with
`# yaml-language-server: $schema=settings.schema.json`.

| section | required | what it is |
|---|---|---|
"""


def markdown() -> str:
    """The whole of docs/settings.md."""
    schema = json_schema()
    root = schema["properties"]["config"]["required"]
    rows = [
        f"| [`{name}`](#{_anchor(name)}) | {'yes' if f'{NAMESPACE}:{name}' in root else 'no'} | "
        f"{shape.at((name,))['description']} |"
        for name in Settings.model_fields
    ]
    tables = [_table(path, node) for path, node in _sections()]
    return _INTRODUCTION + "\n".join(rows) + "\n\n" + "\n".join(tables)


def _anchor(heading: str) -> str:
    return "".join(char for char in heading if char.isalnum() or char in "_-")


def _sections(path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every section with its path, in the order in which the models nest; `<name>` stands for a key of the user's."""
    node = shape.at(tuple(path))
    if "properties" in node:
        if path:
            yield ".".join(path), node
        for name in node["properties"]:
            yield from _sections((*path, name))
    elif node.get("type") == "object" and "properties" in shape.at((*path, "<name>")):
        yield from _sections((*path, "<name>"))


def _table(path: str, node: dict[str, Any]) -> str:
    lines = [f"## {path}", "", _own_words(path), "", "| key | type | default | what it is |", "|---|---|---|---|"]
    required = node.get("required", [])
    lines.extend(_row(tuple(path.split(".")), name, required=name in required) for name in node["properties"])
    return "\n".join(lines) + "\n"


def _own_words(path: str) -> str:
    """What the model's docstring says, and the form of the keys when it is an entry of a map."""
    parts = tuple(path.split("."))
    words = str(_definition(parts)["description"])
    if parts[-1] == "<name>":
        words += f" The key: {shape.at(parts[:-1])['x-keys']}."
    return words


def _definition(parts: tuple[str, ...]) -> dict[str, Any]:
    node = shape.at(parts)
    definitions = shape.root()["$defs"].values()
    return next(found for found in definitions if found.get("properties") is node["properties"])


def _row(path: tuple[str, ...], name: str, *, required: bool) -> str:
    node = shape.at((*path, name))
    text = node.get("description", "")
    source = f" Source: {node['x-source']}." if "x-source" in node else ""
    return f"| `{name}` | {_cell(_type(node))} | {_cell(_default(node, required=required))} | {_cell(text + source)} |"


def _type(node: dict[str, Any]) -> str:
    if "properties" in node:
        return "section"
    if node.get("type") == "object":
        inner = shape.resolve(node["additionalProperties"]) if "additionalProperties" in node else None
        inner = inner if inner is not None else shape.resolve(next(iter(node["patternProperties"].values())))
        entries = "sections" if "properties" in inner else f"values, each {_type(inner)}"
        return f"map of {entries}; keys: {node['x-keys']}"
    return shape.expected(node)


def _default(node: dict[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    if "x-default" in node:
        return str(node["x-default"])
    if "default" in node:
        return f"`{json.dumps(node['default'])}`"
    return "its own defaults" if "properties" in node else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
