"""The Deployment of a workload and what goes with it: probes, drain, autoscaling, disruption budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import apps, autoscaling, core, meta, policy

from components import backend_tls, settings
from components.settings import names

# How long a pod keeps serving after it left the endpoints: the controller's watch, the deregistration call and the
# load balancer's own spread take tens of seconds (kubernetes-sigs/aws-load-balancer-controller#1719, #2366).
DEREGISTRATION_SECONDS = 20
# Room between the server's own drain and the kill.
GRACE_MARGIN_SECONDS = 20
# Pulumi waits ten minutes for a deletion unless told otherwise.
DELETE_SECONDS = 600

# Zones first, then nodes; a pod that cannot be placed so is placed anyway.
SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")

NAME_LABEL = "app.kubernetes.io/name"
# What a load balancer knows the namespaces of its own stack by.
STACK_LABEL = "grpc-platform/stack"


def labels(name: str) -> dict[str, str]:
    """Labels that select the pods of a workload; a Deployment's selector is immutable, so they never change."""
    return {NAME_LABEL: name}


def stack_labels() -> dict[str, str]:
    """What the namespaces of this stack carry, whatever their workloads are reached by."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    return {STACK_LABEL: names.physical(f"{project}-{stack}", project, stack, maximum=63)}


def grace_period(drain: int) -> int:
    """Seconds from deletion to kill: deregistration, then `drain` seconds for streams, then a margin.

    `preStop` runs inside the grace period (Kubernetes: "Pod Lifecycle"), hence the sum.
    """
    return DEREGISTRATION_SECONDS + drain + GRACE_MARGIN_SECONDS


def deregistration_delay(drain: int) -> int:
    """Seconds the load balancer lets streams of a leaving pod live: until the server's own drain ends.

    It starts when the pod leaves the endpoints, as `preStop` does. At most 3600 (ELB API: TargetGroupAttribute).
    """
    return min(3600, DEREGISTRATION_SECONDS + drain)


def delete_timeout(drain: int) -> int:
    """Seconds to wait for pods to be gone when their Deployment or namespace is deleted."""
    return DELETE_SECONDS + grace_period(drain)


@dataclass(frozen=True)
class Contents:
    """What a container runs: its image, the secret of its secret variables, and variables beside the settings' own."""

    image: pulumi.Input[str]
    secret: core.v1.Secret | None = None
    variables: Sequence[core.v1.EnvVarArgs] = ()


def deployment_spec(
    name: str, config: settings.Workload, contents: Contents, *, account: str
) -> apps.v1.DeploymentSpecArgs:
    """Spec without `replicas`: the autoscaler owns the number, and two owners would fight at every update.

    account: name of the service account, which a workload and its canary share.
    """
    return apps.v1.DeploymentSpecArgs(
        selector=meta.v1.LabelSelectorArgs(match_labels=labels(name)),
        # No pod goes before its successor is ready, which with the readiness gate means in service at the ALB.
        strategy=apps.v1.DeploymentStrategyArgs(
            type="RollingUpdate",
            rolling_update=apps.v1.RollingUpdateDeploymentArgs(max_surge="25%", max_unavailable=0),
        ),
        template=core.v1.PodTemplateSpecArgs(
            metadata=meta.v1.ObjectMetaArgs(
                labels={**config.labels, **labels(name)}, annotations=_annotations(config) or None
            ),
            spec=core.v1.PodSpecArgs(
                service_account_name=account,
                node_selector={"kubernetes.io/arch": config.architecture} if config.architecture else None,
                automount_service_account_token=False,
                termination_grace_period_seconds=grace_period(config.drain),
                security_context=core.v1.PodSecurityContextArgs(
                    seccomp_profile=core.v1.SeccompProfileArgs(type="RuntimeDefault")
                ),
                topology_spread_constraints=[_spread(name, key, rule) for key, rule in _spreads(config.spread)],
                containers=[container(name, config, contents)],
                volumes=backend_tls.volumes(config.backend_tls),
            ),
        ),
    )


