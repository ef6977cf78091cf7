"""Values as text and back. What is shown of a valid value is read as that value again.

Text that begins with a double quote is a JSON string, for what could not be told otherwise: the empty text, blanks at
the ends, lines. Lists have an item on each line, maps `key: value`; both may also be written as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from portal.form.fields import Kind

MISSING: Final = object()
"""There is no value."""
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,300})")
_DECODER: Final = json.JSONDecoder()


class _Nothing:
    """The type of no JSON."""


_AS_JSON: Final = {Kind.LIST: list, Kind.MAP: dict, Kind.RAW: object, Kind.FLAG: bool}
"""What is read as JSON where it is JSON of that type."""


class TextError(ValueError):
    """Text that cannot be read as a value of its kind; the message says which line, and what is expected."""


def shown(kind: Kind, value: Any, *, numbers: bool = False) -> str:
    """A value in a form. numbers: whether the items, values or choices of the kind are numbers."""
    if value is MISSING:
        return ""
    if kind is Kind.SECRET:
        return ""
    if not fits(kind, value, numbers=numbers) or value in ([], {}):
        return _raw(value)
    if kind is Kind.LIST:
        return "\n".join(_scalar(each, numbers=numbers, refused="[") for each in value)
    if kind is Kind.MAP:
        return "\n".join(f"{_key(key)}: {_scalar(each, numbers=numbers)}" for key, each in value.items())
    return _raw(value) if kind is Kind.FLAG else _scalar(value, numbers=numbers or kind is Kind.NUMBER)


def _raw(value: Any) -> str:
    if isinstance(value, str) and not _is_json(value):
        return _scalar(value, numbers=False)
    return json.dumps(value, ensure_ascii=False)


def fits(kind: Kind, value: Any, *, numbers: bool = False) -> bool:
    """Whether a value can be shown in the way of a kind; otherwise it is shown as JSON."""
    match kind:
        case Kind.TEXT | Kind.NUMBER | Kind.CHOICE:
            return _is_scalar(value, numbers=numbers or kind is Kind.NUMBER)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.LIST:
            return isinstance(value, list) and all(_is_scalar(each, numbers=numbers) for each in value)
        case Kind.MAP:
            return isinstance(value, Mapping) and all(_is_scalar(each, numbers=numbers) for each in value.values())
    return kind is Kind.SECRET


def parsed(kind: Kind, text: str, *, numbers: bool = False) -> Any:
    """The value of a text, `MISSING` for none. What is no number stays text, for the program to say so. TextError."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        return MISSING
    found = _json(text, _AS_JSON.get(kind, _Nothing))
    if found is not MISSING:
        return found
    if kind is Kind.LIST:
        return [_read(line, numbers=numbers) for _, line in _lines(text)]
    if kind is Kind.MAP:
        return _entries(text, numbers=numbers)
    return _read(text, numbers=numbers or kind is Kind.NUMBER)


def _is_scalar(value: Any, *, numbers: bool) -> bool:
    return isinstance(value, str) or (numbers and isinstance(value, int) and not isinstance(value, bool))


def _scalar(value: str | int, *, numbers: bool, refused: str = "") -> str:
    if isinstance(value, int):
        return str(value)
    plain = value and value == value.strip() and value.isprintable() and not value.startswith('"')
    if plain and not (refused and value.startswith(refused)) and not (numbers and _WHOLE.fullmatch(value)):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _key(key: str) -> str:
    text = _scalar(key, numbers=False, refused="{")
    return json.dumps(key) if ":" in text and not text.startswith('"') else text


def _read(text: str, *, numbers: bool) -> str | int:
    if numbers and _WHOLE.fullmatch(text):
        return int(text)
    if text.startswith('"'):
        found = _json(text, str)
        if found is not MISSING:
            return str(found)
    return text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def _entries(text: str, *, numbers: bool) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for number, line in _lines(text):
        key, rest = _split(line)
        if rest is None:
            raise TextError(f"line {number}: must be key: value")
        if key in found:
            raise TextError(f"line {number}: the key {key} is there twice")
        found[key] = _read(rest, numbers=numbers)
    return found


def _split(line: str) -> tuple[str, str | None]:
    """Key and value of a line; no value where there is no colon."""
    if line.startswith('"'):
        try:
            key, end = _DECODER.raw_decode(line)
        except json.JSONDecodeError:
            return line, None
        rest = line[end:].lstrip()
        return str(key), rest[1:].strip() if rest.startswith(":") else None
    name, colon, rest = line.partition(":")
    return name.strip(), rest.strip() if colon else None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _json(text: str, kind: type) -> Any:
    """The JSON value of a text, `MISSING` where it is none of that type."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return MISSING
    return found if isinstance(found, kind) else MISSING


def _is_json(text: str) -> bool:
    return _json(text, object) is not MISSING
