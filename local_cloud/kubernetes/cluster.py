"""One EKS cluster as its API server sees it: the objects in it, and the AWS resources under its nodes and controllers.

Objects are rows of the shared store under a provider key of the cluster's own, so two clusters never mix; the aws
stand-in writes the clusters, node groups, add-ons and associations.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from local_cloud.kubernetes import kinds, schemas
from local_cloud.kubernetes.charts import CONTROLLER, known
from local_cloud.plugin import Refused
from local_cloud.store import Row, Store

CLUSTER: Final = "aws:eks/cluster:Cluster"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
ADDON: Final = "aws:eks/addon:Addon"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
SUBNET: Final = "aws:ec2/subnet:Subnet"
REPOSITORY: Final = "aws:ecr/repository:Repository"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
BINDING: Final = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
NAMESPACE: Final = "kubernetes:core/v1:Namespace"

_SYSTEM_NAMESPACES: Final = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


class Unreachable(Refused):
    """Nothing answers at the kubeconfig's address."""


def server_of(kubeconfig: str, context: str = "", cluster: str = "") -> dict[str, Any]:
    """The active cluster's entry of a kubeconfig (JSON or YAML), {} when there is none."""
    try:
        config = json.loads(kubeconfig)
    except ValueError:
        import yaml  # noqa: PLC0415 (only a hand-written kubeconfig is YAML)

        try:
            config = yaml.safe_load(kubeconfig)
        except yaml.YAMLError:
            return {}
    if not isinstance(config, dict):
        return {}
    contexts = {item.get("name"): item.get("context") or {} for item in config.get("contexts") or ()}
    wanted = cluster or contexts.get(context or config.get("current-context"), {}).get("cluster")
    clusters = {item.get("name"): item.get("cluster") or {} for item in config.get("clusters") or ()}
    found: dict[str, Any] = clusters.get(wanted, {})
    return found


SERVED: Final = "LOCAL_CLOUD_API_GROUPS"
"""Variable that names API groups, with commas between, whose definitions every cluster has from the start."""


def defined_before(api: str) -> bool:
    """Whether the kinds of an apiVersion's group are on every cluster from the start."""
    return api.partition("/")[0] in os.environ.get(SERVED, "").split(",")


class Cluster:
    """The API server behind one address. Every look-up goes through an index of the store."""

    def __init__(self, store: Store, server: str) -> None:
        """``server``: the kubeconfig's address, "" when the provider has none."""
        self.store = store
        self.server = server
        host = server.removeprefix("https://").split(".")[0]
        self.key = f"kubernetes:{host.lower()}"

    def row(self) -> Row:
        """The cluster itself. Raises ``Unreachable`` when it does not exist (any more)."""
        found = self.store.where("aws", CLUSTER, "endpoint", self.server) if self.server else []
        if not found:
            address = self.server or "http://localhost:8080"
            raise Unreachable(
                "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: "
                f'Get "{address}/openapi/v2?timeout=32s": dial tcp: lookup {address.removeprefix("https://")}: '
                "no such host"
            )
        return found[0]

    def version(self, default: str = "1.36") -> str:
        """The minor version; ``default`` when the cluster cannot be reached."""
        try:
            return str(self.row()["version"] or default)
        except Unreachable:
            return default

    def vpc(self) -> str:
        """The VPC the cluster's subnets lie in."""
        return str((self.row()["vpcConfig"] or {}).get("vpcId") or "")

    def belonging(self, token: str) -> list[Row]:
        """The AWS resources of a type that name this cluster: node groups, add-ons, associations."""
        return self.store.where("aws", token, "clusterName", str(self.row()["name"]))

    def addon(self, name: str) -> bool:
        """Whether an EKS add-on is installed."""
        return any(row["addonName"] == name for row in self.belonging(ADDON))

    # Objects

    def get(self, token: str, identity: str) -> Row | None:
        """One object by NAMESPACE/NAME or NAME."""
        return self.store.get(self.key, token, identity)

    def find(self, kind: str, namespace: str, name: str, api: str = "v1") -> Row | None:
        """One object by kind and name."""
        return self.get(kinds.token(api, kind), f"{namespace}/{name}" if namespace else name)

    def inside(self, token: str, namespace: str) -> list[Row]:
        """The objects of a type in a namespace."""
        return self.store.where(self.key, token, "metadata.namespace", namespace)

    def everything_in(self, namespace: str) -> list[Row]:
        """All objects and releases of a namespace."""
        rows = self.store.referring(self.key, namespace)
        return [
            row
            for row in rows
            if namespace in {(row.inputs.get("metadata") or {}).get("namespace"), row.inputs.get("namespace")}
        ]

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace exists: those every cluster has, or an object."""
        return name in _SYSTEM_NAMESPACES or self.get(NAMESPACE, name) is not None

    def serves(self, api: str, kind: str) -> bool:
        """Whether the API server knows a kind: its own, a chart's custom resource or one defined by an object."""
        if schemas.built_in(api, kind, self.version()) or defined_before(api):
            return True
        charts = (known(row.inputs.get("chart")) for row in self.releases() if row.inputs.get("skipCrds") is not True)
        if any(chart and (api, kind) in chart.custom_kinds for chart in charts):
            return True
        return any(_defines(row, api, kind) for row in self.store.where(self.key, _DEFINITION, "spec.names.kind", kind))

    def releases(self, chart: str = "") -> list[Row]:
        """The Helm releases (of a chart)."""
        if chart:
            return self.store.where(self.key, RELEASE, "chart", chart)
        return self.store.rows(self.key, RELEASE)

    def controller_values(self) -> dict[str, Any]:
        """The chart values of the AWS Load Balancer Controller, {} when it is not installed."""
        found = self.releases(CONTROLLER)
        return dict(found[0].inputs.get("values") or {}) if found else {}

    def labels(self, namespace: str) -> dict[str, Any]:
        """The labels of a namespace."""
        row = self.get(NAMESPACE, namespace)
        metadata = (row.inputs.get("metadata") or {}) if row else {}
        return {"kubernetes.io/metadata.name": namespace, **(metadata.get("labels") or {})}

    def tagged_subnets(self, scheme: str) -> list[str]:
        """The subnets a load balancer finds by itself: one in each zone, by role tag.

        aws-load-balancer-controller docs/deploy/subnet_discovery.md.
        """
        tag = "kubernetes.io/role/internal-elb" if scheme == "internal" else "kubernetes.io/role/elb"
        zones: dict[str, str] = {}
        for row in self.store.where("aws", SUBNET, "vpcId", self.vpc()):
            if (row["tags"] or {}).get(tag) in {"1", ""}:
                zones.setdefault(str(row["availabilityZone"]), row.id)
        return [zones[zone] for zone in sorted(zones)]

    def service_accounts(self, namespace: str) -> Iterator[str]:
        """The service accounts of a namespace: the default one, objects, and what charts make."""
        yield "default"
        for row in self.inside("kubernetes:core/v1:ServiceAccount", namespace):
            yield str(row.inputs["metadata"]["name"])


_DEFINITION: Final = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def _defines(row: Row, api: str, kind: str) -> bool:
    spec = row.inputs.get("spec") or {}
    group, _, version = api.rpartition("/")
    return spec.get("group") == group and any(
        each.get("name") == version and each.get("served") for each in spec.get("versions") or ()
    )