def _annotations(config: settings.Workload) -> dict[str, str]:
    """The settings' own, and one that tells whether the pods have a role.

    Pods get credentials only when they are made, so a role that comes or goes has to change the template.
    """
    identity = {"grpc-platform/identity": "pod-identity"} if config.permissions or config.statements else {}
    return {**config.annotations, **identity}


def _spreads(spread: settings.Spread) -> Sequence[tuple[str, str]]:
    return tuple(zip(SPREAD, (spread.zones, spread.nodes), strict=True))


def _spread(name: str, key: str, rule: str) -> core.v1.TopologySpreadConstraintArgs:
    required = rule == "required"
    return core.v1.TopologySpreadConstraintArgs(
        max_skew=1,
        topology_key=key,
        when_unsatisfiable="DoNotSchedule" if required else "ScheduleAnyway",
        label_selector=meta.v1.LabelSelectorArgs(match_labels=labels(name)),
        # Each rollout counted by itself: old pods that are about to go must not keep new ones from being placed.
        match_label_keys=["pod-template-hash"] if required else None,
    )


def container(name: str, config: settings.Workload, contents: Contents) -> core.v1.ContainerArgs:
    """The one container: ports, environment, resources, probes and the wait before SIGTERM."""
    return core.v1.ContainerArgs(
        name=name,
        image=contents.image,
        ports=_ports(config),
        env=environment(config, contents),
        resources=_resources(config.resources),
        startup_probe=probe(config, config.health.liveness, period=2, failures=(config.health.startup + 1) // 2),
        readiness_probe=probe(config, config.health.service, period=5, failures=2),
        liveness_probe=probe(config, config.health.liveness, period=10, failures=3),
        # The kubelet sleeps itself: images without a shell drain as well (Kubernetes: "Container Lifecycle Hooks").
        lifecycle=core.v1.LifecycleArgs(
            pre_stop=core.v1.LifecycleHandlerArgs(sleep=core.v1.SleepActionArgs(seconds=DEREGISTRATION_SECONDS))
        ),
        volume_mounts=backend_tls.mounts(config.backend_tls),
        security_context=core.v1.SecurityContextArgs(
            allow_privilege_escalation=False, capabilities=core.v1.CapabilitiesArgs(drop=["ALL"])
        ),
    )


def port_name(config: settings.Workload) -> str:
    """Name of the serving port, in container and Service."""
    return config.protocol


def app_protocol(config: settings.Workload) -> str:
    """What the Service says of its port.

    A bare `grpc` means nothing to load balancer controllers; `kubernetes.io/h2c` does (Gateway API GEP-1911).
    """
    if config.backend_tls:
        return "https"
    return "kubernetes.io/h2c" if config.protocol == "grpc" else "http"


def _ports(config: settings.Workload) -> list[core.v1.ContainerPortArgs]:
    ports = [core.v1.ContainerPortArgs(name=port_name(config), container_port=config.port)]
    if config.health.port not in {None, config.port}:
        ports.append(core.v1.ContainerPortArgs(name="health", container_port=config.health.port))
    check = config.expose.lattice.health_check if config.expose.lattice else None
    if check is not None and check.port not in {None, config.port, config.health.port}:
        ports.append(core.v1.ContainerPortArgs(name="lattice-health", container_port=check.port))
    return ports


def environment(config: settings.Workload, contents: Contents) -> list[core.v1.EnvVarArgs]:
    """Variables in name order: the workload's own, its secrets by reference, and what it needs to drain in time."""
    plain = {
        **config.env,
        "PORT": str(config.port),
        "DRAIN_SECONDS": str(config.drain),
        **client_side_variables(config),
        **backend_tls.variables(config.backend_tls),
    }
    found = {key: core.v1.EnvVarArgs(name=key, value=value) for key, value in plain.items()}
    if contents.secret is not None:
        for key in config.secrets:
            found[key] = core.v1.EnvVarArgs(
                name=key,
                value_from=core.v1.EnvVarSourceArgs(
                    secret_key_ref=core.v1.SecretKeySelectorArgs(name=contents.secret.metadata.name, key=key)
                ),
            )
    found |= {str(each.name): each for each in contents.variables}
    return [found[key] for key in sorted(found)]


def client_side_variables(config: settings.Workload) -> dict[str, str]:
    """How long the server keeps a connection, in seconds: it must read these itself (grpc/proposal A9)."""
    client_side = config.expose.client_side
    if client_side is None:
        return {}
    grace = client_side.max_connection_age_grace or config.drain
    return {
        "MAX_CONNECTION_AGE": str(client_side.max_connection_age),
        "MAX_CONNECTION_AGE_GRACE": str(grace),
    }


def _resources(resources: settings.Resources) -> core.v1.ResourceRequirementsArgs:
    # Memory is limited to the request unless said otherwise; CPU is not limited, throttling shows as latency.
    limits: dict[str, str] = {"memory": resources.memory_limit or resources.memory}
    if resources.cpu_limit:
        limits["cpu"] = resources.cpu_limit
    return core.v1.ResourceRequirementsArgs(requests={"cpu": resources.cpu, "memory": resources.memory}, limits=limits)


def probe(config: settings.Workload, service: str, *, period: int, failures: int) -> core.v1.ProbeArgs:
    """A native gRPC probe of the health service named `service`, or an HTTP one on the health path.

    The kubelet reads the answer's body, so NOT_SERVING takes the pod out of service, which an ALB health check
    alone never does: it sees only the gRPC status, and that is OK (grpc/grpc doc/health-checking.md).
    """
    port = config.health.port or config.port
    if config.protocol == "grpc":
        grpc = core.v1.GRPCActionArgs(port=port, service=service)
        return core.v1.ProbeArgs(period_seconds=period, failure_threshold=failures, timeout_seconds=2, grpc=grpc)
    http = core.v1.HTTPGetActionArgs(port=port, path=config.health.path)
    return core.v1.ProbeArgs(period_seconds=period, failure_threshold=failures, timeout_seconds=2, http_get=http)


def autoscaler_spec(name: str, scaling: settings.Scaling) -> autoscaling.v2.HorizontalPodAutoscalerSpecArgs:
    """Targets of CPU and memory are percentages of the requests: the mean over the pods."""
    targets: Mapping[str, int | None] = {"cpu": scaling.cpu, "memory": scaling.memory}
    return autoscaling.v2.HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=autoscaling.v2.CrossVersionObjectReferenceArgs(
            api_version="apps/v1", kind="Deployment", name=name
        ),
        min_replicas=scaling.min,
        max_replicas=scaling.max,
        metrics=[
            *(_resource_metric(key, target) for key, target in sorted(targets.items()) if target is not None),
            *(_pod_metric(metric, target) for metric, target in sorted(scaling.metrics.items())),
        ],
    )


