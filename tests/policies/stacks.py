"""Correct set-ups that are unusual, one function each, as resources of an Example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.engine.unknown import Unknown
from policies.rules.listeners import BALANCER, listener
from policies.rules.target_groups import group

Resources = Mapping[str, Mapping[str, Any]]

ELB: Final = "arn:aws:elasticloadbalancing:eu-west-1:111122223333"
HEALTH: Final = {"path": "/grpc.health.v1.Health/Check", "matcher": "0", "interval": 10, "timeout": 5}
HTTP_CHECK: Final = {"path": "/healthz", "matcher": "200", "interval": 10, "timeout": 5}
REDIRECT: Final = {"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}


def merged(made: Mapping[str, Any], **properties: Any) -> Mapping[str, Any]:
    """The same resource with other properties; None takes one away."""
    given = {**made["properties"], **properties}
    return {**made, "properties": {key: value for key, value in given.items() if value is not None}}


def aws(type_: str, made_of: Mapping[str, tuple[str, ...]] | None = None, **properties: Any) -> Mapping[str, Any]:
    return {"type": f"aws:{type_}", "properties": properties, "made_of": dict(made_of or {})}


def object_(type_: str, name: str, spec: Mapping[str, Any] | None = None, **metadata: Any) -> Mapping[str, Any]:
    """An object of Kubernetes in the namespace of the other examples."""
    whole: dict[str, Any] = {"metadata": {"name": name, "namespace": "shop", **metadata}}
    return {"type": f"kubernetes:{type_}", "properties": whole if spec is None else {**whole, "spec": spec}}


def forward(*places: int, weights: tuple[int, ...] = ()) -> Mapping[str, Any]:
    groups = [
        {"arn": Unknown(f"actions[0].forward.targetGroups[{place}].arn"), "weight": weights[place] if weights else 1}
        for place in places
    ]
    return {"type": "forward", "forward": {"targetGroups": groups}}


def rule(*made: str, conditions: list[Any], priority: int = 10, on: str = "https", **forwarding: Any) -> Any:
    """A listener rule with some conditions to some target groups."""
    return aws(
        "lb/listenerRule:ListenerRule",
        {"listenerArn": (on,), "actions": made},
        priority=priority,
        conditions=conditions,
        actions=[forward(*range(len(made)), **forwarding)],
    )


def path(*patterns: str) -> Mapping[str, Any]:
    return {"pathPattern": {"values": list(patterns)}}


def host(*names: str) -> Mapping[str, Any]:
    return {"hostHeader": {"values": list(names)}}


def plain(**properties: Any) -> Mapping[str, Any]:
    """A listener of HTTP on port 80."""
    given = {"protocol": "HTTP", "port": 80, "certificateArn": None, "sslPolicy": None, **properties}
    return listener(**given)


def service(name: str = "orders", *ports: Mapping[str, Any], **spec: Any) -> Mapping[str, Any]:
    usual = {"name": "grpc", "port": 50051, "targetPort": 50051, "appProtocol": "kubernetes.io/h2c"}
    return object_("core/v1:Service", name, {"selector": {"app": "orders"}, "ports": list(ports) or [usual], **spec})


def bound(group_: str, service_: str = "orders", port: Any = 50051, name: str = "orders") -> Mapping[str, Any]:
    """A binding made of a target group of the program."""
    spec = {
        "serviceRef": {"name": service_, "port": port},
        "targetType": "ip",
        "targetGroupARN": Unknown("spec.targetGroupARN"),
    }
    made = object_("elbv2.k8s.aws/v1beta1:TargetGroupBinding", name, spec)
    return {**made, "made_of": {"spec": (group_,)}}


def pods(*containers: Mapping[str, Any], kind: str = "Deployment", **pod: Any) -> Mapping[str, Any]:
    """A workload with exactly these containers."""
    spec = {
        "selector": {"matchLabels": {"app": "orders"}},
        "template": {"metadata": {"labels": {"app": "orders"}}, "spec": {"containers": list(containers), **pod}},
    }
    return object_(f"apps/v1:{kind}", "orders", spec)


def container(name: str, *ports: tuple[str, int], **more: Any) -> Mapping[str, Any]:
    given = {"name": name, "image": f"ghcr.io/acme/{name}:1.4.2", **more}
    return {**given, "ports": [{"name": each, "containerPort": port} for each, port in ports]} if ports else given


GRPC: Final = group(healthCheck=HEALTH)
WEB: Final = group(port=8080, protocolVersion=None, healthCheck=HTTP_CHECK)
NATIVE: Final = {
    "readinessProbe": {"grpc": {"port": 50051, "service": "acme.orders.v1.Orders"}},
    "livenessProbe": {"grpc": {"port": 50051}},
}
APP: Final = container("orders", ("grpc", 50051), **NATIVE)
EDGE: Final[Resources] = {"edge": BALANCER, "https": listener(), "orders": GRPC}
ORDERS: Final = path("/acme.orders.v1.Orders/*")
API: Final = "networking.k8s.io/v1"
GATEWAY: Final = "gateway.networking.k8s.io/v1"
ALB: Final = "alb.ingress.kubernetes.io/"


def ingress(name: str = "orders", *, class_: str = "alb", group: str = "", **annotations: str) -> Mapping[str, Any]:
    """An Ingress of the controller for one gRPC service, with some annotations."""
    led = {"service": {"name": "orders", "port": {"number": 50051}}}
    rules = [
        {
            "host": "orders.example.com",
            "http": {"paths": [{"path": "/acme.orders.v1.Orders", "pathType": "Prefix", "backend": led}]},
        }
    ]
    notes = {f"{ALB}{key.replace('_', '-')}": value for key, value in annotations.items()}
    if group:
        notes[f"{ALB}group.name"] = group
    return object_(f"{API}:Ingress", name, {"ingressClassName": class_, "rules": rules}, annotations=notes)


GRPC_NOTES: Final = {
    "backend_protocol_version": "GRPC",
    "healthcheck_path": "/grpc.health.v1.Health/Check",
    "success_codes": "0",
}
