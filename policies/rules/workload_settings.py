"""K8S017, K8S019, K8S030: how gRPC workloads stop, and how they outlive the loss of a pod, node or zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, LOW, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.selectors import selects
from policies.engine.unknown import known
from policies.rules.intent import grpc_containers, services_of
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.references import referrers
from policies.rules.scaling import autoscalers, fewest
from policies.rules.service_wiring import edge, service
from policies.rules.tokens import BUDGET, DEPLOYMENT, STATEFUL_SET, WORKLOADS

_POD: Final = "spec.template.spec"
_ZONES: Final = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_KEYS: Final = ("env", "environment", "stage", "app.kubernetes.io/environment")
_PRODUCTION: Final = Option(
    {
        "type": "array",
        "items": {"type": "string"},
        "default": ["prod", "production"],
        "description": (
            "Names of Pulumi stacks, and values of a label env, environment or stage of a workload or its namespace, "
            "that mean production."
        ),
    }
)


def _is_production(resource: Resource, context: Context) -> bool:
    """Whether the stack's name says production, or a label of the workload or of its namespace."""
    wanted = set(context.options["production"])
    if resource.urn.partition("::")[0].rpartition(":")[2].lower() in wanted:
        return True
    namespace = context.graph.namespace(resource)
    for owner in (resource, namespace):
        labels = known(owner.get("metadata.labels")) or {} if owner is not None else {}
        if wanted & {str(known(labels[key])).lower() for key in _KEYS if key in labels}:
            return True
    return False


def _is_behind_balancer(resource: Resource, context: Context) -> bool:
    for each in services_of(resource, context.graph):
        if known(each.get("spec.type")) == "LoadBalancer" or referrers(each, context.graph):
            return True
    return False


def _slow_to_stop(resource: Resource, context: Context) -> Iterator[Problem]:
    found = grpc_containers(resource, context.graph)
    if not found or not _is_behind_balancer(resource, context):
        return
    for container in found:
        where = f"{container.path}.lifecycle.preStop"
        hook = known((known(container.spec.get("lifecycle")) or {}).get("preStop")) or {}
        sleep = known(hook.get("sleep"))
        if not hook:
            yield Problem(where, f"missing in {container.name}: it stops while calls still come")
        elif sleep is not None and (number(known(sleep.get("seconds"))) or 0) <= 0:
            yield Problem(f"{where}.sleep.seconds", f"of {container.name} is no time at all")


