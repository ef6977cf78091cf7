"""Managed node groups: aws:eks/nodeGroup:NodeGroup."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws.eks_cluster import ACCESS_ENTRY, CLUSTER, NODE_GROUP, add_entry, find, minor, mode
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row

_LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_PATCHES: Final = {31: 14, 32: 12, 33: 11, 34: 11, 35: 8, 36: 4, 37: 1}  # patch of the newest node image of a minor

_AMI_TYPES: Final = (
    *("AL2_x86_64", "AL2_x86_64_GPU", "AL2_ARM_64", "CUSTOM"),
    *("AL2023_x86_64_STANDARD", "AL2023_ARM_64_STANDARD", "AL2023_x86_64_NEURON", "AL2023_x86_64_NVIDIA"),
    *("AL2023_ARM_64_NVIDIA", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_ARM_64", "BOTTLEROCKET_x86_64_FIPS"),
    *("BOTTLEROCKET_ARM_64_FIPS", "BOTTLEROCKET_x86_64_NVIDIA", "BOTTLEROCKET_ARM_64_NVIDIA"),
    *("BOTTLEROCKET_x86_64_NVIDIA_FIPS", "BOTTLEROCKET_ARM_64_NVIDIA_FIPS"),
    *(f"WINDOWS_{edition}_{year}_x86_64" for edition in ("CORE", "FULL") for year in (2019, 2022, 2025)),
)
_CODE: Final = "InvalidParameterException"
_LABEL: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_RESERVED: Final = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/")


def _outputs(cloud: Cloud, group_id: str, props: Props) -> Props:
    old = cloud.get(NODE_GROUP, group_id)
    cluster, name = props["clusterName"], props["nodeGroupName"]
    owner = cloud.get(CLUSTER, cluster)
    version = str(props.get("version") or (old["version"] if old else owner["version"] if owner else "1.36"))
    release = props.get("releaseVersion") or (old["releaseVersion"] if old and old["version"] == version else None)
    outputs: Props = {
        "amiType": props.get("amiType") or "AL2023_x86_64_STANDARD",
        "capacityType": props.get("capacityType") or "ON_DEMAND",
        "status": "ACTIVE",
        "updateConfig": props.get("updateConfig") or {"maxUnavailable": 1},
        "version": version,
        "releaseVersion": release or f"{version}.{_PATCHES.get(minor(version), 0)}-20261105",
    }
    if not props.get("launchTemplate"):
        outputs |= {
            "diskSize": props.get("diskSize") or 20,
            "instanceTypes": props.get("instanceTypes") or ["t3.medium"],
        }
    return outputs | lookups.fresh(cloud, NODE_GROUP, group_id, lambda: _drawn(cloud, cluster, name))


def _drawn(cloud: Cloud, cluster: str, name: str) -> Props:
    uuid = lookups.uuid(cloud)
    arn = f"arn:{cloud.partition}:eks:{cloud.region}:{cloud.account}:nodegroup/{cluster}/{name}/{uuid}"
    group = {"autoscalingGroups": [{"name": f"eks-{name}-{uuid}"}], "remoteAccessSecurityGroupId": ""}
    return {"arn": arn, "resources": [group]}


def _update_failures(props: Props) -> Iterable[Failure]:
    """node_group.go: ExactlyOneOf of updateConfig; ConflictsWith of launchTemplate."""
    update = props.get("updateConfig")
    names = ("maxUnavailable", "maxUnavailablePercentage")
    if isinstance(update, dict) and sum(update.get(name) is not None for name in names) != 1:
        reason = f"exactly one of `{','.join(names)}` must be specified"
        yield Failure("updateConfig", f'Invalid combination of arguments: "updateConfig": {reason}')
    template = props.get("launchTemplate")
    if isinstance(template, dict) and template.get("id") and template.get("name"):
        reason = 'Conflicting configuration arguments: "launchTemplate.id": conflicts with launchTemplate.name'
        yield Failure("launchTemplate.id", reason)


def _refuse_cluster(cloud: Cloud, props: Props) -> None:
    """getmoto/moto moto/eks (the text); EKS API reference: CreateNodegroup."""
    cluster = find(cloud, props["clusterName"])
    if cluster["status"] != "ACTIVE":
        raise Refusal("InvalidRequestException", f"Cluster '{cluster.id}' is not in ACTIVE status")
    name = props["nodeGroupName"]
    if cloud.get(NODE_GROUP, f"{cluster.id}:{name}") is not None:
        message = f"NodeGroup already exists with name {name} and cluster name {cluster.id}"
        raise Refusal("ResourceInUseException", message, status=409)


def _refuse_role(cloud: Cloud, props: Props) -> None:
    """EKS user guide: create-node-role. Nodes whose role has no policy never join: found out by the provider's wait."""
    arn = props["nodeRoleArn"]
    row = lookups.role(cloud, arn)
    if row is None:
        raise Refusal(_CODE, f"The specified nodeRole {arn} does not exist")
    if not lookups.trusts(row, "ec2.amazonaws.com"):
        wanted = "Following required service principals [ec2.amazonaws.com] were not found"
        raise Refusal(_CODE, f"{wanted} in the trust relationships of nodeRole {arn}")
    cluster = find(cloud, props["clusterName"])
    if cluster["roleArn"] == arn:
        raise Refusal(_CODE, f"The role {arn} of the cluster cannot be used as nodeRole")
    if not lookups.has_policies(cloud, row):
        message = (
            f"waiting for EKS Node Group ({cluster.id}:{props['nodeGroupName']}) create: "
            "unexpected state 'CREATE_FAILED', wanted target 'ACTIVE'. last error: NodeCreationFailure: "
            "Instances failed to join the kubernetes cluster"
        )
        raise Refusal("", message)


