"""K8S014, K8S020: what routes and Ingresses lead to, and how its target groups are set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc
from policies.rules.gateways import ALB, LATTICE, attachments
from policies.rules.ingresses import notes, target_type
from policies.rules.intent import target_of
from policies.rules.presence import is_filled, is_made_here
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.references import (
    Reference,
    ingress_backends,
    is_action,
    port_of,
    references,
    referrers,
)
from policies.rules.routes import gateway, route
from policies.rules.tokens import GATEWAY_CLASS, GRPC_ROUTE, HTTP_ROUTE, INGRESS, SERVICE

CONFIGURATION: Final = "gateway.k8s.aws:TargetGroupConfiguration"
BALANCER_CONFIGURATION: Final = "gateway.k8s.aws:LoadBalancerConfiguration"
POLICY: Final = "application-networking.k8s.aws:TargetGroupPolicy"
_CONFIGURATION_PAGE: Final = "AWS Load Balancer Controller, TargetGroupConfiguration"
_POLICY_PAGE: Final = "AWS Gateway API Controller, TargetGroupPolicy API Reference"


def _grpc_route(service: Resource, graph: Graph, maker: str) -> Resource | None:
    """A GRPCRoute that leads to a Service from a Gateway of one controller."""
    for each in referrers(service, graph, GRPC_ROUTE):
        if any(True for _ in attachments(each, graph, maker)):
            return each
    return None


def _about_service(resource: Resource, graph: Graph) -> list[Resource]:
    """The Service that a TargetGroupConfiguration is about, for `Graph.leading`."""
    service = graph.object(resource, "spec.targetReference.name", SERVICE)
    return [service] if service is not None else []


def _has_defaults(gateway: Resource, graph: Graph) -> bool:
    """Whether a Gateway or its class may name a TargetGroupConfiguration for whatever has none."""
    name = known(gateway.get("spec.gatewayClassName"))
    made = [each for each in graph.of(GATEWAY_CLASS) if known(each.get("metadata.name")) == name]
    if not made:
        return True
    for owner, path in ((gateway, "spec.infrastructure.parametersRef"), (made[0], "spec.parametersRef")):
        if known(owner.get(path)) is not None:
            space = graph.namespace_at(owner, f"{path}.namespace")
            found = graph.named(space, str(known(owner.get(f"{path}.name"))), BALANCER_CONFIGURATION)
            if found is None or found.get("spec.defaultTargetGroupConfiguration") is not None:
                return True
    return False


def _unconfigured(route: Resource, graph: Graph) -> Iterator[Problem]:
    parents = list(attachments(route, graph, ALB))
    if not parents or any(_has_defaults(each.gateway, graph) for each in parents):
        return
    for each in references(route, graph):
        if each.service is not None and not graph.leading(each.service, _about_service, CONFIGURATION):
            yield Problem(
                each.path,
                f"no TargetGroupConfiguration is about {each.service.name}: calls go to nodes, and UNIMPLEMENTED "
                "counts as healthy",
            )


def _target_groups(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if resource.kind == GRPC_ROUTE:
        yield from _unconfigured(resource, graph)
        return
    if resource.kind == CONFIGURATION:
        if known(resource.get("spec.targetReference.kind", "Service")) != "Service":
            return
        service = graph.object(resource, "spec.targetReference.name", SERVICE)
        led = _grpc_route(service, graph, ALB) if service is not None else None
        if led is not None:
            yield from _configured(resource, led, graph)
        return
    service = graph.object(resource, "spec.targetRef.name", SERVICE)
    led = _grpc_route(service, graph, LATTICE) if service is not None else None
    if service is not None and led is not None:
        yield from _checked(resource, service, led, graph)


def _configured(resource: Resource, led: Resource, graph: Graph) -> Iterator[Problem]:
    """What holds for a GRPCRoute: its own part of a TargetGroupConfiguration, and the default for what that leaves."""
    places = ["spec.defaultConfiguration"]
    for path, given in resource.items("spec.routeConfigurations"):
        if _is_about(known(known(given).get("routeIdentifier")) or {}, led, graph):
            places.insert(0, f"{path}.targetGroupProps")

    def place(key: str) -> str:
        return next((f"{each}.{key}" for each in places if resource.get(f"{each}.{key}") is not None), "")

    version, kind, health = place("protocolVersion"), place("targetType"), place("healthCheckConfig")
    if version and known(resource.get(version)) != "GRPC":
        yield Problem(version, f"must be GRPC, as {led.name} is a GRPCRoute; received {resource.shown(version)}")
    if (known(resource.get(kind)) if kind else target_type(led, graph)) != "ip":
        where = kind or f"{places[-1]}.targetType"
        yield Problem(where, f"must be ip; received {resource.shown(where)}")
    health = health or f"{places[-1]}.healthCheckConfig"
    asked, codes = resource.get(f"{health}.healthCheckPath"), resource.get(f"{health}.matcher.grpcCode")
    if asked is None or not grpc.METHOD.fullmatch(str(known(asked))):
        shown = resource.shown(f"{health}.healthCheckPath")
        yield Problem(f"{health}.healthCheckPath", f"must be a method such as {grpc.HEALTH_CHECK}; received {shown}")
    if resource.get(f"{health}.matcher.httpCode") is not None:
        yield Problem(f"{health}.matcher.httpCode", "gRPC has codes of its own: give grpcCode")
    elif codes is None or set(grpc.codes(known(codes))) != {0}:
        shown = resource.shown(f"{health}.matcher.grpcCode")
        yield Problem(f"{health}.matcher.grpcCode", f'must be "0"; received {shown}, and the default is 12')


def _is_about(identifier: Mapping[str, Any], led: Resource, graph: Graph) -> bool:
    """Whether a part of a TargetGroupConfiguration is a GRPCRoute's: what it leaves out is true of all."""
    wanted = {key: known(identifier.get(key)) for key in ("kind", "namespace", "name")}
    own = {"kind": "GRPCRoute", "namespace": graph.namespace_of(led).name, "name": known(led.get("metadata.name"))}
    return wanted["kind"] == "GRPCRoute" and all(value in (None, own[key]) for key, value in wanted.items())


