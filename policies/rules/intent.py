"""Which containers and Services are meant to speak gRPC, by what they say themselves and who leads to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, known
from policies.rules.tokens import SERVICE, WORKLOADS

PROBES: Final = ("readinessProbe", "livenessProbe", "startupProbe")
# What Services say of a port that speaks HTTP/2 without TLS, and what people say though it has no meaning.
_APP_PROTOCOLS: Final = frozenset({"kubernetes.io/h2c", "grpc"})
_CONTAINERS: Final = "spec.template.spec.containers"


class Container(NamedTuple):
    """A container of a workload and its path."""

    path: str
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, for messages."""
        return str(known(self.spec.get("name", "")))


def containers(workload: Resource) -> Iterator[Container]:
    """The containers of a workload's pods. Raises UnknownValueError when they are not known."""
    for path, spec in workload.items(_CONTAINERS):
        yield Container(path, known(spec))


def ports(container: Container) -> list[Mapping[str, Any]]:
    """The declared ports of a container."""
    return [known(each) for each in known(container.spec.get("ports")) or ()]


def declared(workload: Resource) -> Iterator[tuple[str, str]]:
    """Name and number of every port that the containers of a workload declare, sidecars among the first ones too."""
    places = [each.spec for each in containers(workload)]
    places += [known(each) for _, each in workload.items("spec.template.spec.initContainers")]
    for spec in places:
        for each in known(spec.get("ports")) or ():
            yield str(known(known(each).get("name")) or ""), str(known(known(each).get("containerPort")))


def says_grpc(container: Container) -> bool:
    """Whether a container's own probes or port names say gRPC."""
    if any("grpc" in (known(container.spec.get(probe)) or {}) for probe in PROBES):
        return True
    return any(is_grpc_name(known(port.get("name"))) for port in ports(container))


def asks_grpc(container: Container) -> list[str]:
    """The ports, as text, that a container's own gRPC probes ask."""
    probes = [known((known(container.spec.get(probe)) or {}).get("grpc")) for probe in PROBES]
    return [str(known(each.get("port"))) for each in probes if each]


def says_grpc_on(container: Container, port: Mapping[str, Any]) -> bool:
    """Whether a container's name or probes of the very port that a port of a Service leads to say gRPC.

    A container may speak HTTP on one port and gRPC on another.
    """
    target = str(target_of(port))
    for each in ports(container):
        names = (str(known(each.get("name")) or ""), str(known(each.get("containerPort"))))
        if target in names:
            return is_grpc_name(names[0]) or names[1] in asks_grpc(container)
    return False


def is_grpc_name(name: Any) -> bool:
    """Whether a port's name says gRPC: `grpc`, `grpc-orders`, not `grpc-web`."""
    text = str(name or "").lower()
    return (text == "grpc" or text.startswith("grpc-")) and not text.startswith("grpc-web")


def service_ports(service: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The ports of a Service, each with its path."""
    for path, port in service.items("spec.ports"):
        yield path, known(port)


def port_says_grpc(port: Mapping[str, Any]) -> bool:
    """Whether a port of a Service says gRPC."""
    return known(port.get("appProtocol")) in _APP_PROTOCOLS or is_grpc_name(known(port.get("name")))


def services_of(workload: Resource, graph: Graph) -> list[Resource]:
    """The Services that select a workload's pods."""
    return graph.selecting(workload, SERVICE, *WORKLOADS)


def target_of(port: Mapping[str, Any]) -> Any:
    """What a port of a Service leads to: a number, or the name of a container's port."""
    return known(port.get("targetPort")) or known(port.get("port"))


def asked(workload: Resource) -> list[str]:
    """The gRPC services that the readiness probes of a workload ask for, each once."""
    found = {}
    for container in containers(workload):
        given = known((known(container.spec.get("readinessProbe")) or {}).get("grpc")) or {}
        found[str(known(given.get("service")) or "")] = True
    return [name for name in found if name]


def askers(graph: Graph) -> tuple[dict[str, list[Resource]], list[tuple[Resource, str]]]:
    """The workloads by the gRPC services that their probes ask for, and those of which that is not known, with why."""
    found: dict[str, list[Resource]] = {}
    blind: list[tuple[Resource, str]] = []
    for each in graph.of(*WORKLOADS):
        try:
            for name in asked(each):
                found.setdefault(name, []).append(each)
        except UnknownValueError as unknown:
            blind.append((each, unknown.path))
    return found, blind


def reached(workload: Resource, port: Mapping[str, Any]) -> Container | None:
    """The container that a port of a Service leads to."""
    target = target_of(port)
    for container in containers(workload):
        for each in ports(container):
            if target in (known(each.get("containerPort")), known(each.get("name"))) or str(target) == str(
                each.get("containerPort")
            ):
                return container
    return None


def grpc_containers(workload: Resource, graph: Graph) -> list[Container]:
    """The containers that speak gRPC, by themselves or by a Service that leads to them."""
    return graph.remembered(_grpc_containers, workload)


def _grpc_containers(workload: Resource, graph: Graph) -> list[Container]:
    found = {each.path: each for each in containers(workload) if says_grpc(each)}
    for service in services_of(workload, graph):
        for _, port in service_ports(service):
            if port_says_grpc(port):
                container = reached(workload, port)
                if container is not None:
                    found[container.path] = container
    return [found[path] for path in sorted(found)]
