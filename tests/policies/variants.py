"""Correct set-ups that are unusual: pods, Services and what leads to them; and all there are, as `VARIANTS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.engine.unknown import Unknown
from policies.rules.clusters import cluster
from policies.rules.listeners import BALANCER
from policies.rules.probes import SERVICE, workload
from policies.rules.releases import release
from policies.rules.target_groups import group

from .stacks import (
    ALB,
    APP,
    EDGE,
    GATEWAY,
    GRPC,
    GRPC_NOTES,
    HEALTH,
    HTTP_CHECK,
    NATIVE,
    ORDERS,
    WEB,
    Resources,
    aws,
    bound,
    container,
    host,
    ingress,
    merged,
    object_,
    path,
    pods,
    rule,
    service,
)
from .variants_balancing import BALANCING

_HTTPS_SERVICE: Final = {"name": "https", "port": 443, "targetPort": "https", "appProtocol": "https"}
_HTTP_PORT: Final = {"name": "http", "port": 80, "targetPort": "http"}


def _secure() -> Resources:
    """TLS up to the pod; the health service is on a port of its own without TLS."""
    probe = {"grpc": {"port": 8081}}
    app = container("orders", ("https", 8443), ("health", 8081), readinessProbe=probe, livenessProbe=probe)
    check = {**HEALTH, "port": "8081", "protocol": "HTTP"}
    return {
        **EDGE,
        "orders": group(protocol="HTTPS", port=8443, healthCheck=check),
        "one": rule("orders", conditions=[ORDERS]),
        "pods": pods(app, terminationGracePeriodSeconds=90),
        "service": service("orders", _HTTPS_SERVICE),
        "binding": bound("orders", port=443),
    }


def _envoy(**kind: Any) -> Resources:
    """Envoy before the server in one pod, and a log shipper and a mesh's proxy beside them."""
    ready = {"httpGet": {"path": "/ready", "port": 9901}}
    proxy = container("envoy", ("grpc", 8443), ("admin", 9901), readinessProbe=ready)
    app = container("orders", ("app", 50051), **NATIVE)
    more = [container("istio-proxy", ("http-envoy-prom", 15090)), container("fluent-bit")]
    led = {"name": "grpc", "port": 443, "targetPort": "grpc", "appProtocol": "https"}
    return {
        **EDGE,
        "one": rule("orders", conditions=[ORDERS]),
        "pods": pods(proxy, app, *more, terminationGracePeriodSeconds=90, **kind),
        "service": service("orders", led),
        "binding": bound("orders", port=443),
    }


def _gateway_rest() -> Resources:
    """One container that speaks gRPC on one port and REST on another, each behind its own target group."""
    app = container("orders", ("grpc", 50051), ("http", 8080), **NATIVE)
    return {
        **EDGE,
        "web": WEB,
        "one": rule("orders", conditions=[ORDERS]),
        "two": rule("web", conditions=[path("/v1/*")], priority=20),
        "pods": pods(app, terminationGracePeriodSeconds=90),
        "service": service("orders", dict(SERVICE["properties"]["spec"]["ports"][0]), _HTTP_PORT),
        "binding": bound("orders"),
        "rest": bound("web", port=80, name="rest"),
    }


def _grpc_web() -> Resources:
    """gRPC-Web that Envoy turns into gRPC: HTTP/1.1 up to Envoy, which declares its gRPC port too."""
    ready = {"httpGet": {"path": "/ready", "port": "admin"}}
    ports = (("grpc-web", 8080), ("grpc", 8443), ("admin", 9901))
    proxy = container("envoy", *ports, readinessProbe=ready)
    led = {"name": "grpc-web", "port": 80, "targetPort": "grpc-web", "appProtocol": "http"}
    return {
        **EDGE,
        "web": merged(WEB, healthCheck={**HTTP_CHECK, "port": "9901"}),
        "one": rule("orders", conditions=[ORDERS]),
        "two": rule("web", conditions=[host("web.example.com"), path("/*")], priority=20),
        "pods": pods(proxy, APP, terminationGracePeriodSeconds=90),
        "service": service("orders", led),
        "binding": bound("web", port=80),
    }


def _sidecar() -> Resources:
    """A native sidecar, among the first containers, that answers health checks."""
    proxy = container("proxy", ("health", 8086), restartPolicy="Always")
    return {
        "orders": group(healthCheck={**HEALTH, "port": "8086"}),
        "pods": pods(APP, initContainers=[proxy], terminationGracePeriodSeconds=90),
        "service": service(),
        "binding": bound("orders"),
    }


