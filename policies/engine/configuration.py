"""How a stack wants the pack: levels, options, waivers, baseline. Everything that is wrong is said at once.

The form is the one of `--policy-pack-config`: by rule id a level, or a map with `enforcementLevel` and the rule's own
options; `all` for every rule that is not off by default. Two names are no rule of a resource: `XST003` has `protected`
(a mandatory rule that cannot be evaluated then blocks), `XST004` has `waivers`, `baseline` and `baseline_file`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from policies.engine import baseline, waivers
from policies.engine.lines import Lines
from policies.engine.rule import Level, Option, Registry, Rule
from policies.engine.waivers import Waiver

NOT_EVALUATED: Final = "XST003"
WAIVERS: Final = "XST004"
_LEVEL: Final = "enforcementLevel"
# The CLI's levels; a rule that would remediate is mandatory where it cannot.
LEVELS: Final = {
    "mandatory": Level.MANDATORY,
    "advisory": Level.ADVISORY,
    "disabled": Level.DISABLED,
    "remediate": Level.MANDATORY,
}
OWN_OPTIONS: Final[Mapping[str, Mapping[str, Option]]] = {
    NOT_EVALUATED: {
        "protected": Option(
            {
                "type": "boolean",
                "default": False,
                "description": "Whether a mandatory rule that cannot be evaluated blocks; elsewhere it warns.",
            }
        )
    },
    WAIVERS: {
        "waivers": Option(
            {
                "type": "array",
                "items": {"type": "object"},
                "default": [],
                "description": "Waived findings, each with rule, urn (a pattern), reason, owner and expires.",
            }
        ),
        "baseline": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": [],
                "description": "Findings that were there when the pack was adopted: they warn and do not block.",
            }
        ),
        "baseline_file": Option(
            {
                "type": "string",
                "default": "",
                "description": "A file with more of them, one a line, beside the configuration; "
                "`python -m checks … --write-baseline FILE` writes it.",
            }
        ),
    },
}


class Fault(NamedTuple):
    """What is wrong, and where: keys of maps and places of lists."""

    path: tuple[str | int, ...]
    text: str

    def __str__(self) -> str:
        written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return f"{written.removeprefix('.')}: {self.text}"


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` has one line for each thing that is wrong."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Configuration:
    """What a stack wants. remediate: ids of rules that may repair what they find."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    remediate: frozenset[str] = frozenset()
    protected: bool = False
    waivers: tuple[Waiver, ...] = ()
    baseline: frozenset[str] = frozenset()

    def level(self, rule: Rule) -> Level:
        """The level of a rule."""
        return self.levels.get(rule.id, rule.level)


def read(values: Mapping[str, Any], registry: Registry, folder: Path | None = None) -> Configuration:
    """The configuration from plain values. Raises ConfigurationError with all problems.

    folder: what the path of a baseline file starts from; without one no such file can be named.
    """
    reading = Reading(registry)
    faults = reading.take(values, folder)
    if faults:
        raise ConfigurationError(str(each) for each in faults)
    return reading.result()


def stated(chosen: Configuration, registry: Registry) -> Iterator[tuple[str, Level | None, dict[str, Any]]]:
    """A configuration as the engine takes one: rule, level (None to remediate) and options, where anything is said."""
    own: dict[str, dict[str, Any]] = {
        NOT_EVALUATED: {"protected": True} if chosen.protected else {},
        WAIVERS: {
            **({"waivers": [each.plain() for each in chosen.waivers]} if chosen.waivers else {}),
            **({"baseline": sorted(chosen.baseline)} if chosen.baseline else {}),
        },
    }
    for rule in registry:
        options = dict(chosen.options.get(rule.id, {}))
        if rule.id in chosen.levels or options != _whole(rule.options, {}):
            yield rule.id, None if rule.id in chosen.remediate else chosen.level(rule), options
    for name, options in own.items():
        if name in chosen.levels or options:
            yield name, chosen.levels.get(name, Level.MANDATORY), options


