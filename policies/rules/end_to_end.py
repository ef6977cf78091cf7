"""XST001: one protocol from the listener to the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import CRITICAL, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc, probes
from policies.rules.intent import Container, port_says_grpc, ports, reached, says_grpc_on, target_of
from policies.rules.references import port_of
from policies.rules.tokens import BINDING, SERVICE, TARGET_GROUP, WORKLOADS


def _behind(service: Resource, port: Mapping[str, Any], graph: Graph) -> list[Container]:
    found = [reached(each, port) for each in graph.selected(service, *WORKLOADS)]
    return [each for each in found if each is not None]


def _signs(service: Resource, port: Mapping[str, Any], graph: Graph) -> Iterator[tuple[bool, str]]:
    """What speaks for gRPC (True) or for HTTP (False) behind a port, and where that is said."""
    protocol = str(known(port.get("appProtocol")) or "").lower()
    if port_says_grpc(port):
        yield True, f"its Service {service.name} says {protocol or 'grpc'} of the port"
    elif protocol in ("http", "kubernetes.io/ws"):
        yield False, f"its Service {service.name} says {protocol} of the port"
    for container in _behind(service, port, graph):
        if says_grpc_on(container, port):
            yield True, f"the container {container.name} has gRPC probes or ports"
        elif _asked_by_http(container, port) and not port_says_grpc(port):
            yield False, f"the container {container.name} is asked by HTTP whether it is ready"


def _asked_by_http(container: Container, port: Mapping[str, Any]) -> bool:
    """Whether the readiness probe asks in HTTP the very port that a port of a Service leads to."""
    asked = known((known(container.spec.get("readinessProbe")) or {}).get("httpGet")) or {}
    wanted = {str(known(asked.get("port"))), str(target_of(port))}
    return any(
        wanted <= {str(known(each.get("name"))), str(known(each.get("containerPort")))} for each in ports(container)
    )


def _one_protocol(binding: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    group = graph.referred(binding, "spec.targetGroupARN", TARGET_GROUP)
    service = graph.object(binding, "spec.serviceRef.name", SERVICE)
    if group is None or service is None:
        return
    version, port = grpc.version(group), port_of(service, known(binding.get("spec.serviceRef.port")))
    if port is None:
        yield Problem("spec.serviceRef.port", f"the Service {service.name} has no such port")
        return
    for is_grpc, why in _signs(service, port, graph):
        if is_grpc and version == "HTTP1":
            yield Problem("spec.targetGroupARN", f"the target group {group.name} speaks HTTP/1.1, but {why}")
            return
        if not is_grpc and version == "HTTP2" and " says " in why:
            yield Problem("spec.targetGroupARN", f"the target group {group.name} speaks HTTP/2 alone, but {why}")
            return
        if not is_grpc and version == "GRPC":
            yield Problem("spec.targetGroupARN", f"the target group {group.name} speaks gRPC, but {why}")
            return


def binding(group: str = "group", port: Any = 50051) -> Mapping[str, Any]:
    """A TargetGroupBinding of the Service of other examples to a target group."""
    spec = {"serviceRef": {"name": "orders", "port": port}, "targetType": "ip"}
    return {
        "type": "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
        "properties": {
            "apiVersion": "elbv2.k8s.aws/v1beta1",
            "kind": "TargetGroupBinding",
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": {**spec, "targetGroupARN": f"arn:aws:elasticloadbalancing:{group}"},
        },
    }


def group(name: str = "group", **properties: Any) -> Mapping[str, Any]:
    """The target group that `binding` is about, with some settings."""
    usual = {"port": 50051, "protocol": "HTTP", "targetType": "ip", "arn": f"arn:aws:elasticloadbalancing:{name}"}
    return {"type": "aws:lb/targetGroup:TargetGroup", "properties": {**usual, **properties}}


_GRPC: Final = group(protocolVersion="GRPC")
_HTTP_PORT: Final = [{"name": "http", "port": 50051, "targetPort": 50051, "appProtocol": "http"}]
_HTTP_SERVICE: Final = {
    **probes.SERVICE,
    "properties": {**probes.SERVICE["properties"], "spec": {"selector": {"app": "orders"}, "ports": _HTTP_PORT}},
}
_HTTP: Final = probes.workload(
    ports=[{"name": "http", "containerPort": 50051}],
    readinessProbe={"httpGet": {"path": "/", "port": 50051}},
    livenessProbe=None,
)
_WHOLE: Final = {"group": _GRPC, "binding": binding(), "service": probes.SERVICE, "orders": probes.workload()}

XST001: Final = Rule(
    id="XST001",
    title="One protocol leads from the listener to the process",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=(BINDING,),
    check=_one_protocol,
    stack=True,
    why="Each part is right by itself, and together every call ends with HTTP 464 or 502.",
    remedy="Give the target group the protocol version of the server, or bind it to the right Service and port.",
    source="Elastic Load Balancing, Application Load Balancers guide: Target groups, protocol version",
    bad=(
        Example("an HTTP/1.1 target group before gRPC pods", {**_WHOLE, "group": group()}, about=("binding",)),
        Example(
            "a gRPC target group before HTTP pods",
            {**_WHOLE, "service": _HTTP_SERVICE, "orders": _HTTP},
            about=("binding",),
        ),
        Example(
            "an HTTP/2 target group before HTTP pods",
            {**_WHOLE, "group": group(protocolVersion="HTTP2"), "service": _HTTP_SERVICE, "orders": _HTTP},
            about=("binding",),
        ),
        Example("a port that the Service does not have", {**_WHOLE, "binding": binding(port=8080)}, about=("binding",)),
    ),
    good=(
        Example("gRPC all the way", _WHOLE),
        Example("HTTP all the way", {**_WHOLE, "group": group(), "service": _HTTP_SERVICE, "orders": _HTTP}),
        Example("the port by its name", {**_WHOLE, "binding": binding(port="grpc")}),
    ),
)

RULES: Final = (XST001,)