def _checked(resource: Resource, service: Resource, led: Resource, graph: Graph) -> Iterator[Problem]:
    """VPC Lattice asks in HTTP alone, so never a port that gRPC calls go to."""
    if known(resource.get("spec.protocol")) == "TCP":
        yield Problem("spec.protocol", f"must be HTTP or HTTPS, as {led.name} is a GRPCRoute")
    enabled = resource.get("spec.healthCheck.enabled")
    if enabled is None or not flag(known(enabled), default=False):
        return
    asked = known(resource.get("spec.healthCheck.port"))
    taken = {str(_target(each)) for each in references(led, graph) if each.service is service}
    if asked is None or str(asked) in taken:
        yield Problem("spec.healthCheck.port", "must be another port than the calls', one that speaks HTTP")
    codes = resource.get("spec.healthCheck.statusMatch")
    if codes is not None and max(grpc.codes(known(codes)), default=200) < 100:
        where = "spec.healthCheck.statusMatch"
        yield Problem(where, f"must be HTTP codes such as 200; received {resource.shown(where)}")


def _target(reference: Reference) -> Any:
    port = port_of(reference.service, reference.port) if reference.service is not None else None
    return target_of(port) if port is not None else None


def _led(maker: str, kind: str, **spec: Any) -> Mapping[str, Mapping[str, Any]]:
    """A GRPCRoute, its Service, and what says how their target group is set up."""
    group, _, name = kind.rpartition(":")
    reference = "targetReference" if name == "TargetGroupConfiguration" else "targetRef"
    whole = {reference: {"name": "orders"}, **spec}
    properties = {"metadata": {"name": "orders", "namespace": "shop"}, "spec": whole}
    return {
        **gateway(maker),
        "route": route(),
        "service": GRPC_SERVICE,
        "groups": {"type": f"kubernetes:{group}:{name}", "properties": properties},
    }


_HEALTH: Final = {"healthCheckPath": grpc.HEALTH_CHECK, "matcher": {"grpcCode": "0"}}
_TARGETS: Final = {"targetType": "ip", "protocolVersion": "GRPC", "healthCheckConfig": _HEALTH}


def _configuration(*parts: Mapping[str, Any], **more: Any) -> Mapping[str, Mapping[str, Any]]:
    default = {key: value for key, value in {**_TARGETS, **more}.items() if value is not None}
    spec: dict[str, Any] = {"defaultConfiguration": default}
    if parts:
        spec["routeConfigurations"] = list(parts)
    return _led(ALB, "gateway.k8s.aws/v1:TargetGroupConfiguration", **spec)


