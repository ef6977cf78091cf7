"""K8S007, K8S015, K8S021: Services, the pods behind them, and what leads to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.end_to_end import binding as bound
from policies.rules.end_to_end import group as target_group
from policies.rules.intent import (
    asks_grpc,
    containers,
    declared,
    is_grpc_name,
    port_says_grpc,
    service_ports,
    services_of,
    target_of,
)
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.references import referrers
from policies.rules.scaling import autoscalers
from policies.rules.tokens import BINDING, ROUTES, SERVICE, TARGET_GROUP, WORKLOADS

_SERVICE_PAGE: Final = "Kubernetes, Service"
_EXPORTS: Final = ("application-networking.k8s.aws:ServiceExport", "multicluster.x-k8s.io:ServiceExport")
# Labels and annotations by which a mesh takes the pods of a namespace, or of a workload: None is any value.
_MESHES: Final[Mapping[str, str | None]] = {
    "istio-injection": "enabled",
    "istio.io/rev": None,
    "istio.io/dataplane-mode": "ambient",
    "sidecar.istio.io/inject": "true",
    "linkerd.io/inject": "enabled",
    "appmesh.k8s.aws/sidecarInjectorWebhook": "enabled",
}


def service(**spec: Any) -> Mapping[str, Any]:
    """The gRPC Service of other examples with another spec."""
    whole = {**GRPC_SERVICE["properties"]["spec"], **spec}
    return {**GRPC_SERVICE, "properties": {**GRPC_SERVICE["properties"], "spec": whole}}


def service_port(**port: Any) -> Mapping[str, Any]:
    """The same with another port."""
    return service(ports=[{**GRPC_SERVICE["properties"]["spec"]["ports"][0], **port}])


def edge(**more: Any) -> Mapping[str, Mapping[str, Any]]:
    """A workload with its Service, bound to a gRPC target group, but for what is given."""
    usual = {
        "group": target_group(protocolVersion="GRPC", healthCheck={"interval": 10, "unhealthyThreshold": 2}),
        "binding": bound(),
        "service": GRPC_SERVICE,
        "orders": workload(readinessProbe=probe(periodSeconds=5, failureThreshold=2)),
    }
    return {**usual, **more}


def probe(**times: Any) -> Mapping[str, Any]:
    """The readiness probe of other examples with other times."""
    return {"grpc": {"port": 50051, "service": "acme.orders.v1.Orders"}, **times}


def _meshed(resource: Resource, graph: Graph) -> bool:
    """Whether a mesh may take the pods of a workload, which then balances calls whatever the Service is.

    The labels of a namespace that someone else makes may say so, and cannot be seen.
    """
    namespace = graph.namespace(resource)
    if namespace is None:
        return True
    pods = "spec.template.metadata"
    for owner, path in (
        (resource, f"{pods}.labels"),
        (resource, f"{pods}.annotations"),
        (namespace, "metadata.labels"),
        (namespace, "metadata.annotations"),
    ):
        given = known(owner.get(path)) or {}
        for key, value in _MESHES.items():
            if key in given and value in (None, known(given[key])):
                return True
    return False


def _parents(route: Resource, graph: Graph) -> Iterable[Resource]:
    """The Services that a route of a mesh is about (Gateway API: GAMMA)."""
    found = []
    for path, given in route.items("spec.parentRefs"):
        if known(known(given).get("kind")) == "Service":
            found.append(graph.object(route, f"{path}.name", SERVICE))
    return [each for each in found if each is not None]


def _is_balanced(resource: Resource, graph: Graph) -> bool:
    """Whether something that knows calls stands before a Service, or its clients see every pod."""
    if referrers(resource, graph) or graph.leading(resource, _parents, *ROUTES):
        return True
    if graph.object(resource, "metadata.name", *_EXPORTS) is not None:
        return True
    behind = graph.selected(resource, *WORKLOADS)
    others = [other for each in behind for other in services_of(each, graph)]
    if any(known(other.get("spec.clusterIP")) == "None" for other in others):
        return True
    return all(_is_alone(each, graph) or _meshed(each, graph) for each in behind)


def _is_alone(resource: Resource, graph: Graph) -> bool:
    """Whether there is one pod, said in so many words."""
    return number(known(resource.get("spec.replicas"))) in (0, 1) and not autoscalers(resource, graph)


def _pinned(resource: Resource, context: Context) -> Iterator[Problem]:
    if known(resource.get("spec.type", "ClusterIP")) != "ClusterIP" or known(resource.get("spec.clusterIP")) == "None":
        return
    if any(port_says_grpc(port) for _, port in service_ports(resource)) and not _is_balanced(resource, context.graph):
        yield Problem("spec.clusterIP", "is one address: each connection sticks to one pod, with all its calls")


def _scaled(replicas: int) -> Mapping[str, Any]:
    whole = workload()
    return {
        **whole,
        "properties": {**whole["properties"], "spec": {**whole["properties"]["spec"], "replicas": replicas}},
    }


def _namespace(**labels: str) -> Mapping[str, Any]:
    given = {key.replace("_", "-"): value for key, value in labels.items()}
    return {"type": "kubernetes:core/v1:Namespace", "properties": {"metadata": {"name": "shop", "labels": given}}}


_HEADLESS: Final = service(clusterIP="None")
_ALONE: Final = {"service": GRPC_SERVICE, "orders": _scaled(3), "space": _namespace()}
K8S007: Final = Rule(
    id="K8S007",
    title="gRPC inside the cluster is balanced by calls",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(SERVICE,),
    check=_pinned,
    stack=True,
    why=(
        "kube-proxy balances connections, and gRPC keeps one for all its calls: new pods stay idle. A load balancer, "
        "VPC Lattice or a mesh balances calls; so does a client that sees every pod. Only namespaces of the program "
        "are judged: another's may belong to a mesh."
    ),
    remedy="Set clusterIP to None and let clients use round_robin, or put VPC Lattice or a mesh before it.",
    source=f"{_SERVICE_PAGE}, Headless Services; grpc.io, Custom Load Balancing Policies; grpc/grpc-node#2455",
    bad=(
        Example("nothing before it", _ALONE, about=("service",)),
        Example("a StatefulSet", {**_ALONE, "orders": workload("StatefulSet")}, about=("service",)),
        Example(
            "by the port's name alone",
            {**_ALONE, "service": service_port(appProtocol=None, name="grpc-orders")},
            about=("service",),
        ),
    ),
    good=(
        Example("headless", {**_ALONE, "service": _HEADLESS}),
        Example("a headless one beside it", {**_ALONE, "headless": _HEADLESS}),
        Example("bound to a target group", {**edge(), "space": _namespace()}),
        Example("one pod", {**_ALONE, "orders": _scaled(1)}),
        Example("a mesh", {**_ALONE, "space": _namespace(istio_injection="enabled")}),
        Example("HTTP", {**_ALONE, "service": service_port(name="http", appProtocol="http")}),
        Example("pods of someone else", {**_ALONE, "service": service(selector={"app": "theirs"})}),
        Example("a namespace of someone else", {"service": GRPC_SERVICE, "orders": _scaled(3)}),
    ),
)


def _same_type(resource: Resource, context: Context) -> Iterator[Problem]:
    given = resource.get("spec.targetType")
    group = context.graph.referred(resource, "spec.targetGroupARN", TARGET_GROUP)
    if group is not None and given is not None and known(given) != known(group.get("targetType", "instance")):
        own = "instance" if group.get("targetType") is None else group.shown("targetType")
        shown = resource.shown("spec.targetType")
        yield Problem("spec.targetType", f"is {shown}, and the target group {group.name} takes {own}")
    family = known(resource.get("spec.ipAddressType"))
    theirs = known(group.get("ipAddressType", "ipv4")) if group is not None else None
    if family is not None and group is not None and family != theirs:
        yield Problem("spec.ipAddressType", f"is {family}, and the target group {group.name} takes {theirs}")


def _typed(kind: str | None, family: str | None = None) -> Mapping[str, Any]:
    whole = bound()
    spec = {**whole["properties"]["spec"], "targetType": kind, "ipAddressType": family}
    return {**whole, "properties": {**whole["properties"], "spec": {k: v for k, v in spec.items() if v is not None}}}


K8S015: Final = Rule(
    id="K8S015",
    title="Bindings have the target type and the addresses of their target group",
    severity=HIGH,
    level=MANDATORY,
    kinds=(BINDING,),
    check=_same_type,
    stack=True,
    why="The controller then registers nodes where pods are wanted, or the other way round, and AWS refuses them all.",
    remedy="Set spec.targetType and spec.ipAddressType to the target group's, or leave them out.",
    source="AWS Load Balancer Controller, TargetGroupBinding",
    bad=(
        Example("nodes for pods", edge(binding=_typed("instance")), about=("binding",)),
        Example(
            "addresses of another family",
            edge(group=target_group(protocolVersion="GRPC", ipAddressType="ipv6"), binding=_typed("ip", "ipv4")),
            about=("binding",),
        ),
        Example(
            "pods for the default, nodes",
            edge(group=target_group(protocolVersion="GRPC", targetType=None)),
            about=("binding",),
        ),
    ),
    good=(Example("pods", edge()), Example("nothing said", edge(binding=_typed(None)))),
)


def _declared(resource: Resource) -> Iterator[tuple[str, str]]:
    """Name and number of every port that a workload's containers declare, or are asked at by gRPC probes."""
    yield from declared(resource)
    for container in containers(resource):
        yield from (("grpc", asked) for asked in asks_grpc(container))


