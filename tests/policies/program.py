"""Registers the examples of every rule, for a preview on the real engine. `EXAMPLES` is `bad` or `good`.

Both providers have an input that is not known, so that the engine asks neither of them: what rules say of an input must
not depend on whether a provider would have refused it.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

import pulumi

sys.path.insert(0, os.environ["CHECKOUT"])

from policies.engine.rule import Example
from policies.engine.unknown import Unknown
from policies.rules import REGISTRY


def _later(value: Any = None, *, known: bool = False, made_of: tuple[pulumi.Resource, ...] = ()) -> pulumi.Output[Any]:
    """An output of some resources: its value, or that it has none yet."""

    def settled(result: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
        future.set_result(result)
        return future

    return pulumi.Output(settled(set(made_of)), settled(value), settled(known), settled(False))


def _value(value: Any, start: str) -> Any:
    """The value, with namespaces and ARNs of the example's own, so that examples do not meet."""
    if isinstance(value, Unknown):
        return _later()
    if isinstance(value, Mapping):
        return {key: _value(each, start) for key, each in value.items()}
    if isinstance(value, str) and (value == "shop" or value.startswith("arn:aws:elasticloadbalancing:")):
        return f"{value}-{start.lower()}x"
    return [_value(each, start) for each in value] if isinstance(value, list) else value


class Inside(pulumi.ComponentResource):
    """A component of an example."""


def register(start: str, example: Example, providers: Mapping[str, pulumi.ProviderResource]) -> None:
    """All resources of an example, those first that others are made of."""
    made: dict[str, pulumi.Resource] = {}
    waiting = dict(example.resources)
    while waiting:
        for name, given in list(waiting.items()):
            uses = {each for names in given.get("made_of", {}).values() for each in names} | {given.get("parent", "")}
            if uses & set(waiting):
                continue
            del waiting[name]
            made[name] = _registered(start, name, given, made, providers)


def _registered(
    start: str,
    name: str,
    given: Mapping[str, Any],
    made: Mapping[str, pulumi.Resource],
    providers: Mapping[str, pulumi.ProviderResource],
) -> pulumi.Resource:
    package = given["type"].partition(":")[0]
    options = pulumi.ResourceOptions(parent=made.get(given.get("parent", "")), provider=providers.get(package))
    if package not in providers:
        return Inside(given["type"], f"{start}{name}", {}, options)
    properties = {key: _value(each, start) for key, each in given["properties"].items()}
    for key, names in given.get("made_of", {}).items():
        owners = tuple(made[each] for each in names)
        properties[key] = _later(properties.get(key), known=key in properties, made_of=owners)
    return pulumi.CustomResource(given["type"], f"{start}{name}", properties, options)


class Unsettled(pulumi.ProviderResource):
    """A provider whose configuration is not known yet."""

    def __init__(self, package: str, key: str) -> None:
        super().__init__(package, f"unsettled-{package}", {key: _later()})


def main() -> None:
    """Every example of every rule."""
    kind = os.environ["EXAMPLES"]
    providers = {"aws": Unsettled("aws", "region"), "kubernetes": Unsettled("kubernetes", "kubeconfig")}
    for rule in REGISTRY:
        for place, example in enumerate(rule.bad if kind == "bad" else rule.good):
            register(f"{rule.id}-{place}-", example, providers)


main()
