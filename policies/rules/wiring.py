"""K8S032 to K8S036, XST006: parts that do not meet, though each is right by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Problem, Rule
from policies.engine.unknown import known
from policies.rules import grpc, probes
from policies.rules.end_to_end import binding, group
from policies.rules.intent import declared, grpc_containers, port_says_grpc, service_ports
from policies.rules.presence import is_made_here, is_nearly, may_be_elsewhere
from policies.rules.probes import workload
from policies.rules.rollouts import _autoscaled
from policies.rules.route_backends import POLICY
from policies.rules.tokens import AUTOSCALER, BINDING, DEPLOYMENT, SERVICE, TARGET_GROUP, WORKLOADS

_LABELS: Final = "spec.template.metadata.labels"
# How a Service without a selector says where its pods are.
_ENDPOINTS: Final = ":Endpoints"
_SLICES: Final = "discovery.k8s.io:EndpointSlice"
_UNSCALED: Final = ("DaemonSet", "Pod", "Job", "CronJob")


def _selects_itself(resource: Resource, _: Context) -> Iterator[Problem]:
    wanted = known(resource.get("spec.selector.matchLabels")) or {}
    labels = known(resource.get("spec.template.metadata.labels")) or {}
    for key in sorted(wanted):
        if labels.get(key) != known(wanted[key]):
            yield Problem("spec.template.metadata.labels", f"must have {key} with the value that the selector wants")


def _labelled(**labels: str) -> Mapping[str, Any]:
    whole = workload()
    spec = whole["properties"]["spec"]
    template = {**spec["template"], "metadata": {"labels": labels}}
    return {**whole, "properties": {**whole["properties"], "spec": {**spec, "template": template}}}


K8S032: Final = Rule(
    id="K8S032",
    title="The selector of a workload matches its own pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=WORKLOADS,
    check=_selects_itself,
    why="The API server refuses the workload.",
    remedy="Give the pod template the labels of spec.selector.matchLabels.",
    source="Kubernetes, Deployments, Selector",
    bad=(
        Example("another label", {"orders": _labelled(app="order")}, about=("orders",)),
        Example("none", {"orders": _labelled()}, about=("orders",)),
    ),
    good=(Example("the same, and one more", {"orders": _labelled(app="orders", team="shop")}),),
)


def _is_missing(resource: Resource, graph: Graph, path: str, *kinds: str) -> bool:
    """Whether a name is surely a wrong one: the namespace is the program's, or something in it has nearly that name."""
    space = graph.namespace_of(resource)
    names = [str(known(each.get("metadata.name"))) for each in graph.inside(space, *kinds)]
    return is_made_here(space, graph) or is_nearly(str(known(resource.get(path))), names)


