"""Pinned versions: EKS add-on builds by Kubernetes version, charts. One place, so that an upgrade is one diff.

Add-on builds age within weeks; `cluster.addons` overrides any of them. The command that lists the current ones:
`aws eks describe-addon-versions --kubernetes-version 1.36 --addon-name coredns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

# Builds seen running on EKS in autumn 2026 (public upgrade logs and the EKS user guide's add-on pages).
# The pod identity agent, vpc-cni and metrics-server builds serve every minor version; kube-proxy's must match it.
_EVERY_VERSION: Final = {
    "vpc-cni": "v1.22.4-eksbuild.3",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "metrics-server": "v0.9.0-eksbuild.11",
}
ADDON_BUILDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "1.34": {**_EVERY_VERSION, "kube-proxy": "v1.34.6-eksbuild.29", "coredns": "v1.12.4-eksbuild.38"},
        "1.35": {**_EVERY_VERSION, "kube-proxy": "v1.35.3-eksbuild.29", "coredns": "v1.13.2-eksbuild.31"},
        "1.36": {**_EVERY_VERSION, "kube-proxy": "v1.36.0-eksbuild.25", "coredns": "v1.14.3-eksbuild.23"},
    }
)


def addon_version(cluster_version: str, addon: str, overrides: Mapping[str, str]) -> str:
    """The build of `addon` for a cluster version; `overrides` win.

    Raises KeyError when neither has one; settings refuse that case before any resource exists.
    """
    return overrides.get(addon) or ADDON_BUILDS[cluster_version][addon]


@dataclass(frozen=True)
class Chart:
    """A Helm chart as the controllers use it: name, repository URL, version, namespace and service account."""

    name: str
    repository: str
    version: str
    namespace: str
    service_account: str


# What AWS recommends (ELB user guide: "Security policies"); the API's own default is the one of 2016.
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

# Service accounts and AWS-managed policies that the EKS User Guide names for an add-on.
ADDON_PERMISSIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "aws-ebs-csi-driver": {"ebs-csi-controller-sa": ("service-role/AmazonEBSCSIDriverPolicy",)},
        "aws-efs-csi-driver": {"efs-csi-controller-sa": ("service-role/AmazonEFSCSIDriverPolicy",)},
        "amazon-cloudwatch-observability": {"cloudwatch-agent": ("CloudWatchAgentServerPolicy",)},
    }
)

# Helm installs a chart's CRDs once and never updates them: raising a version includes applying its CRDs by hand.
LOAD_BALANCER_CONTROLLER: Final = Chart(
    name="aws-load-balancer-controller",
    repository="https://aws.github.io/eks-charts",
    version="3.5.0",
    namespace="kube-system",
    service_account="aws-load-balancer-controller",
)
# `repository` is the whole address of the chart: an OCI registry has no index. The v belongs to the version. It needs
# the Gateway API's CRDs, standard channel, 1.5 or newer: its start-up check wants TLSRoute v1.
LATTICE_CONTROLLER: Final = Chart(
    name="gateway-api-controller",
    repository="oci://public.ecr.aws/aws-application-networking-k8s/aws-gateway-controller-chart",
    version="v2.1.4",
    namespace="aws-application-networking-system",
    service_account="gateway-api-controller",
)
EXTERNAL_DNS: Final = Chart(
    name="external-dns",
    repository="https://kubernetes-sigs.github.io/external-dns/",
    version="1.21.1",
    namespace="external-dns",
    service_account="external-dns",
)

# The newest release of the chart in autumn 2026; application v0.12.0.
PROMETHEUS_ADAPTER: Final = Chart(
    name="prometheus-adapter",
    repository="https://prometheus-community.github.io/helm-charts",
    version="5.3.0",
    namespace="kube-system",
    service_account="prometheus-adapter",
)

# Of its own name, beside whatever other ExternalDNS a cluster has: this one writes to AWS Cloud Map alone.
CLOUD_MAP_REGISTRAR: Final = Chart(
    name="external-dns",
    repository="https://kubernetes-sigs.github.io/external-dns/",
    version="1.21.1",
    namespace="kube-system",
    service_account="cloud-map-registrar",
)


@dataclass(frozen=True)
class CrdBundle:
    """Definitions of custom resources as their project publishes them: version and address of each file by name."""

    version: str
    files: Mapping[str, str]


_GITHUB: Final = "https://github.com"
_RAW: Final = "https://raw.githubusercontent.com"
_GATEWAY_API: Final = "v1.6.1"
_LATTICE_CONTROLLER: Final = LATTICE_CONTROLLER.version
_LATTICE_KINDS: Final = (
    *("accesslogpolicies", "iamauthpolicies", "serviceexports", "serviceimports", "servicenetworks"),
    *("targetgrouppolicies", "vpcassociationpolicies"),
)
_CONTROLLER_CRDS: Final = (
    f"{_RAW}/kubernetes-sigs/aws-load-balancer-controller/v{LOAD_BALANCER_CONTROLLER.version}"
    "/helm/aws-load-balancer-controller/crds"
)

# What `make crds` fetches; crds.lock has the checksum of each file. The Gateway API's standard channel of 1.6 serves
# both controllers: the load balancer controller wants 1.6.0, the Lattice controller TLSRoute v1, so 1.5 or newer.
CRD_BUNDLES: Final[Mapping[str, CrdBundle]] = MappingProxyType(
    {
        "gateway-api": CrdBundle(
            _GATEWAY_API,
            {
                "standard-install.yaml": f"{_GITHUB}/kubernetes-sigs/gateway-api/releases/download/{_GATEWAY_API}"
                "/standard-install.yaml"
            },
        ),
        "load-balancer-controller": CrdBundle(
            f"v{LOAD_BALANCER_CONTROLLER.version}", {"crds.yaml": f"{_CONTROLLER_CRDS}/crds.yaml"}
        ),
        "load-balancer-gateway": CrdBundle(
            f"v{LOAD_BALANCER_CONTROLLER.version}", {"gateway-crds.yaml": f"{_CONTROLLER_CRDS}/gateway-crds.yaml"}
        ),
        "lattice": CrdBundle(
            _LATTICE_CONTROLLER,
            {
                f"{kind}.yaml": f"{_RAW}/aws/aws-application-networking-k8s/{_LATTICE_CONTROLLER}/config/crds/bases"
                f"/application-networking.k8s.aws_{kind}.yaml"
                for kind in _LATTICE_KINDS
            },
        ),
    }
)