def _defaulted() -> Mapping[str, Mapping[str, Any]]:
    """A GRPCRoute on a Gateway that names what all its target groups are like."""
    whole = gateway(ALB)
    spec = whole["gateway"]["properties"]["spec"]
    reference = {"group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration", "name": "edge"}
    properties = {**whole["gateway"]["properties"], "spec": {**spec, "infrastructure": {"parametersRef": reference}}}
    configuration = {
        "metadata": {"name": "edge", "namespace": "shop"},
        "spec": {"defaultTargetGroupConfiguration": {"name": "grpc"}},
    }
    return {
        **whole,
        "gateway": {**whole["gateway"], "properties": properties},
        "edge": {"type": "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration", "properties": configuration},
        "route": route(),
        "service": GRPC_SERVICE,
    }


def _lattice_policy(**health: Any) -> Mapping[str, Mapping[str, Any]]:
    kind = "application-networking.k8s.aws/v1alpha1:TargetGroupPolicy"
    return _led(LATTICE, kind, protocol="HTTP", healthCheck=health)


def _about(title: str, resources: Mapping[str, Mapping[str, Any]]) -> Example:
    return Example(title, resources, about=("groups",))


_OF_ROUTE: Final = {"routeIdentifier": {"kind": "GRPCRoute", "name": "orders"}, "targetGroupProps": _TARGETS}
K8S014: Final = Rule(
    id="K8S014",
    title="Target groups behind GRPCRoutes are set up for gRPC",
    severity=HIGH,
    level=MANDATORY,
    kinds=(CONFIGURATION, POLICY, GRPC_ROUTE),
    check=_target_groups,
    stack=True,
    why=(
        "A protocol version in a TargetGroupConfiguration outdoes the route, and the defaults send calls to nodes and "
        "take UNIMPLEMENTED for healthy. VPC Lattice asks in HTTP, which a port of gRPC never answers."
    ),
    remedy=(
        f"Set targetType to ip, protocolVersion to GRPC, healthCheckPath to {grpc.HEALTH_CHECK} and matcher.grpcCode "
        "to 0; in a TargetGroupPolicy turn the health check off, or give it a port that speaks HTTP."
    ),
    source=f"{_CONFIGURATION_PAGE}; {_POLICY_PAGE}; VPC Lattice user guide, Health checks for your target groups",
    bad=(
        _about("HTTP/2", _configuration(protocolVersion="HTTP2")),
        _about("codes of HTTP", _configuration(healthCheckConfig={**_HEALTH, "matcher": {"httpCode": "200"}})),
        _about("the default code", _configuration(healthCheckConfig={"healthCheckPath": grpc.HEALTH_CHECK})),
        _about("the default check", _configuration(healthCheckConfig=None)),
        _about("a path of HTTP", _configuration(healthCheckConfig={**_HEALTH, "healthCheckPath": "/healthz"})),
        _about("the default targets", _configuration(targetType=None)),
        _about(
            "HTTP/1.1 for the route alone",
            _configuration({**_OF_ROUTE, "targetGroupProps": {**_TARGETS, "protocolVersion": "HTTP1"}}),
        ),
        Example("none", {**gateway(ALB), "route": route(), "service": GRPC_SERVICE}, about=("route",)),
        _about("VPC Lattice asks the port of the calls", _lattice_policy(enabled=True, port=50051)),
        _about("VPC Lattice asks no port of its own", _lattice_policy(enabled=True, protocolVersion="HTTP1")),
        _about("VPC Lattice expects a code of gRPC", _lattice_policy(enabled=True, port=8080, statusMatch="0")),
    ),
    good=(
        Example("everything said", _configuration()),
        Example("the version by the route", _configuration(protocolVersion=None)),
        Example("HTTP by default, the route's own beside", _configuration(_OF_ROUTE, protocolVersion="HTTP1")),
        Example("one for all of the Gateway", _defaulted()),
        Example("VPC Lattice asks nothing", _lattice_policy(enabled=False)),
        Example("VPC Lattice asks another port", _lattice_policy(enabled=True, port=8080, statusMatch="200")),
    ),
)


def _exist(resource: Resource, context: Context) -> Iterator[Problem]:
    """A Service outside the program is none that is missing.

    It is missing where the program makes the namespace, and neither a chart nor a patch in it may stand for the
    Service: whoever makes a namespace fills it. A namespace of someone else may hold the Service of someone else.
    """
    graph = context.graph
    for each in references(resource, graph):
        if each.service is not None:
            yield from _port_exists(resource, each)
        elif not _is_elsewhere(resource, each, graph):
            where = each.path if each.path == "metadata.annotations" else f"{each.path}.name"
            shown = "" if each.path == "metadata.annotations" else f" {resource.shown(where)}"
            yield Problem(where, f"there is no Kubernetes Service{shown} in the namespace, which this program makes")
    if resource.kind == INGRESS:
        given = notes(resource)
        for path, backend in ingress_backends(resource):
            if is_action(backend) and f"actions.{known(backend.get('name'))}" not in given:
                yield Problem(f"{path}.name", f"no annotation is the action {resource.shown(f'{path}.name')}")


