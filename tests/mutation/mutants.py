"""Mutants: stacks with one property of one resource changed, made mechanically from the domains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.unknown import Unknown
from policies.rules import tokens
from tests.mutation.domains import Domain

Step = str | int
_POLICY: Final = "application-networking.k8s.aws:TargetGroupPolicy"
_CONTAINERS: Final = ("spec", "template", "spec", "containers")
REMOVED: Final = object()
# What a property of each form is never: a provider or an API server refuses it by its schema.
_WRONG: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "number": (("text", "some text"), ("a list", [1]), ("a map", {"a": 1})),
    "port": (("a list", [1]), ("a map", {"a": 1}), ("a flag", True)),
    "amount": (("a list", [1]), ("a map", {"a": 1}), ("a flag", True)),
    "text": (("a list", ["a"]), ("a map", {"a": "b"}), ("a flag", True)),
    "flag": (("text", "perhaps"), ("a list", [True]), ("a map", {"a": True})),
    "list": (("text", "some text"), ("a map", {"a": 1})),
    "map": (("text", "some text"), ("a number", 7)),
}


@dataclass(frozen=True)
class Mutant:
    """One change. what: `set`, `removed` or `wrong type`; value: what was set, or the name of the type.

    concrete: the path with the places in lists. resource: as it was. changed: as it is.
    """

    stack: str
    domain: Domain
    concrete: str
    what: str
    value: Any
    resource: Resource
    changed: Resource

    @property
    def change(self) -> str:
        """What was done, for the report."""
        return self.what if self.what == "removed" else f"{self.what}: {_cut(self.value)}"


def _cut(value: Any) -> str:
    text = repr(value) if isinstance(value, str) and self_quoted(value) else str(value)
    return text if len(text) <= 40 else f"{text[:12]}… ({len(str(value))} characters)"


def self_quoted(text: str) -> bool:
    """Whether a text needs quotes to be seen."""
    return text == "" or text != text.strip()


def steps_of(path: str) -> list[Step | None]:
    """The steps of a path: names, and None for `[]`; `["a.b"]` is a name with dots."""
    found: list[Step | None] = []
    for quoted, anywhere, name in re.findall(r'\["([^"]+)"\]|(\[\])|([^.\[\]]+)', path):
        found.append(None if anywhere else quoted or name)
    return found


def _places(value: Any, steps: Sequence[Step | None], done: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    """Every concrete path that the steps lead to, as far as it exists but for its last name."""
    if not steps:
        yield done
        return
    first, rest = steps[0], steps[1:]
    if first is None:
        for place in range(len(value)) if isinstance(value, list) else ():
            yield from _places(value[place], rest, (*done, place))
    elif isinstance(value, Mapping) and (first in value or not rest):
        yield from _places(value.get(str(first), REMOVED), rest, (*done, first))


def _at(value: Any, path: Sequence[Step]) -> Any:
    for step in path:
        if isinstance(value, list):
            value = value[int(step)]
        else:
            value = value.get(str(step), REMOVED) if isinstance(value, Mapping) else REMOVED
    return value


def _with(value: Any, path: Sequence[Step], new: Any) -> Any:
    """The value with another at a path."""
    if not path:
        return new
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        inner = _with(value[int(first)], rest, new)
        return [*value[: int(first)], *([] if inner is REMOVED else [inner]), *value[int(first) + 1 :]]
    changed = {**value, str(first): _with(value.get(str(first)), rest, new)}
    return {key: each for key, each in changed.items() if each is not REMOVED}


def _shown(path: Sequence[Step]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f'["{step}"]' if "." in step else f".{step}" if text else step
    return text


def _changes(domain: Domain, before: Any) -> Iterator[tuple[str, Any, Any]]:
    """What, how it is called, and the new value."""
    for value in domain.values:
        if type(value) is not type(before) or value != before:
            yield "set", value, value
    if before is REMOVED:
        return
    if domain.removed:
        yield "removed", None, REMOVED
    for name, value in _WRONG[domain.form]:
        yield "wrong type", name, value


def is_grpc(resource: Resource, resources: Sequence[Resource]) -> bool:
    """Whether a resource has to do with gRPC; of kinds that say nothing of it, all have."""
    if resource.kind == tokens.TARGET_GROUP:
        return resource.properties.get("protocolVersion") == "GRPC"
    if resource.kind == tokens.LISTENER_RULE:
        urns = resource.property_dependencies.get("actions", ())
        return any(each.urn in urns and is_grpc(each, resources) for each in resources)
    if resource.kind == tokens.DEPLOYMENT:
        return any("grpc" in each.get("readinessProbe", {}) for each in _at(resource.properties, _CONTAINERS))
    if resource.kind == tokens.SERVICE:
        return any(each.get("name") == "grpc" for each in resource.properties["spec"]["ports"])
    if resource.kind == _POLICY:
        urns = resource.property_dependencies.get("spec", ())
        return any(each.urn in urns and each.kind == tokens.SERVICE and is_grpc(each, resources) for each in resources)
    return True


def mutants(stack: str, resources: Sequence[Resource], domains: Sequence[Domain]) -> Iterator[Mutant]:
    """Every mutant of a stack. Values that the stack does not know are only taken away."""
    for resource in resources:
        for domain in domains:
            if domain.kind != resource.kind or not (domain.anywhere or is_grpc(resource, resources)):
                continue
            for path in _places(resource.properties, steps_of(domain.path)):
                before = _at(resource.properties, path)
                if before is REMOVED and not domain.added:
                    continue
                for what, value, new in _changes(domain, before):
                    if isinstance(before, Unknown) and what == "set" and not domain.values:
                        continue
                    properties = _with(resource.properties, path, new)
                    changed = replace(resource, properties=properties)
                    yield Mutant(stack, domain, _shown(path), what, value, resource, changed)


def applied(mutant: Mutant, resources: Sequence[Resource]) -> list[Resource]:
    """The stack with the change in it."""
    return [mutant.changed if each is mutant.resource else each for each in resources]
