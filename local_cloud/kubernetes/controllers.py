"""What controllers do: whether the AWS Load Balancer Controller runs, and which targets it registers.

Sources: aws-load-balancer-controller docs/guide/targetgroupbinding, pkg/targetgroupbinding; EKS user guide, Pod
Identity.
"""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any, Final

from local_cloud.kubernetes.charts import CONTROLLER, known
from local_cloud.kubernetes.cluster import ASSOCIATION, BINDING, NODE_GROUP, Cluster
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules.metadata import matches
from local_cloud.store import Row

FINALIZER: Final = "elbv2.k8s.aws/resources"
AGENT: Final = "eks-pod-identity-agent"
_WORKLOADS: Final = (
    "apps/v1:Deployment",
    "apps/v1:StatefulSet",
    "apps/v1:DaemonSet",
    "apps/v1:ReplicaSet",
    "core/v1:Pod",
)
_HORIZONTAL: Final = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"


def release_trouble(cluster: Cluster, inputs: dict[str, Any]) -> str | None:
    """Why the pods of a release never become ready, None when nothing keeps them."""
    chart = known(inputs.get("chart"))
    if not cluster.belonging(NODE_GROUP):
        return "the cluster has no node group, so its pods stay Pending (no nodes available to schedule pods)"
    if chart is None or not chart.account:
        return None
    namespace = str(inputs.get("namespace") or "default")
    settings = (inputs.get("values") or {}).get("serviceAccount") or {}
    account = str(
        settings.get("name") or (inputs.get("name") if inputs.get("chart") == CONTROLLER else chart.account) or ""
    )
    if settings.get("create") is False and account not in cluster.service_accounts(namespace):
        return f'its pods are forbidden: serviceaccount "{account}" not found in {namespace}'
    if not cluster.addon(AGENT):
        return f"its pods get no AWS credentials: the EKS add-on {AGENT} is not installed"
    if not associated(cluster, namespace, account):
        return (
            "its pods get no AWS credentials: no Pod Identity association for service account "
            f"{namespace}/{account} existed when they started"
        )
    return None


def associated(cluster: Cluster, namespace: str, account: str) -> bool:
    """Whether a Pod Identity association names a service account."""
    return any(
        row["namespace"] == namespace and row["serviceAccount"] == account for row in cluster.belonging(ASSOCIATION)
    )


def controller_trouble(cluster: Cluster) -> str | None:
    """Why no AWS Load Balancer Controller is at work, None when one is."""
    releases = cluster.releases(CONTROLLER)
    if not releases:
        return "no AWS Load Balancer Controller is installed"
    troubles = [release_trouble(cluster, row.inputs) for row in releases]
    return None if None in troubles else f"the AWS Load Balancer Controller does not run: {troubles[0]}"


def register_targets(cluster: Cluster, namespace: str) -> None:
    """Brings the targets of every binding in a namespace in line with its Service and pods."""
    bindings = cluster.inside(BINDING, namespace)
    if bindings and controller_trouble(cluster) is None:
        for binding in bindings:
            _register(cluster, namespace, binding)


def drop_targets(cluster: Cluster, binding: Row) -> None:
    """What the controller does before it lets go of a binding."""
    cluster.store.forget("target", str(binding.inputs["spec"].get("targetGroupARN")))


def _register(cluster: Cluster, namespace: str, binding: Row) -> None:
    group = str(binding.inputs["spec"].get("targetGroupARN"))
    wanted = set(_targets(cluster, namespace, binding))
    present = {key for _, key in cluster.store.notes("target", group)}
    for key in present - wanted:
        cluster.store.forget("target", group, key)
    for key in wanted - present:
        address, _, port = key.rpartition(":")
        cluster.store.note("target", group, key, {"id": address, "port": int(port), "health": "healthy"})


def _targets(cluster: Cluster, namespace: str, binding: Row) -> list[str]:
    return addresses(cluster, namespace, binding.inputs["spec"]["serviceRef"])


def addresses(cluster: Cluster, namespace: str, reference: dict[str, Any]) -> list[str]:
    """The pods behind a Service's port (``name``, ``port``) as ``ip:port``."""
    service = cluster.find("Service", namespace, str(reference["name"]))
    exposed = _service_port(service, reference["port"]) if service else None
    if service is None or exposed is None:
        return []
    return [f"{address}:{port}" for address, port in _reached(cluster, namespace, service, exposed)]


def endpoints(cluster: Cluster, namespace: str, service: Row) -> list[tuple[str, int, str]]:
    """(address, port, name of the Service's port) of every pod behind a Service."""
    ports: list[dict[str, Any]] = (service.inputs.get("spec") or {}).get("ports") or []
    return [
        (address, number, str(port.get("name") or ""))
        for port in ports
        for address, number in _reached(cluster, namespace, service, port)
    ]


