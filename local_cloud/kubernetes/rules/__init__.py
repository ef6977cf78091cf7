"""Rules of the API server that its published schemas do not express, one module for each group of kinds.

Sources are the Go files of k8s.io/kubernetes they were read from; every rule works on ``field.Field`` and skips what is
unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from local_cloud.kubernetes import crd_gateway_api, crd_gateway_aws
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules import gateway_api, objects, workloads

Rule = Callable[[Field, str], Iterator[str]]

_RULES: Final[dict[tuple[str, str], tuple[Rule, ...]]] = {
    ("v1", "Pod"): (workloads.pod,),
    ("v1", "Service"): (objects.service,),
    ("v1", "ConfigMap"): (objects.config_map,),
    ("v1", "Secret"): (objects.secret,),
    ("apps/v1", "Deployment"): (workloads.deployment,),
    ("apps/v1", "ReplicaSet"): (workloads.deployment,),
    ("apps/v1", "StatefulSet"): (workloads.stateful_set,),
    ("apps/v1", "DaemonSet"): (workloads.daemon_set,),
    ("batch/v1", "Job"): (workloads.job,),
    ("batch/v1", "CronJob"): (workloads.cron_job,),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): (workloads.autoscaler,),
    ("policy/v1", "PodDisruptionBudget"): (workloads.disruption_budget,),
    ("networking.k8s.io/v1", "Ingress"): (objects.ingress,),
    ("networking.k8s.io/v1", "NetworkPolicy"): (objects.network_policy,),
    ("rbac.authorization.k8s.io/v1", "Role"): (objects.role,),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): (objects.role,),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): (objects.role_binding,),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): (objects.role_binding,),
    ("scheduling.k8s.io/v1", "PriorityClass"): (objects.priority_class,),
    ("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"): (objects.target_group_binding,),
    crd_gateway_api.GATEWAY: (gateway_api.gateway,),
    crd_gateway_api.GRPC_ROUTE: (gateway_api.grpc_route,),
    crd_gateway_api.HTTP_ROUTE: (gateway_api.http_route,),
    crd_gateway_aws.LOAD_BALANCER_CONFIGURATION: (gateway_api.load_balancer_configuration,),
    crd_gateway_aws.TARGET_GROUP_CONFIGURATION: (gateway_api.target_group_configuration,),
    crd_gateway_aws.LISTENER_RULE_CONFIGURATION: (gateway_api.listener_rule_configuration,),
}


def rules_of(api_version: str, kind: str) -> tuple[Rule, ...]:
    """The rules of a kind beyond its schema and its metadata."""
    return _RULES.get((api_version, kind), ())
