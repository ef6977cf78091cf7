"""What may stand at a path, read from the JSON Schema of the models, so that errors, schema and reference agree."""

from __future__ import annotations

from functools import cache
from typing import Any

from .model import Settings
from .wording import Path, listed

Node = dict[str, Any]


@cache
def root() -> Node:
    """The JSON Schema of all settings as pydantic gives it. Shared: do not change it."""
    return Settings.model_json_schema()


def resolve(node: Node) -> Node:
    """Follow a reference and drop the null of an optional field, keeping what is said beside it."""
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    if "$ref" in node:
        return resolve(root()["$defs"][node["$ref"].rpartition("/")[2]]) | beside
    if "anyOf" in node:
        return resolve(next(option for option in node["anyOf"] if option.get("type") != "null")) | beside
    return node


def at(path: Path) -> Node:
    """The schema of what stands at a path; empty when nothing may."""
    node = resolve(root())
    for part in path:
        inner = node.get("properties", {}).get(part)
        if inner is None:
            inner = node.get("items") if node.get("type") == "array" else node.get("additionalProperties")
        if not isinstance(inner, dict):
            inner = next(iter(node.get("patternProperties", {}).values()), {})
        node = resolve(inner)
    return node


def keys(path: Path) -> list[str]:
    """The keys allowed in the section at a path."""
    return list(at(path).get("properties", {}))


def choices(node: Node) -> list[Any]:
    """The closed set a value is from; empty when there is none."""
    return [node["const"]] if "const" in node else list(node.get("enum", []))


def expected(node: Node) -> str:
    """Completes "must be …"."""
    if "x-allowed" in node:
        return str(node["x-allowed"])
    if choices(node):
        values = choices(node)
        return listed(map(str, values)) if len(values) == 1 else f"one of {listed(map(str, values))}"
    kinds = {"integer": _whole, "boolean": _flag, "array": _list, "object": _map}
    return kinds.get(node.get("type", ""), _text)(node)


def _text(_: Node) -> str:
    return "text"


def _flag(_: Node) -> str:
    return "true or false"


def _list(node: Node) -> str:
    size = _size(node, "minItems", "maxItems")
    return f"a list{size and f' of {size}'}, each {expected(resolve(node['items']))}"


def _map(node: Node) -> str:
    size = _size(node, "minProperties", "maxProperties")
    return f"a map of {size} entries" if size else "a map (key: value)"


def _whole(node: Node) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    return f"a whole number from {low} to {high}" if low is not None and high is not None else "a whole number"


def _size(node: Node, least: str, most: str) -> str:
    low, high = node.get(least), node.get(most)
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return "" if high is None else f"at most {high}"
