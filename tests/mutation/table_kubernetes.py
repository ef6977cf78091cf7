"""The rows of Kubernetes objects and of Lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policies.engine.resource import Resource
from policies.rules import tokens
from tests.mutation import table
from tests.mutation.mutants import Mutant
from tests.mutation.table import Row, breaking, harmless

_API: Final = "Kubernetes API Reference"
_PROBES: Final = "Kubernetes, Configure Liveness, Readiness and Startup Probes"
TARGET_GROUP_POLICIES: Final = "application-networking.k8s.aws:TargetGroupPolicy"
_POD: Final = "spec.template.spec"
_CONTAINER: Final = f"{_POD}.containers[]"
_CONTROLLER: Final = "AWS Load Balancer Controller"
_LATTICE: Final = "AWS Gateway API Controller"


def _containers(resource: Resource) -> list[Mapping[str, Any]]:
    return list(resource.properties["spec"]["template"]["spec"]["containers"])


def _bound(name: str, stack: Sequence[Resource]) -> bool:
    """Whether the pods of a workload are targets of a target group."""
    return any(each.kind == tokens.BINDING and each.name.startswith(name) for each in stack)


def _unbound(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    return not _bound(mutant.resource.name, stack)


def _ungated(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether no target group is bound in a namespace."""
    return not any(
        each.kind == tokens.BINDING and mutant.resource.urn in each.property_dependencies.get("metadata", ())
        for each in stack
    )


