"""When the provider calls an object ready, and what it says after waiting in vain.

Source: pulumi-kubernetes provider/pkg/await.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final

from local_cloud.kubernetes import pods, waiting
from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.controllers import selected_by
from local_cloud.kubernetes.lattice import reconcile as lattice
from local_cloud.kubernetes.lbc import reconcile
from local_cloud.plugin import Refused
from local_cloud.store import Row

_CONTROLLED: Final = frozenset({"Ingress", "Gateway", "GRPCRoute", "HTTPRoute"})
_HOSTNAME: Final = "jsonpath={.status.loadBalancer.ingress}"
_NO_HOSTNAME: Final = "Ingress .status.loadBalancer field was not updated with a hostname/IP address"
_SKIP: Final = "pulumi.com/skipAwait"
_PODS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job"})
_UNMODELLED: Final = frozenset({"PersistentVolumeClaim", "PersistentVolume", "ReplicationController"})
_POLL_SECONDS: Final = 0.1
_NO_ENDPOINTS: Final = (
    "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not match labels "
    "on any Pods"
)


def patience() -> float:
    """Seconds to wait for the endpoints of a Service: LOCAL_CLOUD_PATIENCE, default 15. The real provider waits 600.

    The pods may be created at the same time, by another call; when nothing is on its way this is time lost, hence so
    short.
    """
    return float(os.environ.get("LOCAL_CLOUD_PATIENCE", "15"))


def skipped(inputs: dict[str, Any]) -> bool:
    """Whether an annotation turns waiting off."""
    return ((inputs.get("metadata") or {}).get("annotations") or {}).get(_SKIP) == "true"


def refuse_unready(cluster: Cluster, kind: str, namespace: str, inputs: dict[str, Any]) -> None:
    """Raises ``Refused`` with the time-out's text when the object can never become ready."""
    if skipped(inputs):
        return
    name = inputs["metadata"]["name"]
    if kind in _UNMODELLED:
        raise Refused(
            f"{namespace}/{name}: the local cloud does not model when a {kind} is ready; annotate it with "
            f"{_SKIP}: 'true'"
        )
    if kind in _PODS and not (kind != "Pod" and (inputs.get("spec") or {}).get("replicas") == 0):
        found = list(pods.troubles(cluster, namespace, inputs))
        if found:
            raise Refused(_timed_out(namespace, name, ["Minimum number of live Pods was not attained", *found]))


def refuse_without_endpoints(cluster: Cluster, namespace: str, inputs: dict[str, Any]) -> None:
    """Waits for the endpoints of a Service. Raises ``Refused`` when none come.

    Must be called outside a transaction, for the pods come by another call. Headless and ExternalName Services and
    those without a selector are not awaited (await/service.go).
    """
    spec = inputs.get("spec") or {}
    if (
        skipped(inputs)
        or not spec.get("selector")
        or spec.get("clusterIP") == "None"
        or spec.get("type") == "ExternalName"
    ):
        return
    name = inputs["metadata"]["name"]
    deadline = time.monotonic() + patience()
    while True:
        row = cluster.find("Service", namespace, name)
        if row is None or selected_by(cluster, namespace, row):
            return
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    raise Refused(_timed_out(namespace, name, [_NO_ENDPOINTS]))


def refuse_unmet(cluster: Cluster, kind: str, row: Row) -> None:
    """Raises ``Refused`` when a controller did not bring an object to the state the provider waits for.

    An Ingress is awaited by itself (await/ingress.go), the kinds of the Gateway API only where an annotation says so.
    Here the stand-in is stricter than the provider, which takes the address of an earlier success for a new one: an
    Ingress that the controller cannot reconcile is refused on update too.
    """
    if (kind not in _CONTROLLED and not lattice.concerns(cluster, row)) or skipped(row.inputs):
        return
    current = cluster.get(row.token, row.id) or row
    wanted = waiting.wanted(row.inputs) or ([_HOSTNAME] if kind == "Ingress" else [])
    try:
        missed = [each for each in wanted if not waiting.met(each, current.outputs)]
    except waiting.Unreadable as problem:
        raise Refused(str(problem)) from None
    said = reconcile.trouble(cluster, current) or lattice.trouble(cluster, current)
    if missed or (kind == "Ingress" and said):
        words = [_NO_HOSTNAME] if kind == "Ingress" else [f"{each} was not met" for each in missed]
        said = said or lattice.absence(cluster, current) or reconcile.absence(cluster, current)
        namespace, _, name = row.id.partition("/")
        raise Refused(_timed_out(namespace, name, [*words, said]))


def _timed_out(namespace: str, name: str, causes: list[str]) -> str:
    head = (
        f'the Kubernetes API server reported that "{namespace}/{name}" failed to fully initialize or become '
        f"live: {name!r} timed out waiting to be Ready"
    )
    lines = [head, *causes]
    return f"{len(lines)} errors occurred:\n" + "\n".join(f"\t* {line}" for line in lines)
