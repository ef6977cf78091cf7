"""A value inside a manifest together with its path, so that rules read like the API server's own validation code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local_cloud.values import UNKNOWN, UNKNOWN_TEXT, Secret

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"  # pulumi/sdk, resource/properties.go: marks a wrapped value
_HIDDEN: Final = "[secret]"  # what the engine's events print for a secret


def normal(value: object) -> Any:  # noqa: PLR0911 (one line for each kind of value)
    """The value as the rules want it: unknowns and hidden secrets are ``UNKNOWN``, whole floats int, no nulls in maps.

    The wire knows only floats, and the API server drops a null field before it validates.
    """
    if isinstance(value, str):
        return UNKNOWN if UNKNOWN_TEXT in value or value == _HIDDEN else value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Secret):
        return normal(value.value)
    if isinstance(value, Mapping):
        if _SIGNATURE in value:
            return normal(value["value"]) if "value" in value else UNKNOWN
        return {str(key): normal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    return UNKNOWN


@dataclass(frozen=True)
class Field:
    """One value of a manifest and where it stands."""

    value: Any
    path: str = ""

    def __getitem__(self, key: str) -> Field:
        """The member of a map; absent (``None``) when there is none, unknown when the map itself is unknown."""
        inner = f"{self.path}.{key}" if self.path else key
        if self.value is UNKNOWN:
            return Field(UNKNOWN, inner)
        return Field(self.value.get(key) if isinstance(self.value, dict) else None, inner)

    def at(self, *keys: str) -> Field:
        """A member several levels down."""
        found = self
        for key in keys:
            found = found[key]
        return found

    @property
    def items(self) -> list[Field]:
        """The elements of a list; none when it is absent or unknown."""
        value = self.value if isinstance(self.value, list) else []
        return [Field(item, f"{self.path}[{index}]") for index, item in enumerate(value)]

    @property
    def entries(self) -> list[tuple[str, Field]]:
        """The members of a map; none when it is absent or unknown."""
        value = self.value if isinstance(self.value, dict) else {}
        return [(key, Field(item, f"{self.path}[{key!r}]")) for key, item in value.items()]

    @property
    def present(self) -> bool:
        """Whether the field is certainly given."""
        return self.value is not None and self.value is not UNKNOWN

    @property
    def missing(self) -> bool:
        """Whether the field is certainly not given; an unknown is neither missing nor present."""
        return self.value is None

    @property
    def unknown(self) -> bool:
        """Whether only ``up`` will know the value."""
        return self.value is UNKNOWN

    @property
    def text(self) -> str | None:
        """The value when it is a known string."""
        return self.value if isinstance(self.value, str) else None

    @property
    def number(self) -> int | None:
        """The value when it is a known whole number."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    def number_or(self, default: int) -> int | None:
        """The number, ``default`` when absent, None when unknown or no number."""
        return default if self.missing else self.number

    def says(self, problem: str) -> str:
        """The line of a report: path, problem."""
        return f"{self.path or 'manifest'}: {problem}"

    def exactly_one(self, *names: str) -> Iterator[str]:
        """Complains unless exactly one of these members is given; unknown members leave it open."""
        given = [name for name in names if self[name].present]
        if len(given) > 1 or (not given and not any(self[name].unknown for name in names)):
            yield self.says(f"must have exactly one of {', '.join(names)}; has {', '.join(given) or 'none'}")

    def among(self, *allowed: str) -> Iterator[str]:
        """Complains when a known string is none of ``allowed``."""
        if self.text is not None and self.text not in allowed:
            yield self.says(f"{self.text!r} is not supported; allowed: {', '.join(allowed)}")

    def within(self, low: int, high: int | None = None) -> Iterator[str]:
        """Complains when a known number is out of range."""
        number = self.number
        if number is None:
            return
        if high is None and number < low:
            yield self.says(f"{number} must be at least {low}")
        elif high is not None and not low <= number <= high:
            yield self.says(f"{number} must be between {low} and {high}")

    def required(self) -> Iterator[str]:
        """Complains when the field is absent or an empty string."""
        if self.value is None or self.value == "":
            yield self.says("is required")
