"""The Helm charts this stand-in knows: newest version, repository, and the custom resources in their crds/ folder.

Source: Chart.yaml, values.yaml and crds/ of each chart, read as of 2026-10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from local_cloud.kubernetes import crd_lattice

_ELB: Final = "elbv2.k8s.aws/v1beta1"
_GATEWAY: Final = "gateway.k8s.aws/v1"
LATTICE: Final = "oci://public.ecr.aws/aws-application-networking-k8s/aws-gateway-controller-chart"


@dataclass(frozen=True)
class Chart:
    """One chart.

    ``custom_kinds``: (apiVersion, kind) that exist once it is installed. ``account``: it needs AWS credentials, for
    this service account unless its values name another.
    """

    newest: str
    app: str
    repository: str
    custom_kinds: frozenset[tuple[str, str]] = frozenset()
    account: str = ""


CHARTS: Final[dict[str, Chart]] = {
    "aws-load-balancer-controller": Chart(
        newest="3.6.0",
        app="v3.6.0",
        repository="https://aws.github.io/eks-charts",
        custom_kinds=frozenset(
            {
                (_ELB, "TargetGroupBinding"), (_ELB, "IngressClassParams"), (_ELB, "ALBTargetControlConfig"),
                ("aga.k8s.aws/v1beta1", "GlobalAccelerator"), (_GATEWAY, "LoadBalancerConfiguration"),
                (_GATEWAY, "TargetGroupConfiguration"), (_GATEWAY, "ListenerRuleConfiguration"),
            }
        ),
        account="aws-load-balancer-controller",
    ),
    LATTICE: Chart(
        newest="v2.1.4",
        app="v2.1.4",
        repository="",
        custom_kinds=frozenset(crd_lattice.SCHEMAS),
        account="gateway-api-controller",
    ),
    # The standard channel's bundle, packed as a chart by whoever has it in a folder.
    "gateway-api": Chart(
        "1.6.1",
        "1.6.1",
        "",
        custom_kinds=frozenset(
            ("gateway.networking.k8s.io/v1", kind)
            for kind in (
                "GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute",
                "BackendTLSPolicy", "ReferenceGrant",
            )
        ),
    ),
    "metrics-server": Chart("3.13.1", "0.8.1", "https://kubernetes-sigs.github.io/metrics-server/"),
    "prometheus-adapter": Chart("5.3.0", "v0.12.0", "https://prometheus-community.github.io/helm-charts"),
    "external-dns": Chart(
        "1.23.0",
        "0.23.0",
        "https://kubernetes-sigs.github.io/external-dns/",
        custom_kinds=frozenset({("externaldns.k8s.io/v1alpha1", "DNSEndpoint")}),
        account="external-dns",
    ),
}  # fmt: skip

CONTROLLER: Final = "aws-load-balancer-controller"


def known(chart: object) -> Chart | None:
    """The chart of a release's ``chart``: a name, the address of an OCI registry, or a folder of the chart's name."""
    text = str(chart)
    return CHARTS.get(text) or (CHARTS.get(text.rstrip("/").rpartition("/")[2]) if text[:1] in {".", "/"} else None)
