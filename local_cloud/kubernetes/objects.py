"""Objects of an API server and the inputs they were made from: which part is whose, and what somebody changed."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any, Final

from local_cloud.kubernetes.live import FIELD_MANAGER

OWN: Final = ("__initialApiVersion", "__fieldManager")
"""What the provider adds to the outputs of an object."""
_PLAIN: Final = "stringData"
_FORCE: Final = "pulumi.com/patchForce"
_FORCE_VARIABLE: Final = "PULUMI_K8S_ENABLE_PATCH_FORCE"

Object = dict[str, Any]


def managed(found: Mapping[str, Any]) -> bool:
    """Whether the provider wrote an object of the API server (as a whole, not by a patch).

    An apply of no more than a name, say of a namespace, leaves no entry of any manager; other ways to write do.
    """
    fields = found["metadata"].get("managedFields") or ()
    return not fields or any(each.get("manager") == FIELD_MANAGER for each in fields)


def clean(value: Any) -> Any:
    """Without nulls in maps, which an apply would take for the wish to remove a field."""
    if isinstance(value, Mapping):
        return {key: clean(item) for key, item in value.items() if item is not None}
    return [clean(item) for item in value] if isinstance(value, list) else value


def manifest(inputs: Mapping[str, Any]) -> Object:
    """What to apply for inputs: no marks of the provider, no status."""
    found: Object = clean({key: each for key, each in inputs.items() if not key.startswith("__") and key != "status"})
    return found


def shown(found: Mapping[str, Any]) -> Object:
    """An object of the API server without the book-keeping of field managers."""
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    return {**found, "metadata": metadata}


def essence(found: Mapping[str, Any]) -> Object:
    """What an author of the object would call the object: no status, no counters of the API server."""
    counted = {"resourceVersion", "generation", "managedFields"}
    metadata = {key: value for key, value in found["metadata"].items() if key not in counted}
    return {**{key: value for key, value in found.items() if key not in {"status", *OWN}}, "metadata": metadata}


def drifted(wanted: Any, before: Any, now: Any) -> Any:
    """The input as it looks after somebody's change of the live value; its own spelling where nothing changed."""
    if before == now:
        return wanted
    if isinstance(wanted, Mapping) and isinstance(before, Mapping) and isinstance(now, Mapping):
        found = {key: drifted(value, before.get(key), now.get(key)) for key, value in wanted.items()}
        return {key: value for key, value in found.items() if value is not None or wanted[key] is None}
    lists = [each for each in (wanted, before, now) if isinstance(each, list)]
    if len(lists) == 3 and len({len(each) for each in lists}) == 1:
        return [drifted(*each) for each in zip(*lists, strict=True)]
    return now


def drifted_inputs(inputs: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> Object:
    """The inputs of an object whose live form was ``before`` after the last write and is ``now``."""
    found = {key: drifted(value, before.get(key), now.get(key)) for key, value in inputs.items() if key != _PLAIN}
    texts = inputs.get(_PLAIN)
    if isinstance(texts, Mapping):  # written only: the API server keeps it, encoded, among the data
        old, new = before.get("data") or {}, now.get("data") or {}
        found[_PLAIN] = {
            key: text if old.get(key) == new.get(key) else base64.b64decode(new[key]).decode(errors="replace")
            for key, text in texts.items()
            if key in new or key not in old
        }
    return {key: value for key, value in found.items() if value is not None or inputs[key] is None}


def place(inputs: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace ("" for an object of the cluster) and name."""
    metadata = inputs["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def identity(found: Mapping[str, Any]) -> str:
    """NAMESPACE/NAME or NAME, the id of an object."""
    namespace, name = place(found)
    return f"{namespace}/{name}" if namespace else name


def forced(inputs: Mapping[str, Any]) -> bool:
    """Whether to take over fields another manager owns (await.go, patchForce)."""
    annotations = inputs["metadata"].get("annotations") or {}
    return annotations.get(_FORCE) == "true" or os.environ.get(_FORCE_VARIABLE) == "true"
