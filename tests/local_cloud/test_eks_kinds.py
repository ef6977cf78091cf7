"""What AWS and the provider refuse about node groups, add-ons and access to a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, Made, Network, World

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
TEAM = "arn:aws:iam::111122223333:role/platform"


@dataclass(frozen=True)
class Stage:
    """A cluster of version 1.36 without nodes."""

    world: World
    network: Network
    cluster: Made

    def nodes(self, name: str = "general", **props: Any) -> Made:
        return self.world.nodes(self.cluster, self.network, name, **props)

    def addon(self, addon: str, **props: Any) -> Made:
        return self.world.make(kinds.ADDON, addon, clusterName=self.cluster.id, addonName=addon, **props)

    def entry(self, name: str = "team", **props: Any) -> Made:
        return self.world.make(kinds.ENTRY, name, **{"clusterName": self.cluster.id, "principalArn": TEAM, **props})

    def policy(self, **props: Any) -> Made:
        given = {
            "clusterName": self.cluster.id,
            "principalArn": TEAM,
            "policyArn": ADMIN,
            "accessScope": {"type": "cluster"},
        }
        return self.world.make(kinds.ENTRY_POLICY, "policy", **{**given, **props})

    def pods(self, name: str = "pods", **props: Any) -> Made:
        given = {"clusterName": self.cluster.id, "namespace": "orders", "serviceAccount": "orders"}
        return self.world.make(kinds.POD_IDENTITY, name, **{**given, **props})

    def pod_role(self) -> str:
        return str(self.world.role("pod", "pods.eks.amazonaws.com")["arn"])


def _stage(**props: Any) -> Stage:
    world = World()
    network = world.network()
    return Stage(world, network, world.cluster(network, **props))


def _twice_nodes(stage: Stage) -> object:
    stage.nodes()
    return stage.nodes("second", nodeGroupName="general")


def _cluster_role_nodes(stage: Stage) -> object:
    role = stage.world.role("both", ["eks.amazonaws.com", "ec2.amazonaws.com"], "AmazonEKSClusterPolicy")
    cluster = stage.world.cluster(stage.network, "second", roleArn=role["arn"])
    return stage.world.nodes(cluster, stage.network, nodeRoleArn=role["arn"])


def _twice_addon(stage: Stage) -> object:
    stage.addon("vpc-cni")
    return stage.world.make(kinds.ADDON, "again", clusterName=stage.cluster.id, addonName="vpc-cni")


def _config_map(call: Callable[[Stage], object]) -> Callable[[Stage], object]:
    return lambda _: call(_stage(accessConfig={"authenticationMode": "CONFIG_MAP"}))


def _node_entry(stage: Stage) -> object:
    nodes = stage.nodes()
    return stage.entry(principalArn=nodes["nodeRoleArn"], type="EC2_LINUX")


def _twice_pods(stage: Stage) -> object:
    role = stage.pod_role()
    stage.pods(roleArn=role)
    return stage.pods("second", roleArn=role)


def _early_nodes(stage: Stage) -> object:
    stage.world.aws.account.patch(stage.world.live(stage.cluster), status="CREATING")
    return stage.nodes()


def _template_nodes(stage: Stage) -> object:
    template = stage.world.make("aws:ec2/launchTemplate:LaunchTemplate", "nodes", name="nodes")
    return stage.nodes(launchTemplate={"id": template.id, "version": "1"}, diskSize=50)


def _far_nodes(stage: Stage) -> object:
    return stage.nodes(subnetIds=stage.world.network(block=1).ids)


REFUSALS: dict[str, tuple[Callable[[Stage], object], str]] = {
    "nodes of a name that is taken": (
        _twice_nodes,
        "ResourceInUseException: NodeGroup already exists with name general and cluster name main",
    ),
    "nodes of no cluster": (lambda stage: stage.nodes(clusterName="none"), "No cluster found for name: none."),
    "nodes with a role that does not exist": (lambda stage: stage.nodes(nodeRoleArn=TEAM), "does not exist"),
    "nodes with the role of something else": (
        lambda stage: stage.nodes(nodeRoleArn=stage.pod_role()),
        "[ec2.amazonaws.com] were not found in the trust relationships of nodeRole",
    ),
    "nodes with a role without policies": (
        lambda stage: stage.nodes(nodeRoleArn=stage.world.role("bare", "ec2.amazonaws.com")["arn"]),
        "NodeCreationFailure: Instances failed to join the kubernetes cluster",
    ),
    "nodes with the cluster's role": (_cluster_role_nodes, "of the cluster cannot be used as nodeRole"),
    "nodes in no subnet": (
        lambda stage: stage.nodes(subnetIds=["subnet-1"]),
        "The subnet ID 'subnet-1' does not exist",
    ),
    "nodes in another VPC": (_far_nodes, "does not belong to the VPC"),
    "fewer nodes wanted than the minimum": (
        lambda stage: stage.nodes(scalingConfig={"minSize": 3, "desiredSize": 2, "maxSize": 4}),
        "Minimum capacity 3 can't be greater than desired size 2",
    ),
    "more nodes wanted than the maximum": (
        lambda stage: stage.nodes(scalingConfig={"minSize": 1, "desiredSize": 5, "maxSize": 4}),
        "desired capacity 5 can't be greater than max size 4",
    ),
    "fewer nodes wanted than the minimum later": (
        lambda stage: stage.world.change(stage.nodes(), scalingConfig={"minSize": 3, "desiredSize": 2, "maxSize": 4}),
        "UpdateNodegroupConfig, https response error",
    ),
    "an Intel machine for an Arm image": (
        lambda stage: stage.nodes(instanceTypes=["m7i.large"]),
        "[m7i.large] is not a valid instance type for requested amiType AL2023_ARM_64_STANDARD",
    ),
    "an Arm machine for an Intel image": (
        lambda stage: stage.nodes(amiType="BOTTLEROCKET_x86_64"),
        "[m7g.large] is not a valid instance type for requested amiType BOTTLEROCKET_x86_64",
    ),
    "an image family without images": (lambda stage: stage.nodes(amiType="AL2_ARM_64"), "1.32 or earlier"),
    "nodes newer than the cluster": (lambda stage: stage.nodes(version="1.37"), "higher than the cluster version 1.36"),
    "an image of another version": (
        lambda stage: stage.nodes(releaseVersion="1.35.8-20260923"),
        "Requested release version 1.35.8-20260923 is not valid for kubernetes version 1.36.",
    ),
    "a launch template that does not exist": (
        lambda stage: stage.nodes(launchTemplate={"id": "lt-0", "version": "1"}),
        "Launch template lt-0 does not exist",
    ),
    "an empty label": (
        lambda stage: stage.nodes(labels={"team": ""}),
        "InvalidParameterException: Invalid value:  : field must consist of alphanumeric characters",
    ),
    "an empty label later": (
        lambda stage: stage.world.change(stage.nodes(), labels={"team": ""}),
        "UpdateNodegroupConfig, https response error",
    ),
    "a label of 64 characters": (lambda stage: stage.nodes(labels={"team": "x" * 64}), "Invalid value: x"),
    "a label key of 64 characters": (
        lambda stage: stage.nodes(labels={f"example.com/{'x' * 52}": "y"}),
        "InvalidParameterException: Invalid value: example.com/x",
    ),
    "a label of Kubernetes": (
        lambda stage: stage.nodes(labels={"kubernetes.io/role": "x"}),
        "Label cannot contain reserved prefixes [kubernetes.io/, k8s.io/, eks.amazonaws.com/]",
    ),
    "a disk beside a launch template": (_template_nodes, "Disk size must be specified within the launch template."),
    "nodes that go back a version": (
        lambda stage: stage.world.change(stage.nodes(), version="1.35"),
        "Requested Nodegroup version 1.35 is lower than the current version 1.36",
    ),
    "nodes before the cluster is there": (
        _early_nodes,
        "InvalidRequestException: Cluster 'main' is not in ACTIVE status",
    ),
    "an add-on twice": (_twice_addon, "ResourceInUseException: Addon already exists."),
    "an add-on nobody knows": (lambda stage: stage.addon("core-dns"), "Addon core-dns specified is not supported"),
    "an add-on of no build": (
        lambda stage: stage.addon("vpc-cni", addonVersion="v1.22.4"),
        "InvalidParameterException: Addon version specified is not supported",
    ),
    "a kube-proxy of another minor": (
        lambda stage: stage.addon("kube-proxy", addonVersion="v1.35.3-eksbuild.29"),
        "Addon version specified is not supported",
    ),
    "an add-on's broken values": (
        lambda stage: stage.addon("vpc-cni", configurationValues="{"),
        "ConfigurationValue is not in valid JSON or YAML format",
    ),
    "CoreDNS without a node": (
        lambda stage: stage.addon("coredns"),
        "last state: 'DEGRADED', timeout: 20m0s). last error: InsufficientNumberOfReplicas",
    ),
    "an add-on update of no build": (
        lambda stage: stage.world.change(stage.addon("vpc-cni"), addonVersion="v1.22.4"),
        "UpdateAddon, https response error",
    ),
    "an entry twice": (
        lambda stage: (stage.entry(), stage.entry("again")),
        "ResourceInUseException: The specified access entry resource is already in use on this cluster.",
    ),
    "an entry for nodes, which EKS has made": (_node_entry, "The specified access entry resource is already in use"),
    "an entry for an account": (
        lambda stage: stage.entry(principalArn="arn:aws:iam::111122223333:root"),
        "The specified principalArn is invalid: invalid principal.",
    ),
    "an entry for nodes with groups": (
        lambda stage: stage.entry(type="EC2_LINUX", kubernetesGroups=["a"]),
        "Entries of type EC2_LINUX cannot have a username or Kubernetes groups",
    ),
    "an entry with a system group": (
        lambda stage: stage.entry(kubernetesGroups=["system:masters"]),
        "The kubernetes group name system:masters is invalid, it cannot start with system:",
    ),
    "an entry in ConfigMap mode": (
        _config_map(Stage.entry),
        "authentication mode must be set to one of [API, API_AND_CONFIG_MAP]",
    ),
    "a policy before its entry": (
        lambda stage: stage.policy(),
        "ResourceNotFoundException: The specified principalArn could not be found.",
    ),
    "a policy nobody knows": (
        lambda stage: (stage.entry(), stage.policy(policyArn=ADMIN.replace("ClusterAdmin", "Root"))),
        "The specified policyArn could not be found",
    ),
    "a policy for nodes": (
        lambda stage: (stage.entry(type="EC2_LINUX"), stage.policy()),
        "Access policies cannot be associated with an access entry of type EC2_LINUX",
    ),
    "a policy for namespaces without any": (
        lambda stage: (stage.entry(), stage.policy(accessScope={"type": "namespace"})),
        "The namespaces field is required",
    ),
    "a policy for the cluster with namespaces": (
        lambda stage: (stage.entry(), stage.policy(accessScope={"type": "cluster", "namespaces": ["a"]})),
        "The namespaces field cannot be set",
    ),
    "a pod identity twice": (_twice_pods, "ResourceInUseException: Association already exists: a-"),
    "a pod identity with no role": (
        lambda stage: stage.pods(roleArn=TEAM),
        "Role provided in the request does not exist",
    ),
    "a pod identity with the role of something else": (
        lambda stage: stage.pods(roleArn=stage.cluster["roleArn"]),
        "does not trust pods.eks.amazonaws.com",
    ),
    "a pod identity with a session policy and tags": (
        lambda stage: stage.pods(roleArn=stage.pod_role(), policy="{}"),
        "A session policy can only be specified when disableSessionTags is true",
    ),
    "a pod identity of no cluster": (
        lambda stage: stage.pods(clusterName="none", roleArn=stage.pod_role()),
        "No cluster found for name: none.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses(case: str) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(_stage())
    assert said in str(caught.value)


def test_nodes_have_labels() -> None:
    labels = {f"example.com/{'x' * 51}": "y" * 63, "node.kubernetes.io/role": "a.b"}
    assert _stage().nodes(labels=labels)["labels"] == labels


INVALID: dict[str, tuple[str, dict[str, Any], str]] = {
    "a group of zero nodes at most": (
        kinds.NODE_GROUP,
        {"scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 0}},
        "expected scalingConfig.maxSize to be in the range",
    ),
    "a name of 64 characters": (kinds.NODE_GROUP, {"nodeGroupName": "x" * 64}, "expected length of nodeGroupName"),
    "an unknown image": (kinds.NODE_GROUP, {"amiType": "AL2023_X86_64_STANDARD"}, "expected amiType to be one of"),
    "an unknown taint": (
        kinds.NODE_GROUP,
        {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        'taints[0].effect to be one of ["NO_SCHEDULE" "NO_EXECUTE" "PREFER_NO_SCHEDULE"], got NoSchedule',
    ),
    "two ways to update": (
        kinds.NODE_GROUP,
        {"updateConfig": {"maxUnavailable": 1, "maxUnavailablePercentage": 10}},
        "exactly one of `maxUnavailable,maxUnavailablePercentage` must be specified",
    ),
    "a template by id and name": (
        kinds.NODE_GROUP,
        {"launchTemplate": {"id": "lt-0", "name": "a", "version": "1"}},
        "conflicts with launchTemplate.name",
    ),
    "a version without v": (kinds.ADDON, {"addonVersion": "1.22.4-eksbuild.3"}, "must be a semantic version"),
    "a resolution only updates know": (
        kinds.ADDON,
        {"resolveConflictsOnCreate": "PRESERVE"},
        'resolveConflictsOnCreate to be one of ["NONE" "OVERWRITE"], got PRESERVE',
    ),
    "a principal that is no ARN": (kinds.ENTRY, {"principalArn": "me"}, '"principalArn" (me) is an invalid ARN'),
    "an unknown scope": (
        kinds.ENTRY_POLICY,
        {"accessScope": {"type": "all"}},
        "expected accessScope.type to be one of",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    token, props, said = INVALID[case]
    scaling = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    given: dict[str, dict[str, Any]] = {
        kinds.NODE_GROUP: {"nodeRoleArn": TEAM, "subnetIds": ["subnet-1"], "scalingConfig": scaling},
        kinds.ADDON: {"addonName": "vpc-cni"},
        kinds.ENTRY: {"principalArn": TEAM},
        kinds.ENTRY_POLICY: {"principalArn": TEAM, "policyArn": ADMIN, "accessScope": {"type": "cluster"}},
    }
    with pytest.raises(Invalid) as caught:
        World().checked(token, "it", {"clusterName": "main", **given[token], **props})
    assert said in str(caught.value)


def test_with_nodes_coredns_comes_up_and_has_a_build() -> None:
    stage = _stage()
    stage.nodes()
    assert stage.addon("coredns")["addonVersion"] == "v1.14.3-eksbuild.23"
    assert stage.addon("kube-proxy")["addonVersion"] == "v1.36.0-eksbuild.25"


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({"instanceTypes": ["m8g.large"]}, ("instanceTypes",)),
        ({"subnetIds": ["subnet-1"]}, ("subnetIds",)),
        ({"capacityType": "SPOT"}, ("capacityType",)),
        ({"diskSize": 80}, ("diskSize",)),
        ({"labels": {"a": "b"}}, ()),
        ({"version": "1.36"}, ()),
        ({"scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1}}, ()),
    ],
    ids=lambda value: str(next(iter(value), "nothing")),
)
def test_a_change_of_nodes_replaces_them_or_not(changes: dict[str, Any], replaces: tuple[str, ...]) -> None:
    stage = _stage()
    assert stage.world.diff(stage.nodes(), **changes).replaces == replaces


def test_a_template_is_replaced_by_id_and_followed_by_version() -> None:
    stage = _stage()
    template = stage.world.make("aws:ec2/launchTemplate:LaunchTemplate", "nodes", name="nodes")
    nodes = stage.nodes(launchTemplate={"id": template.id, "version": "1"}, instanceTypes=None)
    assert not stage.world.diff(nodes, launchTemplate={"id": template.id, "version": "2"}).replaces
    assert stage.world.diff(nodes, launchTemplate={"id": "lt-1", "version": "1"}).replaces == ("launchTemplate",)


def test_the_entry_eks_makes_for_nodes_goes_with_the_last_of_them() -> None:
    stage = _stage()
    nodes = stage.nodes()
    second = stage.nodes("second", nodeRoleArn=nodes["nodeRoleArn"])
    entry = f"main:{nodes['nodeRoleArn']}"
    stage.world.drop(nodes)
    assert stage.world.aws.account.get(kinds.ENTRY, entry) is not None
    stage.world.drop(second)
    assert stage.world.aws.account.get(kinds.ENTRY, entry) is None


def test_a_policy_goes_with_its_entry_and_everything_with_the_cluster() -> None:
    stage = _stage()
    entry, policy = stage.entry(), stage.policy()
    stage.world.drop(entry)
    assert stage.world.row(policy) is None
    rest = [stage.addon("vpc-cni"), stage.entry(), stage.policy(), stage.pods(roleArn=stage.pod_role())]
    stage.world.drop(stage.cluster)
    assert [stage.world.row(gone) for gone in rest] == [None] * 4


def test_a_pod_identity_moves_to_another_role_in_place_and_to_another_account_by_replacement() -> None:
    stage = _stage()
    association = stage.pods(roleArn=stage.pod_role())
    other = stage.world.role("other", "pods.eks.amazonaws.com")["arn"]
    assert stage.world.change(association, roleArn=other)["associationId"] == association.id
    assert stage.world.diff(association, serviceAccount="web").replaces == ("serviceAccount",)


def test_the_scope_of_a_policy_cannot_be_changed_in_place() -> None:
    stage = _stage()
    stage.entry()
    scope = {"type": "namespace", "namespaces": ["orders"]}
    assert stage.world.diff(stage.policy(), accessScope=scope).replaces == ("accessScope",)
