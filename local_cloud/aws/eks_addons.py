"""Cluster add-ons: aws:eks/addon:Addon."""

from __future__ import annotations

import json
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.eks_cluster import ADDON, NODE_GROUP, find, minor
from local_cloud.aws.kind import Cloud, Kind, Props, Refusal, Row

_VERSION: Final = (
    r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?"
)
_CODE: Final = "InvalidParameterException"

_LATEST: Final = {  # served for a current minor; what is not listed gets v1.0.0-eksbuild.1
    "aws-ebs-csi-driver": "v1.66.0-eksbuild.1",
    "coredns": "v1.14.3-eksbuild.23",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "metrics-server": "v0.9.0-eksbuild.11",
    "vpc-cni": "v1.22.4-eksbuild.3",
}
_KNOWN: Final = frozenset(  # EKS user guide: workloads-add-ons-available-eks, community-addons
    {*_LATEST, "kube-proxy", "adot", "aws-efs-csi-driver", "aws-fsx-csi-driver", "aws-mountpoint-s3-csi-driver"}
    | {"aws-guardduty-agent", "amazon-cloudwatch-observability", "aws-network-flow-monitoring-agent"}
    | {"eks-node-monitoring-agent", "snapshot-controller", "kube-state-metrics", "prometheus-node-exporter"}
    | {"cert-manager", "external-dns", "aws-privateca-issuer", "aws-secrets-store-csi-driver-provider"}
)
_DEPLOYMENTS: Final = ("coredns", "metrics-server", "aws-ebs-csi-driver", "cert-manager", "external-dns")
"""Add-ons that run as a Deployment: without a node their replicas never come up."""


def _latest(name: str, version: str) -> str:
    if name == "kube-proxy":
        return f"v{version}.0-eksbuild.25"
    return _LATEST.get(name, "v1.0.0-eksbuild.1")


def _outputs(cloud: Cloud, addon_id: str, props: Props) -> Props:
    old = cloud.get(ADDON, addon_id)
    cluster = find(cloud, props["clusterName"])
    version = props.get("addonVersion") or (old["addonVersion"] if old else None)
    outputs: Props = {
        "addonVersion": version or _latest(props["addonName"], str(cluster["version"])),
        "configurationValues": props.get("configurationValues") or "",
        "modifiedAt": cloud.now(),
    }
    if old is None:
        prefix = f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}"
        outputs |= {
            "arn": f"{prefix}:addon/{cluster.id}/{props['addonName']}/{lookups.uuid(cloud)}",
            "createdAt": cloud.now(),
        }
    return outputs


def _refuse_existing(cloud: Cloud, props: Props) -> None:
    """wandb/terraform-aws-wandb#230."""
    find(cloud, props["clusterName"])
    if cloud.get(ADDON, f"{props['clusterName']}:{props['addonName']}") is not None:
        raise Refusal("ResourceInUseException", "Addon already exists.", status=409)


def _refuse_version(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: CreateAddon; EKS user guide: managing-kube-proxy (its minor is the cluster's)."""
    name, version = props["addonName"], props.get("addonVersion")
    cluster = find(cloud, props["clusterName"])
    if name not in _KNOWN and "_" not in name:  # names from the marketplace have the form vendor_product
        message = f"Addon {name} specified is not supported in {cluster['version']} kubernetes version"
        raise Refusal(_CODE, message, operation=operation)
    if not version:
        return
    supported = "-eksbuild." in version or "_" in name
    if not supported or (name == "kube-proxy" and minor(version) != minor(cluster["version"])):
        raise Refusal(_CODE, "Addon version specified is not supported", operation=operation)


def _refuse_values(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: CreateAddon, configurationValues (a JSON or YAML object; JSON is checked here)."""
    text = str(props.get("configurationValues") or "").strip()
    if text.startswith(("{", "[")):
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            message = "ConfigurationValue is not in valid JSON or YAML format."
            raise Refusal(_CODE, message, operation=operation)


def _refuse_no_nodes(cloud: Cloud, props: Props) -> None:
    """terraform-provider-aws internal/service/eks/addon.go: DEGRADED is pending until the time-out of 20 minutes."""
    cluster = find(cloud, props["clusterName"])
    automatic = (cluster["computeConfig"] or {}).get("enabled")
    if props["addonName"] in _DEPLOYMENTS and not automatic and not cloud.where(NODE_GROUP, "clusterName", cluster.id):
        message = (
            f"waiting for EKS Add-On ({cluster.id}:{props['addonName']}) create: timeout while waiting for state to "
            "become 'ACTIVE' (last state: 'DEGRADED', timeout: 20m0s). last error: InsufficientNumberOfReplicas: The "
            "add-on is unhealthy because it doesn't have the desired number of replicas."
        )
        raise Refusal("", message)


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    _refuse_version(cloud, props, "UpdateAddon")
    _refuse_values(cloud, props, "UpdateAddon")


KIND: Final = Kind(
    token=ADDON,
    service="EKS",
    thing="EKS Add-On",
    operations={"create": "CreateAddon", "update": "UpdateAddon", "delete": "DeleteAddon"},
    create_only=frozenset({"clusterName", "addonName", "namespaceConfig"}),
    source="terraform-provider-aws internal/service/eks/addon.go; CloudFormation schema AWS::EKS::Addon",
    computed=frozenset({"arn", "addonVersion", "configurationValues", "createdAt", "modifiedAt"}),
    identify=lambda cloud, props: f"{props['clusterName']}:{props['addonName']}",
    outputs=_outputs,
    volatile=frozenset({"modifiedAt"}),
    checks=(
        plan.matches("addonVersion", _VERSION, "invalid value for {path} (must be a semantic version), got {value}"),
        plan.one_of("resolveConflictsOnCreate", "NONE", "OVERWRITE"),
        plan.one_of("resolveConflictsOnUpdate", "NONE", "OVERWRITE", "PRESERVE"),
        plan.length("addonName", 1, 255),
        plan.arn("serviceAccountRoleArn"),
    ),
    refuse_create=(_refuse_existing, _refuse_version, _refuse_values, _refuse_no_nodes),
    refuse_update=(_refuse_update,),
)
