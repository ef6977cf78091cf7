"""Waivers: findings that somebody answers for, until a day. Baselines: findings that were there when the pack came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.engine.evaluate import Finding

_KEYS: Final = ("rule", "urn", "reason", "owner", "expires")


@dataclass(frozen=True)
class Waiver:
    """Findings of `rule` on resources whose URN fits the pattern `urn` (`*`, `?`), waived to the end of `expires`."""

    rule: str
    urn: str
    reason: str
    owner: str
    expires: dt.date

    def covers(self, finding: Finding) -> bool:
        """Whether it is about a finding."""
        return finding.rule == self.rule and fnmatchcase(finding.urn, self.urn)

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"the waiver of {self.rule} for {self.urn} ({self.owner})"


def read(values: Iterable[Any], rules: Iterable[str]) -> tuple[tuple[Waiver, ...], list[str]]:
    """Waivers from plain values, and everything that is wrong with them, by place."""
    known = set(rules)
    found: list[Waiver] = []
    wrong: list[str] = []
    for place, value in enumerate(values):
        where = f"waivers[{place}]"
        if not isinstance(value, Mapping):
            wrong.append(f"{where}: must be a map with the keys {', '.join(_KEYS)}")
            continue
        faults = [f"{where}.{key}: unknown key (allowed: {', '.join(_KEYS)})" for key in value if key not in _KEYS]
        for key in _KEYS:
            text = value.get(key)
            if key != "expires" and (not isinstance(text, str) or not text.strip()):
                faults.append(f"{where}.{key}: missing; must be text")
        day = _day(value.get("expires"))
        if day is None:
            faults.append(f"{where}.expires: must be a day such as 2027-03-31")
        if isinstance(value.get("rule"), str) and value["rule"] not in known:
            faults.append(f"{where}.rule: there is no rule {value['rule']}")
        wrong += faults
        if not faults and day is not None:
            found.append(Waiver(value["rule"], value["urn"], value["reason"], value["owner"], day))
    return tuple(found), wrong


def _day(value: Any) -> dt.date | None:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        return None


def fingerprint(finding: Finding) -> str:
    """What a baseline knows a finding by: rule, URN and path, not the words of the message."""
    return f"{finding.rule} {finding.urn} {finding.path}".rstrip()
