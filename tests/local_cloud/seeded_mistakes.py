"""Manifests with one mistake each, as people make them, and the good ones they were made from."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.local_cloud.kubernetes_world import binding, deployment, service

Object = dict[str, Any]
_SPACE = "kube-public"  # exists in every cluster


def _named(api: str, kind: str, **body: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "orders", "namespace": _SPACE}, **body}


_REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
_CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
GOOD: dict[str, Object] = {
    "Deployment": deployment(_SPACE),
    "Service": {"apiVersion": "v1", "kind": "Service", **service(_SPACE)},
    "HorizontalPodAutoscaler": _named(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={"scaleTargetRef": _REFERENCE, "minReplicas": 2, "maxReplicas": 10, "metrics": [_CPU]},
    ),
    "PodDisruptionBudget": _named(
        "policy/v1",
        "PodDisruptionBudget",
        spec={"maxUnavailable": 1, "selector": {"matchLabels": {"app": "orders"}}},
    ),
    "ConfigMap": _named("v1", "ConfigMap", data={"LOG_LEVEL": "info"}),
    "Secret": _named("v1", "Secret", data={"TOKEN": "c2VjcmV0"}),
    "Namespace": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stock"}},
    "Ingress": _named(
        "networking.k8s.io/v1",
        "Ingress",
        spec={
            "ingressClassName": "alb",
            "rules": [
                {
                    "host": "orders.example.com",
                    "http": {
                        "paths": [
                            {
                                "path": "/acme.orders.v1.Orders/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "orders", "port": {"number": 50051}}},
                            }
                        ]
                    },
                }
            ],
        },
    ),
    "TargetGroupBinding": {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": "orders", "namespace": _SPACE},
        "spec": binding()["spec"],
    },
    "CronJob": _named(
        "batch/v1",
        "CronJob",
        spec={
            "schedule": "5 * * * *",
            "jobTemplate": {
                "spec": {
                    "template": {
                        "spec": {
                            "restartPolicy": "Never",
                            "containers": [{"name": "job", "image": "example.com/job:1"}],
                        }
                    }
                }
            },
        },
    ),
    "NetworkPolicy": _named(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        spec={"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
    ),
    "RoleBinding": _named(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "ServiceAccount", "name": "orders", "namespace": _SPACE}],
    ),
}

_POD = "spec.template.spec"
_MAIN = f"{_POD}.containers.0"

SEEDED: tuple[tuple[str, str, str, Any], ...] = (
    ("a CPU quantity of 250x", "Deployment", f"{_MAIN}.resources.requests.cpu", "250x"),
    ("a memory limit below the request", "Deployment", f"{_MAIN}.resources.limits.memory", "128Mi"),
    ("a negative memory request", "Deployment", f"{_MAIN}.resources.requests.memory", "-1Mi"),
    ("an unqualified extended resource", "Deployment", f"{_MAIN}.resources.requests.gpu", "1"),
    ("a selector that matches no pod", "Deployment", "spec.selector.matchLabels.app", "order"),
    ("an unknown field", "Deployment", "spec.replica", 3),
    ("text for a number", "Deployment", "spec.replicas", "two"),
    ("a port name of 16 letters", "Deployment", f"{_MAIN}.ports.0.name", "grpc-of-the-shop"),
    (
        "two ports of one name",
        "Deployment",
        f"{_MAIN}.ports",
        [{"name": "grpc", "containerPort": 50051}, {"name": "grpc", "containerPort": 50052}],
    ),
    ("a container port of 70000", "Deployment", f"{_MAIN}.ports.0.containerPort", 70000),
    ("a label value with a space", "Deployment", "metadata.labels", {"team": "the shop"}),
    ("a label key with two slashes", "Deployment", "metadata.labels", {"acme.com/team/name": "shop"}),
    ("a pod label longer than 63", "Deployment", "spec.template.metadata.labels.note", "a" * 64),
    ("a probe of two kinds", "Deployment", f"{_MAIN}.readinessProbe.tcpSocket", {"port": 50051}),
    ("a probe on port 0", "Deployment", f"{_MAIN}.readinessProbe.grpc.port", 0),
    ("a liveness probe that needs two successes", "Deployment", f"{_MAIN}.livenessProbe",
     {"grpc": {"port": 50051}, "successThreshold": 2}),
    ("a sleep longer than the grace period", "Deployment", f"{_MAIN}.lifecycle.preStop.sleep.seconds", 40),
    ("a negative grace period", "Deployment", f"{_POD}.terminationGracePeriodSeconds", -5),
    ("a mount of no volume", "Deployment", f"{_MAIN}.volumeMounts", [{"name": "cache", "mountPath": "/cache"}]),
    ("a variable with = in its name", "Deployment", f"{_MAIN}.env", [{"name": "A=B", "value": "c"}]),
    ("an image policy of Sometimes", "Deployment", f"{_MAIN}.imagePullPolicy", "Sometimes"),
    ("no escalation, yet privileged", "Deployment", f"{_MAIN}.securityContext",
     {"privileged": True, "allowPrivilegeEscalation": False}),
    ("an image with a space before it", "Deployment", f"{_MAIN}.image", " ghcr.io/acme/orders:1"),
    ("a rollout that may do nothing", "Deployment", "spec.strategy",
     {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    ("a spread of 0", "Deployment", f"{_POD}.topologySpreadConstraints",
     [{"maxSkew": 0, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
       "labelSelector": {"matchLabels": {"app": "orders"}}}]),
    ("a toleration with Exists and a value", "Deployment", f"{_POD}.tolerations",
     [{"key": "workload", "operator": "Exists", "value": "batch"}]),
    ("an affinity operator without values", "Deployment", f"{_POD}.affinity.nodeAffinity",
     {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
         {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In"}]}]}}),
    ("a host network with other host ports", "Deployment", f"{_POD}",
     {"hostNetwork": True, "containers": [{"name": "orders", "image": "example.com/orders:1",
                                           "ports": [{"containerPort": 50051, "hostPort": 50052}]}]}),
    ("two ports of a Service without names", "Service", "spec.ports", [{"port": 80}, {"port": 81}]),
    ("a port of a Service twice", "Service", "spec.ports",
     [{"name": "a", "port": 80}, {"name": "b", "port": 80}]),
    ("a node port without a type that has one", "Service", "spec.ports.0.nodePort", 30080),
    ("a cluster address that is none", "Service", "spec.clusterIP", "10.0.0.999"),
    ("a target port name in capitals", "Service", "spec.ports.0.targetPort", "GRPC_Port"),
    ("a load balancer class on a ClusterIP", "Service", "spec.loadBalancerClass", "service.k8s.aws/nlb"),
    ("more replicas at least than at most", "HorizontalPodAutoscaler", "spec.maxReplicas", 1),
    ("a metric without its target", "HorizontalPodAutoscaler", "spec.metrics.0.resource.target",
     {"type": "Utilization"}),
    ("both sides of a budget", "PodDisruptionBudget", "spec.minAvailable", 1),
    ("a budget of 150%", "PodDisruptionBudget", "spec.maxUnavailable", "150%"),
    ("a key with a slash", "ConfigMap", "data", {"conf/app.yaml": "x"}),
    ("data that is not base64", "Secret", "data.TOKEN", "not base64!"),
    ("a namespace in capitals", "Namespace", "metadata.name", "Stock"),
    ("a path without a slash", "Ingress", "spec.rules.0.http.paths.0.path", "acme.orders.v1.Orders/"),
    ("a host with a port", "Ingress", "spec.rules.0.host", "orders.example.com:443"),
    ("a target type of pod", "TargetGroupBinding", "spec.targetType", "pod"),
    ("a misspelt field of a custom resource", "TargetGroupBinding", "spec.targetGroupArn", "arn:aws:x"),
    ("minute 61", "CronJob", "spec.schedule", "61 * * * *"),
    ("a block that is none", "NetworkPolicy", "spec.ingress.0.from.0.ipBlock.cidr", "10.0.0.0/33"),
    ("a binding to nothing that grants", "RoleBinding", "roleRef.kind", "ClusterRoles"),
)  # fmt: skip
"""What is wrong, the kind, the path of the mistake, the value there."""


def mistaken(kind: str, path: str, value: Any) -> Object:
    """The good manifest of a kind with one value changed."""
    found = deepcopy(GOOD[kind])
    *parents, last = path.split(".")
    place: Any = found
    for part in parents:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    place[int(last) if isinstance(place, list) else last] = value
    return found