def _unprobed(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether a port of a container is none that its gRPC probes or VPC Lattice ask."""
    place = int(mutant.concrete.partition("ports[")[2].partition("]")[0])
    checks = [each.properties["spec"].get("healthCheck") or {} for each in stack if each.kind == TARGET_GROUP_POLICIES]
    asked = {check.get("port") for check in checks} | {
        probe["grpc"]["port"]
        for container in _containers(mutant.resource)
        for probe in (container.get("readinessProbe", {}), container.get("livenessProbe", {}))
        if "grpc" in probe
    }
    return all(
        port.get("containerPort") not in asked
        for container in _containers(mutant.resource)
        for port in container.get("ports", ())[place : place + 1]
    )


def _probe(name: str, *rows: Row) -> tuple[Row, ...]:
    start = f"{_CONTAINER}.{name}"
    defaults = f"{_API}, Probe: 0 and nothing mean the default"
    return (
        *rows,
        breaking(f"{start}.grpc", f"{_API}, Probe: one handler"),
        breaking(f"{start}.grpc.port", f"{_PROBES}: the number of a port that the server listens on"),
        harmless(f"{start}.grpc.service", "", "removed", source=f"{_PROBES}: the whole server, as grpc/grpc has it"),
        *(
            harmless(f"{start}.{field}", 0, 1, "removed", source=defaults)
            for field in ("periodSeconds", "timeoutSeconds", "failureThreshold")
        ),
    )


WORKLOAD: Final = (
    *_probe("readinessProbe", breaking(f"{_CONTAINER}.readinessProbe", f"{_PROBES}: pods are ready at once")),
    breaking(f"{_CONTAINER}.readinessProbe.periodSeconds", f"{_PROBES}: NOT_SERVING is noticed after an hour"),
    breaking(f"{_CONTAINER}.readinessProbe.timeoutSeconds", f"{_PROBES}: a server that hangs is noticed after an hour"),
    breaking(f"{_CONTAINER}.readinessProbe.failureThreshold", f"{_PROBES}: NOT_SERVING is noticed after an hour"),
    *_probe("livenessProbe", breaking(f"{_CONTAINER}.livenessProbe", f"{_PROBES}: a stuck server is never restarted")),
    *(
        harmless(f"{_CONTAINER}.{probe}.{field}", source=f"{_PROBES}: calls go by readiness alone")
        for probe in ("livenessProbe", "startupProbe")
        for field in ("periodSeconds", "timeoutSeconds", "failureThreshold")
    ),
    *_probe(
        "startupProbe", harmless(f"{_CONTAINER}.startupProbe", "removed", source=f"{_PROBES}: the others begin at once")
    ),
    breaking(f"{_CONTAINER}.ports", f"{_PROBES}; Services and probes lead nowhere that is declared"),
    harmless(
        f"{_CONTAINER}.ports[].containerPort",
        *(1, 65535),
        source=f"{_API}, ContainerPort: it is told, not opened; no probe asks it",
        when=lambda mutant, stack: _unprobed(mutant, stack) and _unbound(mutant, stack),
    ),
    breaking(f"{_CONTAINER}.ports[].containerPort", f"{_API}, ContainerPort: 1 to 65535, required"),
    harmless(
        f"{_CONTAINER}.ports[].name",
        *("http", "grpc-web", "removed"),
        source=f"{_API}, ContainerPort: Services lead to the number, probes say gRPC",
    ),
    breaking(f"{_CONTAINER}.ports[].name", f"{_API}, ContainerPort: at most 15 small letters, digits and hyphens"),
    breaking(f"{_CONTAINER}.resources", "Kubernetes, Horizontal Pod Autoscaling: a share of what is requested"),
    breaking(
        f"{_CONTAINER}.resources.requests", "Kubernetes, Horizontal Pod Autoscaling: a share of what is requested"
    ),
    harmless(f"{_CONTAINER}.lifecycle", source="Kubernetes, Pod Lifecycle: nothing leads to it", when=_unbound),
    breaking(f"{_CONTAINER}.lifecycle", "kubernetes-sigs/aws-load-balancer-controller#1719"),
    harmless(
        f"{_CONTAINER}.lifecycle.preStop.sleep.seconds",
        *(0,),
        source="Kubernetes, Pod Lifecycle: nothing leads to it",
        when=_unbound,
    ),
    breaking(
        f"{_CONTAINER}.lifecycle.preStop.sleep.seconds",
        "kubernetes-sigs/aws-load-balancer-controller#1719; Kubernetes, Pod Lifecycle: inside the grace period",
    ),
    harmless(
        f"{_POD}.terminationGracePeriodSeconds",
        *(30, "removed"),
        source="Kubernetes, Pod Lifecycle: 30 s by default, above the sleep before the stop",
        when=_unbound,
    ),
    harmless(
        f"{_POD}.terminationGracePeriodSeconds", 3600, source="Kubernetes, Pod Lifecycle: a server ends when done"
    ),
    breaking(f"{_POD}.terminationGracePeriodSeconds", "Kubernetes, Pod Lifecycle, Termination of Pods"),
    harmless(
        f"{_POD}.topologySpreadConstraints",
        source="Kubernetes, Pod Topology Spread Constraints: the cluster's own defaults hold",
    ),
    breaking("spec.template.metadata.labels", "Kubernetes, Deployments, Selector"),
    breaking("spec.replicas", "Kubernetes, Horizontal Pod Autoscaling: each update sets them again"),
    harmless("spec.strategy.type", "removed", source="Kubernetes, Deployments, Strategy: RollingUpdate by default"),
    breaking("spec.strategy.type", "Kubernetes, Deployments, Strategy"),
    harmless(
        "spec.strategy.rollingUpdate.maxUnavailable",
        *(0, 1, "25%", "removed"),
        source="Kubernetes, Deployments, Max Unavailable: 25% by default",
    ),
    breaking("spec.strategy.rollingUpdate.maxUnavailable", "Kubernetes, Deployments, Max Unavailable"),
)


def _to_declared(mutant: Mutant, _: Sequence[Resource]) -> bool:
    """Whether a name of a port is one that the containers have: all that speak gRPC call theirs so."""
    return bool(mutant.value == "grpc")


def _unreferred(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether nothing in the stack leads to a Kubernetes Service: clients call it by its name."""
    return not table.referred(mutant.resource, stack)


def _without_pods(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether the pods of a Kubernetes Service are not the stack's."""
    return not table.pods_of(mutant.resource, stack)


def _named(mutant: Mutant, stack: Sequence[Resource]) -> bool:
    """Whether the Kubernetes Service of a binding has a port of the name."""
    urns = mutant.resource.property_dependencies.get("spec", ())
    services = [each for each in stack if each.urn in urns and each.kind == tokens.SERVICE]
    return any(port.get("name") == mutant.value for each in services for port in each.properties["spec"]["ports"])


SERVICE: Final = (
    harmless("spec.ports", "removed", source="Kubernetes, Headless Services: names lead to pods", when=_unreferred),
    breaking("spec.ports", f"{_API}, ServiceSpec: bindings and routes refer to a port"),
    harmless("spec.ports[].port", 1, 65535, source=f"{_API}, ServicePort: clients may call it", when=_unreferred),
    breaking("spec.ports[].port", f"{_API}, ServicePort; bindings and routes refer to it"),
    harmless("spec.ports[].targetPort", "grpc", source=f"{_API}, ServicePort: by its name", when=_to_declared),
    harmless("spec.ports[].targetPort", "removed", source=f"{_API}, ServicePort: the same as the port by default"),
    harmless(
        "spec.ports[].targetPort",
        *("http", "nothing"),
        source=f"{_API}, ServicePort: whose pods they are is not told",
        when=_without_pods,
    ),
    breaking("spec.ports[].targetPort", f"{_API}, ServicePort: a port that no container has"),
    harmless(
        "spec.ports[].appProtocol",
        "https",
        source=f"{_API}, ServicePort: whose pods they are is not told",
        when=_without_pods,
    ),
    harmless(
        "spec.ports[].appProtocol", "grpc", source="Istio, Protocol Selection; the target group says the protocol"
    ),
    breaking("spec.ports[].appProtocol", "Gateway API GEP-1911: kubernetes.io/h2c"),
    harmless("spec.ports[].name", "http", "removed", source=f"{_API}, ServicePort: one port needs no name"),
    breaking("spec.ports[].name", f"{_API}, ServicePort: small letters, digits and hyphens"),
    harmless("spec.ports[].protocol", "TCP", source=f"{_API}, ServicePort: the default"),
    breaking("spec.ports[].protocol", f"{_API}, ServicePort: TCP, UDP or SCTP; gRPC is on TCP"),
    harmless("spec.selector", "removed", source="Kubernetes, Service: endpoints of others", when=_without_pods),
    breaking("spec.selector", "Kubernetes, Service: no endpoints"),
    harmless(
        'spec.selector["app.kubernetes.io/name"]',
        "removed",
        source="Kubernetes, Service: endpoints of others",
        when=_without_pods,
    ),
    breaking('spec.selector["app.kubernetes.io/name"]', "Kubernetes, Service: no endpoints"),
    breaking("spec.clusterIP", "Kubernetes, Headless Services; grpc/grpc-go#6718: a client stays with one pod"),
)
BINDING: Final = (
    harmless("spec.targetType", "removed", source=f"{_CONTROLLER}, TargetGroupBinding: that of the target group"),
    breaking("spec.targetType", f"{_CONTROLLER}, TargetGroupBinding: ip for a target group of addresses"),
    harmless("spec.ipAddressType", "removed", source=f"{_CONTROLLER}, TargetGroupBinding: that of the target group"),
    breaking("spec.ipAddressType", f"{_CONTROLLER}, TargetGroupBinding: that of the target group"),
    harmless(
        "spec.serviceRef.port",
        *("grpc", "http"),
        source=f"{_CONTROLLER}, TargetGroupBinding: a port by its name",
        when=_named,
    ),
    breaking("spec.serviceRef.port", f"{_CONTROLLER}, TargetGroupBinding: a port of the Service"),
    breaking("spec.serviceRef.name", f"{_CONTROLLER}, TargetGroupBinding: the name of a Service"),
    breaking("spec.targetGroupARN", f"{_CONTROLLER}, TargetGroupBinding: an ARN or a name"),
)
AUTOSCALER: Final = (
    harmless("spec.minReplicas", 1, "removed", source=f"{_API}, HorizontalPodAutoscalerSpec: 1 by default"),
    breaking("spec.minReplicas", f"{_API}, HorizontalPodAutoscalerSpec: 1 to maxReplicas"),
    harmless(
        "spec.maxReplicas",
        *(1,),
        source=f"{_API}, HorizontalPodAutoscalerSpec: not below minReplicas",
        when=lambda mutant, _: mutant.resource.properties["spec"].get("minReplicas") == 1,
    ),
    breaking("spec.maxReplicas", f"{_API}, HorizontalPodAutoscalerSpec: required, not below minReplicas"),
    breaking("spec.scaleTargetRef.name", "Kubernetes, Horizontal Pod Autoscaling"),
    breaking("spec.scaleTargetRef.kind", "Kubernetes, Horizontal Pod Autoscaling"),
    harmless("spec.metrics", "removed", source=f"{_API}, HorizontalPodAutoscalerSpec: 80% of the processor by default"),
)
BUDGET: Final = (
    harmless("spec.maxUnavailable", 1, source="Kubernetes, Specifying a Disruption Budget for your Application"),
    breaking("spec.maxUnavailable", "Kubernetes, Specifying a Disruption Budget for your Application"),
    breaking("spec.minAvailable", f"{_API}, PodDisruptionBudgetSpec: one of both"),
    breaking("spec.selector", f"{_API}, PodDisruptionBudgetSpec: without one no pod is meant"),
)
_GATE: Final = 'metadata.labels["elbv2.k8s.aws/pod-readiness-gate-inject"]'
NAMESPACE: Final = (
    harmless(_GATE, source=f"{_CONTROLLER}, Pod readiness gate: nothing is bound there", when=_ungated),
    breaking(_GATE, f"{_CONTROLLER}, Pod readiness gate"),
)
GATEWAY: Final = (breaking("spec.listeners[].protocol", f"{_LATTICE}, GRPCRoute: an HTTPS listener"),)
GRPC_ROUTE: Final = (
    breaking("spec.parentRefs", "Gateway API reference, GRPCRoute: without a parent nothing is routed"),
    harmless(
        "spec.parentRefs[].sectionName", "removed", source="Gateway API reference, ParentReference: all listeners"
    ),
    breaking("spec.parentRefs[].sectionName", "Gateway API reference, ParentReference: a listener of the Gateway"),
    breaking("spec.rules[].backendRefs[].port", "Gateway API reference, GRPCBackendRef: a port of the Service"),
    breaking("spec.rules[].backendRefs[].name", "Gateway API reference, GRPCBackendRef: the name of a Service"),
    harmless("spec.rules[].matches[].method.service", source="Gateway API reference, GRPCMethodMatch: all services"),
)
_POLICY: Final = f"{_LATTICE}, TargetGroupPolicy"
TARGET_GROUP_POLICY: Final = (
    harmless("spec.healthCheck.protocolVersion", "HTTP2", "removed", source=f"{_POLICY}: HTTP1, the default, or HTTP2"),
    breaking("spec.healthCheck.protocolVersion", f"{_POLICY}: HTTP1 or HTTP2"),
    breaking("spec.healthCheck.port", f"{_POLICY}: a port that answers HTTP"),
    harmless(
        "spec.healthCheck.statusMatch", "200", "200-299", "removed", source=f"{_POLICY}: HTTP codes, 200 by default"
    ),
    breaking("spec.healthCheck.statusMatch", f"{_POLICY}: HTTP codes"),
)
NETWORK: Final = (
    breaking("authType", "VPC Lattice user guide: Control access to services using auth policies"),
    harmless("name", "removed", source="pulumi: names of its own"),
    breaking("name", "VPC Lattice API Reference, CreateServiceNetwork"),
)
ROWS: Final = {
    tokens.DEPLOYMENT: WORKLOAD,
    tokens.SERVICE: SERVICE,
    tokens.BINDING: BINDING,
    "autoscaling:HorizontalPodAutoscaler": AUTOSCALER,
    "policy:PodDisruptionBudget": BUDGET,
    tokens.NAMESPACE: NAMESPACE,
    tokens.GATEWAY: GATEWAY,
    tokens.GRPC_ROUTE: GRPC_ROUTE,
    TARGET_GROUP_POLICIES: TARGET_GROUP_POLICY,
    "aws:vpclattice:ServiceNetwork": NETWORK,
}
