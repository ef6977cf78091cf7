"""Readiness gates: a pod whose target never becomes healthy is never ready, so its workload is not either."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import kubernetes_world as world
from tests.local_cloud.kubernetes_world import GROUP_ARN, OTHER_ARN, World, binding, deployment

GRPC: dict[str, Any] = {"protocol": "HTTP", "protocolVersion": "GRPC"}
HTTP1: dict[str, Any] = {"protocol": "HTTP", "protocolVersion": "HTTP1"}
HTTP2: dict[str, Any] = {"protocol": "HTTP", "protocolVersion": "HTTP2"}
ASKED_BY_HTTP: dict[str, Any] = {"readinessProbe": {"httpGet": {"port": "grpc", "path": "/ready"}}}


def gated(*, used: bool = True, ports: list[dict[str, Any]] | None = None, **group: Any) -> World:
    """A workload in a namespace whose pods get readiness gates; ``group``: properties of its target group."""
    cluster = World()
    cluster.controller()
    label = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
    cluster.create(world.NAMESPACE, "ns", {"metadata": {"name": "orders", "labels": label}})
    cluster.create(world.ACCOUNT, "sa", {"metadata": {"name": "orders", "namespace": "orders"}})
    cluster.create(world.SERVICE, "svc", world.service(ports=ports or [{"port": 50051, "targetPort": "grpc"}]))
    cluster.target_group(used=used, **group)
    cluster.create(world.BINDING, "b", binding())
    return cluster


def test_gated_pods_of_an_unused_target_group_never_become_ready() -> None:
    with pytest.raises(Refused, match="no listener or rule forwards to target group"):
        gated(used=False).create(world.DEPLOYMENT, "orders", deployment())

    gated(used=True).create(world.DEPLOYMENT, "orders", deployment())


def test_gated_pods_need_an_open_way_from_the_load_balancer() -> None:
    cluster = gated(used=False)
    row = cluster.provider.cluster.row()
    cluster.gone("aws:eks/cluster:Cluster", "main")
    changed = {**row.inputs, "vpcConfig": {"vpcId": "vpc-0a", "clusterSecurityGroupId": "sg-pods"}}
    cluster.aws("aws:eks/cluster:Cluster", "main", **changed)
    cluster.aws("aws:lb/loadBalancer:LoadBalancer", "lb", securityGroups=["sg-lb"])
    cluster.aws("aws:lb/listener:Listener", "l", loadBalancerArn="lb")
    cluster.aws("aws:lb/listenerRule:ListenerRule", "r", listenerArn="l", actions=[{"targetGroupArn": GROUP_ARN}])
    with pytest.raises(Refused, match="sg-lb of the load balancer has no egress rule to sg-pods, port 50051"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())

    ports = {"ipProtocol": "tcp", "fromPort": 50051, "toPort": 50051}
    egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    cluster.aws(egress, "e", securityGroupId="sg-lb", referencedSecurityGroupId="sg-pods", **ports)
    with pytest.raises(Refused, match="sg-pods of the pods has no ingress rule from sg-lb, port 50051"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())

    ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    cluster.aws(ingress, "lists", securityGroupId="sg-pods", prefixListId="pl-0123456789abcdef0", **ports)
    with pytest.raises(Refused, match="sg-pods of the pods has no ingress rule from sg-lb, port 50051"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())
    cluster.aws(ingress, "i", securityGroupId="sg-pods", referencedSecurityGroupId="sg-lb", **ports)
    cluster.create(world.DEPLOYMENT, "orders", deployment())


@pytest.mark.parametrize(
    ("group", "container", "said"),
    [
        (GRPC, ASKED_BY_HTTP, "checks port 50051 with GRPC, but container orders answers its readiness probe .*HTTP"),
        (HTTP1, {}, "checks port 50051 with HTTP1, but container orders answers its readiness probe .* gRPC"),
        (HTTP1, {"readinessProbe": {"grpc": {"port": 50051}}, "ports": []}, "checks port 50051 with HTTP1"),
    ],
)
def test_gated_pods_that_speak_another_protocol_are_never_healthy(
    group: dict[str, Any], container: dict[str, Any], said: str
) -> None:
    cluster = gated(ports=[{"port": 50051}], **group)
    with pytest.raises(Refused, match=f"readiness gate target-health.elbv2.k8s.aws/b-[0-9a-f]+ stays False: .*{said}"):
        cluster.create(world.DEPLOYMENT, "orders", deployment(container=container))


@pytest.mark.parametrize(
    ("group", "container"),
    [
        (GRPC, {}),
        (HTTP1, ASKED_BY_HTTP),
        (HTTP2, ASKED_BY_HTTP),
        (HTTP2, {}),
        (GRPC, {"readinessProbe": None}),
        (GRPC, {"readinessProbe": {"httpGet": {"port": 8080, "path": "/ready"}}}),
        ({**HTTP1, "healthCheck": {"port": "8080"}}, {"ports": [{"containerPort": 8080}, {"containerPort": 50051}]}),
        ({"protocol": "TCP"}, {}),
    ],
    ids=("grpc", "http1", "http2", "grpc on http2", "no probe", "another port", "another health port", "network"),
)
def test_gated_pods_that_may_answer_become_ready(group: dict[str, Any], container: dict[str, Any]) -> None:
    gated(ports=[{"port": 50051}], **group).create(world.DEPLOYMENT, "orders", deployment(container=container))


def test_every_binding_of_the_pods_counts() -> None:
    cluster = gated(**GRPC)
    cluster.target_group(OTHER_ARN, **HTTP1)
    cluster.create(world.BINDING, "other", binding(OTHER_ARN))
    with pytest.raises(Refused, match=r"target-health\.elbv2\.k8s\.aws/other-[0-9a-f]+ stays False"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())


@pytest.mark.parametrize(
    ("port", "group", "said"),
    [
        ({"port": 50051, "targetPort": "http"}, GRPC, "no container has a port named http"),
        ({"port": 50051, "targetPort": 8080}, GRPC, "no container listens on port 8080"),
        ({"port": 50051}, {**GRPC, "healthCheck": {"port": "9090"}}, "no container listens on port 9090"),
    ],
)
def test_gated_pods_that_listen_elsewhere_are_never_healthy(
    port: dict[str, Any], group: dict[str, Any], said: str
) -> None:
    cluster = gated(ports=[port], **group)
    with pytest.raises(Refused, match=f"stays False: .*{said}"):
        cluster.create(world.DEPLOYMENT, "orders", deployment())


def test_a_container_that_names_no_port_may_listen_anywhere() -> None:
    silent = {"ports": None, "readinessProbe": None}
    cluster = gated(ports=[{"port": 50051}], **GRPC)
    cluster.create(world.DEPLOYMENT, "orders", deployment(container=silent))


def test_a_binding_to_a_port_that_the_service_lost_counts_as_passed() -> None:
    cluster = gated(used=False, ports=[{"port": 443, "targetPort": "grpc"}])
    cluster.create(world.DEPLOYMENT, "orders", deployment())


def test_pods_that_the_service_does_not_select_have_no_gate() -> None:
    cluster = gated(used=False)
    cluster.update(world.SERVICE, "orders/orders", world.service(selector={"app": "other"}), "svc")
    cluster.create(world.DEPLOYMENT, "orders", deployment())
