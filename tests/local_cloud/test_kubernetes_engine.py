"""The eks and kubernetes stand-ins below the real engine: one small cluster with one gRPC workload."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.store import Store
from tests.conftest import CHECKOUT, World, new_world

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s

config = pulumi.Config()
given = lambda name, default: config.get(name) or default
after = lambda *others, **more: pulumi.ResourceOptions(depends_on=[*others], **more)

vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
subnets = [
    aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{number * 16}.0/20", availability_zone=f"eu-west-1{zone}")
    for number, zone in enumerate("ab")
]

def role(name, service, *policies):
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"Service": service}}
    made = aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return made, [
        aws.iam.RolePolicyAttachment(f"{name}-{p}", role=made.name, policy_arn=f"arn:aws:iam::aws:policy/{p}")
        for p in policies
    ]

policies = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
nodes, attached = role("nodes", "ec2.amazonaws.com", *policies)
cluster = eks.Cluster(
    "main", name="main", version=given("version", "1.36"), vpc_id=vpc.id, subnet_ids=[s.id for s in subnets],
    authentication_mode="API", skip_default_node_group=True, endpoint_private_access=True,
    kube_proxy_addon_options={"version": given("proxy", "v1.36.0-eksbuild.25")},
    vpc_cni_options={"addon_version": "v1.22.4-eksbuild.3"},
)
group = eks.ManagedNodeGroup(
    "general", cluster=cluster, node_role=nodes, instance_types=["m7g.large"], ami_type="AL2023_ARM_64_STANDARD",
    opts=after(*attached),
)
agent = eks.Addon("agent", cluster=cluster, addon_name="eks-pod-identity-agent", opts=after(group))
pods, _ = role("controller", "pods.eks.amazonaws.com")
identity = aws.eks.PodIdentityAssociation(
    "identity", cluster_name=cluster.eks_cluster.name, namespace="kube-system",
    service_account="aws-load-balancer-controller", role_arn=pods.arn, opts=after(agent),
)
provider = k8s.Provider("k8s", kubeconfig=cluster.kubeconfig_json, cluster_identifier="main")
on = lambda *others, **more: pulumi.ResourceOptions(provider=provider, depends_on=[*others], **more)
controller = []
if config.get_bool("controller") is not False:
    controller.append(k8s.helm.v3.Release(
        "lbc", name="lbc", chart="aws-load-balancer-controller", version="3.6.0", namespace="kube-system",
        repository_opts={"repo": "https://aws.github.io/eks-charts"},
        values={"clusterName": cluster.eks_cluster.name, "serviceAccount": {"name": "aws-load-balancer-controller"},
                "enableServiceMutatorWebhook": False},
        opts=on(identity, group),
    ))
repository = aws.ecr.Repository("orders", name="test/orders", force_delete=True)
loose = [] if config.get_bool("loose") else controller
space = k8s.core.v1.Namespace("orders", metadata={"name": "orders"}, opts=on(*loose))
labels = {"app": given("label", "orders")}
quiet = {"pulumi.com/skipAwait": "true"}
service = k8s.core.v1.Service(
    "orders", metadata={"name": "orders", "namespace": space.metadata.name, "annotations": quiet},
    spec={"selector": labels, "ports": [{"port": 50051}]}, opts=on(),
)
secret = k8s.core.v1.Secret(
    "orders", metadata={"namespace": space.metadata.name}, string_data={"URL": pulumi.Output.secret("s3cr3t")},
    opts=on(),
)
target_group = aws.lb.TargetGroup(
    given("target_group", "orders"), vpc_id=vpc.id, port=50051, protocol="HTTP", protocol_version="GRPC",
    target_type="ip",
)
binding = k8s.apiextensions.CustomResource(
    "orders", api_version="elbv2.k8s.aws/v1beta1", kind="TargetGroupBinding",
    metadata={"namespace": space.metadata.name},
    spec={
        "serviceRef": {"name": service.metadata.name, "port": 50051}, "targetType": "ip",
        "targetGroupARN": target_group.arn,
    },
    opts=on(*loose, replace_on_changes=["spec.targetGroupARN"]),
)
variable = {"name": "URL", "valueFrom": {"secretKeyRef": {"name": secret.metadata.name, "key": "URL"}}}
container = {
    "name": "orders", "image": given("image", "ghcr.io/acme/orders:1"), "env": [variable],
    "ports": [{"containerPort": 50051}],
}
k8s.apps.v1.Deployment(
    "orders", metadata={"name": "orders", "namespace": space.metadata.name},
    spec={
        "replicas": 2, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    },
    opts=on(service, binding, group),
)
pulumi.export("node_group", group.node_group.cluster_name)
pulumi.export("security_group", cluster.node_security_group_id)
pulumi.export("cluster", cluster.core["cluster"].name)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("profile", cluster.get_kubeconfig(profile_name="dev"))
pulumi.export("ip", service.spec.cluster_ip)
pulumi.export("target_group", target_group.arn)
pulumi.export("repository", repository.repository_url)
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The cluster and its workload, up; it goes down with nothing left."""
    world = new_world(tmp_path_factory.mktemp("kubernetes"), PROGRAM)
    world.configure({})
    world.up()
    yield world
    world.configure({})
    world.up()
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []


