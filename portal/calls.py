"""How each workload of an environment is called: lines for a terminal, from its settings and the stack's outputs. Pure.

The edge routes neither reflection nor health checks: grpcurl needs the .proto file, and a health check goes to a pod.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from portal.form import SERVICES

_HEALTH: Final = "grpc.health.v1.Health"


@dataclass(frozen=True)
class Line:
    """One thing to try. what: in words. address: host and port, empty where it depends. command: for a shell."""

    what: str
    address: str
    command: str


@dataclass(frozen=True)
class Workload:
    """A workload as clients see it. runs: whether it has an image. exposed: by which ways, in words."""

    name: str
    protocol: str
    port: int
    runs: bool
    exposed: tuple[str, ...]
    services: tuple[str, ...]
    lines: tuple[Line, ...]


def workloads(settings: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> list[Workload]:
    """All of them, by name. settings: the `config` of the stack. outputs: of the stack, where there are some."""
    found = _map(settings.get(SERVICES))
    lattice = _map(_map(_map(outputs).get("lattice")).get("clients"))
    return [_workload(name, _map(found[name]), _map(lattice.get(name))) for name in sorted(found)]


def _workload(name: str, config: Mapping[str, Any], lattice: Mapping[str, Any]) -> Workload:
    expose = _map(config.get("expose"))
    ways = {
        "alb": "Application Load Balancer",
        "lattice": "VPC Lattice",
        "client_side": "pods, balanced by the client",
    }
    listed = config.get("grpc_services")
    services = tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    port = config.get("port")
    return Workload(
        name=name,
        protocol=str(config.get("protocol", "grpc")),
        port=port if isinstance(port, int) else 50051,
        runs=bool(config.get("image")),
        exposed=tuple(said for key, said in ways.items() if key in expose),
        services=services,
        lines=tuple(_lines(name, config, services, lattice)),
    )


def _lines(
    name: str, config: Mapping[str, Any], services: tuple[str, ...], lattice: Mapping[str, Any]
) -> Iterator[Line]:
    expose = _map(config.get("expose"))
    http = config.get("protocol") == "http"
    hosts = [("Through the load balancer", str(_map(expose.get("alb")).get("host") or ""))]
    hosts.append(("Through VPC Lattice", str(lattice.get("target") or lattice.get("url") or "")))
    for way, said in hosts:
        host = said.removeprefix("dns:///").removeprefix("https://").removesuffix(":443")
        if host and http:
            yield Line(way, f"{host}:443", f"curl {shlex.quote(f'https://{host}/')}")
        elif host:
            for service in services or ("package.Service",):
                yield Line(f"{way}: {service}", f"{host}:443", _grpcurl(f"{host}:443", service))
    if not http:
        yield from _health(name, config)


def _grpcurl(address: str, service: str) -> str:
    proto = f"{service.rpartition('.')[2].lower()}.proto"
    if service == _HEALTH:
        return f"grpcurl -proto health.proto {shlex.quote(address)} {_HEALTH}/Check"
    return f"grpcurl -proto {shlex.quote(proto)} -d '{{}}' {shlex.quote(address)} {shlex.quote(f'{service}/METHOD')}"


def _health(name: str, config: Mapping[str, Any]) -> Iterator[Line]:
    port = config.get("port") if isinstance(config.get("port"), int) else 50051
    about = json.dumps({"service": str(_map(config.get("health")).get("service") or "")})
    where = shlex.quote(name)
    yield Line(
        "Reach a pod from here, in another terminal",
        "",
        f"kubectl --namespace {where} port-forward {shlex.quote(f'deployment/{name}')} {port}:{port}",
    )
    yield Line(
        "Ask that pod for its health",
        f"localhost:{port}",
        f"grpcurl -plaintext -proto health.proto -d {shlex.quote(about)} localhost:{port} {_HEALTH}/Check",
    )


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