class Reading:
    """Takes in one set of values after another; a key that a later one has too takes the place of the earlier one's."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known = {rule.id: rule.options for rule in registry} | dict(OWN_OPTIONS)
        self._levels: dict[str, Level] = {}
        self._options: dict[str, dict[str, Any]] = {}
        self._remediate: set[str] = set()
        self._waivers: tuple[Waiver, ...] = ()
        self._listed: frozenset[str] = frozenset()

    def take(self, values: Mapping[str, Any], folder: Path | None, lines: Lines | None = None) -> list[Fault]:
        """Take values in; everything that is wrong with them."""
        faults: list[Fault] = []
        for name in sorted(values, key=lambda name: name != "all"):
            given = values[name] if isinstance(values[name], Mapping) else {_LEVEL: values[name]}
            if name != "all" and name not in self._known:
                faults.append(Fault((name,), _unknown("rule", name, [*self._known, "all"])))
                continue
            for key, value in given.items():
                if not isinstance(key, str):
                    faults.append(Fault((name,), f"its keys must be text; received {key!r}"))
                    continue
                faults += self._set_level(name, value) if key == _LEVEL else self._set_option(name, key, value)
        return faults + self._own(values.get(WAIVERS), folder, lines)

    def result(self) -> Configuration:
        """What it comes to."""
        own = self._options.get(WAIVERS, {})
        return Configuration(
            levels=dict(self._levels),
            options={
                rule.id: _whole(rule.options, self._options.get(rule.id, {})) for rule in self._registry if rule.options
            },
            remediate=frozenset(self._remediate),
            protected=bool(self._options.get(NOT_EVALUATED, {}).get("protected")),
            waivers=self._waivers,
            baseline=self._listed | frozenset(own.get("baseline") or ()),
        )

    def _set_level(self, name: str, value: Any) -> list[Fault]:
        if not isinstance(value, str) or value not in LEVELS:
            hint = f"; did you mean {near}?" if (near := did_you_mean(str(value), LEVELS)) else ""
            return [Fault((name, _LEVEL), f"must be one of {', '.join(LEVELS)}; received {value!r}{hint}")]
        for rule in self._all() if name == "all" else [name]:
            self._levels[rule] = LEVELS[value]
            (self._remediate.add if value == "remediate" else self._remediate.discard)(rule)
        return []

    def _all(self) -> list[str]:
        """What `all` is about: not the rules that are off unless somebody asks for them by name."""
        off = {rule.id for rule in self._registry if rule.level is Level.DISABLED}
        return [name for name in self._known if name not in off]

    def _set_option(self, name: str, key: str, value: Any) -> list[Fault]:
        if name == "all":
            return [Fault((name, key), f"only {_LEVEL} can be set for all rules")]
        allowed = self._known[name]
        if key not in allowed:
            return [Fault((name, key), _unknown("option", key, [*allowed, _LEVEL]))]
        wrong = _fault(value, allowed[key].schema)
        if wrong:
            return [Fault((name, key), wrong)]
        self._options.setdefault(name, {})[key] = value
        return []

    def _own(self, given: Any, folder: Path | None, lines: Lines | None) -> list[Fault]:
        """Waivers, and the entries of the baseline file that these values name."""
        if not isinstance(given, Mapping):
            return []
        faults: list[Fault] = []
        if isinstance(given.get("waivers"), (list, tuple)):
            start = (WAIVERS, "waivers")
            self._waivers, wrong = waivers.read(given["waivers"], self._known, lines.under(start) if lines else None)
            faults += [Fault((*start, *path), text) for path, text in wrong]
        named = given.get("baseline_file")
        if isinstance(named, str) and named:
            try:
                self._listed = baseline.read((folder or Path.cwd()) / named)
            except baseline.BaselineError as error:
                faults.append(Fault((WAIVERS, "baseline_file"), str(error)))
        return faults


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The name most like the one given, whatever its case; ALB6 and ALB06 mean ALB006; "" where none is like it."""
    upper = {each.upper(): each for each in names}
    wanted = re.sub(r"\d+$", lambda number: number[0].lstrip("0").zfill(3), name.upper())
    near = [wanted] if wanted in upper else difflib.get_close_matches(name.upper(), upper, n=1)
    return upper[near[0]] if near else ""


def _unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    names = list(allowed)
    near = did_you_mean(name, names)
    hint = f"; did you mean {near}?" if near else ""
    return f"there is no {what} {name}{hint}" + ("" if hint or not names else f" (there is: {', '.join(names[:12])})")


def _fault(value: Any, schema: Mapping[str, Any]) -> str:
    """What is wrong with a value by the few words of JSON Schema that options use."""
    given = value
    kinds: dict[str, tuple[type, ...]] = {
        "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,), "array": (list, tuple),
    }  # fmt: skip
    kind = str(schema["type"])
    if kind in ("integer", "number") and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, kinds[kind]) or (kind in ("integer", "number") and isinstance(value, bool)):
        return f"must be of type {kind}; received {value!r}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if (low is not None and value < low) or (high is not None and value > high):
        return f"must be from {low} to {high}; received {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(map(str, schema['enum']))}; received {value!r}"
    items: Mapping[str, Any] = schema.get("items") or {}
    simple = kind == "array" and items.get("type", "object") != "object"
    for place, each in enumerate(given if simple else ()):
        if wrong := _fault(each, items):
            return f"[{place}] {wrong}"
    return ""


def _whole(options: Mapping[str, Option], given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: given.get(key, option.default) for key, option in options.items()}