def _scaler(**metric: Any) -> Mapping[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9, "metrics": [metric]}
    return object_("autoscaling/v2:HorizontalPodAutoscaler", "orders", spec)


def _class() -> Resources:
    """What the class of Ingresses says by its parameters."""
    reference = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "edge"}
    given = {
        "scheme": "internal",
        "targetType": "ip",
        "group": {"name": "edge"},
        "certificateArn": ["arn:aws:acm:eu-west-1:111122223333:certificate/1"],
    }
    return {
        "parameters": object_("elbv2.k8s.aws/v1beta1:IngressClassParams", "edge", given),
        "class": object_(
            "networking.k8s.io/v1:IngressClass", "edge", {"controller": "ingress.k8s.aws/alb", "parameters": reference}
        ),
        "ingress": ingress(class_="edge", **GRPC_NOTES),
        "service": SERVICE,
        "pods": workload(),
    }


def _on_service() -> Resources:
    """gRPC beside HTTP in one Ingress: what is gRPC's stands in the annotations of its Service."""
    notes = {f"{ALB}{key.replace('_', '-')}": value for key, value in GRPC_NOTES.items()}
    whole = {**SERVICE["properties"], "metadata": {"name": "orders", "namespace": "shop", "annotations": notes}}
    return {
        "ingress": ingress(listen_ports='[{"HTTPS":443}]', target_type="ip"),
        "service": {**SERVICE, "properties": whole},
        "pods": workload(),
    }


def _grouped() -> Resources:
    """Two Ingresses of a group, of which the other one has the redirect, and the certificate is found by its host."""
    said = {"target_type": "ip", "listen_ports": '[{"HTTP":80},{"HTTPS":443}]', **GRPC_NOTES}
    return {
        "ingress": ingress(group="shared", **said),
        "other": ingress("other", group="shared", ssl_redirect="443", **said),
        "service": SERVICE,
        "pods": workload(),
    }


def _chart_default() -> Resources:
    """The controller's chart makes pods the default target, and says the class by itself."""
    return {
        "controller": release(values={"defaultTargetType": "ip", "serviceAccount": {"create": False, "name": "x"}}),
        "ingress": ingress(listen_ports='[{"HTTPS":443}]', **GRPC_NOTES),
        "service": SERVICE,
        "pods": workload(),
    }


def _route(maker: str, class_: str, **more: Mapping[str, Any]) -> Resources:
    """A GRPCRoute on a Gateway of one of the two controllers."""
    listeners = [
        {"name": "https", "port": 443, "protocol": "HTTPS"},
        {"name": "http", "port": 80, "protocol": "HTTP"},
    ]
    parents = [{"name": "edge", "sectionName": "https"}]
    led = [{"name": "orders", "port": 50051, "weight": 90}, {"name": "next", "port": 50051, "weight": 0}]
    rules = [{"matches": [{"method": {"service": "acme.orders.v1.Orders"}}], "backendRefs": led}]
    return {
        "class": object_(f"{GATEWAY}:GatewayClass", class_, {"controllerName": maker}),
        "gateway": object_(f"{GATEWAY}:Gateway", "edge", {"gatewayClassName": class_, "listeners": listeners}),
        "route": object_(f"{GATEWAY}:GRPCRoute", "orders", {"parentRefs": parents, "rules": rules}),
        "service": SERVICE,
        "next": service("next"),
        "pods": workload(),
        **more,
    }


_PROPS: Final = {
    "targetType": "ip",
    "protocolVersion": "GRPC",
    "healthCheckConfig": {"healthCheckPath": HEALTH["path"], "matcher": {"grpcCode": "0"}},
}


def _groups(service_: str) -> Mapping[str, Any]:
    """How the target groups of a Service are set up."""
    spec = {"targetReference": {"name": service_}, "defaultConfiguration": _PROPS}
    return object_("gateway.k8s.aws/v1beta1:TargetGroupConfiguration", service_, spec)


_CONFIGURATIONS: Final = {
    "balancer": object_("gateway.k8s.aws/v1beta1:LoadBalancerConfiguration", "edge", {"scheme": "internal"}),
    "groups": _groups("orders"),
    "next-groups": _groups("next"),
}

