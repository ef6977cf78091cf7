"""Why the pods of a workload never become ready, in the words kubelet and scheduler use.

Sources: kubernetes pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go, scheduler framework plug-ins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final

from local_cloud.aws.account import ACCOUNT
from local_cloud.kubernetes.cluster import NODE_GROUP, REPOSITORY, Cluster
from local_cloud.kubernetes.controllers import pod_spec
from local_cloud.kubernetes.gates import gate_troubles
from local_cloud.kubernetes.lattice import gates as lattice
from local_cloud.store import Row

IMAGES: Final = "LOCAL_CLOUD_IMAGES"
"""With the value `pushed` every image counts as pushed: the environment that is tried out has a registry of its own."""
_ECR: Final = re.compile(
    r"(\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
_EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute"}


def troubles(cluster: Cluster, namespace: str, inputs: dict[str, Any]) -> Iterator[str]:
    """Everything that keeps the pods of a workload (or a bare Pod) from ever being ready."""
    spec = pod_spec(inputs)
    account = str(spec.get("serviceAccountName") or "default")
    if account not in cluster.service_accounts(namespace):
        yield (
            f"[FailedCreate] pods is forbidden: error looking up service account {namespace}/{account}: "
            f'serviceaccount "{account}" '
            "not found"
        )
    yield from _scheduling(cluster, spec)
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        yield from _image(cluster, container)
        yield from _references(cluster, namespace, container)
        yield from _probe_ports(container)
    yield from _volumes(cluster, namespace, spec)
    yield from gate_troubles(cluster, namespace, inputs)
    yield from lattice.gate_troubles(cluster, namespace, inputs)


def _scheduling(cluster: Cluster, spec: dict[str, Any]) -> Iterator[str]:
    groups = cluster.belonging(NODE_GROUP)
    if not groups:
        yield "[Unschedulable] no nodes available to schedule pods (the cluster has no node group)"
        return
    selector = spec.get("nodeSelector") or {}
    fitting = [
        group for group in groups if all(_labels(group).get(key, value) == value for key, value in selector.items())
    ]
    if not fitting:
        yield (
            f"[Unschedulable] 0/{len(groups)} node groups are available: node(s) didn't match Pod's node "
            f"affinity/selector {selector}"
        )
    elif not any(_tolerated(group, spec.get("tolerations") or []) for group in fitting):
        yield f"[Unschedulable] 0/{len(groups)} node groups are available: node(s) had untolerated taint(s)"


def _labels(group: Row) -> dict[str, Any]:
    """The labels of a group's nodes that are known beforehand (EKS user guide, managed node groups)."""
    kind = str(group["amiType"] or "")
    arm = "ARM_64" in kind
    well_known = (
        {"kubernetes.io/arch": "arm64" if arm else "amd64", "kubernetes.io/os": "linux"}
        if kind and kind != "CUSTOM"
        else {}
    )
    return {**(group["labels"] or {}), **well_known, "eks.amazonaws.com/nodegroup": group["nodeGroupName"]}


def _tolerated(group: Row, tolerations: list[dict[str, Any]]) -> bool:
    taints = [taint for taint in group["taints"] or () if taint.get("effect") in _EFFECTS]
    return all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in taints)


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", _EFFECTS[taint["effect"]]}:
        return False
    if toleration.get("key") not in {None, "", taint.get("key")}:
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def _image(cluster: Cluster, container: dict[str, Any]) -> Iterator[str]:
    image = str(container.get("image"))
    match = _ECR.fullmatch(image)
    if match is None or match.group(1) != ACCOUNT or os.environ.get(IMAGES) == "pushed":
        return  # nothing is known of other registries
    name, tag, digest = match["name"], match["tag"] or "latest", match["digest"]
    head = f"containers with unready status: [{container.get('name')}] -- [ErrImagePull]"
    if cluster.store.get("aws", REPOSITORY, name) is None:
        yield (
            f"{head} failed to pull image \"{image}\": the repository with name '{name}' does not exist in the registry"
        )
        return
    images = {key: data for (_, key), data in cluster.store.notes("image", name).items()}
    if not (digest in images if digest else any(tag in (data.get("tags") or ()) for data in images.values())):
        yield f'{head} failed to pull image "{image}": {image}: not found (push it: python -m local_cloud push {name})'


def _references(cluster: Cluster, namespace: str, container: dict[str, Any]) -> Iterator[str]:
    for variable in container.get("env") or ():
        for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            reference = (variable.get("valueFrom") or {}).get(field)
            if reference:
                yield from _missing(cluster, namespace, kind, reference, reference.get("key"))
    for source in container.get("envFrom") or ():
        for kind, field in (("Secret", "secretRef"), ("ConfigMap", "configMapRef")):
            if source.get(field):
                yield from _missing(cluster, namespace, kind, source[field], None)


def _missing(cluster: Cluster, namespace: str, kind: str, reference: dict[str, Any], key: str | None) -> Iterator[str]:
    name = str(reference.get("name") or reference.get("secretName"))
    if reference.get("optional") is True:
        return
    row = cluster.find(kind, namespace, name)
    if row is None:
        yield f'[CreateContainerConfigError] {kind.lower()} "{name}" not found'
    elif key is not None and not any(
        key in (row.inputs.get(part) or {}) for part in ("data", "stringData", "binaryData")
    ):
        yield f"[CreateContainerConfigError] couldn't find key {key} in {kind} {namespace}/{name}"


def _volumes(cluster: Cluster, namespace: str, spec: dict[str, Any]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        for kind, field in (("Secret", "secret"), ("ConfigMap", "configMap")):
            if volume.get(field):
                for trouble in _missing(cluster, namespace, kind, volume[field], None):
                    yield f'[FailedMount] MountVolume.SetUp failed for volume "{volume.get("name")}": {trouble}'


def _probe_ports(container: dict[str, Any]) -> Iterator[str]:
    names = {port.get("name") for port in container.get("ports") or ()}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        for handler in ("httpGet", "tcpSocket"):
            port = ((container.get(probe) or {}).get(handler) or {}).get("port")
            if isinstance(port, str) and port not in names:
                yield (
                    f"containers with unready status: [{container.get('name')}] -- {probe} errored: couldn't "
                    f"find port: {port}"
                )
