"""Types of the provider's resources, read once from the Python SDK's source text and kept as JSON.

Importing pulumi_aws takes seconds and hundreds of megabytes, so its modules are only read as text: a resource's
arguments are the annotated parameters of its generated ``XArgs`` class, its state those of ``_XState``, nested objects
live in ``_inputs.py`` next to it. The result lands in the user's cache folder under the SDK's version.

A type is ``"str"``, ``"bool"``, ``"int"``, ``"float"``, ``"any"``, ``["list", T]``, ``["map", T]``, ``["union", T,
...]`` or ``["object", NAME]`` with NAME a key of ``Types.objects``.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

Type = Any
"""See the module's text."""

_FORMAT = 1
_PRIMITIVES = {"str", "bool", "int", "float"}


@dataclass(frozen=True)
class Shape:
    """The properties of a resource or of a nested object: camelCase name -> type, and which must be given."""

    properties: dict[str, Type]
    required: frozenset[str]


@dataclass(frozen=True)
class Types:
    """What an SDK knows: token -> inputs, token -> all state properties, name -> nested object."""

    inputs: dict[str, Shape]
    states: dict[str, Shape]
    objects: dict[str, Shape]


def load(package: str, tokens: Iterable[str]) -> Types:
    """The types of these resource tokens of an SDK (``pulumi_aws``), from the cache or freshly read.

    A token the SDK does not have is left out. A cache that cannot be read or written is no error.
    """
    wanted = sorted(tokens)
    file = _cache_file(package)
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError):
        data = {"inputs": {}, "states": {}, "objects": {}, "unknown": []}
    missing = [token for token in wanted if token not in data["inputs"] and token not in data["unknown"]]
    if missing:
        _Reader(package, data).read(missing)
        _write(file, json.dumps(data, separators=(",", ":")))
    return Types(
        *({key: _shape(value) for key, value in data[part].items()} for part in ("inputs", "states", "objects"))
    )


def _shape(value: dict[str, Any]) -> Shape:
    return Shape(value["properties"], frozenset(value["required"]))


def _cache_file(package: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = f"types-{package}-{version(package.replace('_', '-'))}-{_FORMAT}.json"
    return Path(base) / "grpc-platform" / name


def _write(file: Path, text: str) -> None:
    """Whole or not at all: several provider processes may do this at once."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as stream:
            stream.write(text)
        Path(stream.name).replace(file)
    except OSError:
        return


class _Reader:
    """Reads resources into ``data``, following their nested objects."""

    def __init__(self, package: str, data: dict[str, Any]) -> None:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise ModuleNotFoundError(f"the Python package {package} is not installed; run `make setup`")
        self._root = Path(found.submodule_search_locations[0])
        self._data = data

    def read(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            _, module, name = token.split(":")
            folder, _, file = module.partition("/")
            source = self._root / folder / f"{_snake(file)}.py"
            inputs = _class(_text(source), f"{name}Args") if source.is_file() else None
            if inputs is None:
                self._data["unknown"].append(token)
                continue
            self._data["inputs"][token] = self._members(folder, inputs)
            state = _class(_text(source), f"_{name}State")
            self._data["states"][token] = self._members(folder, state) if state else self._data["inputs"][token]

    def _members(self, folder: str, text: str) -> dict[str, Any]:
        names = dict(_GETTER.findall(text))
        wire = {snake: camel for camel, snake in names.items()}
        signature = _SIGNATURE.search(text)
        function = ast.parse(f"def f(*, {signature[1]}): ...").body[0] if signature else None
        if not isinstance(function, ast.FunctionDef):
            return {"properties": {}, "required": []}
        arguments = list(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
        typed = {wire.get(a.arg, a.arg): self._type(folder, a.annotation) for a, _ in arguments}
        required = sorted(wire.get(a.arg, a.arg) for a, default in arguments if default is None)
        return {"properties": typed, "required": required}

    def _type(self, folder: str, node: ast.expr | None) -> Type:
        if isinstance(node, ast.Subscript):
            return self._generic(folder, _last(node.value), node.slice)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._object(folder, node.value)
        name = _last(node)
        return name if name in _PRIMITIVES else "any"

    def _generic(self, folder: str, name: str, inner: ast.expr) -> Type:
        if name in {"Input", "Optional"}:
            return self._type(folder, inner)
        if name == "Sequence":
            return ["list", self._type(folder, inner)]
        if name == "Mapping" and isinstance(inner, ast.Tuple):
            return ["map", self._type(folder, inner.elts[1])]
        if name == "Union" and isinstance(inner, ast.Tuple):
            options = [self._type(folder, option) for option in inner.elts]
            unique = [option for number, option in enumerate(options) if option not in options[:number]]
            return unique[0] if len(unique) == 1 else ["union", *unique]
        return "any"

    def _object(self, folder: str, name: str) -> Type:
        """A nested ``XArgs``; anything else in quotes is one of the SDK's open string enums."""
        if "." in name:
            return "any"
        name = name.removesuffix("Dict")
        if not name.endswith("Args"):
            return "str"
        key = f"{folder}.{name}"
        if key not in self._data["objects"]:
            text = _class(_text(self._root / folder / "_inputs.py"), name)
            self._data["objects"][key] = {"properties": {}, "required": []}  # first, for types that contain themselves
            if text is None:
                return "any"
            self._data["objects"][key] = self._members(folder, text)
        return ["object", key]


_GETTER = re.compile(r"@pulumi\.getter\(name=\"(\w+)\"\)\n    def (\w+)\(")
_SIGNATURE = re.compile(r"def __init__\(__self__(?:, \*)?,?(.*?)\):\n", re.DOTALL)


@cache
def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


def _class(text: str, name: str) -> str | None:
    """The source of one top-level class."""
    start = text.find(f"\nclass {name}:")
    if start < 0:
        return None
    end = text.find("\n@pulumi.input_type", start)
    following = text.find("\nclass ", start + 1)
    ends = [position for position in (end, following) if position > 0]
    return text[start : min(ends)] if ends else text[start:]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _last(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def paths(types: Types, kind: Type, prefix: str = "") -> Iterator[str]:
    """Every property path below a type (``scalingConfig.minSize``), list and map levels left out."""
    if isinstance(kind, list) and kind[0] == "object":
        for name, inner in types.objects[kind[1]].properties.items():
            path = f"{prefix}.{name}" if prefix else name
            yield path
            if path.count(".") < 6:
                yield from paths(types, inner, path)
    elif isinstance(kind, list):
        for inner in kind[1:]:
            yield from paths(types, inner, prefix)
