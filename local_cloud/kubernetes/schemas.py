"""The API server's own schemas (package kubernetes-validate, strict form), walked so that unknown values are skipped.

The published schemas use a small vocabulary (type, properties, items, $ref, required, enum, additionalProperties,
oneOf of two scalar types); our own schemas for custom resources add pattern, minimum and maximum, and the lengths of
texts and lists. A full JSON Schema engine would be slower by an order of magnitude and would take an unknown value for
a wrong one. A test compares both.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.crd_schemas import CUSTOM
from local_cloud.kubernetes.field import Field

Schema = Mapping[str, Any]
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


@cache
def versions() -> tuple[str, ...]:
    """The minor versions with schemas, oldest first: ("1.25", ..., "1.37")."""
    names = (entry.name for entry in _folder().iterdir())
    minors = {match.group(1) for name in names if (match := re.match(r"v(\d+\.\d+)\.", name))}
    return tuple(sorted(minors, key=_order))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _folder() -> Any:
    return files("kubernetes_validate").joinpath("kubernetes-json-schema")


@cache
def definitions(version: str) -> dict[str, Any]:
    """The shared parts that the schemas of a version refer to, by their full name."""
    known = [minor for minor in versions() if _order(minor) <= _order(version)]
    minor = known[-1] if known else versions()[0]
    text = _folder().joinpath(f"v{minor}.0-local-strict", "_definitions.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["$defs"]
    return found


@cache
def _index(version: str) -> dict[tuple[str, str], str]:
    index: dict[tuple[str, str], str] = {}
    for name, schema in definitions(version).items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            group = f"{kind['group']}/" if kind["group"] else ""
            index[f"{group}{kind['version']}", kind["kind"]] = name
    return index


def built_in(api_version: str, kind: str, version: str) -> bool:
    """Whether the API server of this version serves the kind by itself."""
    return (api_version, kind) in _index(version)


def groups(kind: str, version: str) -> list[str]:
    """The apiVersions in which a kind exists, built-in or custom."""
    tables: tuple[Mapping[tuple[str, str], object], ...] = (_index(version), CUSTOM)
    return sorted({api for table in tables for api, name in table if name == kind})


def kinds(version: str) -> set[str]:
    """Every kind with a schema."""
    return {name for _, name in _index(version)} | {name for _, name in CUSTOM}


def problems(manifest: dict[str, Any], api_version: str, kind: str, version: str, *, partial: bool) -> Iterator[str]:
    """What the kind's schema says against a manifest. ``partial``: a patch, so required fields may be missing."""
    name = _index(version).get((api_version, kind))
    schema: Schema = {"$ref": f"#/$defs/{name}"} if name else CUSTOM[api_version, kind]
    yield from _Walk(version, partial=partial).value(Field(manifest), schema)


class _Walk:
    """One pass over a manifest."""

    def __init__(self, version: str, *, partial: bool) -> None:
        self._definitions = definitions(version)
        self._partial = partial

    def value(self, field: Field, schema: Schema) -> Iterator[str]:
        if field.unknown or field.value is None:
            return
        reference = schema.get("$ref")
        if reference is not None:
            name = reference.rpartition("/")[2]
            if name == _QUANTITY:
                yield from _quantity(field)
                return
            schema = self._definitions[name]
        allowed = types_of(schema)
        if allowed and not any(_is(field.value, each) for each in allowed):
            yield field.says(f"{_shown(field.value)} must be {_said(allowed)}")
        elif isinstance(field.value, dict):
            yield from self._map(field, schema)
        elif isinstance(field.value, list):
            yield from _length(field, schema)
            for item in field.items:
                yield from self.value(item, schema.get("items", {}))
        else:
            yield from _scalar(field, schema)

    def _map(self, field: Field, schema: Schema) -> Iterator[str]:
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for key in field.value:
            inner = field[key]
            if key in properties:
                yield from self.value(inner, properties[key])
            elif isinstance(others, Mapping):
                yield from self.value(Field(inner.value, f"{field.path}[{key!r}]"), others)
            elif others is False:
                yield inner.says(f"unknown field{_meant(key, properties)}")
        if not self._partial:
            for key in schema.get("required", ()):
                if key not in field.value:
                    yield field[key].says("is required")


def types_of(schema: Schema) -> list[str]:
    """The JSON types a schema allows, null left out."""
    if "oneOf" in schema:
        return [name for choice in schema["oneOf"] for name in types_of(choice)]
    declared = schema.get("type", [])
    return [name for name in ([declared] if isinstance(declared, str) else declared) if name != "null"]


def _is(value: object, name: str) -> bool:
    match name:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return isinstance(value, {"string": str, "boolean": bool, "array": list, "object": dict}[name])


_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
}


def _said(names: list[str]) -> str:
    return " or ".join(_WORDS[name] for name in dict.fromkeys(names))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _scalar(field: Field, schema: Schema) -> Iterator[str]:
    if "enum" in schema and field.value not in schema["enum"]:
        yield field.says(f"{field.value!r} is not supported; allowed: {', '.join(map(str, schema['enum']))}")
    if "pattern" in schema and field.text is not None and not re.search(schema["pattern"], field.text):
        yield field.says(f"{field.text!r} must match {schema['pattern']}")
    if "minimum" in schema:
        yield from field.within(schema["minimum"], schema.get("maximum"))
    if schema.get("format") == "int32" and isinstance(field.value, int) and not -(2**31) <= field.value < 2**31:
        yield field.says(f"{field.value} does not fit into 32 bits")

    if len(field.text or "") > schema.get("maxLength", len(field.text or "")):
        yield field.says(f"has {len(field.text or '')} characters, at most {schema['maxLength']} are allowed")


def _length(field: Field, schema: Schema) -> Iterator[str]:
    size = len(field.value)
    if not schema.get("minItems", 0) <= size <= schema.get("maxItems", size):
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        yield field.says(f"has {size} items; allowed: {f'{least} to {most}' if most else f'{least} or more'}")


def _quantity(field: Field) -> Iterator[str]:
    if syntax.amount(field) is None:
        yield field.says(f"{_shown(field.value)} is no quantity; examples: '250m', '0.5', '256Mi', '2Gi'")


def _meant(key: str, properties: Schema) -> str:
    near = difflib.get_close_matches(key, properties, n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f" (allowed: {', '.join(sorted(properties))})" if len(properties) <= 20 else ""
