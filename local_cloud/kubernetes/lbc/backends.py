"""Services behind a load balancer: which target group the controller makes for a port of one."""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.lbc import alb_annotations, attributes
from local_cloud.kubernetes.lbc.model import Props, TargetGroup, Unreconciled, named
from local_cloud.store import Row

_VERSIONS: Final = ("HTTP1", "HTTP2", "GRPC")
_PROTOCOLS: Final = ("HTTP", "HTTPS")
DEFAULT_PATHS: Final = {"GRPC": "/AWS.ALB/healthcheck"}
DEFAULT_CODES: Final = {"GRPC": "12"}


def port_of(service: Row, wanted: Any) -> Props:
    """A port of a Service by number or name (pkg/k8s/service_utils.go: LookupServicePort)."""
    ports: list[Props] = (service.inputs.get("spec") or {}).get("ports") or []
    for port in ports:
        if wanted in {port.get("port"), port.get("name")} or str(port.get("port")) == str(wanted):
            return port
    raise Unreconciled(f"unable to find port {wanted} on service {service.id}")


def target_port(port: Props) -> int:
    """The port of the target group: 1 where the Service names its target port (buildTargetGroupPort)."""
    target = port.get("targetPort", port["port"])
    return target if isinstance(target, int) else 1


def default_type(cluster: Cluster) -> str:
    """What the chart's value ``defaultTargetType`` says; instance unless given."""
    return str(cluster.controller_values().get("defaultTargetType") or "instance")


def group(
    cluster: Cluster, owner: tuple[str, ...], service: Row, wanted: Any, settings: Props, *, hash_more: str = ""
) -> TargetGroup:
    """A target group with the name the controller gives: new exactly when something create-only is.

    ``settings``: targetType, protocol, protocolVersion and everything that can change in place. ``wanted``: the port.
    """
    namespace, _, name = service.id.partition("/")
    port = port_of(service, wanted)
    number = target_port(port)
    if settings["targetType"] == "instance" and (service.inputs["spec"].get("type") or "ClusterIP") == "ClusterIP":
        raise Unreconciled(
            f"TargetGroup port is empty. When using Instance targets, your service must be of type 'NodePort' or "
            f"'LoadBalancer' (service {service.id})"
        )
    fixed = {key: settings[key] for key in ("targetType", "protocol", "protocolVersion")}
    uid = str((service.outputs.get("metadata") or {}).get("uid"))
    identity = (*owner, namespace, name, uid, str(wanted), str(number), *fixed.values(), hash_more)
    props = {**settings, "port": number, "vpcId": cluster.vpc(), "ipAddressType": "ipv4"}
    title = named(8, namespace, name, identity=identity)
    return TargetGroup(title, namespace, name, wanted, number, {**props, "name": title})


def from_annotations(cluster: Cluster, ingress: Row, service: Row) -> Props:
    """Target group settings of an Ingress backend; a Service's annotations win over the Ingress's.

    pkg/ingress/model_build_target_group.go, model_builder.go (defaults).
    """
    notes = {**alb_annotations.of(ingress.inputs), **alb_annotations.of(service.inputs)}
    version = alb_annotations.enumerated(
        notes, "backend-protocol-version", _VERSIONS, "HTTP1", "backend protocol version must be within"
    )
    protocol = alb_annotations.enumerated(
        notes, "backend-protocol", _PROTOCOLS, "HTTP", "backend protocol must be within"
    )
    check = alb_annotations.enumerated(
        notes, "healthcheck-protocol", _PROTOCOLS, protocol, "healthCheckProtocol must be within"
    )
    kind = notes.get("target-type", default_type(cluster))
    if kind not in {"instance", "ip"}:
        raise Unreconciled(f"unknown targetType: {kind}")
    given = alb_annotations.pairs(notes.get("target-group-attributes", ""), "target-group-attributes")
    return {
        "targetType": kind,
        "protocol": protocol,
        "protocolVersion": version,
        "healthCheck": {
            "enabled": True,
            "protocol": check,
            "port": notes.get("healthcheck-port", "traffic-port"),
            "path": notes.get("healthcheck-path", DEFAULT_PATHS.get(version, "/")),
            "matcher": notes.get("success-codes", DEFAULT_CODES.get(version, "200")),
            "interval": alb_annotations.number(notes, "healthcheck-interval-seconds", 15),
            "timeout": alb_annotations.number(notes, "healthcheck-timeout-seconds", 5),
            "healthyThreshold": alb_annotations.number(notes, "healthy-threshold-count", 2),
            "unhealthyThreshold": alb_annotations.number(notes, "unhealthy-threshold-count", 2),
        },
        **attributes.target_group(given),
    }
