"""The cluster kind, aws:eks/cluster:Cluster, and what every EKS kind asks of a cluster."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row
from local_cloud.values import UNKNOWN

CLUSTER: Final = "aws:eks/cluster:Cluster"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
ADDON: Final = "aws:eks/addon:Addon"
ACCESS_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"
ACCESS_POLICY_ASSOCIATION: Final = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY_ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

_VERSIONS: Final = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
"""What CreateCluster takes in November 2026, extended support included (EKS user guide: kubernetes-versions)."""
_LATEST: Final = "1.36"  # given when no version is asked for

_LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")  # changes go to the right only
_PRIVATE: Final = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_AUTO: Final = ("computeConfig.enabled", "storageConfig.blockStorage.enabled")
_AUTO_BALANCING: Final = "kubernetesNetworkConfig.elasticLoadBalancing.enabled"


def find(cloud: Cloud, name: str, operation: str | None = None) -> Row:
    """The cluster of a name. Raises EKS's refusal when there is none."""
    row = cloud.get(CLUSTER, name)
    if row is None:
        message = f"No cluster found for name: {name}."
        raise Refusal("ResourceNotFoundException", message, status=404, operation=operation)
    return row


def mode(cluster: Row) -> str:
    """The authentication mode of a cluster."""
    return str((cluster["accessConfig"] or {}).get("authenticationMode") or "CONFIG_MAP")


def creator(cloud: Cloud) -> str:
    """Who creates clusters in this account: the principal that gets the creator's access entry."""
    return f"arn:{cloud.partition}:iam::{cloud.account}:user/local-cloud"


def minor(version: Any) -> int:
    """The minor number of a version such as ``1.36`` or ``1.36.4-20260923``."""
    found = re.match(r"v?1\.(\d+)", str(version))
    return int(found[1]) if found else 0


def _subnet_ids(props: Props) -> list[str]:
    return lookups.texts((props.get("vpcConfig") or {}).get("subnetIds"))


