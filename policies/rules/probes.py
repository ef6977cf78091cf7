"""K8S001 to K8S004: how the kubelet finds out whether a gRPC server serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource
from policies.engine.rule import ADVISORY, HIGH, LOW, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.intent import (
    PROBES,
    Container,
    asks_grpc,
    containers,
    declared,
    grpc_containers,
    is_grpc_name,
    ports,
)
from policies.rules.tokens import WORKLOADS

_PROBES_PAGE: Final = "Kubernetes, Configure Liveness, Readiness and Startup Probes"
_READY: Final = {"grpc": {"port": 50051, "service": "acme.orders.v1.Orders"}}
_ALIVE: Final = {"grpc": {"port": 50051}}


def workload(kind: str = "Deployment", *more: Mapping[str, Any], **container: Any) -> Mapping[str, Any]:
    """A workload with a gRPC container that every rule is content with, but for what is given, and other containers."""
    usual: dict[str, Any] = {
        "name": "orders",
        "image": "ghcr.io/acme/orders:1",
        "ports": [{"name": "grpc", "containerPort": 50051}],
        "readinessProbe": _READY,
        "livenessProbe": _ALIVE,
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
    }
    own = {key: value for key, value in {**usual, **container}.items() if value is not None}
    pod = {"containers": [own, *more], "terminationGracePeriodSeconds": 90}
    return {
        "type": f"kubernetes:apps/v1:{kind}",
        "properties": {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": {
                "selector": {"matchLabels": {"app": "orders"}},
                "template": {"metadata": {"labels": {"app": "orders"}}, "spec": pod},
            },
        },
    }


SERVICE: Final[Mapping[str, Any]] = {
    "type": "kubernetes:core/v1:Service",
    "properties": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {
            "selector": {"app": "orders"},
            "ports": [{"name": "grpc", "port": 50051, "targetPort": 50051, "appProtocol": "kubernetes.io/h2c"}],
        },
    },
}
_SIDECAR: Final = {"name": "proxy", "image": "ghcr.io/acme/proxy:1", "ports": [{"name": "http", "containerPort": 8080}]}
_WEB: Final = workload(
    name="web",
    ports=[{"name": "http", "containerPort": 8080}],
    readinessProbe={"httpGet": {"path": "/", "port": 8080}},
    livenessProbe=None,
)
_GOOD: Final = Example(
    "native probes, a sidecar beside them, and a workload of HTTP",
    {"orders": workload("Deployment", _SIDECAR), "set": workload("StatefulSet"), "web": _WEB, "service": SERVICE},
)


def _bad(title: str, kind: str = "Deployment", **container: Any) -> Example:
    return Example(title, {"orders": workload(kind, **container), "service": SERVICE}, about=("orders",))


def _stands_before(container: Container, resource: Resource) -> bool:
    """Whether a container leads calls to others of its pod, as Envoy does: one of them is asked by gRPC, it by HTTP."""
    asked = known((known(container.spec.get("readinessProbe")) or {}).get("httpGet"))
    if not asked or asks_grpc(container):
        return False
    own = [(str(known(each.get("name")) or ""), str(known(each.get("containerPort")))) for each in ports(container)]
    if any(str(known(asked.get("port"))) in pair and is_grpc_name(pair[0]) for pair in own):
        return False
    return any("grpc" in (known(each.spec.get("readinessProbe")) or {}) for each in containers(resource))


def _readiness(resource: Resource, context: Context) -> Iterator[Problem]:
    for container in grpc_containers(resource, context.graph):
        if _stands_before(container, resource):
            continue
        probe = known(container.spec.get("readinessProbe"))
        if probe is None:
            yield Problem(
                f"{container.path}.readinessProbe", f"missing in {container.name}: its pods count as ready at once"
            )
        elif "grpc" not in probe:
            kind = next((each for each in ("httpGet", "tcpSocket", "exec") if each in probe), "something else")
            yield Problem(f"{container.path}.readinessProbe", f"is {kind} in {container.name}; must be grpc")


K8S001: Final = Rule(
    id="K8S001",
    title="gRPC containers have a native readiness probe",
    severity=HIGH,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_readiness,
    stack=True,
    why=(
        "A server that says NOT_SERVING still answers the load balancer with status OK. Only the kubelet's gRPC probe "
        "reads the body, and takes the pod out."
    ),
    remedy="Give readinessProbe.grpc with port and service. A port with TLS cannot be asked: open a plain health port.",
    source=f"{_PROBES_PAGE}; grpc/grpc doc/health-checking.md",
    bad=(
        _bad("none", readinessProbe=None),
        _bad("a socket that opens", readinessProbe={"tcpSocket": {"port": 50051}}),
        _bad(
            "a port that the Service alone calls gRPC",
            "StatefulSet",
            ports=[{"containerPort": 50051}],
            readinessProbe=None,
            livenessProbe=None,
        ),
    ),
    good=(_GOOD,),
)


def _liveness(resource: Resource, context: Context) -> Iterator[Problem]:
    for container in grpc_containers(resource, context.graph):
        alive, ready = known(container.spec.get("livenessProbe")), known(container.spec.get("readinessProbe")) or {}
        if alive is None:
            yield Problem(
                f"{container.path}.livenessProbe", f"missing in {container.name}: a stuck server is never restarted"
            )
        elif "grpc" in alive and "grpc" in ready:
            names = [str(known(known(each["grpc"]).get("service")) or "") for each in (alive, ready)]
            if names[0] == names[1]:
                yield Problem(
                    f"{container.path}.livenessProbe.grpc.service",
                    f'asks for "{names[0]}" like readiness: a draining server that says NOT_SERVING is killed for it',
                )


K8S002: Final = Rule(
    id="K8S002",
    title="Liveness asks for another health service than readiness",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_liveness,
    stack=True,
    why="A server says NOT_SERVING while it drains. If liveness asks for the same name, it is killed with its streams.",
    remedy='Leave livenessProbe.grpc.service out ("" is the whole server), and name the gRPC service for readiness.',
    source=f"{_PROBES_PAGE}",
    bad=(
        _bad("the same name", livenessProbe=_READY),
        _bad("none", livenessProbe=None),
    ),
    good=(_GOOD,),
)


def _declared(resource: Resource, _: Context) -> Iterator[Problem]:
    # The containers of a pod have one network, so that each may answer for another.
    numbers = {number for _, number in declared(resource)}
    for container in containers(resource):
        for name in PROBES:
            probe = known(container.spec.get(name)) or {}
            if "grpc" in probe and str(known(known(probe["grpc"]).get("port"))) not in numbers:
                yield Problem(
                    f"{container.path}.{name}.grpc.port",
                    f"{known(probe['grpc']).get('port')} is no containerPort of the pod of {container.name}",
                )


K8S003: Final = Rule(
    id="K8S003",
    title="The port of a gRPC probe is declared",
    severity=HIGH,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_declared,
    why="A probe takes a number only, and one that nobody listens on keeps the pod out for ever.",
    remedy="Add the port to the container's ports, or correct the probe's.",
    source=f"{_PROBES_PAGE}, gRPC probes",
    bad=(
        _bad("another port", readinessProbe={"grpc": {"port": 50052, "service": "a.B"}}),
        _bad("no ports at all", "DaemonSet", ports=None),
    ),
    good=(_GOOD,),
)


def _exec(resource: Resource, _: Context) -> Iterator[Problem]:
    for container in containers(resource):
        for name in PROBES:
            command = (known((known(container.spec.get(name)) or {}).get("exec")) or {}).get("command") or ()
            if any("grpc_health_probe" in str(known(each)) or "grpc-health-probe" in str(each) for each in command):
                yield Problem(f"{container.path}.{name}.exec", f"runs a health checker in {container.name}")


K8S004: Final = Rule(
    id="K8S004",
    title="Probes need no health checker in the image",
    severity=LOW,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_exec,
    why="A program started for every probe costs processor time and memory, and must be kept current in every image.",
    remedy="Use the probe's own grpc instead.",
    source=f"{_PROBES_PAGE}, gRPC probes",
    bad=(
        _bad("as readiness", readinessProbe={"exec": {"command": ["/bin/grpc_health_probe", "-addr=:50051"]}}),
        _bad("as start-up", startupProbe={"exec": {"command": ["sh", "-c", "grpc-health-probe -addr=:50051"]}}),
    ),
    good=(_GOOD,),
)

RULES: Final = (K8S001, K8S002, K8S003, K8S004)
