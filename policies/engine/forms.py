"""What form values have: text, numbers, flags, lists, maps; which of them are allowed; and what is none of that.

A value of the wrong type can be judged by no rule. It is replaced by `Unknown`, so that every rule that needs it says
"not evaluated" instead of breaking, and is told once as a fault of its resource. A value that has the right type and
is not allowed stays, and is told too.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from policies.engine.unknown import Unknown

# To ask for the usual class first is several times faster than for the abstract one alone.
MAPS: Final = (dict, Mapping)
_DIGITS: Final = re.compile(r"-?\d+(?:\.0+)?")
# No port, time or count is as large; larger ones are no longer exact, and some cannot even be written down.
_BEYOND: Final = 2**53


class Fault(NamedTuple):
    """What is wrong at a path of a resource. absent: whether what is wrong is that something is not stated."""

    path: str
    message: str
    absent: bool = False


@dataclass
class Findings:
    """What came out of looking at one resource. unseen: paths that are to be judged and are not known."""

    show: Callable[[str], str]
    faults: list[Fault] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def must(self, path: str, what: str) -> None:
        """Notes that a value is not as it must be."""
        self.faults.append(Fault(path, f"must be {what}; received {self.show(path)}"))


class Form:
    """The form of a value."""

    judged = False

    def sound(self, value: Any, path: str, found: Findings) -> Any:
        """The value, with `Unknown` in place of what is of a wrong type."""
        if value is None:
            return None
        if isinstance(value, Unknown):
            if self.judged:
                found.unseen.append(path)
            return value
        return self._look(value, path, found)

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class Anything(Form):
    """A value of any type."""

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        return value


@dataclass(frozen=True)
class Text(Form):
    """Text. allowed: the only values, in this case; pattern: what it must match, said in words by `words`."""

    allowed: tuple[str, ...] = ()
    pattern: str = ""
    words: str = "text"

    @property
    def judged(self) -> bool:  # type: ignore[override]
        """Whether something can be wrong beside the type, so that one that is not known leaves it open."""
        return bool(self.allowed or self.pattern)

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if not isinstance(value, str) and isinstance(value, (Mapping, list, bool)):
            found.must(path, self._words())
            return Unknown(path)
        text = str(value)
        if (self.allowed and text not in self.allowed) or (self.pattern and not re.fullmatch(self.pattern, text)):
            found.must(path, self._words() + _nearest(text, self.allowed))
        return value

    def _words(self) -> str:
        return (
            " or ".join(filter(None, (", ".join(self.allowed[:-1]), self.allowed[-1]))) if self.allowed else self.words
        )


@dataclass(frozen=True)
class Number(Form):
    """A whole number. strict: whether a number written as text is refused, as Kubernetes does; providers convert it."""

    least: int
    most: int
    unit: str = ""
    strict: bool = False
    other: str = ""
    judged = True

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if self.other and value == self.other:
            return value
        text = isinstance(value, str) and _DIGITS.fullmatch(value.strip()) is not None
        given = number(value)
        if given is None or not (text or isinstance(value, (int, float))):
            found.must(path, self._words())
            return Unknown(path)
        if not self.least <= given <= self.most or (text and self.strict):
            found.must(path, self._words() + (", not text" if text and self.strict else ""))
        return value

    def _words(self) -> str:
        return f"{self.other + ', or ' if self.other else ''}a number from {self.least} to {self.most}{self.unit}"


@dataclass(frozen=True)
class Flag(Form):
    """True or false, also as text, which providers convert."""

    judged = True

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value
        found.must(path, "true or false")
        return Unknown(path)


@dataclass(frozen=True)
class NumberOrName(Form):
    """A port by number or name, or an amount by number or share; `pattern` is what the text must match."""

    least: int
    most: int
    pattern: str
    words: str
    judged = True

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if not isinstance(value, str) and number(value) is None:
            found.must(path, self.words)
            return Unknown(path)
        if isinstance(value, str):
            if not re.fullmatch(self.pattern, value):
                found.must(path, self.words)
        elif not self.least <= value <= self.most:
            found.must(path, self.words)
        return value


@dataclass(frozen=True)
class Each(Form):
    """A list. least: how many it has at the least."""

    form: Form
    least: int = 0

    @property
    def judged(self) -> bool:  # type: ignore[override]
        """Whether something can be wrong beside the type, so that one that is not known leaves it open."""
        return self.least > 0 or self.form.judged

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if not isinstance(value, list):
            found.must(path, "a list")
            return Unknown(path)
        if len(value) < self.least:
            found.faults.append(Fault(path, f"must have at least {self.least}, and has {len(value)}", absent=True))
        made = [self._item(each, f"{path}[{place}]", found) for place, each in enumerate(value)]
        return value if all(new is old for new, old in zip(made, value, strict=True)) else made

    def _item(self, value: Any, path: str, found: Findings) -> Any:
        """An item; nothing at all is none."""
        if value is None:
            found.must(path, "something")
            return Unknown(path)
        return self.form.sound(value, path, found)


@dataclass(frozen=True)
class Table(Form):
    """A map with keys of its own, such as labels."""

    form: Form

    @property
    def judged(self) -> bool:  # type: ignore[override]
        """Whether something can be wrong beside the type, so that one that is not known leaves it open."""
        return self.form.judged

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if not isinstance(value, MAPS):
            found.must(path, "a map")
            return Unknown(path)
        stated = _stated(value)
        made = {key: self.form.sound(each, f"{path}.{key}", found) for key, each in stated.items()}
        return stated if all(made[key] is stated[key] for key in made) else made


@dataclass(frozen=True)
class Fields(Form):
    """A map with fields. Others than these are not looked at.

    required: fields without which it is refused. one: of which exactly one must be there; most_one: at most one.
    """

    fields: Mapping[str, Form]
    required: tuple[str, ...] = ()
    one: tuple[str, ...] = ()
    most_one: tuple[str, ...] = ()

    @cached_property
    def judged(self) -> bool:  # type: ignore[override]
        """Whether something can be wrong beside the type, so that one that is not known leaves it open."""
        return bool(self.required or self.one or self.most_one) or any(each.judged for each in self.fields.values())

    def _look(self, value: Any, path: str, found: Findings) -> Any:
        if not isinstance(value, MAPS):
            found.must(path, "a map")
            return Unknown(path)
        start = f"{path}." if path else ""
        for name in self.required:
            if value.get(name) is None:
                found.faults.append(Fault(f"{start}{name}", "missing; without it the whole is refused", absent=True))
        given = [name for name in self.one if value.get(name) is not None]
        if self.one and len(given) != 1:
            has = " and ".join(given) or "none"
            found.faults.append(
                Fault(path, f"must have exactly one of {', '.join(self.one)}; it has {has}", absent=True)
            )
        both = [name for name in self.most_one if value.get(name) is not None]
        if len(both) > 1:
            found.faults.append(Fault(path, f"must not have {' and '.join(both)} together"))
        stated = _stated(value)
        changed = {}
        for name, form in self.fields.items():
            if name in stated:
                sound = form.sound(stated[name], f"{start}{name}", found)
                if sound is not stated[name]:
                    changed[name] = sound
        return {**stated, **changed} if changed else stated


def number(value: Any) -> float | None:
    """A number that can be counted with, also one that was written as text; None where there is none.

    Raises UnknownValueError when it is not known.
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value if abs(value) < _BEYOND else None
    text = str(value).strip()
    found = float(text) if re.fullmatch(r"-?\d+(?:\.\d+)?", text) else None
    return found if found is not None and abs(found) < _BEYOND else None


def _stated(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A map without what is nothing, which is the same as not stated."""
    if all(each is not None for each in value.values()):
        return value
    return {key: each for key, each in value.items() if each is not None}


def _nearest(text: str, allowed: tuple[str, ...]) -> str:
    """A hint for what was probably meant, another case first."""
    same = [each for each in allowed if each.lower() == text.lower()]
    near = same or difflib.get_close_matches(text, allowed, 1)
    return f" (did you mean {near[0]}?)" if near else ""