def _stopping(hook: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return workload(lifecycle={"preStop": hook} if hook is not None else None)


K8S017: Final = Rule(
    id="K8S017",
    title="gRPC containers behind a load balancer wait before they stop",
    severity=LOW,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_slow_to_stop,
    stack=True,
    why=(
        "A load balancer learns late that a pod leaves, and sends it calls for tens of seconds more; a server that has "
        "stopped answers them with errors."
    ),
    remedy="Give lifecycle.preStop.sleep of about 20 seconds, or the time that your deregistration takes.",
    source="Kubernetes, Pod Lifecycle, Termination of Pods; kubernetes-sigs/aws-load-balancer-controller#2366",
    bad=(
        Example("none", edge(orders=_stopping(None)), about=("orders",)),
        Example("no time", edge(orders=_stopping({"sleep": {"seconds": 0}})), about=("orders",)),
        Example(
            "behind a Service's own load balancer",
            {"orders": workload("StatefulSet"), "service": service(type="LoadBalancer")},
            about=("orders",),
        ),
    ),
    good=(
        Example("a sleep", edge(orders=_stopping({"sleep": {"seconds": 20}}))),
        Example("a command", edge(orders=_stopping({"exec": {"command": ["/bin/sleep", "20"]}}))),
        Example("no load balancer", {"orders": workload(), "service": GRPC_SERVICE}),
    ),
)


def _redundant(resource: Resource, context: Context) -> Iterator[Problem]:
    if not _is_production(resource, context) or not grpc_containers(resource, context.graph):
        return
    least = fewest(resource, context.graph)
    if least is not None and least < 2:
        owners = autoscalers(resource, context.graph)
        where = "" if owners or resource.get("spec.replicas") is None else "spec.replicas"
        who = f"the autoscaler {owners[0].name} may leave" if owners else "there is"
        yield Problem(where, f"{who} {least:g} pod: every update and drained node interrupts all calls")
    if not context.graph.selecting(resource, BUDGET, *WORKLOADS):
        yield Problem("", "no PodDisruptionBudget selects its pods: a drain may take all of them at once")


def _labelled(given: Mapping[str, Any], **spec: Any) -> Mapping[str, Any]:
    """A workload whose labels say production, with another spec."""
    properties = given["properties"]
    metadata = {**properties["metadata"], "labels": {"env": "prod"}}
    return {**given, "properties": {**properties, "metadata": metadata, "spec": {**properties["spec"], **spec}}}


def _budget(selector: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = {"name": "orders", "namespace": "shop"}
    spec = {"maxUnavailable": 1, "selector": selector}
    return {
        "type": "kubernetes:policy/v1:PodDisruptionBudget",
        "properties": {"metadata": metadata, "spec": spec},
    }


def _autoscaler(**spec: Any) -> Mapping[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"}
    return {
        "type": "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "properties": {
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": {"scaleTargetRef": target, "maxReplicas": 10, **spec},
        },
    }


def _stage(value: str) -> Mapping[str, Any]:
    return {
        "type": "kubernetes:core/v1:Namespace",
        "properties": {"metadata": {"name": "shop", "labels": {"environment": value}}},
    }


_OURS: Final = {"matchLabels": {"app": "orders"}}
_BUDGETED: Final = {"budget": _budget(_OURS)}
K8S019: Final = Rule(
    id="K8S019",
    title="gRPC workloads in production have two pods and a disruption budget",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(DEPLOYMENT, STATEFUL_SET),
    check=_redundant,
    stack=True,
    why="One pod goes with its node, and without a budget a drain may take the others of a workload together.",
    remedy="Set minReplicas of the autoscaler, or replicas, to 2 or more, and make a PodDisruptionBudget.",
    source="Kubernetes, Disruptions; Kubernetes, Specifying a Disruption Budget for your Application",
    options={"production": _PRODUCTION},
    bad=(
        Example("one pod", {"orders": _labelled(workload(), replicas=1), **_BUDGETED}, about=("orders",)),
        Example("one pod by default", {"orders": _labelled(workload()), **_BUDGETED}, about=("orders",)),
        Example(
            "an autoscaler that may leave one",
            {"orders": _labelled(workload()), "scaler": _autoscaler(), **_BUDGETED},
            about=("orders",),
        ),
        Example("no budget", {"orders": _labelled(workload("StatefulSet"), replicas=3)}, about=("orders",)),
        Example(
            "a budget of others",
            {"orders": _labelled(workload(), replicas=3), "budget": _budget({"matchLabels": {"app": "items"}})},
            about=("orders",),
        ),
        Example(
            "a namespace of production",
            {"orders": workload(), "space": _stage("production"), **_BUDGETED},
            about=("orders",),
        ),
    ),
    good=(
        Example("two pods", {"orders": _labelled(workload(), replicas="2"), **_BUDGETED}),
        Example("an autoscaler", {"orders": _labelled(workload()), "scaler": _autoscaler(minReplicas=2), **_BUDGETED}),
        Example(
            "a budget by expression",
            {
                "orders": _labelled(workload(), replicas=2),
                "budget": _budget({"matchExpressions": [{"key": "app", "operator": "In", "values": ["orders"]}]}),
            },
        ),
        Example("a budget for all", {"orders": _labelled(workload(), replicas=2), "budget": _budget({})}),
        Example("another stage", {"orders": workload(), "space": _stage("dev")}),
    ),
)


def _spread(resource: Resource, context: Context) -> Iterator[Problem]:
    if not grpc_containers(resource, context.graph):
        return
    labels = known(resource.get("spec.template.metadata.labels")) or {}
    zonal = _keeps_apart(resource)
    for path, given in resource.items(f"{_POD}.topologySpreadConstraints"):
        constraint = known(given)
        selector = known(constraint.get("labelSelector"))
        if selector is None or not selects(selector, labels):
            yield Problem(f"{path}.labelSelector", "does not match the workload's own pods, so that it spreads none")
            zonal = True
        elif known(constraint.get("topologyKey")) in _ZONES:
            zonal = True
    if not zonal and _is_production(resource, context):
        yield Problem(f"{_POD}.topologySpreadConstraints", "none is about zones: all pods may be in one")


def _keeps_apart(resource: Resource) -> bool:
    """Whether the pods stay away from a zone that has one."""
    terms = f"{_POD}.affinity.podAntiAffinity"
    found = [known(each) for _, each in resource.items(f"{terms}.requiredDuringSchedulingIgnoredDuringExecution")]
    for _, each in resource.items(f"{terms}.preferredDuringSchedulingIgnoredDuringExecution"):
        found.append(known(known(each).get("podAffinityTerm")) or {})
    return any(known(each.get("topologyKey")) in _ZONES for each in found)


def _constraint(selector: Mapping[str, Any] | None = _OURS, key: str = _ZONES[0]) -> Mapping[str, Any]:
    usual = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"}
    return {**usual, "labelSelector": selector} if selector is not None else usual


def _spreading(*constraints: Mapping[str, Any], **pod: Any) -> Mapping[str, Any]:
    given = workload()["properties"]["spec"]["template"]
    spec = {**given["spec"], "topologySpreadConstraints": list(constraints), **pod}
    return _labelled(workload(), template={**given, "spec": spec})


_APART: Final = {"labelSelector": _OURS, "topologyKey": _ZONES[0]}
K8S030: Final = Rule(
    id="K8S030",
    title="gRPC workloads in production spread over zones",
    severity=LOW,
    level=ADVISORY,
    kinds=(DEPLOYMENT, STATEFUL_SET),
    check=_spread,
    stack=True,
    why=(
        "All pods may be in one zone and go with it. A constraint whose labelSelector does not match the workload's "
        "own pods counts others, and spreads nothing."
    ),
    remedy="Give a topologySpreadConstraint on topology.kubernetes.io/zone with the labels of the pods themselves.",
    source="Kubernetes, Pod Topology Spread Constraints",
    options={"production": _PRODUCTION},
    bad=(
        Example("none", {"orders": _labelled(workload())}, about=("orders",)),
        Example("nodes alone", {"orders": _spreading(_constraint(key="kubernetes.io/hostname"))}, about=("orders",)),
        Example(
            "pods of others", {"orders": _spreading(_constraint({"matchLabels": {"app": "x"}}))}, about=("orders",)
        ),
        Example("no selector", {"orders": _spreading(_constraint(None))}, about=("orders",)),
    ),
    good=(
        Example("zones", {"orders": _spreading(_constraint())}),
        Example(
            "zones by affinity",
            {
                "orders": _spreading(
                    affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [_APART]}}
                )
            },
        ),
        Example("another stage", {"orders": workload(), "space": _stage("dev")}),
    ),
)

RULES: Final = (K8S017, K8S019, K8S030)
