"""Pod readiness gates: why the target of a pod never becomes healthy, and the pod therefore never ready.

The webhook gives a pod one gate for each TargetGroupBinding of its namespace whose Service selects it, and the
controller sets the condition to True for a healthy target only; a binding whose Service has lost its port is cleaned
up, which sets the condition as well. Sources: aws-load-balancer-controller pkg/inject/pod_readiness_gate.go,
pkg/targetgroupbinding/resource_manager.go, docs/deploy/pod_readiness_gate.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from local_cloud.kubernetes.cluster import BINDING, NAMESPACE, TARGET_GROUP, Cluster
from local_cloud.kubernetes.controllers import bound_port, named_port, pod_spec, target_port
from local_cloud.kubernetes.reach import blocked, checked_port, in_use
from local_cloud.store import Row

_LABEL: Final = "elbv2.k8s.aws/pod-readiness-gate-inject"
_PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_HANDLERS: Final = ("grpc", "httpGet", "tcpSocket")
_SPOKEN: Final = {"grpc": "gRPC", "httpGet": "HTTP/1.1"}
_UNFIT: Final = frozenset({("GRPC", "httpGet"), ("HTTP1", "grpc")})
"""What cannot be: a check of this protocol version where kubelet asks this way. A server of HTTP2 may speak either."""


def gate_troubles(cluster: Cluster, namespace: str, inputs: dict[str, Any]) -> Iterator[str]:
    """The gates of a workload's pods that never become True, each with its reason."""
    space = cluster.get(NAMESPACE, namespace)
    labels = (space.inputs.get("metadata") or {}).get("labels") or {} if space else {}
    if labels.get(_LABEL) != "enabled":
        return
    for binding in cluster.inside(BINDING, namespace):
        port = bound_port(cluster, namespace, binding, inputs)
        cause = _unhealthy(cluster, binding, port, inputs) if port else None
        if cause is not None:
            name = binding.inputs["metadata"]["name"]
            yield f"readiness gate target-health.elbv2.k8s.aws/{name} stays False: {cause}"


def listening(inputs: dict[str, Any]) -> set[int]:
    """The ports that a workload's containers name or are probed on."""
    return {number for container in _running(pod_spec(inputs)) for number in _listens(container)}


def _unhealthy(cluster: Cluster, binding: Row, service_port: dict[str, Any], inputs: dict[str, Any]) -> str | None:
    """Why targets on a port of the Service never become healthy, None when they may."""
    group = str(binding.inputs["spec"].get("targetGroupARN"))
    port = target_port(service_port, inputs)
    if port is None:
        return f"no container has a port named {service_port['targetPort']}, so the pods are never registered"
    if not in_use(cluster, group):
        return f"no listener or rule forwards to target group {group}, so its targets are unused"
    checked = checked_port(cluster, group) or port
    containers = list(_running(pod_spec(inputs)))
    named = listening(inputs)
    if named and checked not in named:
        known = ", ".join(map(str, sorted(named)))
        return f"target group {group} checks it, but no container listens on port {checked} (they name {known})"
    return blocked(cluster, binding, port) or _mismatch(cluster, group, checked, containers)


def _mismatch(cluster: Cluster, group: str, port: int, containers: list[dict[str, Any]]) -> str | None:
    """Whether the health checks speak another protocol than kubelet's readiness probe of the same port."""
    row = cluster.store.get("aws", TARGET_GROUP, group)
    if row is None or row["protocol"] not in {"HTTP", "HTTPS"}:
        return None
    version = str(row["protocolVersion"] or "HTTP1")  # ELBv2 API reference, CreateTargetGroup: the default
    for container in containers:
        probe = container.get("readinessProbe") or {}
        for handler in _SPOKEN:
            if (version, handler) in _UNFIT and _number(container, probe.get(handler)) == port:
                return (
                    f"target group {group} checks port {port} with {version}, but container {container.get('name')} "
                    f"answers its readiness probe there ({handler}) with {_SPOKEN[handler]}"
                )
    return None


def _running(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The containers that run while the pod does: the ordinary ones, and the sidecars among the init containers."""
    yield from spec.get("containers") or ()
    yield from (each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always")


def _listens(container: dict[str, Any]) -> Iterator[int]:
    """The ports a container names, and those it is probed on."""
    yield from (int(port["containerPort"]) for port in container.get("ports") or ())
    for probe in _PROBES:
        for handler in _HANDLERS:
            number = _number(container, (container.get(probe) or {}).get(handler))
            if number is not None:
                yield number


def _number(container: dict[str, Any], handler: dict[str, Any] | None) -> int | None:
    """The port of a probe's handler; a name is one of its container's ports."""
    port = (handler or {}).get("port")
    if isinstance(port, str) and not port.isdigit():
        return named_port({"containers": [container]}, port)
    return None if port is None else int(port)
