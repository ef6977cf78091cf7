"""Check's part of the provider: what it fills into a manifest (provider/pkg/metadata/naming.go, provider.go)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from local_cloud.kubernetes import kinds
from local_cloud.plugin import Call
from local_cloud.values import UNKNOWN, Failure

AUTONAMED: Final = "pulumi.com/autonamed"


def filled(
    call: Call, api: str, kind: str, namespace: str, orphan: dict[str, Any] | None
) -> tuple[dict[str, Any], list[Failure]]:
    """The manifest with apiVersion, kind, namespace and name. ``orphan``: what a killed engine left under this URN."""
    inputs = {**call.news, "apiVersion": api, "kind": kind}
    given = inputs.get("metadata")
    if given is UNKNOWN:
        return inputs, []
    metadata = dict(given or {})
    inputs["metadata"] = metadata
    if kinds.namespaced(kind) and metadata.get("namespace") in {None, ""}:
        metadata["namespace"] = namespace
    failures = []
    if metadata.get("generateName") and not metadata.get("name"):
        reason = "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
        failures.append(Failure("metadata.generateName", reason))
    elif metadata.get("name") in {None, ""}:
        failures += _name(call, metadata, (call.olds or orphan or {}).get("metadata") or {})
    return inputs, failures


def _name(call: Call, metadata: dict[str, Any], former: dict[str, Any]) -> list[Failure]:
    proposed, mode = call.autonaming
    annotations = metadata.get("annotations") or {}
    if mode == "disable":
        return [Failure("metadata.name", "automatic naming is disabled but no explicit name was provided")]
    kept = former.get("name") if autonamed(former) else None
    metadata["name"] = kept or proposed or random_name(call.name, call.seed)
    if annotations is not UNKNOWN:
        metadata["annotations"] = {**annotations, AUTONAMED: "true"}
    return []


def random_name(logical: str, seed: bytes) -> str:
    """LOGICAL-xxxxxxxx, eight hex digits from the engine's random seed, so that preview and update agree."""
    return f"{logical}-{hashlib.sha256(seed or logical.encode()).hexdigest()[:8]}"


def autonamed(metadata: dict[str, Any]) -> bool:
    """Whether the provider made the name up."""
    annotations = metadata.get("annotations")
    return isinstance(annotations, dict) and annotations.get(AUTONAMED) == "true"