KUBERNETES: Final[Mapping[str, Resources]] = {
    "TLS to the pod, a plain health port": _secure(),
    "Envoy before the server": _envoy(),
    "Envoy in a StatefulSet": _envoy(kind="StatefulSet"),
    "Envoy in a DaemonSet": _envoy(kind="DaemonSet"),
    "REST beside gRPC in one container": _gateway_rest(),
    "gRPC-Web": _grpc_web(),
    "a native sidecar that answers health checks": _sidecar(),
    "parameters of an Ingress's class": _class(),
    "annotations on a Service": _on_service(),
    "a group of Ingresses": _grouped(),
    "the chart's default target": _chart_default(),
    "a Gateway of a load balancer": _route("gateway.k8s.aws/alb", "aws-alb", **_CONFIGURATIONS),
    "a Gateway of VPC Lattice": _route("application-networking.k8s.aws/gateway-api-controller", "amazon-vpc-lattice"),
    "KEDA": {
        "pods": workload(),
        "service": SERVICE,
        "scaler": object_("keda.sh/v1alpha1:ScaledObject", "orders", {"scaleTargetRef": {"name": "orders"}}),
    },
    "metrics of one container": {
        "pods": pods(APP, container("fluent-bit"), terminationGracePeriodSeconds=60),
        "scaler": _scaler(
            type="ContainerResource",
            containerResource={
                "name": "cpu",
                "container": "orders",
                "target": {"type": "Utilization", "averageUtilization": 60},
            },
        ),
    },
    "an amount and no share": {
        "pods": pods(APP, terminationGracePeriodSeconds=60),
        "scaler": _scaler(
            type="Resource", resource={"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}}
        ),
    },
    "half of the pods must stay": {
        "pods": workload(),
        "budget": object_(
            "policy/v1:PodDisruptionBudget",
            "orders",
            {"minAvailable": "50%", "selector": {"matchLabels": {"app": "orders"}}},
        ),
    },
    "pods made elsewhere": {"orders": GRPC, "service": service(), "binding": bound("orders")},
    "pods made elsewhere, beside others": {
        "orders": GRPC,
        "service": service("orders", selector={"app.kubernetes.io/name": "checkout"}),
        "binding": bound("orders"),
        "pods": workload(),
    },
    "a Service made elsewhere, beside others": {
        "orders": GRPC,
        "binding": bound("orders", "checkout"),
        "service": service(),
        "pods": workload(),
    },
    "a namespace that Argo CD fills": {
        "space": {"type": "kubernetes:core/v1:Namespace", "properties": {"metadata": {"name": "shop"}}},
        "ingress": ingress(listen_ports='[{"HTTPS":443}]', target_type="ip", **GRPC_NOTES),
    },
    "a Service without a selector": {
        "service": service("orders", selector=None),
        "endpoints": object_("core/v1:Endpoints", "orders"),
        "other": workload(),
    },
    "patches": {
        "service": object_("core/v1:ServicePatch", "orders", annotations={f"{ALB}target-type": "ip"}),
        "pods": object_(
            "apps/v1:DeploymentPatch",
            "orders",
            {
                "selector": {"matchLabels": {"app": "orders"}},
                "template": {
                    "metadata": {"labels": {"app": "orders"}},
                    "spec": {"containers": [{"name": "orders", "image": "ghcr.io/acme/orders:2"}]},
                },
            },
        ),
        "probes": object_(
            "apps/v1:StatefulSetPatch",
            "ledger",
            {"template": {"spec": {"containers": [{"name": "ledger", **NATIVE}]}}},
        ),
        "grpc": service("grpc"),
        "binding": bound("group"),
        "group": GRPC,
    },
}
_SG: Final = "ec2/securityGroup:SecurityGroup"
PLACES: Final[Mapping[str, Resources]] = {
    "security groups of nodes made elsewhere": {
        **EDGE,
        "edge": {**merged(BALANCER, securityGroups=[Unknown("x")]), "made_of": {"securityGroups": ("front",)}},
        "front": aws(_SG, description="edge"),
        "one": rule("orders", conditions=[ORDERS]),
        "platform": cluster(),
        "nodes": aws("ec2/launchTemplate:LaunchTemplate", vpcSecurityGroupIds=["sg-0123456789abcdef0"]),
        "pods": workload(),
        "service": service(),
        "binding": bound("orders"),
    },
    "nothing at all": {},
}
VARIANTS: Final = {**BALANCING, **KUBERNETES, **PLACES}
