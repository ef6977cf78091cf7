"""Pod readiness gates of VPC Lattice: why the target of a pod never becomes healthy, and the pod therefore never ready.

The webhook puts the gate into the pods of a labelled namespace; a target without health checks is unavailable, which
passes. Sources: aws-application-networking-k8s docs/guides/pod-readiness-gates.md,
pkg/deploy/lattice/targets_synthesizer.go, docs/guides/deploy.md (prefix lists).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from local_cloud.kubernetes.charts import LATTICE
from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.controllers import exposed_port, target_port
from local_cloud.kubernetes.gates import listening
from local_cloud.kubernetes.lattice import reconcile
from local_cloud.kubernetes.reach import admitted_from_lists
from local_cloud.store import Row

_LABEL: Final = "application-networking.k8s.aws/pod-readiness-gate-inject"
_GATE: Final = "application-networking.k8s.aws/pod-readiness-gate"


def gate_troubles(cluster: Cluster, namespace: str, inputs: dict[str, Any]) -> Iterator[str]:
    """What keeps the gates of a workload's pods from becoming True, or the pods from being made at all."""
    if cluster.labels(namespace).get(_LABEL) != "enabled" or not cluster.releases(LATTICE):
        return
    trouble = reconcile.controller_trouble(cluster)
    if trouble is not None:
        yield f'[FailedCreate] failed calling webhook "mpod.gwc.k8s.aws": no endpoints available ({trouble})'
        return
    for key, group in reconcile.target_groups(cluster, namespace):
        backend, number, _ = key.rsplit(":", 2)
        home, _, name = backend.partition("/")
        port = exposed_port(cluster, namespace, name, int(number), inputs) if home == namespace else None
        cause = _unhealthy(cluster, group, port, inputs) if port else None
        if cause is not None:
            yield f"readiness gate {_GATE} stays False: {cause}"


def _unhealthy(cluster: Cluster, group: Row, service_port: dict[str, Any], inputs: dict[str, Any]) -> str | None:
    check = (group["config"] or {}).get("healthCheck") or {}
    port = check.get("port") or target_port(service_port, inputs)
    if not check.get("enabled") or port is None:
        return None
    known = listening(inputs)
    if known and int(port) not in known:
        listed = ", ".join(map(str, sorted(known)))
        return f"VPC Lattice checks port {port} of the pods, but no container listens there (they name {listed})"
    if group["config"]["protocolVersion"] == "GRPC" and int(port) == target_port(service_port, inputs):
        return f"VPC Lattice checks port {port} in {check.get('protocolVersion', 'HTTP1')}, where the pods speak gRPC"
    if not admitted_from_lists(cluster, int(port)):
        return f"the pods' security group admits no prefix list on port {port}, so VPC Lattice's checks time out"
    return None
