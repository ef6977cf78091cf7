"""CustomResourceDefinitions out of our own strict schemas (``crd_schemas``), for a real API server.

Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (structural schemas:
every level has a type, nothing refers to a definition elsewhere, unknown fields are pruned).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from local_cloud.kubernetes import kinds, schemas
from local_cloud.kubernetes.crd_schemas import CUSTOM

API: Final = "apiextensions.k8s.io/v1"
KIND: Final = "CustomResourceDefinition"
_KEPT: Final = (
    "enum", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "minProperties",
    "maxProperties", "format", "default",
)  # fmt: skip
ANYTHING: Final = "x-kubernetes-preserve-unknown-fields"
EITHER: Final = "x-kubernetes-int-or-string"
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_PROTECTED: Final = re.compile(r"(^|\.)(k8s|kubernetes)\.io$")
_NOT_RE2: Final = re.compile(r"\(\?[=!<]|\\Z|\\[1-9]")
"""Look-around and back-references, which the API server's regular expressions (RE2) do not know."""
_VERSION: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STABILITY: Final = {"alpha": 0, "beta": 1, None: 2}


def definitions(wanted: Iterable[tuple[str, str]], version: str) -> list[dict[str, Any]]:
    """The definitions of these (apiVersion, kind), each with all versions of it that have a schema.

    ``version`` is the cluster's minor version, whose schemas the shared parts (a label selector) come from.
    """
    groups = {(api.rpartition("/")[0], kind) for api, kind in wanted if (api, kind) in CUSTOM}
    return [_definition(group, kind, version) for group, kind in sorted(groups)]


def _definition(group: str, kind: str, version: str) -> dict[str, Any]:
    served = sorted(
        (api.rpartition("/")[2] for api, each in CUSTOM if each == kind and api.rpartition("/")[0] == group), key=_age
    )
    plural = kinds.plural(kind)
    versions = [
        {
            "name": name,
            "served": True,
            "storage": name == served[-1],
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": _root(CUSTOM[f"{group}/{name}", kind], version)},
        }
        for name in served
    ]
    metadata: dict[str, Any] = {"name": f"{plural}.{group}"}
    if _PROTECTED.search(group):  # KEP 1111: a group of the community needs a word on who approved it
        metadata["annotations"] = {"api-approved.kubernetes.io": "unapproved, made by the local cloud"}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    scope = "Namespaced" if kinds.namespaced(kind) else "Cluster"
    spec = {"group": group, "names": names, "scope": scope, "versions": versions}
    return {"apiVersion": API, "kind": KIND, "metadata": metadata, "spec": spec}


def _age(version: str) -> tuple[int, int, int]:
    """Order of preference of API versions: v1alpha1 < v1beta1 < v1 < v2."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (0, 0, 0)
    return (_STABILITY[match[2]], int(match[1]), int(match[3] or 0))


def _root(schema: Mapping[str, Any], version: str) -> dict[str, Any]:
    found = structural(schema, schemas.definitions(version))
    text = {"type": "string"}
    found["properties"] |= {"apiVersion": text, "kind": text, "metadata": {"type": "object"}}
    found["required"] = [name for name in found.get("required", ()) if name not in {"apiVersion", "kind", "metadata"}]
    return found


def structural(schema: Mapping[str, Any], shared: Mapping[str, Any], inside: tuple[str, ...] = ()) -> dict[str, Any]:
    """A strict JSON schema in the form the API server takes. ``shared``: what a ``$ref`` names."""
    reference = schema.get("$ref")
    if reference is not None:
        name = str(reference).rpartition("/")[2]
        if name == _QUANTITY:
            return {EITHER: True}
        if name in inside:
            return {"type": "object", ANYTHING: True}
        return structural(shared[name], shared, (*inside, name))
    allowed = schemas.types_of(schema)
    if set(allowed) == {"integer", "string"}:
        return {EITHER: True}
    if not allowed:
        return {ANYTHING: True}
    found: dict[str, Any] = {"type": allowed[0], **_limits(schema)}
    if allowed[0] == "array":
        found["items"] = structural(schema.get("items", {}), shared, inside)
    if allowed[0] == "object":
        found |= _members(schema, shared, inside)
    return found


def _members(schema: Mapping[str, Any], shared: Mapping[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    properties, others = schema.get("properties"), schema.get("additionalProperties", True)
    if properties:
        found: dict[str, Any] = {
            "properties": {name: structural(each, shared, inside) for name, each in properties.items()}
        }
        if schema.get("required"):
            found["required"] = list(schema["required"])
        return found
    if isinstance(others, Mapping):
        return {"additionalProperties": structural(others, shared, inside)}
    return {ANYTHING: True} if others is not False else {}


def _limits(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: schema[name] for name in _KEPT if name in schema}
    if "enum" in found:
        found["enum"] = [each for each in found["enum"] if each is not None]
    if _NOT_RE2.search(str(found.get("pattern", ""))):
        del found["pattern"]
    return found
