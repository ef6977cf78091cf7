"""Plain Kubernetes YAML as resources: every document of every file, with the line it begins at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from checks.model import Place
from checks.problems import InputError
from policies.engine.decode import Decoder
from policies.engine.resource import Resource

_ENDINGS = (".yaml", ".yml", ".json")


def read(folder: Path) -> tuple[list[Resource], dict[str, Place]]:
    """The objects of a file or folder, and by URN where each one stands. Raises InputError with all problems."""
    if not folder.exists():
        raise InputError(f"{folder}: there is no such file or folder")
    files = [folder] if folder.is_file() else sorted(each for each in folder.rglob("*") if each.suffix in _ENDINGS)
    if not files:
        raise InputError(f"{folder}: holds no file that ends in {', '.join(_ENDINGS)}")
    resources: list[Resource] = []
    places: dict[str, Place] = {}
    problems: list[str] = []
    for file in files:
        try:
            for line, document in _documents(file):
                wrong = _wrong(document)
                if wrong:
                    problems.append(f"{file}:{line}: {wrong}")
                    continue
                for each in _objects(document):
                    made = _resource(each)
                    resources.append(made)
                    places[made.urn] = Place(str(file), line)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return resources, places


def _documents(file: Path) -> Iterator[tuple[int, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        loader = yaml.SafeLoader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                value = loader.construct_document(node)
                if value is not None:
                    yield node.start_mark.line + 1, value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{file}:{line}: is no YAML: {error.problem or error.context}") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read: {type(error).__name__}") from None


def _wrong(document: Any) -> str:
    if not isinstance(document, dict):
        return "must be a Kubernetes object (a map)"
    missing = [key for key in ("apiVersion", "kind") if not isinstance(document.get(key), str)]
    if missing:
        return f"{missing[0]}: missing; must be text"
    return "" if isinstance(document.get("metadata") or {}, dict) else "metadata: must be a map"


def _objects(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object, or what a List holds."""
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for each in document["items"]:
            if isinstance(each, dict) and not _wrong(each):
                yield from _objects(each)
    else:
        yield document


def _resource(document: dict[str, Any]) -> Resource:
    version = document["apiVersion"]
    type_ = f"kubernetes:{version if '/' in version else f'core/{version}'}:{document['kind']}"
    metadata = document.get("metadata") or {}
    name = f"{metadata.get('namespace', 'default')}/{metadata.get('name', '')}"
    urn = f"urn:pulumi:manifests::manifests::{type_}::{name}"
    decoder = Decoder()
    return Resource(type_, name, urn, decoder.plain(document), secrets=tuple(decoder.secrets))
