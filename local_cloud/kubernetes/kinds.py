"""What is known of a kind apart from its schema: whether it lives in a namespace, and which changes replace an object.

Replacement table: pulumi-kubernetes provider/pkg/provider/diff.go (``forceNewProperties``).
"""

from __future__ import annotations

from typing import Final

from local_cloud.kubernetes import crd_gateway_api, crd_gateway_aws, crd_lattice
from local_cloud.kubernetes.crd_schemas import TARGET_GROUP_BINDING

CLUSTER_SCOPED: Final = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
        "CustomResourceDefinition", "FlowSchema", "IPAddress", "IngressClass", "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume",
        "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "ServiceCIDR", "StorageClass",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        "VolumeAttachment", "VolumeAttributesClass",
        # Custom resources (scope: Cluster in their CRDs).
        "GatewayClass", "IngressClassParams", "ServiceNetwork",
    }
)  # fmt: skip

_SELECTOR: Final = ("spec.selector",)
_POD: Final = (
    "spec.activeDeadlineSeconds", "spec.affinity", "spec.automountServiceAccountToken", "spec.containers",
    "spec.dnsConfig",
    "spec.dnsPolicy", "spec.hostIPC", "spec.hostNetwork", "spec.hostPID", "spec.hostname", "spec.imagePullSecrets",
    "spec.initContainers", "spec.nodeName", "spec.nodeSelector", "spec.restartPolicy", "spec.runtimeClassName",
    "spec.schedulerName", "spec.securityContext", "spec.serviceAccountName", "spec.subdomain",
    "spec.terminationGracePeriodSeconds", "spec.topologySpreadConstraints", "spec.volumes",
)  # fmt: skip

REPLACING: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("apps/v1", "Deployment"): _SELECTOR,
    ("apps/v1", "DaemonSet"): _SELECTOR,
    ("apps/v1", "ReplicaSet"): _SELECTOR,
    ("apps/v1", "StatefulSet"): (
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
    ),
    ("batch/v1", "Job"): ("spec.selector", "spec.template", "spec.completions", "spec.parallelism"),
    ("v1", "Pod"): _POD,
    ("v1", "ConfigMap"): ("data", "binaryData"),
    ("v1", "Secret"): ("type", "data", "stringData"),
    ("v1", "Service"): ("spec.clusterIP",),
    ("v1", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ("v1", "PersistentVolume"): ("spec.csi", "spec.nfs", "spec.hostPath"),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    TARGET_GROUP_BINDING: (),
    # Nothing beyond name and namespace: what is immutable there fails at the API server instead.
    **dict.fromkeys(crd_gateway_api.SCHEMAS, ()),
    **dict.fromkeys(crd_gateway_aws.SCHEMAS, ()),
    **dict.fromkeys(crd_lattice.SCHEMAS, ()),
}

NAME_REPLACES: Final = ("metadata.name", "metadata.namespace")


def api_version(group: str) -> str:
    """The apiVersion a type token means: ``core/v1`` is ``v1``, ``apps/v1`` is itself."""
    return group.removeprefix("core/")


def of_token(token: str) -> tuple[str, str, bool]:
    """(apiVersion, kind, whether a Patch type) of a type token."""
    group, kind = token.removeprefix("kubernetes:").rsplit(":", 1)
    return api_version(group), kind.removesuffix("Patch"), kind.endswith("Patch")


def token(api: str, kind: str) -> str:
    """The type token of a kind: ``kubernetes:core/v1:Service``."""
    return f"kubernetes:{api if '/' in api else f'core/{api}'}:{kind}"


def namespaced(kind: str) -> bool:
    """Whether objects of the kind live in a namespace (custom resources do, but for those named above)."""
    return kind not in CLUSTER_SCOPED


def plural(kind: str) -> str:
    """The resource name of a kind: ``targetgroupbindings``, ``gatewayclasses``, ``accesslogpolicies``.

    Source: apimachinery pkg/api/meta/restmapper.go (UnsafeGuessKindToResource); a name in the plural already stays.
    """
    lowered = kind.lower()
    if lowered.endswith("params"):
        return lowered
    if lowered.endswith("y") and lowered[-2] not in "aeiou":
        return f"{lowered[:-1]}ies"
    return f"{lowered}es" if lowered.endswith(("s", "ch", "x")) else f"{lowered}s"
