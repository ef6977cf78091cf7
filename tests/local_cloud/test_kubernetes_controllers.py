"""The controllers' model: releases, bindings, targets, finalizers."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud import kubernetes_world as world
from tests.local_cloud.kubernetes_world import GROUP_ARN, OTHER_ARN, World, binding, deployment, release

AGENT = ("aws:eks/addon:Addon", "main:agent")
IDENTITY = ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "a-1")
NODES = ("aws:eks/nodeGroup:NodeGroup", "main:general")


@pytest.fixture
def cluster() -> World:
    """A controller, a workload without pods, a target group."""
    made = World()
    made.controller()
    made.workload()
    made.target_group()
    return made


def bind(cluster: World, arn: str = GROUP_ARN, name: str = "b", **spec: Any) -> str:
    return cluster.create(world.BINDING, name, binding(arn, **spec))[0]


# Releases


def test_a_release_resolves_its_version_and_reports_its_status() -> None:
    cluster = World()
    without = {key: value for key, value in release().items() if key not in {"version", "name"}}
    inputs, complaints = cluster.check(world.RELEASE, "lbc", without)
    identity, outputs = cluster.create(world.RELEASE, "lbc", release())

    assert complaints == []
    assert (inputs["version"], inputs["timeout"]) == ("3.6.0", 300)
    assert inputs["name"].startswith("lbc-")
    assert identity == "kube-system/aws-load-balancer-controller"
    assert outputs["status"] == {
        "appVersion": "v3.6.0",
        "chart": "aws-load-balancer-controller",
        "name": "aws-load-balancer-controller",
        "namespace": "kube-system",
        "revision": 1,
        "status": "deployed",
        "version": "3.6.0",
    }
    assert cluster.update(world.RELEASE, identity, release(replicaCount=2), "lbc")["status"]["revision"] == 2


def test_status_and_resource_names_are_unknown_in_preview() -> None:
    cluster = World()
    _, outputs = cluster.provider.create(cluster.call(world.RELEASE, "lbc", news=release(), preview=True))

    assert outputs["status"] is UNKNOWN
    assert outputs["resourceNames"] is UNKNOWN


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chart": "aws-loadbalancer-controller"}, "does not know the chart"),
        ({"version": "latest"}, "improper constraint: latest"),
        ({"repositoryOpts": {"repo": "https://charts.example.com"}}, "has no such chart"),
    ],
)
def test_charts_that_cannot_be_loaded_fail_in_check(change: dict[str, Any], said: str) -> None:
    _, complaints = World().check(world.RELEASE, "lbc", {**release(), **change})

    assert said in complaints[0]
    assert complaints[0].endswith("check the chart name and repository configuration.")


@pytest.mark.parametrize(
    ("missing", "values", "said"),
    [
        (AGENT, {}, "add-on eks-pod-identity-agent is not installed"),
        (IDENTITY, {}, "no Pod Identity association for service account kube-system/aws-load-balancer-controller"),
        (NODES, {}, "the cluster has no node group"),
        (None, {"clusterName": "other"}, "values.clusterName is 'other', but this cluster is 'main'"),
        (None, {"region": "us-east-1"}, "values.region"),
        (None, {"vpcId": "vpc-9"}, "values.vpcId"),
        (None, {"clusterName": ""}, "Chart cannot be installed without a valid clusterName!"),
        (None, {"serviceAccount": {"create": False, "name": "none"}}, 'serviceaccount "none" not found'),
        (None, {"serviceAccount": {"create": True}, "nameOverride": "x"}, None),
    ],
)
def test_what_keeps_the_controller_from_starting(
    missing: tuple[str, str] | None, values: dict[str, Any], said: str | None
) -> None:
    cluster = World()
    if missing:
        cluster.gone(*missing)
    if said is None:
        cluster.controller(**values)
        return
    with pytest.raises(Refused, match=said):
        cluster.controller(**values)
    assert cluster.provider.cluster.releases() == []


def test_a_release_name_is_used_once() -> None:
    cluster = World()
    cluster.controller()
    with pytest.raises(Refused, match="cannot re-use a name that is still in use"):
        cluster.create(world.RELEASE, "again", release())


def test_only_name_and_namespace_replace_a_release() -> None:
    cluster = World()
    identity = cluster.controller()

    assert cluster.diff(world.RELEASE, identity, {**release(), "version": "3.6.1"}, "lbc").replaces == ()
    found = cluster.diff(world.RELEASE, identity, {**release(), "name": "other"}, "lbc")
    assert found.replaces == ("name",)
    assert not found.delete_first


# Bindings


def test_the_kind_comes_with_the_controllers_chart() -> None:
    cluster = World()
    cluster.workload()
    cluster.target_group()
    with pytest.raises(
        Refused, match=r"the apiVersion for this resource does not exist\. Verify that any required CRDs"
    ):
        bind(cluster)

    cluster.controller()
    assert bind(cluster).startswith("orders/b-")


def test_skipped_crds_are_not_there() -> None:
    cluster = World()
    cluster.create(world.RELEASE, "lbc", {**release(), "skipCrds": True})
    cluster.workload()
    with pytest.raises(Refused, match="does not exist"):
        bind(cluster)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"targetGroupARN": OTHER_ARN}, "TargetGroupNotFound: One or more target groups not found"),
        ({"targetType": "instance"}, "has target type 'ip'"),
        ({"ipAddressType": "ipv6"}, "invalid IP address type ipv6"),
        ({"vpcID": "vpc-9"}, "invalid VpcID vpc-9"),
    ],
)
def test_what_the_webhook_denies(cluster: World, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        bind(cluster, **spec)


def test_a_target_group_of_another_vpc_is_refused(cluster: World) -> None:
    cluster.target_group(OTHER_ARN, vpcId="vpc-9")
    with pytest.raises(Refused, match="not within the VPC vpc-9"):
        bind(cluster, OTHER_ARN)


def test_a_target_group_is_bound_once_unless_shared(cluster: World) -> None:
    first = bind(cluster)
    with pytest.raises(Refused, match=f"is already bound to TargetGroupBinding {first}"):
        bind(cluster, name="second")

    cluster.target_group(OTHER_ARN)
    bind(cluster, OTHER_ARN, "third", multiClusterTargetGroup=True)
    bind(cluster, OTHER_ARN, "fourth", multiClusterTargetGroup=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targetGroupARN": OTHER_ARN}, "targetGroupARN"),
        ({"targetType": "instance"}, "targetType"),
        ({"vpcID": "vpc-0a"}, "vpcID"),
    ],
)
def test_what_a_binding_is_made_of_never_changes(cluster: World, change: dict[str, Any], said: str) -> None:
    identity = bind(cluster)
    with pytest.raises(Refused, match=f"update may not change these fields: spec.{said}"):
        cluster.update(
            world.BINDING, identity, binding(**change) if "targetGroupARN" not in change else binding(OTHER_ARN), "b"
        )

    cluster.update(world.BINDING, identity, binding(ipAddressType="ipv4"), "b")


def test_the_binding_itself_is_not_replaced_by_its_diff(cluster: World) -> None:
    identity = bind(cluster)
    found = cluster.diff(world.BINDING, identity, binding(OTHER_ARN), "b")

    assert found.replaces == (), "a program asks for it with replace_on_changes"
    assert found.detailed == {"spec.targetGroupARN": "update"}


# Targets


def test_pods_are_registered_and_deregistered(cluster: World) -> None:
    bind(cluster)
    assert cluster.targets() == []

    cluster.create(world.DEPLOYMENT, "orders", deployment())
    targets = cluster.targets()
    assert len(targets) == 2
    assert all(target.startswith("10.0.") and target.endswith(":50051") for target in targets)

    scaler = {
        "metadata": {"name": "orders", "namespace": "orders"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "orders"}, "minReplicas": 3, "maxReplicas": 4},
    }
    cluster.create(world.SCALER, "orders", scaler)
    assert len(cluster.targets()) == 3

    cluster.delete(world.DEPLOYMENT, "orders/orders")
    assert cluster.targets() == []


def test_a_binding_made_later_registers_what_runs(cluster: World) -> None:
    cluster.create(world.DEPLOYMENT, "orders", deployment())
    identity = bind(cluster)
    assert len(cluster.targets()) == 2

    cluster.delete(world.BINDING, identity)
    assert cluster.targets() == []


def test_a_service_that_selects_other_pods_has_no_targets(cluster: World) -> None:
    bind(cluster)
    cluster.create(world.DEPLOYMENT, "orders", deployment())
    cluster.update(world.SERVICE, "orders/orders", world.service(selector={"app": "other"}), "orders-svc")

    assert cluster.targets() == []


# Deletion in a wrong order


@pytest.mark.parametrize("lost", [AGENT, IDENTITY, NODES])
def test_a_binding_outlives_its_controllers_means(cluster: World, lost: tuple[str, str]) -> None:
    identity = bind(cluster)
    cluster.gone(*lost)

    with pytest.raises(Refused, match=r"timed out waiting for the condition(.|\n)*elbv2\.k8s\.aws/resources"):
        cluster.delete(world.BINDING, identity)


def test_a_release_deleted_before_its_bindings_strands_them_and_their_namespace(cluster: World) -> None:
    identity = bind(cluster)
    cluster.delete(world.RELEASE, "kube-system/aws-load-balancer-controller")

    with pytest.raises(Refused, match="no AWS Load Balancer Controller is installed"):
        cluster.delete(world.BINDING, identity)
    with pytest.raises(Refused, match="finalizers might be preventing deletion"):
        cluster.delete(world.NAMESPACE, "orders")
    assert cluster.row(world.NAMESPACE, "orders").id == "orders", "nothing of the namespace went"

    cluster.controller()
    cluster.delete(world.NAMESPACE, "orders")


def test_a_release_is_deleted_once(cluster: World) -> None:
    cluster.delete(world.RELEASE, "kube-system/aws-load-balancer-controller")
    with pytest.raises(Refused, match="release: not found"):
        cluster.delete(world.RELEASE, "kube-system/aws-load-balancer-controller")


def test_a_dead_service_webhook_stops_new_services() -> None:
    cluster = World()
    cluster.controller(enableServiceMutatorWebhook=True)
    cluster.workload()
    cluster.gone(*NODES)
    with pytest.raises(Refused, match=r'failed calling webhook "mservice\.elbv2\.k8s\.aws"'):
        cluster.workload("second")


def test_two_clusters_never_mix() -> None:
    cluster = World()
    cluster.controller()
    cluster.workload()
    other = "https://FFFF.gr7.eu-west-1.eks.amazonaws.com"
    properties = cluster.provider.cluster.row().inputs
    cluster.aws("aws:eks/cluster:Cluster", "other", **{**properties, "name": "other", "endpoint": other})
    cluster.provider.configure({"kubeconfig": world.kubeconfig(other)})

    assert cluster.provider.read(cluster.call(world.SERVICE, "it", id="orders/orders")) == ("", {}, {})
    cluster.create(world.NAMESPACE, "mine", {"metadata": {"name": "orders"}})