def _refers(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    if resource.kind == BINDING:
        path, what, kinds = "spec.serviceRef.name", "Service", (SERVICE,)
    else:
        kind = str(known(resource.get("spec.scaleTargetRef.kind", "")))
        path, what, kinds = "spec.scaleTargetRef.name", kind, (f"apps:{kind}",)
        if kind in _UNSCALED:
            yield Problem("spec.scaleTargetRef.kind", f"a {kind} cannot be scaled")
            return
    if resource.get(path) is None or graph.object(resource, path, *kinds) is not None:
        return
    other = graph.object(resource, path, *WORKLOADS) if resource.kind == AUTOSCALER else None
    if other is not None:
        yield Problem("spec.scaleTargetRef.kind", f"there is a {other.kind.rpartition(':')[2]} of that name, no {kind}")
    elif not may_be_elsewhere(resource, graph, *kinds) and _is_missing(resource, graph, path, *kinds):
        yield Problem(path, f"there is no {what} {resource.shown(path)} in the namespace")


def _empty(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    says = any(port_says_grpc(port) for _, port in service_ports(resource))
    if not says or known(resource.get("spec.type")) == "ExternalName":
        return
    if graph.selected(resource, *WORKLOADS) or may_be_elsewhere(resource, graph, *WORKLOADS):
        return
    space, wanted = graph.namespace_of(resource), known(resource.get("spec.selector")) or {}
    if not wanted:
        by_hand = graph.object(resource, "metadata.name", _ENDPOINTS) is not None or any(graph.of(_SLICES))
        if not by_hand:
            yield Problem("spec.selector", "missing, and the program says no Endpoints: it leads to no pod")
        return
    labels = [known(each.get(_LABELS)) or {} for each in graph.inside(space, *WORKLOADS)]
    given = [str(known(value)) for each in labels for value in each.values()]
    if is_made_here(space, graph) or any(is_nearly(str(known(each)), given) for each in wanted.values()):
        yield Problem("spec.selector", "matches the pods of no workload in the namespace")


_WHOLE: Final = {
    "group": group(protocolVersion="GRPC"),
    "binding": binding(),
    "service": probes.SERVICE,
    "orders": workload(),
}


def _bound_to(name: str) -> Mapping[str, Any]:
    whole = binding()
    spec = {**whole["properties"]["spec"], "serviceRef": {"name": name, "port": 50051}}
    return {**_WHOLE, "binding": {**whole, "properties": {**whole["properties"], "spec": spec}}}


K8S033: Final = Rule(
    id="K8S033",
    title="Bindings and autoscalers refer to what is there",
    severity=HIGH,
    level=MANDATORY,
    kinds=(BINDING, AUTOSCALER),
    check=_refers,
    stack=True,
    why="Nothing says so: the target group stays empty, the workload is never scaled.",
    remedy="Correct the name.",
    source="AWS Load Balancer Controller, TargetGroupBinding; Kubernetes, Horizontal Pod Autoscaling",
    bad=(
        Example("a Service of another name", _bound_to("order"), about=("binding",)),
        Example(
            "a workload of another name",
            _autoscaled(workload(), scaleTargetRef={"kind": "Deployment", "name": "order"}),
            about=("scaler",),
        ),
        Example(
            "a kind that has no scale",
            _autoscaled(workload(), scaleTargetRef={"kind": "DaemonSet", "name": "orders"}),
            about=("scaler",),
        ),
        Example(
            "another kind",
            _autoscaled(workload(), scaleTargetRef={"kind": "StatefulSet", "name": "orders"}),
            about=("scaler",),
        ),
    ),
    good=(
        Example("the right names", {**_WHOLE, "scaler": _autoscaled(workload())["scaler"]}),
        Example("a Service that another program makes", {"binding": binding()}),
    ),
)


def _selecting(selector: Mapping[str, str] | None) -> Mapping[str, Any]:
    spec = {**probes.SERVICE["properties"]["spec"], "selector": selector}
    kept = {key: value for key, value in spec.items() if value is not None}
    return {**probes.SERVICE, "properties": {**probes.SERVICE["properties"], "spec": kept}}


K8S036: Final = Rule(
    id="K8S036",
    title="gRPC Services have pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(SERVICE,),
    check=_empty,
    stack=True,
    why="Nothing says so: the Service has no endpoints, the target group no targets.",
    remedy="Give spec.selector the labels of the pod template.",
    source="Kubernetes, Service, Defining a Service",
    bad=(
        Example("another label", {"service": _selecting({"app": "order"}), "orders": workload()}, about=("service",)),
        Example("no selector", {"service": _selecting(None), "orders": workload()}, about=("service",)),
    ),
    good=(
        Example("the labels of the pods", {"service": probes.SERVICE, "orders": workload()}),
        Example("pods that another program makes", {"service": probes.SERVICE}),
    ),
)


def _updated(resource: Resource, context: Context) -> Iterator[Problem]:
    if not grpc_containers(resource, context.graph):
        return
    if str(known(resource.get("spec.strategy.type", "RollingUpdate"))) == "Recreate":
        yield Problem("spec.strategy.type", "Recreate stops every pod before the first new one starts")
    elif str(known(resource.get("spec.strategy.rollingUpdate.maxUnavailable"))) == "100%":
        yield Problem("spec.strategy.rollingUpdate.maxUnavailable", "100% lets an update stop every pod at once")


def _strategy(**strategy: Any) -> Mapping[str, Any]:
    whole = workload()
    spec = {**whole["properties"]["spec"], "strategy": strategy}
    return {**whole, "properties": {**whole["properties"], "spec": spec}}


K8S034: Final = Rule(
    id="K8S034",
    title="Updates leave pods in service",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(DEPLOYMENT,),
    check=_updated,
    stack=True,
    why="Until the first new pod is ready every call fails.",
    remedy="Use RollingUpdate with maxUnavailable 0 or a share below 100%.",
    source="Kubernetes, Deployments, Strategy",
    bad=(
        Example("all at once", {"orders": _strategy(type="Recreate"), "service": probes.SERVICE}, about=("orders",)),
        Example(
            "every pod",
            {"orders": _strategy(rollingUpdate={"maxUnavailable": "100%"}), "service": probes.SERVICE},
            about=("orders",),
        ),
    ),
    good=(Example("none", {"orders": _strategy(rollingUpdate={"maxUnavailable": 0}), "service": probes.SERVICE}),),
)


def _ends(binding: Resource, graph: Graph) -> tuple[Resource | None, Resource | None]:
    """The gRPC target group of a binding and its Kubernetes Service, as far as they are the program's."""
    group = graph.referred(binding, "spec.targetGroupARN", TARGET_GROUP)
    service = graph.object(binding, "spec.serviceRef.name", SERVICE)
    return group if group is not None and grpc.speaks_grpc(group) else None, service


def _outlived(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    target_group, service = _ends(resource, graph)
    if target_group is None or service is None:
        return
    delay = number(known(target_group.get("deregistrationDelay", 300)))
    for each in graph.selected(service, *WORKLOADS):
        grace = number(known(each.get("spec.template.spec.terminationGracePeriodSeconds", 30)))
        if delay is not None and grace is not None and grace < delay:
            yield Problem(
                "spec.targetGroupARN",
                f"the target group {target_group.name} lets calls end within {delay:g} s, and the pods of {each.name} "
                f"are killed after {grace:g} s",
            )


def _leaving(seconds: int | None) -> Mapping[str, Any]:
    return {**_WHOLE, "group": group(protocolVersion="GRPC", deregistrationDelay=seconds)}


K8S035: Final = Rule(
    id="K8S035",
    title="Pods live as long as the load balancer lets their calls run",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(BINDING,),
    check=_outlived,
    stack=True,
    why=(
        "Deregistration begins when the pod is told to stop. A grace period that ends first cuts calls that the target "
        "group would still have let end; clients see 502."
    ),
    remedy="Lower the target group's deregistrationDelay, or raise terminationGracePeriodSeconds to it.",
    source="Elastic Load Balancing, Application Load Balancers guide: Target groups, deregistration delay; "
    "kubernetes-sigs/aws-load-balancer-controller#1719",
    bad=(Example("five minutes, and a minute and a half", _leaving(300), about=("binding",)),),
    good=(Example("less than the grace period", _leaving(60)),),
)


def _asks(policy: Resource, context: Context) -> Iterator[Problem]:
    """What VPC Lattice asks for health, as a TargetGroupPolicy has it."""
    graph, path = context.graph, "spec.healthCheck.port"
    service, wanted = graph.object(policy, "spec.targetRef.name", SERVICE), number(known(policy.get(path)))
    if service is None or wanted is None:
        return
    for each in graph.selected(service, *WORKLOADS):
        if _lacks(each, wanted):
            yield Problem(path, f"{wanted:g} is a port that no container of {each.name} has")


def _lacks(each: Resource, wanted: float) -> bool:
    """Whether a workload declares ports, and not this one."""
    found = {number(port) for _, port in declared(each)}
    return bool(found) and wanted not in found


def _listened(resource: Resource, context: Context) -> Iterator[Problem]:
    if resource.kind == POLICY:
        yield from _asks(resource, context)
        return
    graph = context.graph
    target_group, service = _ends(resource, graph)
    if target_group is None or service is None:
        return
    wanted = number(known(target_group.get("healthCheck.port")))
    if wanted is None:
        return
    for each in graph.selected(service, *WORKLOADS):
        if _lacks(each, wanted):
            yield Problem(
                "spec.targetGroupARN",
                f"the target group {target_group.name} checks port {wanted:g}, which no container of {each.name} has",
            )


def _checking(port: Any) -> Mapping[str, Any]:
    check = {"path": grpc.HEALTH_CHECK, "matcher": "0", "port": port}
    return {**_WHOLE, "group": group(protocolVersion="GRPC", healthCheck=check)}


def _lattice(port: int) -> Mapping[str, Any]:
    spec = {"targetRef": {"kind": "Service", "name": "orders"}, "healthCheck": {"enabled": True, "port": port}}
    return {
        "type": f"kubernetes:{POLICY.replace(':', '/v1alpha1:')}",
        "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": spec},
    }


_HEALTH_PORT: Final = workload(
    ports=[{"name": "grpc", "containerPort": 50051}, {"name": "health", "containerPort": 8081}]
)
XST006: Final = Rule(
    id="XST006",
    title="Health checks ask a port that the pods have",
    severity=HIGH,
    level=MANDATORY,
    kinds=(BINDING, POLICY),
    check=_listened,
    stack=True,
    why="Where nobody listens every pod is unhealthy for ever, and the load balancer then calls all, broken or not.",
    remedy="Leave healthCheck.port out, or declare the port in the container that listens on it.",
    source="Elastic Load Balancing, Application Load Balancers guide: Health checks for your target groups",
    bad=(
        Example("a port that no container has", _checking("9090"), about=("binding",)),
        Example("the same for Lattice", {**_WHOLE, "policy": _lattice(9090)}, about=("policy",)),
    ),
    good=(
        Example("the port of the calls", _checking("traffic-port")),
        Example("a port for health alone, for Lattice", {**_WHOLE, "orders": _HEALTH_PORT, "policy": _lattice(8081)}),
        Example("a port for health alone", {**_checking("8081"), "orders": _HEALTH_PORT}),
    ),
)

RULES: Final = (K8S032, K8S033, K8S034, K8S035, K8S036, XST006)
