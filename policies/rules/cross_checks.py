"""XST002, XST005: what is right by itself, and hides or contradicts something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import ADVISORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import UnknownValueError, known
from policies.rules import grpc, releases
from policies.rules.ingresses import PREFIX, notes
from policies.rules.intent import is_grpc_name, reached
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.references import port_of
from policies.rules.releases import LATTICE_CHART, LBC_CHART, RELEASE, release
from policies.rules.target_groups import checked, group
from policies.rules.tokens import BINDING, GRPC_ROUTE, INGRESS, SERVICE, TARGET_GROUP, WORKLOADS

_ARN: Final = "arn:aws:elasticloadbalancing:agree"


def _agree(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    target = graph.referred(resource, "spec.targetGroupARN", TARGET_GROUP)
    service = graph.object(resource, "spec.serviceRef.name", SERVICE)
    if target is None or service is None or not grpc.speaks_grpc(target):
        return
    path = str(known(target.get("healthCheck.path", grpc.HEALTH_CHECK)))
    asked = path.strip("/").partition("/")[0]
    # The standard health service is asked for the whole server; a path that is no method is another rule's.
    if path == grpc.HEALTH_CHECK or not grpc.METHOD.fullmatch(path):
        return
    port = port_of(service, known(resource.get("spec.serviceRef.port")))
    for each in graph.selected(service, *WORKLOADS) if port is not None else ():
        container = reached(each, port) if port is not None else None
        probe = known(container.spec.get("readinessProbe")) if container is not None else None
        said = known((known((probe or {}).get("grpc")) or {}).get("service"))
        if said and said != asked:
            yield Problem(
                "spec.targetGroupARN", f"the target group {target.name} asks {asked}, the pods' readiness probe {said}"
            )


def _binding(arn: str = _ARN, service: str = "orders") -> Mapping[str, Any]:
    spec = {"serviceRef": {"name": service, "port": 50051}, "targetType": "ip", "targetGroupARN": arn}
    return {
        "type": "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
        "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": spec},
    }


def _group(made: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**made, "properties": {**made["properties"], "arn": _ARN}}


def _asking(path: str, service: str) -> Mapping[str, Mapping[str, Any]]:
    """Pods whose readiness probe asks for a service, behind a target group that calls a path."""
    probe = {"grpc": {"port": 50051, "service": service}}
    return {
        "group": _group(checked(path=path)),
        "binding": _binding(),
        "service": GRPC_SERVICE,
        "orders": workload(readinessProbe=probe),
    }


XST002: Final = Rule(
    id="XST002",
    title="The load balancer and the kubelet ask about the same gRPC service",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(BINDING,),
    check=_agree,
    stack=True,
    why="Otherwise a pod is ready for one and broken for the other: rollouts wait for ever, or do not wait at all.",
    remedy=f"Call {grpc.HEALTH_CHECK}, or let the probe ask for the service that the path names, or for none.",
    source="grpc/grpc doc/health-checking.md",
    bad=(Example("two services", _asking("/acme.Reports/Ready", "acme.orders.v1.Orders"), about=("binding",)),),
    good=(
        Example("the standard service", _asking(grpc.HEALTH_CHECK, "acme.orders.v1.Orders")),
        Example("one service", _asking("/acme.Reports/Ready", "acme.Reports")),
        Example("a probe of the whole server", _asking("/acme.Reports/Ready", "")),
    ),
)


def _grpc_backends(graph: Graph) -> Iterator[tuple[Resource, str]]:
    """Everything of the program that leads gRPC to a Kubernetes Service, each with the path of the Service's name."""
    for each in graph.of(BINDING):
        found = graph.referred(each, "spec.targetGroupARN", TARGET_GROUP)
        if found is not None and grpc.speaks_grpc(found):
            yield each, "spec.serviceRef.name"
    for each in graph.of(INGRESS):
        if notes(each).get("backend-protocol-version") == "GRPC":
            yield from ((each, path) for path in _inner(each, "http.paths", "backend.service.name"))
    for each in graph.of(GRPC_ROUTE):
        yield from ((each, path) for path in _inner(each, "backendRefs", "name"))


def _inner(resource: Resource, places: str, name: str) -> Iterator[str]:
    """The paths of the names of Services in its own namespace, in the rules of an Ingress or route."""
    for rule, _ in resource.items("spec.rules"):
        for path, _ in resource.items(f"{rule}.{places}"):
            if (
                known(resource.get(f"{path}.kind", "Service")) == "Service"
                and resource.get(f"{path}.namespace") is None
            ):
                yield f"{path}.{name}"


