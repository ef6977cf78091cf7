"""Who may do what in a cluster: access entries, access policies and Pod Identity associations."""

from __future__ import annotations

import re
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.eks_cluster import (
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    POD_IDENTITY_ASSOCIATION,
    find,
    mode,
)
from local_cloud.aws.kind import Cloud, Kind, Props, Refusal, Row

_TYPES: Final = ("STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX")
_PRINCIPAL: Final = r"arn:[\w-]+:(iam::\d{12}:(role|user)/[\w+=,.@/-]+|sts::\d{12}:federated-user/.+)"
_POLICY: Final = r"arn:[\w-]+:eks::aws:cluster-access-policy/(Amazon\w+)"
_POLICIES: Final = frozenset(  # EKS user guide: access-policy-permissions
    {f"AmazonEKS{name}Policy" for name in ("Admin", "ClusterAdmin", "AdminView", "Edit", "View", "AutoNode")}
    | {f"AmazonEKS{name}Policy" for name in ("BlockStorage", "BlockStorageCluster", "Compute", "ComputeCluster")}
    | {
        f"AmazonEKS{name}Policy"
        for name in ("LoadBalancing", "LoadBalancingCluster", "Networking", "NetworkingCluster")
    }
    | {f"AmazonEKS{name}Policy" for name in ("Hybrid", "ClusterInsights", "SecretReader")}
)
_MODES: Final = (
    "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
)


def _entry_outputs(cloud: Cloud, entry_id: str, props: Props) -> Props:
    principal, cluster = props["principalArn"], props["clusterName"]
    account, path = principal.split(":")[4], principal.rsplit(":", 1)[1]
    kind, name = path.split("/", 1)[0], path.rsplit("/", 1)[1]
    outputs: Props = {
        "kubernetesGroups": props.get("kubernetesGroups") or [],
        "modifiedAt": cloud.now(),
        "userName": props.get("userName") or (f"{principal}" if kind == "user" else _session(principal)),
    }
    if cloud.get(ACCESS_ENTRY, entry_id) is None:
        prefix = f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}:access-entry"
        outputs |= {
            "accessEntryArn": f"{prefix}/{cluster}/{kind}/{account}/{name}/{lookups.uuid(cloud)}",
            "createdAt": cloud.now(),
        }
    return outputs


def _session(principal: str) -> str:
    return principal.replace(":iam:", ":sts:", 1).replace(":role/", ":assumed-role/", 1) + "/{{SessionName}}"


def _refuse_mode(cloud: Cloud, props: Props) -> None:
    """EKS user guide: setting-up-access-entries."""
    if mode(find(cloud, props["clusterName"])) == "CONFIG_MAP":
        raise Refusal("InvalidRequestException", _MODES)


