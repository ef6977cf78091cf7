"""Which Services bindings, Ingresses and routes lead to, and what leads to a Service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import is_unknown, known
from policies.rules.documents import parsed
from policies.rules.ingresses import notes
from policies.rules.intent import service_ports
from policies.rules.tokens import BINDING, INGRESS, ROUTES, SERVICE, TARGET_GROUP


class Reference(NamedTuple):
    """Where an object names a Service. service: None where it is none of the program's. port: a number or name."""

    path: str
    name: str
    service: Resource | None
    port: Any


def references(resource: Resource, graph: Graph) -> Iterator[Reference]:
    """The Services that a TargetGroupBinding, Ingress or route leads to."""
    if resource.kind == BINDING:
        yield _reference(resource, graph, "spec.serviceRef", known(resource.get("spec.serviceRef.port")))
    elif resource.kind == INGRESS:
        yield from _of_ingress(resource, graph)
    else:
        for path, reference in backend_refs(resource):
            if (known(reference.get("kind")) or "Service") == "Service" and not known(reference.get("group")):
                yield _reference(resource, graph, path, known(reference.get("port")))


def backend_refs(route: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the rules of a route lead to, Services or others, each with its path."""
    for rule_path, rule in route.items("spec.rules"):
        for place, reference in enumerate(known(known(rule).get("backendRefs")) or ()):
            yield f"{rule_path}.backendRefs[{place}]", known(reference)


def referrers(service: Resource, graph: Graph, *kinds: str) -> list[Resource]:
    """The objects of some kinds that lead to a Service, by default of all."""
    return graph.leading(service, services_behind, *(kinds or (BINDING, INGRESS, *ROUTES)))


def services_behind(resource: Resource, graph: Graph) -> Iterable[Resource]:
    """The program's Services that an object leads to."""
    return [each.service for each in references(resource, graph) if each.service is not None]


def bound_groups(service: Resource, graph: Graph) -> Iterator[tuple[Resource, Mapping[str, Any]]]:
    """The program's target groups that a Service is bound to, each with the Service's port."""
    for each in referrers(service, graph, BINDING):
        group = graph.referred(each, "spec.targetGroupARN", TARGET_GROUP)
        port = port_of(service, known(each.get("spec.serviceRef.port")))
        if group is not None and port is not None:
            yield group, port


def port_of(service: Resource, wanted: Any) -> Mapping[str, Any] | None:
    """The port of a Service by number or name."""
    for _, port in service_ports(service):
        if wanted is not None and str(wanted) in (str(known(port.get("port"))), str(known(port.get("name")))):
            return port
    return None


def ingress_backends(ingress: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The Services, or actions, that an Ingress names, each with its path."""
    default = known(known(ingress.get("spec.defaultBackend") or {}).get("service"))
    if default:
        yield "spec.defaultBackend.service", default
    for rule_path, rule in ingress.items("spec.rules"):
        for place, path in enumerate(known((known(known(rule).get("http")) or {}).get("paths")) or ()):
            service = known((known(known(path).get("backend")) or {}).get("service"))
            if service:
                yield f"{rule_path}.http.paths[{place}].backend.service", service


def is_action(backend: Mapping[str, Any]) -> bool:
    """Whether a backend of an Ingress stands for an action in an annotation, and for no Service."""
    return bool(known((known(backend.get("port")) or {}).get("name")) == "use-annotation")


def _of_ingress(ingress: Resource, graph: Graph) -> Iterator[Reference]:
    for path, backend in ingress_backends(ingress):
        if not is_action(backend):
            port = known(backend.get("port")) or {}
            yield _reference(ingress, graph, path, known(port.get("number")) or known(port.get("name")))
    for key, text in notes(ingress).items():
        if key.startswith("actions."):
            for name, port in _forwards(known(text)):
                service = graph.named(graph.namespace_of(ingress), name, SERVICE)
                yield Reference("metadata.annotations", name, service, port)


def _forwards(text: str) -> Iterator[tuple[str, Any]]:
    """The Services and ports that the action of an annotation forwards to; none of one that is no JSON."""
    try:
        action = parsed(text)
    except ValueError:
        return
    forward = action.get("forwardConfig") if isinstance(action, dict) else None
    groups = forward.get("targetGroups") if isinstance(forward, dict) else None
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict) and group.get("serviceName"):
            yield str(group["serviceName"]), group.get("servicePort")


def _reference(near: Resource, graph: Graph, path: str, port: Any) -> Reference:
    name = near.get(f"{path}.name")
    if is_unknown(name):
        service = graph.object(near, f"{path}.name", SERVICE)
        return Reference(path, service.name if service is not None else "", service, port)
    found = graph.named(graph.namespace_at(near, f"{path}.namespace"), str(name), SERVICE)
    return Reference(path, str(name), found, port)