def _targets(resource: Resource, graph: Graph) -> set[str]:
    """What the ports of the Services of a workload lead to, by number or name."""
    owners = services_of(resource, graph)
    return {str(target_of(port)) for each in owners for _, port in service_ports(each)}


def _resolved(resource: Resource, context: Context) -> Iterator[Problem]:
    """A number that nobody declares is legal, so it counts only where the declared gRPC port is led to by no one."""
    graph = context.graph
    behind = {each.urn: list(_declared(each)) for each in graph.selected(resource, *WORKLOADS)}
    for path, port in service_ports(resource):
        target = str(target_of(port))
        if not behind or any(target in pair for found in behind.values() for pair in found):
            continue
        if number(target) is None:
            yield Problem(f"{path}.targetPort", f"no container behind it has a port named {_shown(resource, path)}")
        elif port_says_grpc(port):
            for each in graph.selected(resource, *WORKLOADS):
                own = {part for name, value in behind[each.urn] if is_grpc_name(name) for part in (name, value)}
                if own and not own & _targets(each, graph):
                    told = f"leads to {_shown(resource, path)}, and none to the gRPC port that {each.name} declares"
                    yield Problem(f"{path}.targetPort", told)


def _shown(resource: Resource, path: str) -> str:
    key = "port" if resource.get(f"{path}.targetPort") is None else "targetPort"
    return resource.shown(f"{path}.{key}")


