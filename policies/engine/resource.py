"""A resource as rules see it: immutable, with unknown values as values of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Final

from policies.engine.forms import MAPS, Fault, Fields, Findings, number
from policies.engine.kinds import Kind, kind_of
from policies.engine.unknown import MISSING, Unknown, UnknownValueError

_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_LONGEST: Final = 80


@lru_cache(maxsize=8192)
def _steps(path: str) -> tuple[int | str, ...]:
    """The steps of a path, index or key: the same paths are asked of every resource."""
    return tuple(int(index) if index else key for index, key in _STEP.findall(path))


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of a preview, of an update, or of exported state.

    properties: its inputs; in state also what the provider computed. property_dependencies: by top-level property, the
    URNs of the resources it was made of, known even where the value is not. secrets: paths of secret values. partial:
    whether there is more to it than `properties` says. provider: the URN of its provider, "" where that is not told.
    ignored: paths whose changes the program ignores. read: whether the program only looks it up. faults: values that
    are of a wrong type or not allowed. unseen: paths of values that were to be looked at for that and are not known;
    see `sound`.
    """

    type: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protect: bool = False
    secrets: tuple[str, ...] = ()
    partial: bool = False
    provider: str = ""
    ignored: tuple[str, ...] = ()
    read: bool = False
    faults: tuple[Fault, ...] = ()
    unseen: tuple[str, ...] = ()

    def sound(self, form: Fields) -> Resource:
        """The same with `Unknown` in place of values of a wrong type, and with what is wrong with its values."""
        found = Findings(self.shown)
        properties = form.sound(self.properties, "", found)
        faults = [each for each in found.faults if not (each.absent and (self.patch or self.partial))]
        if properties is self.properties and not faults and not found.unseen:
            return self
        return replace(self, properties=properties, faults=tuple(faults), unseen=tuple(found.unseen))

    @property
    def _kind(self) -> Kind:
        return kind_of(self.type)

    @cached_property
    def kind(self) -> str:
        """The type, whichever way it is spelled; see `kinds`."""
        return self._kind.name

    @cached_property
    def patch(self) -> bool:
        """Whether it states only some fields of an object that another owner made."""
        return self._kind.patch

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a path such as `healthCheck.matcher` or `actions[0].type`; `default` where there is none.

        `Unknown` where it, or what it lies in, is not known. So is every value that a Patch does not state: the object
        may have it.
        """
        value: Any = self.properties
        for step in _steps(path):
            if isinstance(value, MAPS):
                value = value.get(step, MISSING)
            elif isinstance(value, Unknown):
                return value
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                value = MISSING
                break
        if value is MISSING or value is None:
            return Unknown(path) if self.patch or self.partial else default
        return value

    def items(self, path: str) -> Iterator[tuple[str, Any]]:
        """The values of a list, each with its path. Raises UnknownValueError when it is not known, or is no list."""
        given = self.get(path, ())
        if not isinstance(given, (list, tuple)):
            raise UnknownValueError(path)
        for place, value in enumerate(given):
            yield f"{path}[{place}]", value

    def shown(self, path: str) -> str:
        """The value at a path as a message may show it: cut short, and never a secret."""
        if any(path == secret or path.startswith((f"{secret}.", f"{secret}[")) for secret in self.secrets):
            return "[secret]"
        return shown(self.get(path))


def shown(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, Unknown):
        return "a value that is not known yet"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
        return '"' + "".join(char if char.isprintable() else "\\x" + format(ord(char), "02x") for char in cut) + '"'
    return str(value) if isinstance(value, (int, float)) else "a map" if isinstance(value, Mapping) else "a list"


def flag(value: Any, *, default: bool) -> bool:
    """A flag, also one that was written as text."""
    if value is None:
        return default
    return value if isinstance(value, bool) else str(value).strip().lower() == "true"


__all__ = ["Resource", "flag", "number", "shown"]