def _reached(cluster: Cluster, namespace: str, service: Row, exposed: dict[str, Any]) -> list[tuple[str, int]]:
    """Addresses of the pods behind a port of a Service, with the port they listen on."""
    found = []
    for workload in selected_by(cluster, namespace, service):
        port = target_port(exposed, workload.inputs)
        if port is not None:
            network = _network(cluster)
            replicas = range(_replicas(cluster, namespace, workload))
            found += [(_address(network, workload.id, number), port) for number in replicas]
    return found


def bound_port(cluster: Cluster, namespace: str, binding: Row, workload: dict[str, Any]) -> dict[str, Any] | None:
    """The Service's port that a binding names, None when there is none or the Service does not select the workload."""
    reference = binding.inputs["spec"]["serviceRef"]
    return exposed_port(cluster, namespace, str(reference["name"]), reference["port"], workload)


def exposed_port(
    cluster: Cluster, namespace: str, name: str, port: Any, workload: dict[str, Any]
) -> dict[str, Any] | None:
    """A port of a Service, by number or name; None when there is none or the Service does not select the workload."""
    service = cluster.find("Service", namespace, name)
    if service is None or not _selects(service, workload):
        return None
    return _service_port(service, port)


def selected_by(cluster: Cluster, namespace: str, service: Row) -> list[Row]:
    """The workloads whose pods a Service selects."""
    rows = (row for kind in _WORKLOADS for row in cluster.inside(f"kubernetes:{kind}", namespace))
    return [row for row in rows if _selects(service, row.inputs)]


def _selects(service: Row, workload: dict[str, Any]) -> bool:
    selector = (service.inputs.get("spec") or {}).get("selector")
    return bool(selector) and matches(Field({"matchLabels": selector}), Field(_pod_labels(workload))) is True


def _pod_labels(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload.get("spec") or {}
    source = spec.get("template", workload)
    return dict((source.get("metadata") or {}).get("labels") or {})


def pod_spec(inputs: dict[str, Any]) -> dict[str, Any]:
    """The pod specification inside a workload."""
    spec = inputs.get("spec") or {}
    while "jobTemplate" in spec or "template" in spec:
        spec = (spec.get("jobTemplate") or spec.get("template") or {}).get("spec") or {}
    return dict(spec)


def _service_port(service: Row, wanted: Any) -> dict[str, Any] | None:
    ports: list[dict[str, Any]] = service.inputs["spec"].get("ports") or []
    return next((port for port in ports if wanted in {port.get("port"), port.get("name")}), None)


def target_port(service_port: dict[str, Any], workload: dict[str, Any]) -> int | None:
    """The port of the pods behind a port of a Service, None when no container has a port of that name."""
    target = service_port.get("targetPort", service_port["port"])
    return target if isinstance(target, int) else named_port(pod_spec(workload), target)


def named_port(spec: dict[str, Any], name: str) -> int | None:
    """The number of a pod's container port, None when there is none of that name."""
    ports = (port for container in spec.get("containers") or () for port in container.get("ports") or ())
    return next((int(port["containerPort"]) for port in ports if port.get("name") == name), None)


def _replicas(cluster: Cluster, namespace: str, workload: Row) -> int:
    spec = workload.inputs.get("spec") or {}
    name = workload.inputs["metadata"]["name"]
    for scaler in cluster.inside(_HORIZONTAL, namespace):
        if scaler.inputs["spec"]["scaleTargetRef"].get("name") == name:
            return int(scaler.inputs["spec"].get("minReplicas", 1))
    return int(spec.get("replicas", 1))


def _network(cluster: Cluster) -> ipaddress.IPv4Network:
    """The addresses of pods: the first node group's first subnet (the VPC CNI gives pods addresses of their subnet)."""
    for group in cluster.belonging(NODE_GROUP):
        for subnet in group["subnetIds"] or ():
            row = cluster.store.get("aws", "aws:ec2/subnet:Subnet", str(subnet))
            if row is not None and row["cidrBlock"]:
                return ipaddress.IPv4Network(str(row["cidrBlock"]))
    return ipaddress.IPv4Network("10.0.0.0/16")


def _address(network: ipaddress.IPv4Network, identity: str, number: int) -> str:
    digest = hashlib.sha256(f"{identity}/{number}".encode()).digest()
    usable = max(network.num_addresses - 5, 1)  # AWS keeps the first four addresses of a subnet and the last
    return str(network[4 + int.from_bytes(digest[:4]) % usable])
