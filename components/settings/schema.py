"""JSON Schema of a stack file, for editors and for the reference in docs/settings.md."""

from __future__ import annotations

import copy
from typing import Any, Final

from . import shape

NAMESPACE: Final = "grpc-platform"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

# A stack file keeps an encrypted value as {secure: …} (Pulumi documentation, "Secrets").
_SECURE: Final = {
    "type": "object",
    "properties": {"secure": {"type": "string", "description": "An encrypted value; pulumi config set --secret."}},
    "required": ["secure"],
    "additionalProperties": False,
}
_REGION: Final = {
    "type": "string",
    "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$",
    "description": "AWS region of the stack; the zones of the network lie in it.",
}


def json_schema() -> dict[str, Any]:
    """The schema of a whole `Pulumi.<stack>.yaml`, JSON Schema draft 2020-12.

    Keys of other namespaces (`aws:region`) are allowed, unknown keys of this one are not. A secret is text or
    `{secure: …}`. `x-default` describes a default that is worked out from other settings, `x-source` says where AWS or
    Kubernetes sets a limit.
    """
    settings = copy.deepcopy(shape.root())
    definitions = {name: _tidy(node) for name, node in settings.pop("$defs").items()}
    secrets = definitions["Workload"]["properties"]["secrets"]["patternProperties"]
    for names in secrets:
        secrets[names] = {"anyOf": [{"type": "string"}, _SECURE]}
    sections = _tidy(settings)
    return {
        "$schema": DIALECT,
        "title": f"Stack settings of {NAMESPACE}",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": _config(sections),
            "encryptionsalt": {"type": "string", "description": "Salt of the passphrase that encrypts secrets."},
            "encryptedkey": {"type": "string", "description": "Data key of a cloud secrets provider."},
            "secretsprovider": {"type": "string", "description": "Who encrypts secrets; a passphrase by default."},
        },
        "$defs": definitions,
    }


def _config(sections: dict[str, Any]) -> dict[str, Any]:
    named = {f"{NAMESPACE}:{name}": node for name, node in sections["properties"].items()}
    return {
        "type": "object",
        "description": "Settings by namespace.",
        "properties": {"aws:region": _REGION, **named},
        "required": ["aws:region", *(f"{NAMESPACE}:{name}" for name in sections.get("required", []))],
        # Either the network and the cluster are made, or at least one of them exists.
        "anyOf": [
            {"required": [f"{NAMESPACE}:network", f"{NAMESPACE}:cluster"]},
            {"required": [f"{NAMESPACE}:existing"]},
        ],
        "patternProperties": {f"^{NAMESPACE}:(?!({'|'.join(sections['properties'])})$)": False},
    }


def _tidy(node: Any) -> Any:
    """Without pydantic's titles, the nulls of optional fields (an empty value is an error), and stand-in defaults."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        node = _without_null(node)
    if "x-default" in node:
        node = {key: value for key, value in node.items() if key != "default"}
    if "patternProperties" in node:
        node = {**node, "additionalProperties": False}
    return {key: _tidy_value(key, value) for key, value in node.items() if key != "title"}


def _tidy_value(key: str, value: Any) -> Any:
    """Under `properties` the keys are names of fields, one of which might be called `title`."""
    if key in ("properties", "patternProperties"):
        return {name: _tidy(node) for name, node in value.items()}
    return value if key in ("default", "enum", "const") else _tidy(value)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    options = [option for option in node["anyOf"] if option != {"type": "null"}]
    beside = {key: value for key, value in node.items() if key != "anyOf"}
    return {**options[0], **beside} if len(options) == 1 else {**beside, "anyOf": options}
