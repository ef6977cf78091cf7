"""Registers the resources of the file that `bench:architecture` names: the steps of a preview (bench/architecture.py).

Both providers have an input that is not known, so that the engine asks neither of them: what is left is the engine's
own work and the pack's.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def later(made_of: Sequence[pulumi.Resource] = ()) -> pulumi.Output[Any]:
    """An output of some resources that has no value yet."""

    def settled(result: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
        future.set_result(result)
        return future

    return pulumi.Output(settled(set(made_of)), settled(None), settled(False), settled(False))  # noqa: FBT003


def value(given: Any, made_of: Sequence[pulumi.Resource]) -> Any:
    """The value, with an output of those resources wherever it is not known."""
    if given == UNKNOWN:
        return later(made_of)
    if isinstance(given, Mapping):
        return {key: value(each, made_of) for key, each in given.items()}
    return [value(each, made_of) for each in given] if isinstance(given, list) else given


class Unsettled(pulumi.ProviderResource):
    """A provider whose configuration is not known yet."""

    def __init__(self, package: str, key: str) -> None:
        super().__init__(package, f"unsettled-{package}", {key: later()})


def main() -> None:
    """Registers every step's resource."""
    steps = json.loads(Path(pulumi.Config("bench").require("architecture")).read_text(encoding="utf-8"))
    providers = {"aws": Unsettled("aws", "region"), "kubernetes": Unsettled("kubernetes", "kubeconfig")}
    made: dict[str, pulumi.Resource] = {}
    for step in steps:
        state = step["newState"]
        owners = {key: [made[urn] for urn in urns] for key, urns in state["propertyDependencies"].items()}
        properties = {key: value(each, owners.get(key, [])) for key, each in state["inputs"].items()}
        options = pulumi.ResourceOptions(provider=providers[state["type"].partition(":")[0]])
        made[step["urn"]] = pulumi.CustomResource(state["type"], step["urn"].rpartition("::")[2], properties, options)


main()
