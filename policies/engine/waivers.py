"""Waivers: findings that somebody answers for, until a day. Baselines: findings that were there when the pack came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.engine.evaluate import Finding, NotEvaluated
from policies.engine.lines import Lines

KEYS: Final = ("rule", "urn", "reason", "owner", "expires")
Wrong = tuple[tuple["str | int", ...], str]


@dataclass(frozen=True)
class Waiver:
    """Findings of `rule` on resources whose URN fits the pattern `urn` (`*`, `?`), waived to the end of `expires`.

    place: the file and line it stands at, where that is known.
    """

    rule: str
    urn: str
    reason: str
    owner: str
    expires: dt.date
    place: tuple[str, int] | None = field(default=None, compare=False)

    def covers(self, finding: Finding | NotEvaluated) -> bool:
        """Whether it is about a finding."""
        pattern = self.urn.replace("[", "[[]")  # names of resources have brackets in them: db["a"]
        return finding.rule == self.rule and fnmatchcase(finding.urn, pattern)

    def plain(self) -> dict[str, str]:
        """The values it was read from."""
        return {key: str(getattr(self, key)) for key in KEYS}

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"the waiver of {self.rule} for {self.urn} ({self.owner})"


def read(
    values: Iterable[Any], rules: Iterable[str], lines: Lines | None = None
) -> tuple[tuple[Waiver, ...], list[Wrong]]:
    """Waivers from plain values, and everything that is wrong with them, by path."""
    known = set(rules)
    found: list[Waiver] = []
    wrong: list[Wrong] = []
    for place, value in enumerate(values):
        faults = list(_faults(value, known))
        wrong += [((place, *path), text) for path, text in faults]
        if not faults:
            day = _day(value["expires"]) or dt.date.min
            where = (lines.file, lines.at((place,))) if lines else None
            found.append(Waiver(value["rule"], value["urn"], value["reason"], value["owner"], day, where))
    return tuple(found), wrong


def _faults(value: Any, rules: set[str]) -> Iterable[Wrong]:
    if not isinstance(value, Mapping):
        yield (), f"must be a map with the keys {', '.join(KEYS)}; received {value!r}"
        return
    for key in value:
        if key not in KEYS:
            yield (str(key),), f"unknown key (allowed: {', '.join(KEYS)})"
    for key in KEYS[:-1]:
        text = value.get(key)
        if not isinstance(text, str) or not text.strip():
            yield (key,), "missing; must be text" if key not in value else f"must be text; received {text!r}"
    if _day(value.get("expires")) is None:
        yield ("expires",), f"must be a day such as 2027-03-31; received {value.get('expires')}"
    if isinstance(value.get("rule"), str) and value["rule"] not in rules:
        yield ("rule",), f"there is no rule {value['rule']}"


def _day(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return None
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None


def fingerprint(finding: Finding) -> str:
    """What a baseline knows a finding by: rule, URN and path, not the words of the message. One line."""
    return " ".join(f"{finding.rule} {finding.urn} {finding.path}".split())
