"""`python -m checks explain ALB006`: everything there is to say about a rule."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import yaml

from checks.problems import InputError
from checks.report import words
from policies.engine.configuration import OWN_OPTIONS, did_you_mean
from policies.engine.rule import Example, Option, Rule
from policies.engine.unknown import Unknown
from policies.rules import REGISTRY


def explain(identity: str) -> str:
    """The text about a rule. Raises InputError when there is none of that id."""
    identity = identity.strip()
    if identity.upper() in OWN_OPTIONS:
        return "\n".join(_own(identity.upper())) + "\n"
    rule = REGISTRY.get(identity.upper())
    if rule is None:
        names = [*(each.id for each in REGISTRY), *OWN_OPTIONS]
        near = did_you_mean(identity, names)
        hint = f"; did you mean {near}?" if near else f" (there is: {', '.join(names)})"
        raise InputError(f"there is no rule {identity}{hint}")
    return "\n".join(_lines(rule)) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.id}: {rule.title}"
    yield f"severity {rule.severity.value}, {rule.level.value}"
    yield ""
    yield rule.why
    yield ""
    yield f"Fix: {rule.remedy}"
    if rule.fix is not None:
        yield "     The pack makes this change itself where the rule's level is remediate."
    if rule.replaces:
        yield "     It makes a new resource."
    yield f"See: {rule.source}"
    yield from _options(rule.options)
    for kind, examples in (("Bad", rule.bad), ("Good", rule.good)):
        for example in examples:
            yield ""
            yield f"{kind}: {example.title}"
            yield example_text(example)


def _own(identity: str) -> Iterator[str]:
    """What is no rule of a resource, but of the pack itself."""
    title, remedy = words.OWN[identity]
    yield f"{identity}: {title}"
    yield "about the pack itself: docs/policies.md"
    yield ""
    yield f"Fix: {remedy}"
    yield from _options(OWN_OPTIONS[identity])


def _options(options: Mapping[str, Option]) -> Iterator[str]:
    for name, option in options.items():
        yield f"Option {name}: {option.schema['description']} Default: {json.dumps(option.default)}."


def example_text(example: Example) -> str:
    """An example as YAML, as `resources:` of a Pulumi YAML program would have it."""
    found = {
        name: {"type": given["type"], "properties": _plain(given["properties"])}
        for name, given in example.resources.items()
    }
    return yaml.safe_dump(found, sort_keys=False, default_flow_style=False).rstrip()


def _plain(value: object) -> object:
    if isinstance(value, Unknown):
        return "(not known before the update)"
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value
