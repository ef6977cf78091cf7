"""The live object: what the API server adds to the manifest it was given."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any, Final

from local_cloud.store import now
from local_cloud.values import Secret

FIELD_MANAGER: Final = "pulumi-kubernetes"


def live(kind: str, api: str, inputs: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object after a write; ``before``: as it was, None for a new one."""
    former = (before or {}).get("metadata") or {}
    metadata = {
        **inputs.get("metadata", {}),
        "uid": former.get("uid") or str(uuid.uuid4()),
        "creationTimestamp": former.get("creationTimestamp") or now(),
        "resourceVersion": str(int(former.get("resourceVersion") or 1000) + 1),
    }
    if "spec" in inputs:
        metadata["generation"] = int(former.get("generation") or 0) + 1
    added = _ADDITIONS[kind](inputs, before or {}) if kind in _ADDITIONS else {}
    return {**inputs, **added, "metadata": metadata, "__initialApiVersion": api, "__fieldManager": FIELD_MANAGER}


def outgoing(kind: str, outputs: dict[str, Any]) -> dict[str, Any]:
    """The object as the engine gets it: the contents of a Secret are secret."""
    if kind != "Secret":
        return outputs
    return {key: Secret(value) if key in {"data", "stringData"} else value for key, value in outputs.items()}


def _secret(inputs: dict[str, Any], _before: dict[str, Any]) -> dict[str, Any]:
    encoded = {
        key: base64.b64encode(str(text).encode()).decode() for key, text in (inputs.get("stringData") or {}).items()
    }
    return {"data": {**(inputs.get("data") or {}), **encoded}, "type": inputs.get("type", "Opaque")}


def _service(inputs: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    spec = inputs.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return {"status": {"loadBalancer": {}}}
    address = spec.get("clusterIP") or (before.get("spec") or {}).get("clusterIP") or _address(inputs["metadata"])
    ports = [{"protocol": "TCP", "targetPort": port.get("port"), **port} for port in spec.get("ports") or ()]
    defaults = {
        "type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }  # fmt: skip
    live_spec = {
        **defaults,
        **spec,
        "clusterIP": address,
        "clusterIPs": [address],
        **({"ports": ports} if ports else {}),
    }
    return {"spec": live_spec, "status": {"loadBalancer": {}}}


def _address(metadata: dict[str, Any]) -> str:
    """An address of EKS's service range 172.20.0.0/16."""
    digest = hashlib.sha256(f"{metadata.get('namespace')}/{metadata.get('name')}".encode()).digest()
    return f"172.20.{digest[0]}.{1 + digest[1] % 254}"


def _deployment(inputs: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    replicas = (inputs.get("spec") or {}).get("replicas", 1)
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    generation = int((before.get("metadata") or {}).get("generation") or 0) + 1
    return {"status": {"observedGeneration": generation, **counts, "conditions": conditions}}


def _namespace(_inputs: dict[str, Any], _before: dict[str, Any]) -> dict[str, Any]:
    return {"status": {"phase": "Active"}, "spec": {"finalizers": ["kubernetes"]}}


def _kept_status(_inputs: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The status that a controller wrote stays until it writes another."""
    return {"status": before["status"]} if "status" in before else {}


_ADDITIONS: Final = {
    "Secret": _secret,
    "Service": _service,
    "Deployment": _deployment,
    "Namespace": _namespace,
    **dict.fromkeys(("Ingress", "GatewayClass", "Gateway", "GRPCRoute", "HTTPRoute", "IAMAuthPolicy"), _kept_status),
}
