"""Gateways that routes are attached to, and who makes something of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, is_unknown, known
from policies.rules.tokens import GATEWAY

GATEWAY_CLASS: Final = "gateway.networking.k8s.io:GatewayClass"
ALB: Final = "gateway.k8s.aws/alb"
LATTICE: Final = "application-networking.k8s.aws/gateway-api-controller"
# The one class whose name the controller itself prescribes.
_LATTICE_CLASS: Final = "amazon-vpc-lattice"


def parents(route: Resource, graph: Graph) -> Iterator[Resource]:
    """The Gateways of the program that a route is attached to."""
    for path, reference in route.items("spec.parentRefs"):
        if known(known(reference).get("kind", "Gateway")) != "Gateway":
            continue
        name, space = route.get(f"{path}.name"), route.get(f"{path}.namespace")
        if is_unknown(name):
            made = graph.made_of(route, "spec", GATEWAY)
            if len(made) != 1:
                raise UnknownValueError(f"{route.name}: {path}.name")
            yield made[0]
            continue
        place = graph.namespace_of(route) if space is None else str(space)
        found = graph.named(place, str(name), GATEWAY)
        if found is not None:
            yield found


def controller(gateway: Resource, graph: Graph) -> str:
    """The controller of a Gateway's class, "" where the class is none of the program's."""
    name = known(gateway.get("spec.gatewayClassName"))
    if name == _LATTICE_CLASS:
        return LATTICE
    for each in graph.of(GATEWAY_CLASS):
        if known(each.get("metadata.name")) == name:
            return str(known(each.get("spec.controllerName")))
    return ""
