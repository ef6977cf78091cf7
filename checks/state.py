"""Exported state and saved previews: the resources in them, or what is wrong with the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from checks.problems import InputError
from policies.engine import sources, texts
from policies.engine.resource import Resource

_DEEP: Final = "is nested too deeply"


def read(file: Path) -> list[Resource]:
    """The resources of a file. Raises InputError with file, line and cause."""
    document = document_of(file)
    deployment = document.get("deployment", document)
    entries = deployment.get("resources") if isinstance(deployment, dict) else None
    if not isinstance(entries, list):
        raise InputError(
            f"{file}: this is no state of a stack: no list deployment.resources (export one with: pulumi stack export)"
        )
    wrong = [
        f"{file}: {where}"
        for place, each in enumerate(entries)
        for where in _wrong(f"deployment.resources[{place}]", each)
    ]
    if wrong:
        raise InputError(wrong)
    try:
        return sources.from_state(document)
    except RecursionError:
        raise InputError(f"{file}: {_DEEP}") from None


def previewed(file: Path) -> list[Resource]:
    """The resources that a saved preview leaves. Raises InputError with file and cause."""
    steps = document_of(file).get("steps")
    if not isinstance(steps, list):
        raise InputError(f"{file}: this is no preview: no list steps (save one with: pulumi preview --json)")
    wrong = [f"{file}: {where}" for place, each in enumerate(steps) for where in _wrong_step(f"steps[{place}]", each)]
    if wrong:
        raise InputError(wrong)
    return sources.from_preview(steps)


def _wrong_step(where: str, step: Any) -> list[str]:
    if not isinstance(step, dict) or not isinstance(step.get("op"), str):
        return [f"{where}: must be an object with op"]
    return _wrong(f"{where}.newState", step["newState"]) if step.get("newState") is not None else []


def document_of(file: Path) -> dict[str, Any]:
    """A file with one JSON object. Raises InputError with file, line and cause."""
    try:
        document = json.loads(texts.read(file))
    except texts.UnreadableTextError as error:
        raise InputError(f"{file}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{file}:{error.lineno}: is no JSON: {error.msg} (column {error.colno})") from None
    except ValueError:
        raise InputError(f"{file}: is no JSON: a number has too many digits") from None
    except RecursionError:
        raise InputError(f"{file}: {_DEEP}") from None
    if not isinstance(document, dict):
        raise InputError(f"{file}: must be a JSON object")
    return document


def _wrong(where: str, entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [f"{where}: must be an object"]
    found = [
        f"{where}.{key}: missing; must be text"
        for key in ("urn", "type")
        if not isinstance(entry.get(key), str) or not entry[key]
    ]
    if not found and not entry["urn"].startswith("urn:"):
        found.append(f"{where}.urn: must begin with urn:")
    found += [
        f"{where}.{key}: must be an object"
        for key in ("inputs", "outputs", "propertyDependencies")
        if entry.get(key) is not None and not isinstance(entry[key], dict)
    ]
    if not isinstance(entry.get("parent") or "", str):
        found.append(f"{where}.parent: must be text")
    if not _are_texts(entry.get("dependencies")):
        found.append(f"{where}.dependencies: must be a list of texts")
    made_of = entry.get("propertyDependencies")
    if isinstance(made_of, dict):
        found += [
            f"{where}.propertyDependencies.{key}: must be a list of texts"
            for key, urns in made_of.items()
            if not _are_texts(urns)
        ]
    return found


def _are_texts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, str) for each in value))
