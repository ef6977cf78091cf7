"""K8S005, K8S029: when probes give up, and ports that they cannot ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, LOW, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc
from policies.rules.end_to_end import group as target_group
from policies.rules.ingresses import notes
from policies.rules.intent import (
    PROBES,
    Container,
    containers,
    ports,
    reached,
    service_ports,
    services_of,
    target_of,
)
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.references import bound_groups, port_of, references, referrers
from policies.rules.service_wiring import edge, probe, service_port
from policies.rules.tokens import INGRESS, WORKLOADS


def _number(container: Container, port: Mapping[str, Any]) -> str:
    """The number, as text, of the port of a container that a port of a Service leads to."""
    target = str(target_of(port))
    for each in ports(container):
        if str(known(each.get("name"))) == target:
            return str(known(each.get("containerPort")))
    return target


def _seconds(values: Mapping[str, Any], **defaults: float) -> list[float]:
    """Numbers of a map, or what holds where they are left out; -1 for what is no number."""
    found = []
    for key, default in defaults.items():
        given = known(values.get(key))
        value = number(given)
        found.append(default if given is None else -1 if value is None else value)
    return found


def _in_time(resource: Resource, context: Context) -> Iterator[Problem]:
    """Both count from the last good answer, and a server that hangs costs each its timeout beside."""
    graph = context.graph
    for owner in services_of(resource, graph):
        for group, port in bound_groups(owner, graph):
            container = reached(resource, port)
            given = known(container.spec.get("readinessProbe")) if container is not None else None
            if container is None or not given or not grpc.speaks_grpc(group):
                continue
            period, failures, wait = _seconds(given, periodSeconds=10, failureThreshold=3, timeoutSeconds=1)
            check = known(group.get("healthCheck")) or {}
            interval, bad, patience = _seconds(check, interval=30, unhealthyThreshold=3, timeout=5)
            ready, healthy = period * failures + wait, interval * bad + patience
            if min(period, failures, wait, interval, bad, patience) >= 0 and ready > healthy:
                yield Problem(
                    f"{container.path}.readinessProbe",
                    f"takes {ready:g} s to fail; the target group {group.name} gives up after {healthy:g} s",
                )


K8S005: Final = Rule(
    id="K8S005",
    title="Pods stop being ready before the load balancer gives them up",
    severity=LOW,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_in_time,
    stack=True,
    why=(
        "Otherwise Kubernetes counts a pod as available that gets no calls any more: a rollout or a node drain goes on "
        "and takes the next one."
    ),
    remedy="Lower periodSeconds or failureThreshold of the readiness probe, or check less often from the target group.",
    source=(
        "Kubernetes, Configure Liveness, Readiness and Startup Probes; Elastic Load Balancing, Application Load "
        "Balancers guide: Health checks for your target groups"
    ),
    bad=(
        Example("the defaults", edge(orders=workload()), about=("orders",)),
        Example(
            "long, in numbers as text",
            edge(orders=workload(readinessProbe=probe(periodSeconds="15", failureThreshold="2"))),
            about=("orders",),
        ),
        Example(
            "a long wait",
            edge(orders=workload("StatefulSet", readinessProbe=probe(periodSeconds=10, timeoutSeconds=10))),
            about=("orders",),
        ),
    ),
    good=(
        Example("sooner", edge()),
        Example("defaults of both", edge(group=target_group(protocolVersion="GRPC"), orders=workload())),
    ),
)


def _speaks_tls(owner: Resource, port: Mapping[str, Any], graph: Graph) -> str:
    """Who says that TLS is spoken behind a port of a Service, "" if nobody."""
    if str(known(port.get("appProtocol")) or "").lower() == "https":
        return f"the Kubernetes Service {owner.name}"
    for group, bound_port in bound_groups(owner, graph):
        if bound_port is port and str(known(group.get("protocol", ""))).upper() == "HTTPS":
            return f"the target group {group.name}"
    for ingress in referrers(owner, graph, INGRESS):
        wanted = [each.port for each in references(ingress, graph) if each.service is owner]
        secured = notes(ingress, owner).get("backend-protocol", "").upper() == "HTTPS"
        if secured and any(port_of(owner, each) is port for each in wanted):
            return f"the Ingress {ingress.name}"
    return ""


def _secured(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    spoken: dict[str, str] = {}
    for owner in services_of(resource, graph):
        for _, port in service_ports(owner):
            container = reached(resource, port)
            who = _speaks_tls(owner, port, graph) if container is not None else ""
            if container is not None and who:
                spoken[_number(container, port)] = who
    for container in containers(resource):
        for name in PROBES:
            asked = known((known(container.spec.get(name)) or {}).get("grpc")) or {}
            said = spoken.get(str(known(asked.get("port")))) if asked else None
            if said:
                where = f"{container.path}.{name}.grpc.port"
                yield Problem(where, f"speaks TLS, as {said} says, and the probe does not")


def _backend(protocol: str) -> Mapping[str, Any]:
    backend = {"service": {"name": "orders", "port": {"name": "grpc"}}}
    annotations = {"alb.ingress.kubernetes.io/backend-protocol": protocol}
    paths = [{"path": "/*", "pathType": "ImplementationSpecific", "backend": backend}]
    return {
        "type": "kubernetes:networking.k8s.io/v1:Ingress",
        "properties": {
            "metadata": {"name": "orders", "namespace": "shop", "annotations": annotations},
            "spec": {"ingressClassName": "alb", "rules": [{"host": "a.example.com", "http": {"paths": paths}}]},
        },
    }


_PLAIN: Final = {"grpc": {"port": 8081}}
_TWO_PORTS: Final = workload(
    ports=[{"name": "grpc", "containerPort": 50051}, {"name": "health", "containerPort": 8081}],
    readinessProbe=_PLAIN,
    livenessProbe=_PLAIN,
)
_TLS_GROUP: Final = target_group(protocolVersion="GRPC", protocol="HTTPS")
K8S029: Final = Rule(
    id="K8S029",
    title="Native probes ask ports without TLS",
    severity=HIGH,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_secured,
    stack=True,
    why="The kubelet's gRPC probe speaks no TLS, so that such a pod never becomes ready, or is killed again and again.",
    remedy="Serve the health service on a port without TLS and probe that one.",
    source="Kubernetes, Configure Liveness, Readiness and Startup Probes, gRPC probes",
    bad=(
        Example("the Service", {"service": service_port(appProtocol="https"), "orders": workload()}, about=("orders",)),
        Example("the target group", edge(group=_TLS_GROUP, service=service_port(targetPort="grpc")), about=("orders",)),
        Example(
            "the Ingress",
            {"service": GRPC_SERVICE, "ingress": _backend("HTTPS"), "orders": workload()},
            about=("orders",),
        ),
    ),
    good=(
        Example("without TLS", edge()),
        Example("a health port", {"service": service_port(appProtocol="https"), "orders": _TWO_PORTS}),
        Example("an Ingress without TLS", {"service": GRPC_SERVICE, "ingress": _backend("HTTP"), "orders": workload()}),
    ),
)

RULES: Final = (K8S005, K8S029)