def _outputs(cloud: Cloud, name: str, props: Props) -> Props:
    old = cloud.get(CLUSTER, name)
    given = {key: value for key, value in (props.get("vpcConfig") or {}).items() if value is not None}
    network = {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16", "elasticLoadBalancing": {"enabled": False}}
    access = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
    subnets = (cloud.get(lookups.SUBNET, subnet) for subnet in _subnet_ids(props))
    vpc_id = next((str(row["vpcId"]) for row in subnets if row), "")
    drawn = _drawn(cloud, name) if old is None else {}
    group = old["vpcConfig"]["clusterSecurityGroupId"] if old else f"sg-{cloud.hex(17)}"
    public: Props = {"endpointPrivateAccess": False, "endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}
    return {
        "arn": f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}:cluster/{name}",
        "accessConfig": access | (props.get("accessConfig") or {}),
        "kubernetesNetworkConfig": network | (props.get("kubernetesNetworkConfig") or {}),
        "upgradePolicy": props.get("upgradePolicy") or {"supportType": "EXTENDED"},
        "vpcConfig": public | given | {"clusterSecurityGroupId": group, "vpcId": vpc_id},
        "version": props.get("version") or (old["version"] if old else _LATEST),
        "status": "ACTIVE",
        **drawn,
    }


def _drawn(cloud: Cloud, name: str) -> Props:
    number = cloud.hex(32).upper()
    body = base64.b64encode(number.encode()).decode()
    certificate = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    return {
        "certificateAuthority": {"data": base64.b64encode(certificate.encode()).decode()},
        "createdAt": cloud.now(),
        "endpoint": f"https://{number}.gr7.{cloud.region}.eks.amazonaws.com",
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{cloud.region}.amazonaws.com/id/{number}"}]}],
        "platformVersion": "eks.13",
    }


def _preview(props: Props) -> Props:
    given = props.get("vpcConfig")
    if not isinstance(given, dict):
        return {}
    known = {"endpointPrivateAccess": False, "endpointPublicAccess": True, "publicAccessCidrs": UNKNOWN}
    return {"vpcConfig": known | given | {"clusterSecurityGroupId": UNKNOWN, "vpcId": UNKNOWN}}


def _network_failures(props: Props) -> Iterable[Failure]:
    """cluster.go: validateIPv4CIDRPrivateRange and the range of the prefix."""
    where = "kubernetesNetworkConfig.serviceIpv4Cidr"
    text = plan.first(props, where)
    if not isinstance(text, str):
        return
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError:
        yield Failure(where, f'"{where}" must be a valid IPv4 CIDR block, got {text}')
        return
    if not 12 <= network.prefixlen <= 24:
        reason = f"expected {where} to contain a network Value with between 12 and 24 significant bits, got: {text}"
        yield Failure(where, reason)
    if not any(network.subnet_of(block) for block in _PRIVATE):
        yield Failure(where, f'"{where}" must be within 10.0.0.0/8, 172.16.0.0/12, or 192.168.0.0/16')


def _auto_failures(props: Props) -> Iterable[Failure]:
    """cluster.go: validateAutoModeCustomizeDiff."""
    values = {bool(plan.first(props, path)) for path in (*_AUTO, _AUTO_BALANCING)}
    known = all(plan.first(props, path) is not UNKNOWN for path in (*_AUTO, _AUTO_BALANCING))
    if known and len(values) > 1:
        reason = (
            "compute_config.enabled, kubernetes_networking_config.elastic_load_balancing.enabled, and "
            "storage_config.block_storage.enabled must all be set to either true or false"
        )
        yield Failure("computeConfig", reason)


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """terraform-aws-modules/terraform-aws-eks#1262; EKS user guide: service-quotas (100 clusters a region)."""
    if cloud.get(CLUSTER, props["name"]) is not None:
        message = f"Cluster already exists with name: {props['name']}"
        raise Refusal("ResourceInUseException", message, status=409)
    if len(cloud.rows(CLUSTER)) >= 100:
        raise Refusal("ResourceLimitExceededException", "Account has reached the limit of 100 clusters in this region")


def _refuse_version(cloud: Cloud, props: Props) -> None:
    """EKS user guide: kubernetes-versions."""
    if props.get("version") and props["version"] not in _VERSIONS:
        raise Refusal("InvalidParameterException", "unsupported Kubernetes version")


def _refuse_role(cloud: Cloud, props: Props) -> None:
    """terraform-provider-aws internal/service/eks/cluster.go (what it retries while IAM settles), then fails with."""
    code, arn = "InvalidParameterException", props["roleArn"]
    row = lookups.role(cloud, arn)
    if row is None or not lookups.trusts(row, "eks.amazonaws.com"):
        reason = "it does not exist or the trusted entity is not correct"
        raise Refusal(code, f"Role with arn: {arn}, could not be assumed because {reason}")
    if not lookups.has_policies(cloud, row):
        policy = f"arn:{cloud.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
        message = (
            "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the "
            f"following policies [{policy}] are attached"
        )
        raise Refusal(code, message)


def _refuse_network(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: CreateCluster; EKS user guide: network-reqs (two zones)."""
    code = "InvalidParameterException"

    def missing(subnet: str) -> Refusal:
        return Refusal(code, f"The subnet ID '{subnet}' does not exist", operation=operation)

    rows = lookups.subnets(cloud, _subnet_ids(props), missing)
    if len(set(lookups.zones(rows))) < 2:
        raise Refusal(code, "Subnets specified must be in at least two different AZs", operation=operation)
    if any(str(row["availabilityZoneId"]) == "use1-az3" for row in rows):
        message = (
            "Cannot create cluster because use1-az3, the targeted availability zone, does not currently have "
            "sufficient capacity to support the cluster"
        )
        raise Refusal("UnsupportedAvailabilityZoneException", message, operation=operation)
    vpcs = {str(row["vpcId"]) for row in rows}
    if len(vpcs) > 1:
        raise Refusal(code, "Subnets specified must belong to the same VPC", operation=operation)
    for group in lookups.texts((props.get("vpcConfig") or {}).get("securityGroupIds")):
        if lookups.security_group_vpc(cloud, group) not in vpcs:
            message = f"The security group ID '{group}' does not exist"
            raise Refusal(code, message, operation=operation)


def _refuse_endpoint(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: VpcConfigRequest."""
    given = props.get("vpcConfig") or {}
    public, private = given.get("endpointPublicAccess", True), given.get("endpointPrivateAccess", False)
    if public is False and private is not True:
        message = "Private and public endpoint access cannot be false"
        raise Refusal("InvalidParameterException", message, operation=operation)
    if public is False and given.get("publicAccessCidrs"):
        message = "The following parameters may only be specified when endpointPublicAccess is true: publicAccessCidrs"
        raise Refusal("InvalidParameterException", message, operation=operation)


def _refuse_key(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: Provider, keyArn. A key of another account lies outside the program."""
    arn = plan.first(props, "encryptionConfig.provider.keyArn")
    ours = isinstance(arn, str) and arn.split(":")[4:5] == [cloud.account]
    if arn and ours and not cloud.where("aws:kms/key:Key", "arn", arn):
        message = "The keyArn in encryptionConfig provider has invalid value"
        raise Refusal("InvalidParameterException", message, operation=operation)


def _refuse_step(row: Row, props: Props) -> None:
    """EKS user guide: update-cluster (one minor at a time, upwards)."""
    old, new = str(row["version"]), props.get("version")
    if not new or new == old:
        return
    if new not in _VERSIONS or minor(new) != minor(old) + 1:
        message = f"Unsupported Kubernetes minor version update from {old} to {new}"
        raise Refusal("InvalidParameterException", message, operation="UpdateClusterVersion")


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    operation = "UpdateClusterConfig"
    _refuse_step(row, props)
    old, new = mode(row), (props.get("accessConfig") or {}).get("authenticationMode")
    if new and _MODES.index(new) < _MODES.index(old):
        message = f"Unsupported authentication mode update from {old} to {new}"
        raise Refusal("InvalidParameterException", message, operation=operation)
    if not row["encryptionConfig"]:
        _refuse_key(cloud, props, "AssociateEncryptionConfig")
    if props.get("vpcConfig") != row.inputs.get("vpcConfig"):
        _refuse_network(cloud, props, operation)
        _refuse_endpoint(cloud, props, operation)
        _refuse_other_subnets(cloud, row, props, operation)


def _refuse_other_subnets(cloud: Cloud, row: Row, props: Props, operation: str) -> None:
    """EKS user guide: network-reqs; aws/containers-roadmap#2330. A zone can neither come nor go; subnets of it can.

    The zones of the cluster's creation are those of its present subnets, for no update has changed them.
    """
    new, old = (_subnet_rows(cloud, each) for each in (props, row.inputs))
    if any(found["vpcId"] != row["vpcConfig"]["vpcId"] for found in new):
        message = "Provided subnets belong to a different VPC than the cluster"
        raise Refusal("InvalidParameterException", message, operation=operation)
    wanted, fixed = (sorted(set(lookups.zones(rows))) for rows in (new, old))
    if wanted != fixed:
        message = (
            f"Provided subnets belong to the AZs '{','.join(wanted)}'. But they should belong to the exact set of AZs "
            f"'{','.join(fixed)}' in which subnets were provided during cluster creation."
        )
        raise Refusal("InvalidParameterException", message, operation=operation)


def _subnet_rows(cloud: Cloud, props: Props) -> list[Row]:
    found = (cloud.get(lookups.SUBNET, subnet) for subnet in _subnet_ids(props))
    return [row for row in found if row is not None]


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """crossplane-contrib/provider-upjet-aws#912; EKS user guide: deletion-protection."""
    if row["deletionProtection"] is True:
        message = f"Cluster {row.id} cannot be deleted because deletion protection is enabled"
        raise Refusal("InvalidRequestException", message)
    if cloud.where(NODE_GROUP, "clusterName", row.id):
        raise Refusal("ResourceInUseException", "Cluster has nodegroups attached", status=409)


def _replaces(old: Props, new: Props) -> Iterator[str]:
    """cluster.go: encryption cannot be taken away, and the node role of compute once set cannot change."""
    if old.get("encryptionConfig") and not new.get("encryptionConfig"):
        yield "encryptionConfig"
    roles = [(props.get("computeConfig") or {}).get("nodeRoleArn") for props in (old, new)]
    if roles[0] and roles[0] != roles[1]:
        yield "computeConfig"


def _after_create(cloud: Cloud, row: Row) -> None:
    _make_security_group(cloud, row)
    _make_log_group(cloud, row)
    config = row["accessConfig"]
    if config["authenticationMode"] != "CONFIG_MAP" and config["bootstrapClusterCreatorAdminPermissions"]:
        add_entry(cloud, row, creator(cloud), "STANDARD")


def _make_security_group(cloud: Cloud, row: Row) -> None:
    """EKS user guide: sec-group-reqs. It goes with the cluster, and keeps the VPC from being deleted before."""
    group, vpc_id = row["vpcConfig"]["clusterSecurityGroupId"], row["vpcConfig"]["vpcId"]
    about = "Made by EKS: network interfaces of the control plane and of managed nodes"
    inputs: Props = {"name": f"eks-cluster-sg-{row.id}-{cloud.hex(10)}", "vpcId": vpc_id, "description": about}
    inputs["tags"] = {f"kubernetes.io/cluster/{row.id}": "owned", "aws:eks:cluster-name": row.id}
    arn = f"arn:{cloud.partition}:ec2:{cloud.region}:{cloud.account}:security-group/{group}"
    cloud.add(lookups.SECURITY_GROUP, group, inputs, {"arn": arn, "ownerId": cloud.account, "tagsAll": inputs["tags"]})


def _make_log_group(cloud: Cloud, row: Row) -> None:
    """EKS user guide: control-plane-logs. The service makes the group when it is missing, and never deletes it."""
    name = f"/aws/eks/{row.id}/cluster"
    if row["enabledClusterLogTypes"] and cloud.get(lookups.LOG_GROUP, name) is None:
        arn = f"arn:{cloud.partition}:logs:{cloud.region}:{cloud.account}:log-group:{name}"
        inputs: Props = {"name": name, "retentionInDays": 0, "logGroupClass": "STANDARD"}
        cloud.add(lookups.LOG_GROUP, name, inputs, {"arn": arn})


def _after_update(cloud: Cloud, old: Row, new: Row) -> None:
    _make_log_group(cloud, new)


def _after_delete(cloud: Cloud, row: Row) -> None:
    """EKS user guide: delete-cluster. What belongs to a cluster goes with it; its log group stays."""
    cloud.remove(lookups.SECURITY_GROUP, row["vpcConfig"]["clusterSecurityGroupId"])
    for token in (ADDON, ACCESS_POLICY_ASSOCIATION, ACCESS_ENTRY, POD_IDENTITY_ASSOCIATION):
        for found in cloud.where(token, "clusterName", row.id):
            cloud.remove(token, found.id)


def add_entry(cloud: Cloud, cluster: Row, principal: str, kind: str) -> None:
    """Makes the entry that EKS itself makes for a cluster's creator or a node group's role, unless it is there."""
    entry_id = f"{cluster.id}:{principal}"
    if cloud.get(ACCESS_ENTRY, entry_id) is None:
        inputs = {"clusterName": cluster.id, "principalArn": principal, "type": kind}
        cloud.add(ACCESS_ENTRY, entry_id, inputs, {"createdAt": cloud.now(), "modifiedAt": cloud.now()})


_OUTPOST: Final = ("controlPlaneInstanceType", "controlPlanePlacement", "outpostArns")

KIND: Final = Kind(
    token=CLUSTER,
    service="EKS",
    thing="EKS Cluster",
    operations={"create": "CreateCluster", "update": "UpdateClusterConfig", "delete": "DeleteCluster"},
    create_only=frozenset(
        {"name", "roleArn", "bootstrapSelfManagedAddons", "accessConfig.bootstrapClusterCreatorAdminPermissions"}
        | {"kubernetesNetworkConfig.ipFamily", "kubernetesNetworkConfig.serviceIpv4Cidr"}
        | {f"outpostConfig.{member}" for member in _OUTPOST}
    ),
    source="terraform-provider-aws internal/service/eks/cluster.go",
    computed=frozenset(
        {"arn", "accessConfig", "certificateAuthority", "clusterId", "createdAt", "endpoint", "identities"}
        | {"kubernetesNetworkConfig", "platformVersion", "status", "upgradePolicy", "version"}
    ),
    identify=lambda cloud, props: str(props["name"]),
    outputs=_outputs,
    preview=_preview,
    name=NameRule(
        pattern=r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}",
        said='expected name to match "^[0-9A-Za-z][A-Za-z0-9-_]*$" and to have at most 100 characters, got {}',
    ),
    defaults={"bootstrapSelfManagedAddons": True, "deletionProtection": False},
    checks=(
        _network_failures,
        _auto_failures,
        plan.items("vpcConfig.subnetIds", 1, 1000),
        plan.one_of("enabledClusterLogTypes", *_LOG_TYPES),
        plan.one_of("accessConfig.authenticationMode", *_MODES),
        plan.one_of("upgradePolicy.supportType", "STANDARD", "EXTENDED"),
        plan.one_of("kubernetesNetworkConfig.ipFamily", "ipv4", "ipv6"),
        plan.conflict("outpostConfig", "encryptionConfig", "kubernetesNetworkConfig"),
        plan.arn("roleArn"),
    ),
    refuse_create=(_refuse_name, _refuse_version, _refuse_role, _refuse_network, _refuse_endpoint, _refuse_key),
    refuse_update=(_refuse_update,),
    refuse_delete=(_refuse_delete,),
    replaces=_replaces,
    after_create=(_after_create,),
    after_update=(_after_update,),
    after_delete=(_after_delete,),
)
