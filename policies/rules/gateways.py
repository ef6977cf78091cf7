"""Gateways, who makes them into what, and the routes on their listeners (Gateway API)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import is_unknown, known
from policies.rules.tokens import GATEWAY, GATEWAY_CLASS

# Controllers, as a GatewayClass names them.
ALB: Final = "gateway.k8s.aws/alb"
LATTICE: Final = "application-networking.k8s.aws/gateway-api-controller"
_API: Final = "gateway.networking.k8s.io"
# The class that its controller's documentation makes everyone use, and the group of what is the other controller's own.
_LATTICE_CLASS: Final = "amazon-vpc-lattice"
_ALB_GROUP: Final = "gateway.k8s.aws"


class Attachment(NamedTuple):
    """A parent of a route. path: of its `parentRefs` entry. listeners: those that the entry is about."""

    path: str
    gateway: Resource
    section: str | None
    listeners: tuple[Mapping[str, Any], ...]

    @property
    def protocols(self) -> set[str]:
        """What its listeners speak."""
        return {str(known(each.get("protocol"))) for each in self.listeners}


def controller(gateway: Resource, graph: Graph) -> str:
    """Who makes something of a Gateway, "" where the program does not tell."""
    name = known(gateway.get("spec.gatewayClassName"))
    for each in graph.beside(gateway, GATEWAY_CLASS):
        if known(each.get("metadata.name")) == name:
            return str(known(each.get("spec.controllerName")))
    if name == _LATTICE_CLASS:
        return LATTICE
    group = known(gateway.get("spec.infrastructure.parametersRef.group"))
    return ALB if group == _ALB_GROUP else ""


def attachments(route: Resource, graph: Graph, *controllers: str) -> Iterator[Attachment]:
    """The Gateways of the program that a route hangs on and that one of some controllers makes something of."""
    for path, given in route.items("spec.parentRefs"):
        reference = known(given)
        of_api = (known(reference.get("group")) or _API) == _API
        if not of_api or (known(reference.get("kind")) or "Gateway") != "Gateway":
            continue
        gateway = _gateway(route, graph, path)
        if gateway is not None and controller(gateway, graph) in controllers:
            section = known(reference.get("sectionName"))
            wanted = {"name": section, "port": known(reference.get("port"))}
            listeners = tuple(each for each in listeners_of(gateway) if _is_meant(each, wanted))
            yield Attachment(path, gateway, section, listeners)


def parents(route: Resource, graph: Graph) -> Iterator[Resource]:
    """The Gateways of the program that a route hangs on, whoever makes something of them."""
    for path, reference in route.items("spec.parentRefs"):
        if (known(known(reference).get("kind")) or "Gateway") == "Gateway":
            found = _gateway(route, graph, path)
            if found is not None:
                yield found


def listeners_of(gateway: Resource) -> list[Mapping[str, Any]]:
    """The listeners of a Gateway."""
    return [known(each) for _, each in gateway.items("spec.listeners")]


def gateways_of(route: Resource, graph: Graph) -> Iterable[Resource]:
    """The load balancers' Gateways of a route, for `Graph.leading`."""
    return [each.gateway for each in attachments(route, graph, ALB)]


def _is_meant(listener: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(value is None or known(listener.get(key)) == value for key, value in wanted.items())


def _gateway(route: Resource, graph: Graph, path: str) -> Resource | None:
    name = route.get(f"{path}.name")
    if is_unknown(name):
        return graph.object(route, f"{path}.name", GATEWAY)
    return graph.named(graph.namespace_at(route, f"{path}.namespace"), str(name), GATEWAY)
