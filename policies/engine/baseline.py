"""Baseline files: findings that were there when the pack came, one a line, in a text that merges well.

A line is rule, URN and path of a property. No value of a property is in it, so no secret either.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from policies.engine import texts

_HEAD: Final = (
    "# Findings that were there when the pack came: they warn and do not block. The list only gets shorter.\n"
    "# Written by: python -m checks … --write-baseline\n"
)


class BaselineError(Exception):
    """A baseline file that cannot be read; the message says why."""


def text(entries: Iterable[str]) -> str:
    """The file with these entries: the same entries make the same bytes."""
    return _HEAD + "".join(f"{each}\n" for each in sorted(set(entries)))


def read(file: Path) -> frozenset[str]:
    """The entries of a file. Raises BaselineError with the line of what is no entry."""
    try:
        lines = texts.read(file).splitlines()
    except texts.UnreadableTextError as error:
        raise BaselineError(f"{file.name} {error}") from None
    entries = {number: line.strip() for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"}
    wrong = [number for number, entry in entries.items() if not _is_entry(entry)]
    if wrong:
        raise BaselineError(f"{file.name}:{wrong[0]}: must be a rule, a URN and a path, with a space between them")
    return frozenset(entries.values())


def _is_entry(entry: str) -> bool:
    rule, _, urn = entry.partition(" ")
    return rule.isalnum() and urn.startswith("urn:")
