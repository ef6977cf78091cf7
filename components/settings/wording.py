"""Words for values and paths: safe to print whatever the value is, and never longer than a line bears."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing that is wrong and where."""

    path: Path
    message: str


_LONGEST: Final = 60
_FEW: Final = 24


def quoted(text: str) -> str:
    """Text in double quotes, cut to a readable length, with everything that is not printable escaped."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    shown = "".join(
        char if char.isprintable() else _escape(char) for char in cut.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{shown}"'


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def shown(value: Any) -> str:
    """A value as the user would recognise it. Lists and maps only by size, since something secret may be inside."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "true" if value else "false"
        case int():
            text = str(value) if value.bit_length() <= 64 else "a number of more than 19 digits"
        case float():
            text = repr(value) if math.isfinite(value) else "a number that is not finite"
        case str():
            text = quoted(value)
        case Mapping():
            text = f"a map of {counted(len(value), 'key')}"
        case list() | tuple():
            text = f"a list of {counted(len(value), 'value')}"
        case _:
            text = "a value of another kind"
    return text


def counted(number: int, thing: str) -> str:
    """`1 value`, `2 values`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def rendered(path: Path) -> str:
    """A path as `pulumi config set --path` takes it: `network.zones[1]`, `environment.tags["a b"]`."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{shown(part)}]")
        elif re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part):
            parts.append(f".{part}" if parts else part)
        else:
            parts.append(f"[{quoted(part)}]")
    return "".join(parts)


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """`; did you mean "port"?` when something allowed is near, else nothing."""
    by_case = {each.lower(): each for each in allowed}
    near = difflib.get_close_matches(word[:_LONGEST].lower(), by_case, n=1, cutoff=0.6)
    return f"; did you mean {quoted(by_case[near[0]])}?" if near else ""


def listed(words: Iterable[str]) -> str:
    """Words with commas, the first two dozen of them."""
    all_words = list(words)
    more = f", and {len(all_words) - _FEW} more" if len(all_words) > _FEW else ""
    return ", ".join(all_words[:_FEW]) + more
