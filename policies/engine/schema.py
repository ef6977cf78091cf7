"""The JSON Schema of the pack's configuration files, made from the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.engine.configuration import LEVELS, NOT_EVALUATED, OWN_OPTIONS, WAIVERS
from policies.engine.rule import Option, Registry
from policies.engine.waivers import KEYS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_LEVEL: Final = {
    "enum": list(LEVELS),
    "description": "mandatory blocks, advisory warns, disabled is not tried, remediate repairs where that is safe.",
}
_WAIVER_TEXTS: Final = {
    "rule": "Rule whose findings pass.",
    "urn": "Pattern of the URNs it is about: * for any text, ? for one character.",
    "reason": "Why it may pass.",
    "owner": "Who answers for it.",
    "expires": "Last day on which it holds, such as 2027-03-31.",
}


def json_schema(registry: Registry) -> dict[str, Any]:
    """The schema of `config/default.yaml` and of every environment's file."""
    identities = [*(rule.id for rule in registry), *OWN_OPTIONS]
    rules = {rule.id: _entry(f"{rule.title}. Without it: {rule.level.value}.", rule.options) for rule in registry}
    own = {
        NOT_EVALUATED: _entry("Rules that cannot be evaluated.", OWN_OPTIONS[NOT_EVALUATED]),
        WAIVERS: _entry("Waivers and baseline.", OWN_OPTIONS[WAIVERS]),
    }
    waivers = own[WAIVERS]["anyOf"][1]["properties"]["waivers"]
    waivers["items"] = _waiver(identities)
    return {
        "$schema": DIALECT,
        "title": "Configuration of the policy pack",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "all": {**_level_or({}), "description": "Level of every rule that is not off by default."},
            **rules,
            **own,
        },
    }


def _entry(description: str, options: Mapping[str, Option]) -> dict[str, Any]:
    return {**_level_or({name: dict(option.schema) for name, option in options.items()}), "description": description}


def _level_or(options: Mapping[str, Any]) -> dict[str, Any]:
    inner = {"enforcementLevel": _LEVEL, **options}
    return {"anyOf": [_LEVEL, {"type": "object", "additionalProperties": False, "properties": inner}]}


def _waiver(identities: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        key: {"type": "string", "minLength": 1, "description": _WAIVER_TEXTS[key]} for key in KEYS
    }
    properties["rule"]["enum"] = identities
    properties["expires"]["format"] = "date"
    return {"type": "object", "additionalProperties": False, "required": list(KEYS), "properties": properties}
