"""How a stack wants the pack: levels, options, waivers, baseline. Everything that is wrong is said at once.

The form is the one of `--policy-pack-config`: by rule id a level, or a map with `enforcementLevel` and the rule's own
options; `all` for every rule. Two names are no rule of a resource: `XST003` has `protected` (a mandatory rule that
cannot be evaluated then blocks), `XST004` has `waivers` and `baseline`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from policies.engine import waivers
from policies.engine.rule import Level, Option, Registry, Rule
from policies.engine.waivers import Waiver

NOT_EVALUATED: Final = "XST003"
WAIVERS: Final = "XST004"
_LEVEL: Final = "enforcementLevel"
# The CLI's levels; a rule that would remediate is mandatory where it cannot.
_LEVELS: Final = {
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
    },
}


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


def read(values: Mapping[str, Any], registry: Registry) -> Configuration:
    """The configuration from plain values. Raises ConfigurationError with all problems."""
    problems: list[str] = []
    levels: dict[str, Level] = {}
    options: dict[str, dict[str, Any]] = {}
    remediate: set[str] = set()
    known = {rule.id: rule.options for rule in registry} | dict(OWN_OPTIONS)
    for name in sorted(values, key=lambda name: name != "all"):
        given = values[name] if isinstance(values[name], Mapping) else {_LEVEL: values[name]}
        concerned = list(known) if name == "all" else [name] if name in known else []
        if not concerned:
            problems.append(_unknown("rule", name, [*known, "all"]))
        for key, value in given.items():
            if key == _LEVEL:
                problems += _set_level(name, value, concerned, levels, remediate)
            elif name != "all" and name in known:
                problems += _set_option(name, key, value, known[name], options)
            elif name == "all":
                problems.append(f"all.{key}: only {_LEVEL} can be set for all rules")
    own = options.pop(WAIVERS, {})
    given_waivers, wrong = waivers.read(own.get("waivers") or (), known)
    problems += [f"{WAIVERS}.{each}" for each in wrong]
    if problems:
        raise ConfigurationError(problems)
    return Configuration(
        levels=levels,
        options={rule.id: _whole(rule.options, options.get(rule.id, {})) for rule in registry if rule.options},
        remediate=frozenset(remediate),
        protected=bool(options.get(NOT_EVALUATED, {}).get("protected")),
        waivers=given_waivers,
        baseline=frozenset(own.get("baseline") or ()),
    )


def _set_level(
    name: str, value: Any, concerned: Iterable[str], levels: dict[str, Level], remediate: set[str]
) -> list[str]:
    if value not in _LEVELS:
        return [f"{name}.{_LEVEL}: must be one of {', '.join(_LEVELS)}; received {value!r}"]
    for rule in concerned:
        levels[rule] = _LEVELS[value]
        (remediate.add if value == "remediate" else remediate.discard)(rule)
    return []


def _set_option(
    name: str, key: str, value: Any, allowed: Mapping[str, Option], options: dict[str, dict[str, Any]]
) -> list[str]:
    if key not in allowed:
        return [_unknown(f"{name}: option", key, allowed)]
    wrong = _fault(value, allowed[key].schema)
    if wrong:
        return [f"{name}.{key}: {wrong}"]
    options.setdefault(name, {})[key] = value
    return []


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