def _port_exists(resource: Resource, reference: Reference) -> Iterator[Problem]:
    service = reference.service
    if service is None or known(service.get("spec.type")) == "ExternalName":
        return
    if port_of(service, reference.port) is None:
        where = f"{reference.path}.port" if reference.path != "metadata.annotations" else reference.path
        yield Problem(where, f"the Kubernetes Service {service.name} has no such port")


def _is_elsewhere(resource: Resource, reference: Reference, graph: Graph) -> bool:
    """Whether a Service that the program does not name may be there all the same."""
    space = (
        graph.namespace_of(resource)
        if reference.path == "metadata.annotations"
        else graph.namespace_at(resource, f"{reference.path}.namespace")
    )
    made = list(graph.inside(space, SERVICE))
    if not is_made_here(space, graph) or is_filled(space, graph) or all(each.patch for each in made):
        return True  # where the program makes no Service at all, somebody else does
    return any(known(each.get("metadata.name")) == reference.name for each in made if each.patch)


_SPACE: Final = {
    "space": {"type": "kubernetes:core/v1:Namespace", "properties": {"metadata": {"name": "shop"}}},
    "service": GRPC_SERVICE,
}


def _to(name: str = "orders", port: Any = 50051, kind: str = "GRPCRoute") -> Mapping[str, Mapping[str, Any]]:
    led = route({"backendRefs": [{"name": name, "port": port}]}, kind=kind)
    return {**_SPACE, "route": led}


def _ingress(backend: Mapping[str, Any], **annotations: str) -> Mapping[str, Mapping[str, Any]]:
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": backend}}]
    given = {f"alb.ingress.kubernetes.io/actions.{key}": value for key, value in annotations.items()}
    properties = {
        "metadata": {"name": "orders", "namespace": "shop", "annotations": given},
        "spec": {"ingressClassName": "alb", "rules": [{"host": "a.example.com", "http": {"paths": paths}}]},
    }
    return {**_SPACE, "ingress": {"type": "kubernetes:networking.k8s.io/v1:Ingress", "properties": properties}}


def _forward(service: str) -> str:
    group = f'{{"serviceName": "{service}", "servicePort": 50051, "weight": 100}}'
    return f'{{"type": "forward", "forwardConfig": {{"targetGroups": [{group}]}}}}'


_ACTION: Final = {"name": "split", "port": {"name": "use-annotation"}}
K8S020: Final = Rule(
    id="K8S020",
    title="What routes and Ingresses lead to is there",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS, GRPC_ROUTE, HTTP_ROUTE),
    check=_exist,
    stack=True,
    why=(
        "The route is accepted, and its calls end with an error or at nobody; a controller may stop at it with all "
        "else that it has to do. Services are missed in namespaces alone that the program makes."
    ),
    remedy="Correct the name or port, or make the Kubernetes Service.",
    source="Gateway API, GRPCRoute, BackendRefs; AWS Load Balancer Controller, Ingress annotations, actions",
    bad=(
        Example("another name", _to("order"), about=("route",)),
        Example("another port", _to(port=8080), about=("route",)),
        Example("another port, HTTP", _to(port=8080, kind="HTTPRoute"), about=("route",)),
        Example("an Ingress", _ingress({"name": "order", "port": {"number": 50051}}), about=("ingress",)),
        Example("a port by name", _ingress({"name": "orders", "port": {"name": "http"}}), about=("ingress",)),
        Example("an action that is not there", _ingress(_ACTION), about=("ingress",)),
        Example("in an action", _ingress(_ACTION, split=_forward("order")), about=("ingress",)),
    ),
    good=(
        Example("a route", _to()),
        Example("an Ingress", _ingress({"name": "orders", "port": {"name": "grpc"}})),
        Example("an action", _ingress(_ACTION, split=_forward("orders"))),
        Example("a namespace of someone else", {"route": route(), "other": _to(kind="HTTPRoute")["route"]}),
        Example(
            "files beside it",
            {**_to("order"), "files": {"type": "kubernetes:yaml/v2:ConfigGroup", "properties": {"files": ["a.yaml"]}}},
        ),
        Example(
            "a chart beside it",
            {
                **_to("order"),
                "chart": {
                    "type": "kubernetes:helm.sh/v3:Release",
                    "properties": {"chart": "order", "namespace": "shop"},
                },
            },
        ),
    ),
)

RULES: Final = (K8S014, K8S020)
