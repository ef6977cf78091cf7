"""A Pulumi package schema out of the SDK's types: ``pulumi import`` writes code with it.

Format: Pulumi documentation, "Package schema".
"""

from __future__ import annotations

import json
from typing import Any, Final

from local_cloud.schema import Shape, Type, Types

_PRIMITIVES: Final = {"str": "string", "bool": "boolean", "int": "integer", "float": "number"}


def package_schema(package: str, version: str, types: Types) -> str:
    """The schema, as JSON, of the resources in ``types``."""
    resources = {
        token: {
            "properties": _properties(package, types.states[token]),
            "inputProperties": _properties(package, shape),
            "requiredInputs": sorted(shape.required),
        }
        for token, shape in types.inputs.items()
    }
    objects = {
        _token(package, name): {
            "type": "object",
            "properties": _properties(package, shape),
            "required": sorted(shape.required),
        }
        for name, shape in types.objects.items()
    }
    return json.dumps({"name": package, "version": version, "resources": resources, "types": objects})


def _token(package: str, name: str) -> str:
    """``aws:lb/ListenerRuleAction:ListenerRuleAction`` for ``lb.ListenerRuleActionArgs``."""
    module, _, bare = name.removesuffix("Args").partition(".")
    return f"{package}:{module}/{bare}:{bare}"


def _properties(package: str, shape: Shape) -> dict[str, Any]:
    return {name: _spec(package, kind) for name, kind in shape.properties.items()}


def _spec(package: str, kind: Type) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"type": _PRIMITIVES[kind]} if kind in _PRIMITIVES else {"$ref": "pulumi.json#/Any"}
    if kind[0] == "object":
        return {"$ref": f"#/types/{_token(package, kind[1])}"}
    if kind[0] == "union":
        return {"oneOf": [_spec(package, option) for option in kind[1:]]}
    if kind[0] == "list":
        return {"type": "array", "items": _spec(package, kind[1])}
    return {"type": "object", "additionalProperties": _spec(package, kind[1])}