def _refuse_subnets(cloud: Cloud, props: Props) -> None:
    """EKS API reference: CreateNodegroup, subnets."""
    rows = lookups.subnets(
        cloud,
        lookups.texts(props.get("subnetIds")),
        lambda subnet: Refusal(_CODE, f"The subnet ID '{subnet}' does not exist"),
    )
    vpc = find(cloud, props["clusterName"])["vpcConfig"]["vpcId"]
    for row in rows:
        if row["vpcId"] != vpc:
            raise Refusal(_CODE, f"Subnet {row.id} does not belong to the VPC {vpc} of the cluster")


def _refuse_scaling(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: NodegroupScalingConfig."""
    scaling = props["scalingConfig"]
    low, wanted, high = (scaling[name] for name in ("minSize", "desiredSize", "maxSize"))
    if low > wanted:
        message = f"Minimum capacity {low} can't be greater than desired size {wanted}"
        raise Refusal(_CODE, message, operation=operation)
    if wanted > high:
        message = f"desired capacity {wanted} can't be greater than max size {high}"
        raise Refusal(_CODE, message, operation=operation)


def _refuse_version(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS user guide: update-managed-node-group; the AMI families: eks-ami-deprecation-faqs (no AL2 from 1.33 on)."""
    cluster = find(cloud, props["clusterName"])
    version, release = props.get("version") or str(cluster["version"]), props.get("releaseVersion")
    if minor(version) > minor(cluster["version"]):
        message = f"Requested Nodegroup version {version} is higher than the cluster version {cluster['version']}"
        raise Refusal(_CODE, message, operation=operation)
    bottlerocket = str(props.get("amiType") or "").startswith("BOTTLEROCKET")
    if release and not bottlerocket and minor(release) != minor(version):
        message = f"Requested release version {release} is not valid for kubernetes version {version}."
        raise Refusal(_CODE, message, operation=operation)
    if str(props.get("amiType") or "").startswith("AL2_") and minor(version) >= 33:
        message = f"AMI Type {props['amiType']} is only supported for kubernetes versions 1.32 or earlier"
        raise Refusal(_CODE, message, operation=operation)


def _refuse_instances(cloud: Cloud, props: Props) -> None:
    """EKS API reference: CreateNodegroup, instanceTypes. The family of a Graviton type has a g after its number."""
    ami = str(props.get("amiType") or "AL2023_x86_64_STANDARD")
    if ami == "CUSTOM" or props.get("launchTemplate"):
        return
    for kind in lookups.texts(props.get("instanceTypes")):
        family = kind.split(".", 1)[0].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789")
        arm = "g" in family or kind.startswith("a1.")
        if arm != ("ARM_64" in ami):
            raise Refusal(_CODE, f"[{kind}] is not a valid instance type for requested amiType {ami}")


def _refuse_template(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS user guide: launch-templates."""
    template = props.get("launchTemplate") or {}
    key = str(template.get("id") or template.get("name") or "")
    if key and cloud.get(_LAUNCH_TEMPLATE, key) is None and not cloud.where(_LAUNCH_TEMPLATE, "name", key):
        message = f"Launch template {key} does not exist"
        raise Refusal("InvalidRequestException", message, operation=operation)
    if template and props.get("diskSize"):
        raise Refusal(_CODE, "Disk size must be specified within the launch template.", operation=operation)


def _refuse_labels(cloud: Cloud, props: Props, operation: str | None = None) -> None:
    """EKS API reference: labelKey, labelValue; aws-controllers-k8s/community#2208, eksctl-io/eksctl#4007 (texts)."""
    for key, value in (props.get("labels") or {}).items():
        if key.startswith(_RESERVED):
            message = f"Label cannot contain reserved prefixes [{', '.join(_RESERVED)}]"
            raise Refusal(_CODE, message, operation=operation)
        for text, name in ((key, key.rpartition("/")[2]), (value, value)):
            if len(text) <= 63 and re.fullmatch(_LABEL, name):
                continue
            message = (
                f"Invalid value: {text} : field must consist of alphanumeric characters, '-', '_' or '.', and must "
                "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
                f"for validation is '{_LABEL}')"
            )
            raise Refusal(_CODE, message, operation=operation)


def _refuse_update(cloud: Cloud, row: Row, props: Props) -> None:
    _refuse_scaling(cloud, props, "UpdateNodegroupConfig")
    _refuse_labels(cloud, props, "UpdateNodegroupConfig")
    _refuse_template(cloud, props, "UpdateNodegroupVersion")
    version = props.get("version")
    if version and minor(version) < minor(row["version"]):
        message = f"Requested Nodegroup version {version} is lower than the current version {row['version']}"
        raise Refusal(_CODE, message, operation="UpdateNodegroupVersion")
    if (version, props.get("releaseVersion")) != (row.inputs.get("version"), row.inputs.get("releaseVersion")):
        _refuse_version(cloud, props, "UpdateNodegroupVersion")


def _after_create(cloud: Cloud, row: Row) -> None:
    """EKS user guide: access-entries. EKS makes the entry for a managed node group's role by itself."""
    cluster = cloud.get(CLUSTER, str(row["clusterName"]))
    if cluster is not None and mode(cluster) != "CONFIG_MAP":
        windows = str(row["amiType"]).startswith("WINDOWS")
        add_entry(cloud, cluster, str(row["nodeRoleArn"]), "EC2_WINDOWS" if windows else "EC2_LINUX")


def _after_delete(cloud: Cloud, row: Row) -> None:
    others = cloud.where(NODE_GROUP, "clusterName", row["clusterName"])
    entry = cloud.get(ACCESS_ENTRY, f"{row['clusterName']}:{row['nodeRoleArn']}")
    if entry and not entry.urn and not any(other["nodeRoleArn"] == row["nodeRoleArn"] for other in others):
        cloud.remove(ACCESS_ENTRY, entry.id)


_FIXED: Final = ("clusterName", "nodeRoleArn", "subnetIds", "amiType", "capacityType", "diskSize", "instanceTypes")

KIND: Final = Kind(
    token=NODE_GROUP,
    service="EKS",
    thing="EKS Node Group",
    operations={"create": "CreateNodegroup", "update": "UpdateNodegroupConfig", "delete": "DeleteNodegroup"},
    create_only=frozenset(
        {*_FIXED, "nodeGroupName", "nodeGroupNamePrefix", "remoteAccess", "launchTemplate.id", "launchTemplate.name"}
    ),
    source="terraform-provider-aws internal/service/eks/node_group.go; CloudFormation schema AWS::EKS::Nodegroup",
    computed=frozenset(
        {"arn", "amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion", "resources", "status"}
        | {"updateConfig", "version", "nodeRepairConfig"}
    ),
    identify=lambda cloud, props: f"{props['clusterName']}:{props['nodeGroupName']}",
    outputs=_outputs,
    name=NameRule(property="nodeGroupName"),
    checks=(
        _update_failures,
        plan.conflict("nodeGroupName", "nodeGroupNamePrefix"),
        plan.conflict("launchTemplate", "remoteAccess"),
        plan.length("nodeGroupName", 0, 63),
        plan.between("scalingConfig.maxSize", 1, 2**31 - 1),
        plan.between("scalingConfig.minSize", 0, 2**31 - 1),
        plan.between("scalingConfig.desiredSize", 0, 2**31 - 1),
        plan.between("updateConfig.maxUnavailable", 1, 100),
        plan.between("updateConfig.maxUnavailablePercentage", 1, 100),
        plan.items("subnetIds", 1, 1000),
        plan.items("taints", 0, 50),
        plan.length("taints.key", 1, 63),
        plan.length("taints.value", 0, 63),
        plan.one_of("taints.effect", "NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"),
        plan.one_of("amiType", *_AMI_TYPES),
        plan.one_of("capacityType", "ON_DEMAND", "SPOT", "CAPACITY_BLOCK"),
        plan.arn("nodeRoleArn"),
    ),
    refuse_create=(
        *(_refuse_cluster, _refuse_role, _refuse_subnets, _refuse_scaling),
        *(_refuse_version, _refuse_instances, _refuse_template, _refuse_labels),
    ),
    refuse_update=(_refuse_update,),
    after_create=(_after_create,),
    after_delete=(_after_delete,),
)
