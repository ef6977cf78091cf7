"""The EKS cluster, its nodes, and who may use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from .addons import EXTRA_ADDON, ExternalDns, ExtraAddon, ExtraAddonName
from .base import EACH_ONCE, Keys, Planned, Says, Section, Settled, Text
from .forms import DNS_LABEL, NAME_KEY, AddonVersion, Cidr, Flag, NameKey, PrincipalArn, Whole
from .metrics_adapter import MetricsAdapter
from .network import ZoneNames
from .retention import SOURCE as RETENTION_SOURCE
from .retention import Retention

ADDON_NAMES: Final = ("coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni")
_EKS_QUOTAS = "EKS User Guide, Service quotas"

_SEGMENT = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = Text(
    # Prefixes of Kubernetes and EKS are theirs: the kubelet and the EKS API refuse them.
    rf"(?:{DNS_LABEL}(?:\.{DNS_LABEL})*/)?{_SEGMENT}",
    "a Kubernetes label key of 1 to 63 characters such as team or example.com/team, outside kubernetes.io, k8s.io and "
    "eks.amazonaws.com",
    # Kubernetes alone would take a prefix of 253 more (EKS API Reference: CreateNodegroup, labels; Taint, key).
    maximum=63,
    refused=r"(?!(?:node|kubelet)\.kubernetes\.io/)(?:[^/]*\.)?(?:kubernetes\.io|k8s\.io|eks\.amazonaws\.com)/.*",
)
LabelKey = Annotated[str, _LABEL_KEY]
# Empty is fine for Kubernetes and for a taint, not for a label of a node group (aws/aws-sdk-go-v2#2267).
LabelValue = Annotated[
    str, Text(_SEGMENT, "1 to 63 letters, digits, _ . -, starting and ending with a letter or digit")
]
TaintValue = Annotated[
    str, Text(rf"(?:{_SEGMENT})?", "0 to 63 letters, digits, _ . -, starting and ending with a letter or digit")
]
InstanceType = Annotated[
    str, Text(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as m7g.large", maximum=40)
]
_ADDON = Text("|".join(ADDON_NAMES), f"one of {', '.join(ADDON_NAMES)}")
AccessNamespace = Annotated[
    str,
    Text(
        r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|[a-z0-9][a-z0-9-]*\*",
        "a namespace such as orders, or with a final * such as dev-*",
        maximum=63,
    ),
]


class Taint(Section):
    """A taint that keeps pods without a matching toleration off the nodes."""

    value: Annotated[TaintValue, Says("Value of the taint.")] = ""
    effect: Annotated[
        Literal["NO_SCHEDULE", "PREFER_NO_SCHEDULE", "NO_EXECUTE"],
        Says("What happens to pods that do not tolerate it."),
    ]


class NodeGroup(Section):
    """A managed node group, spread over all zones of the network."""

    architecture: Annotated[Literal["amd64", "arm64"], Says("Processor of the nodes; `arm64` is Graviton.")] = "arm64"
    ami: Annotated[Literal["al2023", "bottlerocket"], Says("Operating system of the nodes.")] = "al2023"
    release_version: Annotated[
        Annotated[str, Text(r"[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{8}", "an AMI release such as 1.36.4-20260923")] | None,
        Says(
            "Release of the AMI to pin; for `al2023` of the minor version of the cluster.",
            default="the newest one of the cluster's version when the group is made",
            source="eksctl-io/eksctl#7976",
        ),
    ] = None
    instance_types: Annotated[
        tuple[InstanceType, ...],
        Field(min_length=1, max_length=20),
        EACH_ONCE,
        Says("EC2 instance types of the group's architecture; several give Spot more to choose from."),
    ]
    capacity: Annotated[Literal["on_demand", "spot"], Says("How the nodes are bought.")] = "on_demand"
    autoscaled: Annotated[
        Flag,
        Says(
            "Whether an autoscaler of yours moves the number of nodes between `min` and `max`; nothing here does yet. "
            "`false`: there are `min` nodes, and another number is drift that the next update puts right."
        ),
    ] = False
    min: Annotated[Whole, Field(ge=0, le=450), Says("Fewest nodes, in all zones together.", source=_EKS_QUOTAS)] = 2
    max: Annotated[
        Whole,
        Field(ge=1, le=450),
        Says(
            "Most nodes, in all zones together; only an autoscaler goes beyond `min`. 450 is the default quota.",
            source=_EKS_QUOTAS,
        ),
    ] = 6
    disk_size: Annotated[Whole, Field(ge=20, le=16384), Says("Disk of a node in GiB.")] = 50
    labels: Annotated[
        Mapping[LabelKey, LabelValue], Field(max_length=50), Keys(_LABEL_KEY), Says("Kubernetes labels of the nodes.")
    ] = Field(default_factory=dict)
    taints: Annotated[
        Mapping[LabelKey, Settled[Taint]], Field(max_length=50), Keys(_LABEL_KEY), Says("Taints of the nodes, by key.")
    ] = Field(default_factory=dict)


class Access(Section):
    """Who may use the Kubernetes API: an EKS access entry with one access policy."""

    principal_arn: Annotated[
        PrincipalArn,
        Says(
            "IAM role or user; no service-linked role, and not the one that creates the cluster: EKS gives that one an "
            "entry by itself and refuses a second one.",
            source="EKS User Guide, Create access entries",
        ),
    ]
    policy: Annotated[
        Literal["cluster_admin", "admin", "edit", "view"],
        Says(
            "EKS access policy: `cluster_admin` is AmazonEKSClusterAdminPolicy, `admin` AmazonEKSAdminPolicy and so on."
        ),
    ]
    namespaces: Annotated[
        tuple[AccessNamespace, ...], EACH_ONCE, Says("Namespaces the policy holds for.", default="the whole cluster")
    ] = ()


class Cluster(Section):
    """The EKS cluster. Authentication is by access entries only; a KMS key of its own encrypts Kubernetes secrets."""

    version: Annotated[Literal["1.34", "1.35", "1.36", "1.37"], Says("Kubernetes version.")] = "1.36"
    zones: Annotated[
        ZoneNames,
        Says(
            "Zones of the network that hold the interfaces of the control plane. EKS keeps the exact set of zones that "
            "the cluster was created with: before `network.zones` changes, name the old ones here. Nodes run in all "
            "zones of the network.",
            default="`network.zones`",
            source="EKS User Guide, VPC and subnet requirements",
        ),
    ] = ()
    public_access_cidrs: Annotated[
        tuple[Cidr, ...],
        Field(max_length=40),
        EACH_ONCE,
        Says(
            "Networks that may reach the Kubernetes API from the internet. With `[]` the machine that runs `pulumi` "
            "must reach the VPC.",
            default="[]: the endpoint is private, reached from inside the VPC only",
            source=_EKS_QUOTAS,
        ),
    ] = ()
    compute: Annotated[
        Literal["node_groups"],
        Planned(("auto", "fargate")),
        Says(
            "What runs the pods. EKS Auto Mode and Fargate are not available: with Auto Mode AWS's own load balancer "
            "controller and network plug-in take the place of those that are pinned here."
        ),
    ] = "node_groups"
    node_groups: Annotated[
        Mapping[NameKey, Settled[NodeGroup]],
        Field(min_length=1, max_length=30),
        Keys(NAME_KEY),
        Says(
            "Managed node groups, by name; groups of both architectures may stand beside each other.",
            default="required, unless `existing.cluster` or a platform stack has the nodes",
            source=_EKS_QUOTAS,
        ),
    ] = Field(default_factory=dict)
    access: Annotated[
        Mapping[NameKey, Settled[Access]], Keys(NAME_KEY), Says("Who may use the Kubernetes API, by name.")
    ] = Field(default_factory=dict)
    logs: Annotated[
        tuple[Literal["api", "audit", "authenticator", "controllerManager", "scheduler"], ...],
        EACH_ONCE,
        Says("Control-plane logs sent to CloudWatch."),
    ] = ("api", "audit", "authenticator")
    log_retention: Annotated[Retention, Says("Days that CloudWatch keeps the logs.", source=RETENTION_SOURCE)] = 90
    deletion_protection: Annotated[
        Flag,
        Says(
            "Whether AWS refuses to delete the cluster.",
            default="`environment.protected`",
            source="EKS User Guide, Deletion protection",
        ),
    ] = False
    support: Annotated[
        Literal["standard", "extended"],
        Says(
            "At the end of standard support AWS upgrades a `standard` cluster by itself, and bills more for `extended`."
        ),
    ] = "standard"
    addons: Annotated[
        Mapping[Literal["coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"], AddonVersion],
        Keys(_ADDON, known=ADDON_NAMES),
        Says(
            "Builds of EKS add-ons, by name, instead of the pinned ones. "
            "`aws eks describe-addon-versions --addon-name NAME --kubernetes-version VERSION` prints them.",
            default="the pinned builds of the version (1.37 has none)",
        ),
    ] = Field(default_factory=dict)
    extra_addons: Annotated[
        Mapping[ExtraAddonName, Settled[ExtraAddon]],
        Field(max_length=30),
        Keys(EXTRA_ADDON),
        Says(
            "More EKS add-ons, by name, such as aws-ebs-csi-driver; installed once there are nodes.",
            source="EKS User Guide, Available Amazon EKS add-ons",
        ),
    ] = Field(default_factory=dict)
    network_policies: Annotated[
        Flag,
        Says(
            "Whether the VPC CNI enforces Kubernetes NetworkPolicy objects, which are yours to make. Without a policy "
            "that selects a pod nothing changes for it.",
            source="EKS User Guide, Limit Pod traffic with Kubernetes network policies",
        ),
    ] = False
    external_dns: Annotated[
        ExternalDns | None,
        Says(
            "ExternalDNS for objects that are not this platform's: it keeps records of `existing.hosted_zone` for "
            "Services and Ingresses. Hosts of `services` have records of Pulumi's and do not need it.",
            default="not installed",
        ),
    ] = None
    metrics_adapter: Annotated[
        MetricsAdapter | None,
        Says(
            "What shows metrics other than CPU and memory to the autoscalers.",
            default="none; workloads scale by CPU and memory",
        ),
    ] = None
