"""K8S006, K8S016, K8S018, K8S022, K8S023: Services, drain, readiness gates, autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules.intent import containers, grpc_containers, is_grpc_name, port_says_grpc, service_ports
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.tokens import AUTOSCALER, BINDING, BUDGET, SERVICE, WORKLOADS

_GATE: Final = "elbv2.k8s.aws/pod-readiness-gate-inject"


def _said(resource: Resource, _: Context) -> Iterator[Problem]:
    for path, port in service_ports(resource):
        protocol = known(port.get("appProtocol"))
        if port_says_grpc(port) and known(port.get("protocol")) in ("UDP", "SCTP"):
            yield Problem(f"{path}.protocol", f"must be TCP for gRPC; received {resource.shown(f'{path}.protocol')}")
        if is_grpc_name(known(port.get("name"))) and protocol not in ("kubernetes.io/h2c", "grpc", "https"):
            given = f"received {resource.shown(f'{path}.appProtocol')}"
            yield Problem(
                f"{path}.appProtocol", f"must be kubernetes.io/h2c, or grpc, for the port {port.get('name')}; {given}"
            )


def _service(**port: Any) -> Mapping[str, Any]:
    usual = {"name": "grpc", "port": 50051, "targetPort": 50051, **port}
    ports = [{key: value for key, value in usual.items() if value is not None}]
    spec = {**GRPC_SERVICE["properties"]["spec"], "ports": ports}
    return {**GRPC_SERVICE, "properties": {**GRPC_SERVICE["properties"], "spec": spec}}


K8S006: Final = Rule(
    id="K8S006",
    title="Services say which ports speak gRPC",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(SERVICE,),
    check=_said,
    why="Controllers and meshes read appProtocol; without it they take the port for HTTP/1.1, or for bytes.",
    remedy="Set appProtocol of the port to kubernetes.io/h2c (a mesh also takes grpc), or to https for TLS.",
    source="Kubernetes, Service, Application protocol; Gateway API GEP-1911",
    bad=(
        Example("nothing", {"orders": _service()}, about=("orders",)),
        Example("datagrams", {"orders": _service(appProtocol="kubernetes.io/h2c", protocol="UDP")}, about=("orders",)),
        Example("the protocol of browsers", {"orders": _service(appProtocol="http")}, about=("orders",)),
    ),
    good=(
        Example("h2c", {"orders": _service(appProtocol="kubernetes.io/h2c")}),
        Example("as a mesh reads it", {"orders": _service(appProtocol="grpc")}),
        Example("HTTP", {"orders": _service(name="http", appProtocol=None)}),
    ),
)


def _grace(resource: Resource, context: Context) -> Iterator[Problem]:
    if not grpc_containers(resource, context.graph):
        return
    pod = "spec.template.spec"
    grace = number(known(resource.get(f"{pod}.terminationGracePeriodSeconds", 30)))
    if grace == 0:
        yield Problem(f"{pod}.terminationGracePeriodSeconds", "0 s: the server is killed at once, with all its calls")
        return
    for container in containers(resource):
        stop = known((known(container.spec.get("lifecycle")) or {}).get("preStop")) or {}
        sleep = number(known((known(stop.get("sleep")) or {}).get("seconds")))
        if sleep is not None and grace is not None and sleep >= grace:
            yield Problem(
                f"{pod}.terminationGracePeriodSeconds",
                f"{grace:g} s end while {container.name} still sleeps {sleep:g} s in preStop: it never gets to drain",
            )


def _stopping(seconds: int) -> Mapping[str, Any]:
    return workload(lifecycle={"preStop": {"sleep": {"seconds": seconds}}})


def _graceless() -> Mapping[str, Any]:
    whole = workload()
    spec = whole["properties"]["spec"]
    pod = {**spec["template"]["spec"], "terminationGracePeriodSeconds": 0}
    changed = {**spec, "template": {**spec["template"], "spec": pod}}
    return {**whole, "properties": {**whole["properties"], "spec": changed}}


K8S016: Final = Rule(
    id="K8S016",
    title="The grace period is longer than the sleep before the stop",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_grace,
    stack=True,
    why="preStop runs inside the grace period: when that ends the server is killed with its streams.",
    remedy="Set terminationGracePeriodSeconds to the sleep, plus the time that calls need, plus a margin.",
    source="Kubernetes, Pod Lifecycle, Termination of Pods",
    bad=(
        Example("as long", {"orders": _stopping(90), "service": GRPC_SERVICE}, about=("orders",)),
        Example("longer", {"orders": _stopping(120), "service": GRPC_SERVICE}, about=("orders",)),
        Example("no time at all", {"orders": _graceless(), "service": GRPC_SERVICE}, about=("orders",)),
    ),
    good=(Example("half a minute less", {"orders": _stopping(20), "service": GRPC_SERVICE}),),
)


def _gated(resource: Resource, context: Context) -> Iterator[Problem]:
    namespace = context.graph.namespace(resource)
    if namespace is None:
        return
    labels = namespace.get("metadata.labels") or {}
    if known(known(labels).get(_GATE)) != "enabled":
        yield Problem("metadata.namespace", f"the namespace {namespace.name} has no label {_GATE}: enabled")


def _bound(labels: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    spec = {"serviceRef": {"name": "orders", "port": 50051}, "targetType": "ip", "targetGroupARN": "arn:aws:x"}
    return {
        "space": {
            "type": "kubernetes:core/v1:Namespace",
            "properties": {"metadata": {"name": "shop", "labels": dict(labels)}},
        },
        "binding": {
            "type": "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
            "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": spec},
        },
    }


K8S018: Final = Rule(
    id="K8S018",
    title="Namespaces of bound workloads have the readiness gate",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(BINDING,),
    check=_gated,
    stack=True,
    why="Without it a rollout goes on before the load balancer has the new pods in service, and calls fail meanwhile.",
    remedy=f"Label the namespace {_GATE}: enabled.",
    source="AWS Load Balancer Controller, Pod readiness gate",
    bad=(
        Example("no label", _bound({}), about=("binding",)),
        Example("another value", _bound({_GATE: "true"}), about=("binding",)),
    ),
    good=(Example("the label", _bound({_GATE: "enabled"})),),
)


def _is_share(metric: Mapping[str, Any]) -> bool:
    """Whether a metric is a share of what is requested, and not an amount."""
    target = known((known(metric.get("resource")) or {}).get("target")) or {}
    return known(target.get("type")) in (None, "Utilization")


def _requested(resource: Resource, context: Context) -> Iterator[Problem]:
    """Kubernetes, Horizontal Pod Autoscaling: utilization is of what is requested."""
    wanted = {
        str(known(known(known(metric).get("resource") or {}).get("name")))
        for _, metric in resource.items("spec.metrics")
        if known(known(metric).get("type")) == "Resource" and _is_share(known(metric))
    }
    low, high = number(known(resource.get("spec.minReplicas", 1))), number(known(resource.get("spec.maxReplicas")))
    if low is not None and high is not None and low > high:
        yield Problem("spec.minReplicas", f"{low:g} is more than maxReplicas, {high:g}")
    target = context.graph.object(resource, "spec.scaleTargetRef.name", *WORKLOADS)
    if target is None:
        return
    if known(target.get("spec.replicas")) is not None and not {"spec", "spec.replicas"} & set(target.ignored):
        yield Problem("spec.scaleTargetRef", f"{target.name} has fixed replicas, which each update sets again")
    for container in containers(target):
        requests = known((known(container.spec.get("resources")) or {}).get("requests")) or {}
        for name in sorted(wanted - set(requests)):
            yield Problem(
                "spec.metrics", f"{container.name} requests no {name}, so there is nothing to take a share of"
            )


def _autoscaled(deployment: Mapping[str, Any], **spec: Any) -> Mapping[str, Mapping[str, Any]]:
    target = {"type": "Utilization", "averageUtilization": 70}
    usual = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
        "minReplicas": 2,
        "maxReplicas": 10,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    metadata = {"name": "orders", "namespace": "shop"}
    autoscaler = {"metadata": metadata, "spec": {**usual, **spec}}
    return {
        "orders": deployment,
        "scaler": {"type": "kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "properties": autoscaler},
    }


def _fixed() -> Mapping[str, Any]:
    whole = workload()
    return {**whole, "properties": {**whole["properties"], "spec": {**whole["properties"]["spec"], "replicas": 3}}}


K8S022: Final = Rule(
    id="K8S022",
    title="Autoscalers have something to scale by",
    severity=HIGH,
    level=MANDATORY,
    kinds=(AUTOSCALER,),
    check=_requested,
    stack=True,
    why="Without requests the autoscaler does nothing; with fixed replicas each update undoes what it did.",
    remedy="Give every container requests, and leave replicas out of the workload.",
    source="Kubernetes, Horizontal Pod Autoscaling",
    bad=(
        Example("no requests", _autoscaled(workload(resources=None)), about=("scaler",)),
        Example("fixed replicas", _autoscaled(_fixed()), about=("scaler",)),
        Example("fewest above most", _autoscaled(workload(), minReplicas=20), about=("scaler",)),
    ),
    good=(Example("requests and no replicas", _autoscaled(workload())),),
)


def _blocking(resource: Resource, _: Context) -> Iterator[Problem]:
    least, most = known(resource.get("spec.minAvailable")), known(resource.get("spec.maxUnavailable"))
    if resource.get("spec.selector") is None:
        yield Problem("spec.selector", "missing: it is about no pod")
    if least is None and most is None:
        yield Problem("spec", "says neither maxUnavailable nor minAvailable: all pods may go at once")
    if str(most) == "100%" or str(least) in ("0", "0%"):
        yield Problem("spec", "lets all pods go at once")
    if str(least) == "100%":
        yield Problem("spec.minAvailable", "100% lets no pod go: nodes cannot be drained")
    if most is not None and str(most) in ("0", "0%"):
        yield Problem("spec.maxUnavailable", "0 lets no pod go: nodes cannot be drained")


def _budget(**spec: Any) -> Mapping[str, Any]:
    metadata = {"name": "orders", "namespace": "shop"}
    whole = {"metadata": metadata, "spec": {"selector": {"matchLabels": {"app": "orders"}}, **spec}}
    return {"type": "kubernetes:policy/v1:PodDisruptionBudget", "properties": whole}


K8S023: Final = Rule(
    id="K8S023",
    title="Disruption budgets let a pod go, and not all",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(BUDGET,),
    check=_blocking,
    why="A node that cannot be drained stops every update of the node group; without a budget all pods may go at once.",
    remedy="Set maxUnavailable to 1.",
    source="Kubernetes, Specifying a Disruption Budget for your Application",
    bad=(
        Example("all must stay", {"budget": _budget(minAvailable="100%")}, about=("budget",)),
        Example("none may go", {"budget": _budget(maxUnavailable=0)}, about=("budget",)),
        Example("all may go", {"budget": _budget(maxUnavailable="100%")}, about=("budget",)),
        Example("nothing said", {"budget": _budget()}, about=("budget",)),
    ),
    good=(Example("one may go", {"budget": _budget(maxUnavailable=1)}),),
)

RULES: Final = (K8S006, K8S016, K8S018, K8S022, K8S023)