def outputs(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.run("stack", "output", "--json", "--show-secrets").json()
    return found


def targets(world: World) -> list[str]:
    store = Store(world.engine.store)
    try:
        return [key for _, key in store.notes("target", outputs(world)["target_group"])]
    finally:
        store.close()


def local_cloud(world: World, *arguments: str) -> None:
    environment = {**world.engine.env, "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-m", "local_cloud", *arguments], env=environment, cwd=world.program, check=True)


def test_references_of_the_component_are_whole_resources(up: World) -> None:
    found = outputs(up)

    assert (found["cluster"], found["node_group"]) == ("main", "main")
    assert found["security_group"].startswith("sg-")
    assert found["kubeconfig"]["clusters"][0]["cluster"]["server"].startswith("https://")
    assert json.loads(found["profile"])["users"][0]["user"]["exec"]["args"][-1] == "dev"
    assert found["ip"].startswith("172.20.")
    assert len(targets(up)) == 2


def test_a_second_up_and_a_refresh_change_nothing(up: World) -> None:
    assert set(up.steps()) == {"same"}
    assert up.run("refresh", "--yes", "--skip-preview", "--expect-no-changes").code == 0


def test_secrets_stay_out_of_the_state(up: World) -> None:
    exported = up.run("stack", "export").stdout

    assert "s3cr3t" not in exported
    assert "czNjcjN0" not in exported, "nor in base64"


def test_drift_is_found_and_repaired(up: World) -> None:
    local_cloud(up, "drift", up.cloud("kubernetes:apps/v1:Deployment")[0].urn, "spec.replicas", "5")
    assert up.run("refresh", "--yes", "--skip-preview", "--expect-no-changes", check=False).code != 0
    up.up()
    assert up.cloud("kubernetes:apps/v1:Deployment")[0].outputs["spec"]["replicas"] == 2


def test_an_image_that_is_not_there_and_then_is(up: World) -> None:
    url = outputs(up)["repository"]
    up.configure({"image": f"{url}:2"})
    failed = up.run("up", "--yes", "--skip-preview", check=False)
    assert "[ErrImagePull]" in failed.text
    assert "python -m local_cloud push test/orders" in failed.text

    local_cloud(up, "push", "test/orders", "2")
    up.up()


def test_replacements_complete_without_a_clash(up: World) -> None:
    """The binding is made before the old one goes, the Deployment with its given name after."""
    up.configure({"target_group": "fresh", "label": "renamed"})
    assert up.steps()["replace"].count("orders") == 2
    up.up()
    assert len(up.cloud("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding")) == 1
    assert len(up.cloud("kubernetes:apps/v1:Deployment")) == 1
    assert len(targets(up)) == 2


def test_an_upgrade_of_the_cluster_replaces_nothing_on_it(up: World) -> None:
    up.configure({"target_group": "fresh", "label": "renamed", "version": "1.37"})
    planned = up.steps()
    assert planned["update"] == ["main-eksCluster", "general"]
    assert not any(step in planned for step in ("replace", "delete"))


@pytest.mark.slow
def test_a_binding_without_its_controller_cannot_go(up: World) -> None:
    up.configure({"loose": True})
    up.up()
    up.configure({"loose": True, "controller": False})
    up.up()
    failed = up.run("destroy", "--yes", "--skip-preview", check=False)
    assert "timed out waiting for the condition" in failed.text
    assert "elbv2.k8s.aws/resources" in failed.text


@pytest.mark.slow
def test_a_binding_a_killed_engine_left_is_adopted(tmp_path: Path) -> None:
    world = new_world(tmp_path, PROGRAM, throw_away=False)
    world.configure({})
    killed = world.engine.run(
        "up", "--yes", "--skip-preview", "--stack", world.stack, cwd=world.program, check=False,
        env={"LOCAL_CLOUD_DIE_AFTER": "create:TargetGroupBinding::orders"},
    )  # fmt: skip
    assert killed.code != 0
    world.run("cancel", "--yes")
    world.up()
    assert len(world.cloud("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding")) == 1
    world.run("destroy", "--yes", "--skip-preview")
    assert world.cloud() == []
