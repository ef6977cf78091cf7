"""Which values must never be printed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .broken import BROKEN
from .forms import VARIABLE
from .wording import Fault, Path

_MISPLACED = (
    "a secret value; secrets belong under services.<workload>.secrets.<NAME>, everything else shows up in names and "
    "plans: move it there, or set it again without --secret"
)


def _words(path: Path) -> tuple[str, ...]:
    return tuple(part if isinstance(part, str) else f"{part:d}" for part in path)


def under_secrets(path: Path) -> bool:
    """Whether a path lies at or below the `secrets` of a workload, secret or not."""
    return len(path) >= 3 and path[0] == "services" and path[2] == "secrets"


def cut(path: Path) -> Path:
    """The path without a key that is no proper name: someone who writes NAME=value has put a secret into the key."""
    if under_secrets(path) and len(path) > 3 and not (isinstance(path[3], str) and VARIABLE.fits(path[3])):
        return path[:3]
    return path


def encrypted(value: Any) -> Iterator[tuple[str, ...]]:
    """The paths of encrypted values, `{secure: …}`, in a value of a stack file; positions in lists as text."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            yield ()
            return
        for key, inner in value.items():
            yield from ((str(key), *path) for path in encrypted(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ((str(index), *path) for path in encrypted(inner))


@dataclass(frozen=True)
class Secrecy:
    """The paths whose values the stack file keeps encrypted."""

    paths: Collection[tuple[str, ...]]
    sections: Collection[str] = ()
    """Sections that keep values encrypted at places nobody knows."""

    def misplaced(self) -> list[tuple[str, ...]]:
        """Secret paths where no secret may be."""
        return sorted({path for path in self.paths if not (len(path) == 4 and under_secrets(path))})

    def hides(self, path: Path) -> bool:
        """Whether the value at a path may not be printed."""
        words = _words(path)
        hidden = under_secrets(path) or words[:1] in {(section,) for section in self.sections}
        return hidden or any(words[: len(secret)] == secret for secret in self.paths)

    def swallows(self, path: Path) -> bool:
        """Whether a path lies in a misplaced secret, whose content is not judged at all."""
        words = _words(path)
        return any(words[: len(secret)] == secret for secret in self.misplaced())

    def problems(self, raw: Mapping[str, Any]) -> list[Fault]:
        """A problem for each misplaced secret."""
        return [Fault(cut(_indexed(raw, path)), _MISPLACED) for path in self.misplaced()]

    def without(self, raw: Any) -> Any:
        """The raw settings with every misplaced secret made unreadable, so that no rule can print it."""
        for path in self.misplaced():
            raw = _replaced(raw, path)
        return raw


def _indexed(raw: Any, path: tuple[str, ...]) -> Path:
    """The path with list positions as numbers."""
    found: list[str | int] = []
    for part in path:
        inside_list = isinstance(raw, list | tuple) and part.isdecimal()
        found.append(int(part) if inside_list else part)
        raw = _child(raw, part)
    return tuple(found)


def _child(raw: Any, part: str) -> Any:
    if isinstance(raw, Mapping):
        return raw.get(part)
    if isinstance(raw, list | tuple) and part.isdecimal() and int(part) < len(raw):
        return raw[int(part)]
    return None


def _replaced(raw: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return BROKEN
    first, rest = path[0], path[1:]
    if isinstance(raw, Mapping) and first in raw:
        return {**raw, first: _replaced(raw[first], rest)}
    if isinstance(raw, list | tuple) and first.isdecimal() and int(first) < len(raw):
        return [_replaced(item, rest) if index == int(first) else item for index, item in enumerate(raw)]
    return raw
