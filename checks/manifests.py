"""Plain Kubernetes YAML as resources: every document of every file, with the line it begins at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from checks.model import Place
from checks.problems import InputError
from policies.engine import lines, texts
from policies.engine.decode import Decoder
from policies.engine.resource import Resource

_ENDINGS: Final = (".yaml", ".yml", ".json")
_TEMPLATE: Final = "; it looks like a template: check what it renders to (helm template, kustomize build)"


class _Loader(yaml.SafeLoader):
    """Days and `=` are text, as in the JSON that goes to Kubernetes."""


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
_Loader.add_constructor("tag:yaml.org,2002:value", _text)


def read(folder: Path) -> tuple[list[Resource], dict[str, Place]]:
    """The objects of a file or folder, and by URN where each one stands. Raises InputError with all problems.

    The URN of an object that another file has too (an overlay, say) ends in its place.
    """
    resources: list[Resource] = []
    places: dict[str, Place] = {}
    problems: list[str] = []
    for file in _files(folder):
        try:
            for line, document in _documents(file):
                place = Place(_shown(file), line)
                objects, wrong = _objects(document)
                problems += [f"{file}:{line}: {each}" for each in wrong]
                for each in objects:
                    made = _resource(each, place, places)
                    resources.append(made)
                    places[made.urn] = place
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return resources, places


def _files(folder: Path) -> list[Path]:
    try:
        if folder.is_file():
            return [folder]
        exists = folder.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot be read: {error}") from None
    if not exists:
        raise InputError(f"{folder}: there is no such file or folder")
    found = sorted(each for each in folder.rglob("*") if each.suffix in _ENDINGS and not each.is_dir())
    if not found:
        raise InputError(f"{folder}: holds no file that ends in {', '.join(_ENDINGS)}")
    return found


def _shown(file: Path) -> str:
    """A path as reports have it: from the folder one stands in, as annotations and code scanning want it."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_absolute() and file.is_relative_to(here) else str(file)


def _documents(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        text = texts.read(file)
    except texts.UnreadableTextError as error:
        raise InputError(f"{file}: {error}") from None
    try:
        yield from _of_json(text) if file.suffix == ".json" else _of_yaml(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}: is no JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{file}:{line}: is no YAML: {error.problem or error.context}{_hint(text)}") from None
    except lines.UnreadableError as error:
        raise InputError(f"{file}:{error.line}: {error}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{file}:{line}: is no YAML: {error.reason}") from None
    except ValueError:
        raise InputError(f"{file}: has a number that is none, or with too many digits") from None
    except RecursionError:
        raise InputError(f"{file}: is nested too deeply") from None


def _hint(text: str) -> str:
    return _TEMPLATE if "{{" in text else ""


def _of_json(text: str) -> Iterator[tuple[int, Any]]:
    """Not as YAML: that allows no tab to indent, and takes the two halves of a character for two."""
    if text.strip():
        yield text[: len(text) - len(text.lstrip())].count("\n") + 1, json.loads(text)


def _of_yaml(text: str) -> Iterator[tuple[int, Any]]:
    loader = _Loader(text)
    while loader.check_node():
        node = loader.get_node()
        if node is not None:
            lines.bounded(node)
            value = loader.construct_document(node)
            if value is not None:
                yield node.start_mark.line + 1, value


def _wrong(document: Any) -> str:
    if not isinstance(document, dict):
        return "must be a Kubernetes object (a map)"
    missing = [key for key in ("apiVersion", "kind") if not isinstance(document.get(key), str)]
    if missing:
        return f"{missing[0]}: missing; must be text"
    return "" if isinstance(document.get("metadata") or {}, dict) else "metadata: must be a map"


def _objects(document: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """The object, or what a List holds; and what is wrong. Items of a typed list (ServiceList) need not say theirs."""
    wrong = _wrong(document)
    if wrong:
        return [], [wrong]
    kind, items = document["kind"], document.get("items")
    if not kind.endswith("List") or not isinstance(items, list):
        return [document], []
    kept = {"apiVersion": document["apiVersion"], "kind": kind.removesuffix("List")} if kind != "List" else {}
    objects: list[dict[str, Any]] = []
    problems: list[str] = []
    for place, each in enumerate(items):
        inner, faults = _objects({**kept, **each} if isinstance(each, dict) else each)
        objects += inner
        problems += [f"items[{place}]{'.' if fault.startswith('items[') else ': '}{fault}" for fault in faults]
    return objects, problems


def _resource(document: dict[str, Any], place: Place, taken: dict[str, Place]) -> Resource:
    version = document["apiVersion"]
    type_ = f"kubernetes:{version if '/' in version else f'core/{version}'}:{document['kind']}"
    metadata = document.get("metadata") or {}
    name = f"{metadata.get('namespace') or 'default'}/{metadata.get('name') or ''}"
    urn = f"urn:pulumi:manifests::manifests::{type_}::{name}"
    if urn in taken:
        urn = f"{urn}@{place.file}:{place.line}"
    decoder = Decoder()
    return Resource(type_, name, urn, decoder.plain(document), secrets=tuple(decoder.secrets))
