"""The same for Kubernetes objects: what leads to a gRPC server, asks for its health, and lets it drain.

Ranges are from the Kubernetes API reference; enums of the controllers from their own pages.
"""

from __future__ import annotations

from typing import Any, Final

from policies.rules import tokens
from tests.mutation.domains import Domain

_POD: Final = "spec.template.spec"
_CONTAINER: Final = f"{_POD}.containers[]"
_PORTS: Final = (0, 1, 65535, 65536)


def _workload(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.DEPLOYMENT, path, form, values, **more)


_PROBES: Final = tuple(
    domain
    for probe in ("readinessProbe", "livenessProbe", "startupProbe")
    for domain in (
        _workload(f"{_CONTAINER}.{probe}", "map", ()),
        _workload(f"{_CONTAINER}.{probe}.grpc", "map", ()),
        _workload(f"{_CONTAINER}.{probe}.grpc.port", "number", _PORTS),
        _workload(f"{_CONTAINER}.{probe}.grpc.service", "text", ("",)),
        _workload(f"{_CONTAINER}.{probe}.periodSeconds", "number", (0, 1, 3600)),
        _workload(f"{_CONTAINER}.{probe}.timeoutSeconds", "number", (0, 1, 3600)),
        _workload(f"{_CONTAINER}.{probe}.failureThreshold", "number", (0, 1, 1000)),
    )
)
WORKLOAD: Final = (
    *_PROBES,
    _workload(f"{_CONTAINER}.ports", "list", ()),
    _workload(f"{_CONTAINER}.ports[].containerPort", "number", _PORTS),
    _workload(f"{_CONTAINER}.ports[].name", "text", ("http", "grpc-web", "GRPC", "a-name-longer-than-15")),
    _workload(f"{_CONTAINER}.resources", "map", ()),
    _workload(f"{_CONTAINER}.resources.requests", "map", ()),
    _workload(f"{_CONTAINER}.lifecycle", "map", ()),
    _workload(f"{_CONTAINER}.lifecycle.preStop.sleep.seconds", "number", (-1, 0, 3600)),
    _workload(f"{_POD}.terminationGracePeriodSeconds", "number", (-1, 0, 1, 30, 3600)),
    _workload(f"{_POD}.topologySpreadConstraints", "list", ()),
    _workload("spec.template.metadata.labels", "map", ()),
    _workload("spec.replicas", "number", (0, 1, 3), added=True),
    _workload("spec.strategy.type", "text", ("RollingUpdate", "Recreate", "Rolling")),
    _workload("spec.strategy.rollingUpdate.maxUnavailable", "amount", (0, 1, "25%", "100%")),
)


def _service(path: str, form: str, values: tuple[Any, ...], **more: Any) -> Domain:
    return Domain(tokens.SERVICE, path, form, values, **more)


SERVICE: Final = (
    _service("spec.ports", "list", ()),
    _service("spec.ports[].port", "number", _PORTS),
    _service("spec.ports[].targetPort", "port", (*_PORTS, "grpc", "http", "nothing")),
    _service(
        "spec.ports[].appProtocol", "text", ("kubernetes.io/h2c", "grpc", "http", "https", "h2c", "kubernetes.io/ws")
    ),
    _service("spec.ports[].name", "text", ("grpc", "http", "GRPC")),
    _service("spec.ports[].protocol", "text", ("TCP", "UDP", "SCTP", "tcp"), added=True),
    _service("spec.selector", "map", ()),
    _service('spec.selector["app.kubernetes.io/name"]', "text", ()),
    _service("spec.clusterIP", "text", ("None", "none")),
)
BINDING: Final = (
    Domain(tokens.BINDING, "spec.targetType", "text", ("ip", "instance", "IP", "lambda")),
    Domain(tokens.BINDING, "spec.ipAddressType", "text", ("ipv4", "ipv6", "dualstack")),
    Domain(tokens.BINDING, "spec.serviceRef.port", "port", (*_PORTS, "grpc", "http")),
    Domain(tokens.BINDING, "spec.serviceRef.name", "text", ("nobody",)),
    Domain(tokens.BINDING, "spec.targetGroupARN", "text", ()),
)
AUTOSCALER: Final = (
    Domain("autoscaling:HorizontalPodAutoscaler", "spec.minReplicas", "number", (0, 1, 1000)),
    Domain("autoscaling:HorizontalPodAutoscaler", "spec.maxReplicas", "number", (0, 1)),
    Domain("autoscaling:HorizontalPodAutoscaler", "spec.scaleTargetRef.name", "text", ("nobody",)),
    Domain("autoscaling:HorizontalPodAutoscaler", "spec.scaleTargetRef.kind", "text", ("Deployment", "ReplicaSet")),
    Domain("autoscaling:HorizontalPodAutoscaler", "spec.metrics", "list", ()),
)
BUDGET: Final = (
    Domain("policy:PodDisruptionBudget", "spec.maxUnavailable", "amount", (0, 1, "0%", "100%")),
    Domain("policy:PodDisruptionBudget", "spec.minAvailable", "amount", (0, 1, "100%"), added=True),
    Domain("policy:PodDisruptionBudget", "spec.selector", "map", ()),
)
NAMESPACE: Final = (
    Domain(
        tokens.NAMESPACE, 'metadata.labels["elbv2.k8s.aws/pod-readiness-gate-inject"]', "text", ("disabled", "true")
    ),
)
ROUTES: Final = (
    Domain(tokens.GATEWAY, "spec.listeners[].protocol", "text", ("HTTP", "HTTPS", "TLS", "TCP", "https")),
    Domain(tokens.GRPC_ROUTE, "spec.parentRefs", "list", ()),
    Domain(tokens.GRPC_ROUTE, "spec.parentRefs[].sectionName", "text", ("nobody",)),
    Domain(tokens.GRPC_ROUTE, "spec.rules[].backendRefs[].port", "number", _PORTS),
    Domain(tokens.GRPC_ROUTE, "spec.rules[].backendRefs[].name", "text", ("nobody",)),
    Domain(tokens.GRPC_ROUTE, "spec.rules[].matches[].method.service", "text", ()),
    Domain(
        "application-networking.k8s.aws:TargetGroupPolicy",
        "spec.healthCheck.protocolVersion",
        "text",
        ("HTTP1", "HTTP2", "GRPC", "http1"),
    ),
    Domain("application-networking.k8s.aws:TargetGroupPolicy", "spec.healthCheck.port", "number", _PORTS),
    Domain(
        "application-networking.k8s.aws:TargetGroupPolicy",
        "spec.healthCheck.statusMatch",
        "text",
        ("200", "0", "200-299", "ok"),
    ),
)
LATTICE: Final = (
    Domain("aws:vpclattice:ServiceNetwork", "authType", "text", ("NONE", "AWS_IAM", "aws_iam", "IAM")),
    Domain("aws:vpclattice:ServiceNetwork", "name", "text", ("ab", "Orders", "servicenetwork-a", "a--b", "n" * 64, "")),
)
KUBERNETES: Final = (
    *WORKLOAD,
    *SERVICE,
    *BINDING,
    *AUTOSCALER,
    *BUDGET,
    *NAMESPACE,
    *ROUTES,
    *LATTICE,
)