_SIDECAR: Final = {
    "name": "proxy",
    "image": "ghcr.io/acme/proxy:1",
    "ports": [{"name": "proxy", "containerPort": 9000}],
}
K8S021: Final = Rule(
    id="K8S021",
    title="Ports of Services lead to ports of their pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(SERVICE,),
    check=_resolved,
    stack=True,
    why="A name that no container has leads nowhere, and the Kubernetes Service has no endpoints for the port.",
    remedy="Correct targetPort, or declare the port in the container.",
    source=f"{_SERVICE_PAGE}, Port definitions",
    bad=(
        Example("another name", {"service": service_port(targetPort="h2c"), "orders": workload()}, about=("service",)),
        Example(
            "a name, for HTTP",
            {"service": service_port(name="http", appProtocol="http", targetPort="http"), "orders": workload()},
            about=("service",),
        ),
        Example(
            "another number, the gRPC port left over",
            {"service": service_port(targetPort=50052), "orders": workload("DaemonSet")},
            about=("service",),
        ),
        Example(
            "the number of the Service",
            {"service": service_port(targetPort=None, port=443), "orders": workload()},
            about=("service",),
        ),
    ),
    good=(
        Example("a number", {"service": GRPC_SERVICE, "orders": workload()}),
        Example("a number as text", {"service": service_port(targetPort="50051"), "orders": workload()}),
        Example("a name", {"service": service_port(targetPort="grpc"), "orders": workload()}),
        Example(
            "a sidecar's", {"service": service_port(targetPort="proxy"), "orders": workload("Deployment", _SIDECAR)}
        ),
        Example(
            "a number that nobody declares",
            {
                "service": GRPC_SERVICE,
                "orders": workload(ports=None, readinessProbe={"tcpSocket": {"port": 50051}}, livenessProbe=None),
            },
        ),
        Example(
            "a second one beside the declared",
            {"service": GRPC_SERVICE, "admin": service_port(name="grpc-admin", targetPort=50052), "orders": workload()},
        ),
        Example("pods of someone else", {"service": service(selector={"app": "theirs"})}),
    ),
)


RULES: Final = (K8S007, K8S015, K8S021)