def _refuse_entry(cloud: Cloud, props: Props) -> None:
    """terraform-aws-modules/terraform-aws-eks#2977 (in use); terraform-provider-aws eks/access_entry.go (invalid).

    Only the form of the principal is checked: the roles of people live outside the program.
    """
    if not re.fullmatch(_PRINCIPAL, props["principalArn"]):
        raise Refusal("InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
    if cloud.get(ACCESS_ENTRY, f"{props['clusterName']}:{props['principalArn']}") is not None:
        message = "The specified access entry resource is already in use on this cluster."
        raise Refusal("ResourceInUseException", message, status=409)


def _refuse_names(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: CreateAccessEntry, type and kubernetesGroups."""
    code, kind = "InvalidParameterException", props.get("type") or "STANDARD"
    if kind != "STANDARD" and (props.get("userName") or props.get("kubernetesGroups")):
        message = f"Entries of type {kind} cannot have a username or Kubernetes groups"
        raise Refusal(code, message, operation=operation)
    for group in lookups.texts(props.get("kubernetesGroups")):
        if group.startswith(("system:", "eks:", "aws:", "amazon:", "iam:")):
            message = f"The kubernetes group name {group} is invalid, it cannot start with system:"
            raise Refusal(code, message, operation=operation)


def _refuse_entry_update(cloud: Cloud, row: Row, props: Props) -> None:
    _refuse_names(cloud, props, "UpdateAccessEntry")


def _drop_policies(cloud: Cloud, row: Row) -> None:
    """EKS API reference: DeleteAccessEntry. Its policy associations go with it."""
    for found in cloud.where(ACCESS_POLICY_ASSOCIATION, "clusterName", row["clusterName"]):
        if found["principalArn"] == row["principalArn"]:
            cloud.remove(found.token, found.id)


def _policy_id(cloud: Cloud, props: Props) -> str:
    return f"{props['clusterName']}#{props['principalArn']}#{props['policyArn']}"


def _policy_outputs(cloud: Cloud, association_id: str, props: Props) -> Props:
    return {"associatedAt": cloud.now(), "modifiedAt": cloud.now()}


def _refuse_policy(cloud: Cloud, props: Props) -> None:
    """EKS API reference: AssociateAccessPolicy; terraform-provider-aws eks/access_policy_association.go."""
    find(cloud, props["clusterName"])
    entry = cloud.get(ACCESS_ENTRY, f"{props['clusterName']}:{props['principalArn']}")
    if entry is None:
        message = "The specified principalArn could not be found."
        raise Refusal("ResourceNotFoundException", message, status=404)
    if (entry["type"] or "STANDARD") != "STANDARD":
        message = f"Access policies cannot be associated with an access entry of type {entry['type']}"
        raise Refusal("InvalidRequestException", message)
    found = re.fullmatch(_POLICY, props["policyArn"])
    if not found or found[1] not in _POLICIES:
        message = "The specified policyArn could not be found."
        raise Refusal("ResourceNotFoundException", message, status=404)


def _refuse_scope(cloud: Cloud, props: Props) -> None:
    """EKS API reference: AccessScope."""
    scope = props["accessScope"]
    if scope["type"] == "namespace" and not scope.get("namespaces"):
        message = "The namespaces field is required when the access scope type is namespace."
        raise Refusal("InvalidParameterException", message)
    if scope["type"] == "cluster" and scope.get("namespaces"):
        message = "The namespaces field cannot be set when the access scope type is cluster."
        raise Refusal("InvalidParameterException", message)


def _pod_id(cloud: Cloud, props: Props) -> str:
    return f"a-{cloud.hex(17)}"


def _pod_outputs(cloud: Cloud, association_id: str, props: Props) -> Props:
    prefix = f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}:podidentityassociation"
    outputs: Props = {
        "associationArn": f"{prefix}/{props['clusterName']}/{association_id}",
        "associationId": association_id,
    }
    if props.get("targetRoleArn"):
        digits = association_id.removeprefix("a-")
        outputs["externalId"] = f"{cloud.region}/{cloud.account}/{props['clusterName']}/{props['namespace']}/{digits}"
    return outputs


def _refuse_pod(cloud: Cloud, props: Props) -> None:
    """EKS API reference: CreatePodIdentityAssociation."""
    cluster = find(cloud, props["clusterName"])
    for row in cloud.where(POD_IDENTITY_ASSOCIATION, "clusterName", cluster.id):
        if (row["namespace"], row["serviceAccount"]) == (props["namespace"], props["serviceAccount"]):
            raise Refusal("ResourceInUseException", f"Association already exists: {row.id}", status=409)


def _refuse_pod_role(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS user guide: pod-id-role."""
    row = lookups.role(cloud, props["roleArn"])
    if row is None:
        message = f"Role provided in the request does not exist: {props['roleArn']}"
        raise Refusal("InvalidParameterException", message, operation=operation)
    if not lookups.trusts(row, "pods.eks.amazonaws.com"):
        message = "Trust policy of the role provided in the request does not trust pods.eks.amazonaws.com"
        raise Refusal("InvalidParameterException", message, operation=operation)
    if props.get("policy") and not props.get("disableSessionTags"):
        message = "A session policy can only be specified when disableSessionTags is true"
        raise Refusal("InvalidParameterException", message, operation=operation)


def _refuse_pod_update(cloud: Cloud, row: Row, props: Props) -> None:
    _refuse_pod_role(cloud, props, "UpdatePodIdentityAssociation")


def _locate_pod(cloud: Cloud, given: str) -> str:
    return given.rsplit(",", 1)[-1]


_POLICY_OPERATIONS: Final = {
    "create": "AssociateAccessPolicy",
    "update": "AssociateAccessPolicy",
    "delete": "DisassociateAccessPolicy",
}


def _operations(thing: str) -> dict[str, str]:
    return {verb: f"{verb.capitalize()}{thing}" for verb in ("create", "update", "delete")}


KINDS: Final = (
    Kind(
        token=ACCESS_ENTRY,
        service="EKS",
        thing="EKS Access Entry",
        operations=_operations("AccessEntry"),
        create_only=frozenset({"clusterName", "principalArn", "type"}),
        source="terraform-provider-aws internal/service/eks/access_entry.go",
        computed=frozenset({"accessEntryArn", "createdAt", "kubernetesGroups", "modifiedAt", "userName"}),
        identify=lambda cloud, props: f"{props['clusterName']}:{props['principalArn']}",
        outputs=_entry_outputs,
        defaults={"type": "STANDARD"},
        volatile=frozenset({"modifiedAt"}),
        checks=(plan.arn("principalArn"), plan.one_of("type", *_TYPES)),
        refuse_create=(_refuse_mode, _refuse_entry, _refuse_names),
        refuse_update=(_refuse_entry_update,),
        after_delete=(_drop_policies,),
    ),
    Kind(
        token=ACCESS_POLICY_ASSOCIATION,
        service="EKS",
        thing="EKS Access Policy Association",
        operations=_POLICY_OPERATIONS,
        create_only=frozenset({"clusterName", "principalArn", "policyArn", "accessScope"}),
        source="terraform-provider-aws internal/service/eks/access_policy_association.go",
        computed=frozenset({"associatedAt", "modifiedAt"}),
        identify=_policy_id,
        outputs=_policy_outputs,
        checks=(
            plan.arn("policyArn"),
            plan.arn("principalArn"),
            plan.one_of("accessScope.type", "cluster", "namespace"),
        ),
        refuse_create=(_refuse_mode, _refuse_policy, _refuse_scope),
    ),
    Kind(
        token=POD_IDENTITY_ASSOCIATION,
        service="EKS",
        thing="EKS Pod Identity Association",
        operations=_operations("PodIdentityAssociation"),
        create_only=frozenset({"clusterName", "namespace", "serviceAccount"}),
        source="CloudFormation schema AWS::EKS::PodIdentityAssociation",
        computed=frozenset({"associationArn", "associationId", "externalId", "disableSessionTags"}),
        identify=_pod_id,
        outputs=_pod_outputs,
        framework=True,
        checks=(plan.arn("roleArn"), plan.arn("targetRoleArn")),
        refuse_create=(_refuse_pod, _refuse_pod_role),
        refuse_update=(_refuse_pod_update,),
        locate=_locate_pod,
    ),
)
