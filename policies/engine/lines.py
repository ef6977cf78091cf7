"""YAML with the line of every value, for messages that say where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Path_ = tuple["str | int", ...]
_MOST: Final = 2_000_000
_MERGE: Final = "tag:yaml.org,2002:merge"


class UnreadableError(Exception):
    """Text that is no YAML map; the message says what it is, `line` (from 1) where."""

    def __init__(self, message: str, line: int = 1) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class Lines:
    """Lines of values by their path, 1 for the first line of the file."""

    file: str
    known: Mapping[Path_, int] = field(default_factory=dict)
    start: Path_ = ()

    def under(self, path: Path_) -> Lines:
        """The same, for paths that begin at `path`."""
        return Lines(self.file, self.known, (*self.start, *path))

    def at(self, path: Path_) -> int:
        """The line of a path, or of the nearest thing above it."""
        whole = (*self.start, *path)
        while whole and whole not in self.known:
            whole = whole[:-1]
        return self.known.get(whole, 1)


def load(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """The map in a YAML or JSON text, and where its values are. Raises UnreadableError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        bounded(root)
        known: dict[Path_, int] = {}
        _note(root, (), known)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(f"is no YAML: {error.problem}", mark.line + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"is no YAML: {error}".splitlines()[0]) from None
    except ValueError as error:  # 2027-02-30 looks like a day and is none
        raise UnreadableError(f"is no YAML: {error}") from None
    except RecursionError:
        raise UnreadableError("is nested too deeply") from None
    if values is None:
        return {}, Lines(file, known)
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UnreadableError("must be a map of rules such as ALB006: advisory")
    return values, Lines(file, known)


def bounded(root: yaml.Node | None) -> None:
    """Raises UnreadableError where aliases lead back to themselves, or come to more than anybody writes.

    Ten lines of them can stand for a billion values.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node | None) -> int:
        if not isinstance(node, yaml.CollectionNode):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = _MOST + 1  # until it is known: an alias inside it has no end
            pairs = isinstance(node, yaml.MappingNode)
            inner = (each for item in node.value for each in (item if pairs else (item,)))
            sizes[id(node)] = 1 + sum(map(size, inner))
        if sizes[id(node)] > _MOST:
            raise UnreadableError("has aliases without an end, or of too many values", node.start_mark.line + 1)
        return sizes[id(node)]

    size(root)


def _note(node: yaml.Node | None, path: Path_, known: dict[Path_, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in known and key.tag != _MERGE:
                raise UnreadableError(f"the key {key.value} occurs twice", key.start_mark.line + 1)
            known[inner] = key.start_mark.line + 1
            _note(value, inner, known)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            known[(*path, place)] = value.start_mark.line + 1
            _note(value, (*path, place), known)