def _resource_metric(resource: str, target: int) -> autoscaling.v2.MetricSpecArgs:
    return autoscaling.v2.MetricSpecArgs(
        type="Resource",
        resource=autoscaling.v2.ResourceMetricSourceArgs(
            name=resource,
            target=autoscaling.v2.MetricTargetArgs(type="Utilization", average_utilization=target),
        ),
    )


def _pod_metric(metric: str, target: str) -> autoscaling.v2.MetricSpecArgs:
    """A metric of the pods themselves; without an adapter that knows it the autoscaler no longer scales down."""
    return autoscaling.v2.MetricSpecArgs(
        type="Pods",
        pods=autoscaling.v2.PodsMetricSourceArgs(
            metric=autoscaling.v2.MetricIdentifierArgs(name=metric),
            target=autoscaling.v2.MetricTargetArgs(type="AverageValue", average_value=target),
        ),
    )


def share(scaling: settings.Scaling, canary: settings.Canary | None) -> settings.Scaling:
    """Scaling of a canary: the fewest pods by its share of the calls, one at least; the most as the workload's own."""
    weight = canary.weight if canary else 0
    return scaling.model_copy(update={"min": max(1, math.ceil(scaling.min * weight / 100))})


def disruption_budget_spec(name: str) -> policy.v1.PodDisruptionBudgetSpecArgs:
    """One pod at a time: never blocks a node drain, never lets two go at once."""
    return policy.v1.PodDisruptionBudgetSpecArgs(
        max_unavailable=1, selector=meta.v1.LabelSelectorArgs(match_labels=labels(name))
    )
