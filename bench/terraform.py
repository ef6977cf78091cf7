"""Exported Pulumi state as a Terraform plan, in the form of `terraform show -json`, for tools that read no Pulumi.

Names go by the table in `terraform.yaml`. Form: developer.hashicorp.com, "JSON Output Format". References between
resources are told by the values: an id or ARN of a resource that the property was made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

TABLE: Final = Path(__file__).with_name("terraform.yaml")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Outputs that properties of other resources are made of.
_OUTPUTS: Final = {
    "id": "id",
    "arn": "arn",
    "dnsName": "dns_name",
    "zoneId": "zone_id",
    "vpcConfig.clusterSecurityGroupId": "vpc_config[0].cluster_security_group_id",
}
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9_-]")
_PROVIDERS: Final = "registry.terraform.io/hashicorp"


class UnmappedError(Exception):
    """The state holds types that the table does not have; all are named."""

    def __init__(self, types: Iterable[str]) -> None:
        super().__init__(f"not in {TABLE.name}: {', '.join(sorted(set(types)))}")


@cache
def table() -> Mapping[str, Any]:
    """The committed table."""
    found: Mapping[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found


def snake(key: str) -> str:
    """`protocolVersion` is `protocol_version`, `enableHttp2` is `enable_http2`."""
    return _HUMP.sub("_", key).lower()


def plan(state: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that would create the resources of a state. Raises UnmappedError for types without a counterpart.

    Left out is what belongs to Pulumi alone: the stack, providers and components.
    """
    resources = [each for each in state["deployment"]["resources"] if each.get("custom") and not _is_pulumis(each)]
    unmapped = [each["type"] for each in resources if each["type"] not in table()["types"]]
    if unmapped:
        raise UnmappedError(unmapped)
    names = {each["urn"]: address(each) for each in resources}
    values = _identities(resources)
    made = [_planned(each) for each in resources]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.8",
        "planned_values": {"root_module": {"resources": made}},
        "resource_changes": [_change(each) for each in made],
        "configuration": {
            "root_module": {"resources": [_configured(each, names, values) for each in resources]},
        },
    }


def address(resource: Mapping[str, Any]) -> str:
    """`aws_lb_target_group.orders` of a resource in state."""
    return f"{table()['types'][resource['type']]['type']}.{_name(resource)}"


def _is_pulumis(resource: Mapping[str, Any]) -> bool:
    return str(resource["type"]).startswith("pulumi:")


def _name(resource: Mapping[str, Any]) -> str:
    return _UNNAMED.sub("_", str(resource["urn"]).rpartition("::")[2])


def _identities(resources: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """By URN and value, the name of the output that has the value."""
    return {
        (each["urn"], value): name
        for each in resources
        for path, name in _OUTPUTS.items()
        if isinstance(value := _at(each.get("outputs", {}), path), str)
    }


def _at(outputs: Mapping[str, Any], path: str) -> Any:
    key, _, inner = path.partition(".")
    value = outputs.get(key)
    return value.get(inner) if inner and isinstance(value, Mapping) else value


def _planned(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {**_head(resource), "schema_version": 0, "values": _arguments(resource, lambda value: value)}


def _head(resource: Mapping[str, Any]) -> dict[str, Any]:
    kind = table()["types"][resource["type"]]["type"]
    return {
        "address": address(resource),
        "mode": "managed",
        "type": kind,
        "name": _name(resource),
        "provider_name": f"{_PROVIDERS}/{kind.partition('_')[0]}",
    }


def _change(planned: Mapping[str, Any]) -> dict[str, Any]:
    head = {key: planned[key] for key in ("address", "mode", "type", "name", "provider_name")}
    change = {"actions": ["create"], "before": None, "after": planned["values"], "after_unknown": {}}
    return {**head, "change": change}


def _configured(
    resource: Mapping[str, Any], names: Mapping[str, str], values: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    owners = {urn for urns in (resource.get("propertyDependencies") or {}).values() for urn in urns}

    def expression(value: Any) -> dict[str, Any]:
        found = [
            (names[urn], values[urn, text])
            for text in _texts(value)
            for urn in sorted(owners)
            if urn in names and (urn, text) in values
        ]
        if not found:
            return {"constant_value": value}
        return {"references": [each for name, output in found for each in (f"{name}.{output}", name)]}

    head = {key: value for key, value in _head(resource).items() if key != "provider_name"}
    return {**head, "expressions": _arguments(resource, expression), "schema_version": 0}


def _arguments(resource: Mapping[str, Any], leaf: Callable[[Any], Any]) -> dict[str, Any]:
    """All arguments; leaf: what becomes of the value of each attribute."""
    entry = table()["types"][resource["type"]]
    inputs = {key: value for key, value in resource["inputs"].items() if not key.startswith("__")}
    if "into" in entry:
        return {entry["into"]: leaf(inputs)}
    return _Shape(entry, leaf).block(inputs, "")


class _Shape:
    """Turns the maps of one type into blocks and attributes."""

    def __init__(self, entry: Mapping[str, Any], leaf: Callable[[Any], Any]) -> None:
        self._maps = {*table()["maps"], *entry.get("maps", ())}
        self._keep = set(entry.get("keep", ()))
        self._leaf = leaf

    def block(self, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The arguments of a block."""
        dropped = () if path in self._keep else table()["drop"]
        return {
            table()["rename"].get(key, snake(key)): self._value(each, key, f"{path}.{key}" if path else key)
            for key, each in value.items()
            if key not in dropped
        }

    def _value(self, value: Any, key: str, path: str) -> Any:
        if isinstance(value, Mapping) and not {key, path} & self._maps:
            return [self.block(value, path)]
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            return [self.block(each, path) for each in value]
        return self._leaf(value)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
