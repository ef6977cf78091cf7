"""Examples of rules as resources, and what an evaluator makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from policies.engine.evaluate import Evaluator, Report
from policies.engine.resource import Resource
from policies.engine.rule import Example, Level, Rule
from policies.engine.unknown import Unknown
from policies.rules import REGISTRY

RULES = tuple(REGISTRY)
GROUP = "aws:lb/targetGroup:TargetGroup"
_ENOUGH = 3
BAD = [(rule, example) for rule in RULES for example in rule.bad]
GOOD = [(rule, example) for rule in RULES for example in rule.good]


def named(case: Any) -> str:
    """The name of a parametrized case."""
    return (
        case.id if isinstance(case, Rule) else case.title.replace(" ", "-") if isinstance(case, Example) else str(case)
    )


def urn_of(name: str, kind: str) -> str:
    return f"urn:pulumi:test::grpc-platform::{kind}::{name}"


def made(type_: str, name: str = "it", made_of: dict[str, list[Resource]] | None = None, **properties: Any) -> Resource:
    """A resource. made_of: by property, what it was made of."""
    deps = {key: tuple(each.urn for each in others) for key, others in (made_of or {}).items()}
    return Resource(type_, name, urn_of(name, type_), properties, property_dependencies=deps)


def resources(example: Example) -> list[Resource]:
    """The resources of an example as a preview would have them."""
    urns = {name: urn_of(name, given["type"]) for name, given in example.resources.items()}
    return [
        Resource(
            type=given["type"],
            name=name,
            urn=urns[name],
            properties={**{key: Unknown(key) for key in given.get("made_of", {})}, **given["properties"]},
            parent=urns.get(given.get("parent", ""), ""),
            property_dependencies={
                key: tuple(urns[each] for each in names) for key, names in given.get("made_of", {}).items()
            },
        )
        for name, given in example.resources.items()
    ]


def judged(rule: Rule, made: list[Resource]) -> Report:
    """What one rule says of resources, also one that is off by default."""
    return Evaluator([rule], {rule.id: Level.ADVISORY}, {}).everything(made)


def blinded(made: list[Resource]) -> Iterator[tuple[str, list[Resource]]]:
    """The same resources once for every value in them, with that one value unknown.

    Not ids and ARNs: what refers to one that is not known has no known value either. Of resources that say the same
    things, but for the values, the first few: an example may have a hundred.
    """
    alike: Counter[tuple[str, ...]] = Counter()
    for place, resource in enumerate(made):
        shape = (resource.type, *(path for path, _ in _without(resource.properties, "")))
        alike[shape] += 1
        if alike[shape] > _ENOUGH:
            continue
        for path, properties in _without(resource.properties, ""):
            if path in ("arn", "id"):
                continue
            others = [*made[:place], replace(resource, properties=properties), *made[place + 1 :]]
            yield f"{resource.name}: {path}", others


def _without(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            where = f"{path}.{key}" if path else key
            for found, changed in _without(inner, where):
                yield found, {**value, key: changed}
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            for found, changed in _without(inner, f"{path}[{place}]"):
                yield found, [*value[:place], changed, *value[place + 1 :]]
    if path:
        yield path, Unknown(path)
