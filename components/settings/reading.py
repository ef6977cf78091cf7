"""From plain values to models; every fault of form becomes one sentence of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from . import shape
from .base import SALVAGE
from .broken import BROKEN
from .model import Settings
from .secrecy import Secrecy, cut, under_secrets
from .wording import Fault, Path, counted, quoted, shown, suggestion


def read(raw: Mapping[Any, Any], secrecy: Secrecy) -> tuple[Settings, list[Fault]]:
    """The settings and every fault of form. With a fault the settings are a salvage: what is unsound is `BROKEN`."""
    try:
        return Settings.model_validate(raw), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = [fault for detail in details for fault in _faults(detail, secrecy)]
    return salvage(raw), faults


def salvage(raw: Any) -> Settings:
    """All that is sound of the settings, `BROKEN` for the rest."""
    sound = raw if isinstance(raw, Mapping) else dict.fromkeys(Settings.model_fields, BROKEN)
    return Settings.model_validate(sound, context={SALVAGE: True})


def _faults(detail: ErrorDetails, secrecy: Secrecy) -> Iterator[Fault]:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if secrecy.swallows(path) or _follows(detail):
        return
    if detail["type"] == "invalid_key" or (detail["loc"] and detail["loc"][-1] == "[key]"):
        yield _key(path, detail)
        return
    match detail["type"]:
        case "missing":
            yield Fault(path, f"missing; must be {shape.expected(shape.at(path))}")
        case "extra_forbidden":
            yield Fault(path, _unknown(path))
        case "empty":
            yield Fault(path, f"empty; must be {shape.expected(shape.at(path))}, or leave the key out")
        case _:
            yield Fault(cut(path), _value(path, detail, hidden=secrecy.hides(path)))


def _follows(detail: ErrorDetails) -> bool:
    """A list counts as too short when one of its items is at fault, which has a sentence of its own."""
    bounds = detail.get("ctx", {})
    if detail["type"] == "too_short":
        return len(detail["input"]) >= int(bounds["min_length"])
    return detail["type"] == "too_long" and len(detail["input"]) <= int(bounds["max_length"])


def _unknown(path: Path) -> str:
    """An unknown key, never its value: who knows what it is."""
    allowed = shape.keys(path[:-1])
    near = suggestion(str(path[-1]), allowed)
    return f"unknown key{near} (allowed: {', '.join(allowed)})"


def _key(path: Path, detail: ErrorDetails) -> Fault:
    """A key that is not text, or not of the form a name must have."""
    if under_secrets(path):
        # Someone who writes NAME=value has put the value into the key.
        return Fault(path[:3], 'a name here is not allowed; it must be letters, digits and underscores (NAME: "value")')
    allowed = shape.at(path[:-1]).get("x-keys") or f"one of {', '.join(shape.keys(path[:-1]))}"
    if not isinstance(detail["input"], str):
        return Fault(path[:-1], f"the key {shown(detail['input'])} is not text; put it in quotes")
    near = suggestion(detail["input"], shape.at(path[:-1]).get("x-known-keys", ()))
    return Fault(path, f"this name is not allowed{near or ';'} it must be {allowed}")


def _value(path: Path, detail: ErrorDetails, *, hidden: bool) -> str:
    node = shape.at(path)
    allowed = detail.get("ctx", {}).get("allowed") or shape.expected(node)
    if hidden:
        return f"must be {allowed}; the value received is not shown"
    value = detail["input"]
    if detail["type"] == "planned":
        return f"{shown(value)} is not available yet; must be {allowed}"
    return f"must be {allowed}; received {_received(value, node)}{_hint(value, node)}"


def _received(value: Any, node: shape.Node) -> str:
    maximum = node.get("maxLength", 0)
    if isinstance(value, str) and maximum and len(value) > maximum:
        return f"{quoted(value)}, which has {counted(len(value), 'character')} (at most {maximum})"
    return shown(value)


def _hint(value: Any, node: shape.Node) -> str:
    """What the reader most likely did, when it can be told."""
    choices = shape.choices(node)
    textual = node.get("type") == "string" or (bool(choices) and isinstance(choices[0], str))
    if textual and isinstance(value, int | float) and abs(value) < 1e15:
        return f'; put it in quotes: "{shown(value)}"'
    if isinstance(value, str) and (node.get("type") in ("integer", "boolean")):
        number = value.removeprefix("-").isdecimal() and len(value) < 20
        return "; remove the quotes" if number or value in ("true", "false") else ""
    if isinstance(value, str) and choices:
        return suggestion(value, map(str, choices))
    return ""