def _values_say(value: Any, key: str = "") -> str:
    """What in a chart's values says that it serves gRPC through a load balancer or Service; "" where nothing does.

    The word alone says nothing: metrics and receivers of telemetry have it in their names.
    """
    if isinstance(known(value), Mapping):
        port = any(each in value for each in ("port", "containerPort", "servicePort", "targetPort"))
        if port and is_grpc_name(known(value.get("name"))):
            return f"a port named {value['name']}"
        return next((found for name, each in value.items() if (found := _values_say(each, str(name)))), "")
    if isinstance(value, list):
        return next((found for each in value if (found := _values_say(each, key))), "")
    if key == f"{PREFIX}backend-protocol-version" and str(value).upper() == "GRPC":
        return f"{PREFIX}backend-protocol-version: GRPC"
    return f"appProtocol: {value}" if key == "appProtocol" and value in ("grpc", "kubernetes.io/h2c") else ""


def _hidden(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if releases.chart(resource) in context.options["charts"]:
        return
    space = releases.namespace(resource, graph)
    # Chart and release are the names that charts give to what they make.
    own = {releases.chart(resource), str(known(resource.get("name", resource.name)))}
    for each, path in _grpc_backends(graph):
        if graph.object(each, path, SERVICE) is not None or each.get(path) is None:
            continue
        name = str(known(each.get(path)))
        if any(name == one or name.startswith(f"{one}-") for one in own) and graph.namespace_of(each) == space:
            yield Problem("chart", f"{each.name} leads gRPC to the Service {name}, which this chart seems to make")
            return
    said = _values_say(releases.values(resource)) if resource.get("values") is not None else _in_files(resource)
    if said:
        yield Problem("values", f"say {said}")


def _in_files(resource: Resource) -> str:
    """Nothing, unless the values stand in files, which rules do not read."""
    if resource.get("valueYamlFiles") is not None:
        raise UnknownValueError(f"{resource.name}: valueYamlFiles")
    return ""


def _chart(**properties: Any) -> Mapping[str, Any]:
    return release("billing", namespace="shop", **properties)


def _through(**more: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A gRPC target group that is bound to the Service of a chart, but for what is given."""
    made = _group(group())
    return {"group": made, "binding": _binding(service="billing-api"), "billing": _chart(), **more}


def _named(name: str) -> Mapping[str, Any]:
    given = GRPC_SERVICE["properties"]
    return {**GRPC_SERVICE, "properties": {**given, "metadata": {**given["metadata"], "name": name}}}


_PORTS: Final = {"service": {"ports": [{"name": "grpc", "port": 50051}]}}
_METRICS: Final = {"rules": {"custom": [{"seriesQuery": 'grpc_server_started_total{namespace!=""}'}]}}
_TELEMETRY: Final = {"config": {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"}}}}}}

XST005: Final = Rule(
    id="XST005",
    title="gRPC workloads are not hidden in Helm releases",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(RELEASE,),
    check=_hidden,
    stack=True,
    why=(
        "The engine sees a release as one resource: no rule looks at the probes, ports and images inside, and a "
        "preview shows no change of theirs."
    ),
    remedy="Use kubernetes.helm.v4.Chart, which registers every object of a chart; or list the chart in `charts`.",
    source="Pulumi Registry, Kubernetes: Choosing the right Helm resource",
    options={
        "charts": Option(
            {
                "type": "array",
                "items": {"type": "string"},
                "default": [LBC_CHART, LATTICE_CHART],
                "description": "Charts that may be releases though they serve gRPC.",
            }
        )
    },
    bad=(
        Example("a binding to its Service", _through(), about=("billing",)),
        Example("its values", {"billing": _chart(values=_PORTS)}, about=("billing",)),
        Example(
            "annotations among its values",
            {"billing": _chart(values={"ingress": {"annotations": {f"{PREFIX}backend-protocol-version": "GRPC"}}})},
            about=("billing",),
        ),
    ),
    good=(
        Example("a Service of the program", _through(service=_named("billing-api"))),
        Example("a binding to the Service of another chart", _through(billing=release("ledger", namespace="shop"))),
        Example(
            "metrics and telemetry",
            {"metrics": release("adapter", values=_METRICS), "traces": release("collector", values=_TELEMETRY)},
        ),
    ),
)

RULES: Final = (XST002, XST005)
