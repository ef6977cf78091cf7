"""When the controller works: after every write that concerns it, and before an object of its own may go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from local_cloud.kubernetes.cluster import NAMESPACE, RELEASE, Cluster
from local_cloud.kubernetes.controllers import controller_trouble
from local_cloud.kubernetes.lbc import alb_annotations, deploy, gateway, ingress, routes
from local_cloud.kubernetes.lbc.model import Props, Unreconciled
from local_cloud.plugin import Refused
from local_cloud.store import Row, now

INGRESS_FINALIZER: Final = "ingress.k8s.aws/resources"
GROUP_FINALIZER: Final = "group.ingress.k8s.aws/"
GATEWAY_FINALIZER: Final = "gateway.k8s.aws/alb"
_INGRESSES: Final = frozenset({ingress.INGRESS, ingress.CLASS, ingress.PARAMS})
_GATEWAYS: Final = frozenset(
    {gateway.GATEWAY, gateway.CLASS, gateway.GRANT, gateway.BALANCERS, gateway.TARGETS, gateway.RULES}
    | set(routes.KINDS)
)
_SERVICE: Final = "kubernetes:core/v1:Service"
_ALL: Final = frozenset({RELEASE, _SERVICE, NAMESPACE})
_HELD: Final = {
    gateway.BALANCERS: ("gateway.k8s.aws/loadbalancerconfigurations", "a Gateway or GatewayClass"),
    gateway.TARGETS: ("gateway.k8s.aws/targetgroupconfigurations", "a route"),
    gateway.RULES: ("gateway.k8s.aws/listenerruleconfigurations", "a route"),
}


def written(cluster: Cluster, token: str) -> None:
    """Works through everything that an object of this type may concern."""
    if token not in _INGRESSES | _GATEWAYS | _ALL:
        return
    ingresses = cluster.store.rows(cluster.key, ingress.INGRESS) if token in _INGRESSES | _ALL else []
    gateways = cluster.store.rows(cluster.key, gateway.GATEWAY) if token in _GATEWAYS | _ALL else []
    if (not ingresses and not gateways) or controller_trouble(cluster) is not None:
        return
    _reconcile_groups(cluster, ingresses)
    for row in gateways:
        _reconcile_gateway(cluster, row)


def trouble(cluster: Cluster, row: Row) -> str | None:
    """What the controller last said of an object, None when it is content or has not looked."""
    found = cluster.store.notes("lbc-event", _subject(cluster, row.token, row.id))
    return next((str(data["message"]) for data in found.values()), None)


def absence(cluster: Cluster, row: Row) -> str:
    """Why nobody has looked at an object of which there is no event."""
    trouble_ = controller_trouble(cluster)
    if trouble_ is not None:
        return trouble_
    if row.token == ingress.INGRESS:
        return "no controller takes it: neither spec.ingressClassName nor an annotation names a class of the ALB"
    if row.token == gateway.GATEWAY:
        return f"no GatewayClass {row.inputs['spec']['gatewayClassName']} of {gateway.CONTROLLER_NAME}"
    return "none of its parentRefs is a Gateway that a controller has taken"


def released(cluster: Cluster, row: Row) -> None:
    """Takes an object that is to be deleted out of the account. Raises ``Refused`` where its finalizer stays."""
    if row.token == ingress.INGRESS:
        _release_ingress(cluster, row)
    elif row.token == gateway.GATEWAY:
        _release_gateway(cluster, row)
    elif row.token in _HELD and _in_use(cluster, row):
        finalizer, users = _HELD[row.token]
        raise Refused(held(row, finalizer, f"it is still in use by {users}"))
    cluster.store.forget("lbc-event", _subject(cluster, row.token, row.id))


def patience(row: Row) -> int:
    """In which order the objects of a dying namespace go: those that others hold wait for these others."""
    return 1 if row.token in _HELD else 0


def held(row: Row, finalizer: str, why: str) -> str:
    """The provider's words for an object that does not go away."""
    return (
        f"timed out waiting for the condition: finalizers might be preventing deletion of {row.id} ({finalizer}); {why}"
    )


# Ingress groups


def _reconcile_groups(cluster: Cluster, rows: list[Row]) -> None:
    groups: dict[str, list[ingress.Member]] = {}
    for row in rows:
        _event(cluster, row, None)
        try:
            member = ingress.classified(cluster, row)
            if member is not None:
                groups.setdefault(ingress.group_of(member), []).append(member)
        except Unreconciled as problem:
            _event(cluster, row, str(problem))
    for group, members in groups.items():
        _reconcile_group(cluster, group, members)


def _reconcile_group(cluster: Cluster, group: str, members: list[ingress.Member]) -> None:
    def work() -> None:
        wanted = ingress.stack(cluster, group, members)
        balancer = deploy.deploy(cluster, wanted.identity, wanted)
        status = {"loadBalancer": {"ingress": [{"hostname": balancer["dnsName"]}]}} if balancer else {}
        for member in members:
            _status(cluster, member.row, status)

    said = _attempt(work)
    for member in members:
        _event(cluster, member.row, said)


def _release_ingress(cluster: Cluster, row: Row) -> None:
    """group_controller.go: the last member takes the load balancer with it, a deleted one its rules."""
    groups = [each for each in deploy.stacks(cluster) if each.startswith("ingress/")]
    known = str((row.outputs.get("status") or {}).get("loadBalancer") or "")
    if not known or not groups:
        return
    absent = controller_trouble(cluster)
    if absent is not None:
        raise Refused(held(row, INGRESS_FINALIZER, absent))
    notes = alb_annotations.of(row.inputs)
    if "deletion_protection.enabled=true" in notes.get("load-balancer-attributes", "").replace(" ", ""):
        name = row.inputs["metadata"]["name"]
        raise Refused(
            held(row, INGRESS_FINALIZER, f"deletion_protection is enabled, cannot delete the ingress: {name}")
        )
    rest = [each for each in cluster.store.rows(cluster.key, ingress.INGRESS) if each.id != row.id]
    living: dict[str, list[ingress.Member]] = {}
    try:
        for each in rest:
            member = ingress.classified(cluster, each)
            if member is not None:
                living.setdefault(ingress.group_of(member), []).append(member)
        for identity in groups:
            members = living.get(identity.removeprefix("ingress/"))
            wanted = ingress.stack(cluster, identity.removeprefix("ingress/"), members) if members else None
            deploy.deploy(cluster, identity, wanted)
    except Unreconciled as problem:
        raise Refused(held(row, INGRESS_FINALIZER, str(problem))) from None


# Gateways


def _reconcile_gateway(cluster: Cluster, row: Row) -> None:
    owner = gateway.class_of(cluster, row)
    _event(cluster, row, None)
    if owner is None:
        return
    attachments = routes.attached(cluster, row)

    def work() -> None:
        wanted = gateway.stack(cluster, row, owner, attachments)
        balancer = deploy.deploy(cluster, wanted.identity, wanted)
        if balancer is not None:
            _gateway_status(cluster, row, attachments, "", str(balancer["dnsName"]), balancer.id)

    said = _attempt(work)
    if said is not None:
        _event(cluster, row, said)
        _gateway_status(cluster, row, attachments, said, "", "")
    for attachment in attachments:
        _route_status(cluster, attachment, said)


def _gateway_status(
    cluster: Cluster, row: Row, attachments: list[routes.Attachment], said: str, address: str, arn: str
) -> None:
    before = row.outputs.get("status") or {}
    programmed = _condition("Programmed", met=bool(arn), reason="Programmed" if arn else "Pending", message=arn or said)
    if said:  # a failure later on leaves the condition and the address as they were (handleReconcileError)
        known = [each for each in before.get("conditions") or () if each["type"] == "Programmed"]
        programmed = known[0] if known else programmed
    conditions = [
        _condition("Accepted", met=not said, reason="Invalid" if said else "Accepted", message=said),
        programmed,
    ]
    listeners = [
        {
            "name": each["name"],
            "attachedRoutes": sum(
                each["name"] in {listener["name"] for listener in attachment.listeners} for attachment in attachments
            ),
            "supportedKinds": [],
            "conditions": [_condition("Accepted", met=True, reason="Accepted")],
        }
        for each in row.inputs["spec"]["listeners"]
    ]
    addresses = [{"type": "Hostname", "value": address}] if address else before.get("addresses") or []
    _status(cluster, row, {"addresses": addresses, "conditions": conditions, "listeners": listeners})


def _route_status(cluster: Cluster, attachment: routes.Attachment, said: str | None) -> None:
    """A route's conditions, Accepted first (controllers/gateway/route_reconciler.go)."""
    row = cluster.get(attachment.route.token, attachment.route.id)
    if row is None:
        return
    accepted = attachment.accepted and said is None
    reason = attachment.reason if not attachment.accepted else "Accepted" if accepted else "Pending"
    message = attachment.message or said or ""
    unresolved = attachment.unresolved
    resolved = "BackendNotFound" if unresolved else "ResolvedRefs"
    conditions = [
        _condition("Accepted", met=accepted, reason=reason, message=message),
        _condition("ResolvedRefs", met=not unresolved, reason=resolved, message=unresolved),
    ]
    entry = {"parentRef": attachment.parent, "controllerName": gateway.CONTROLLER_NAME, "conditions": conditions}
    others = (row.outputs.get("status") or {}).get("parents") or []
    kept = [each for each in others if each.get("parentRef") != attachment.parent]
    _status(cluster, row, {"parents": [*kept, entry]})
    _event(
        cluster, row, None if accepted and not unresolved else f"{reason}: {message}" if not accepted else unresolved
    )


def _release_gateway(cluster: Cluster, row: Row) -> None:
    """gateway_controller.go: a Gateway whose class is gone is nobody's, and keeps its finalizer."""
    identity = f"gateway/{row.id}"
    if identity not in deploy.stacks(cluster):
        return
    absent = controller_trouble(cluster)
    if absent is None and gateway.class_of(cluster, row) is None:
        absent = f"GatewayClass {row.inputs['spec']['gatewayClassName']} is gone, so the controller ignores the Gateway"
    if absent is not None:
        raise Refused(held(row, GATEWAY_FINALIZER, absent))
    try:
        deploy.deploy(cluster, identity, None)
    except Unreconciled as problem:
        raise Refused(held(row, GATEWAY_FINALIZER, str(problem))) from None


def _in_use(cluster: Cluster, row: Row) -> bool:
    namespace, _, name = row.id.partition("/")
    if row.token == gateway.BALANCERS:
        classes = cluster.store.rows(cluster.key, gateway.CLASS)
        own = [each.inputs["spec"].get("parametersRef") or {} for each in classes]
        gateways = cluster.inside(gateway.GATEWAY, namespace)
        own += [
            {**((each.inputs["spec"].get("infrastructure") or {}).get("parametersRef") or {}), "namespace": namespace}
            for each in gateways
        ]
        return any(each.get("name") == name and each.get("namespace") == namespace for each in own)
    rules = [
        rule
        for token in routes.KINDS
        for route in cluster.inside(token, namespace)
        for rule in route.inputs["spec"].get("rules") or ()
    ]
    if row.token == gateway.RULES:
        filters = [each for rule in rules for each in rule.get("filters") or ()]
        return any((each.get("extensionRef") or {}).get("name") == name for each in filters)
    target = (row.inputs["spec"].get("targetReference") or {}).get("name")
    return any(backend["name"] == target for rule in rules for backend in rule.get("backendRefs") or ())


# Common


def _attempt(work: Callable[[], None]) -> str | None:
    """Does the work; what went wrong, None when nothing did. What was done before that stays, as on AWS."""
    try:
        work()
    except Unreconciled as problem:
        return str(problem)
    return None


def _condition(kind: str, *, met: bool, reason: str, message: str = "") -> Props:
    status = "True" if met else "False"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now()}


def _status(cluster: Cluster, row: Row, status: dict[str, Any]) -> None:
    current = cluster.get(row.token, row.id)
    if current is not None and not _same(current.outputs.get("status"), status):
        cluster.store.update(replace(current, outputs={**current.outputs, "status": status}))


def _same(before: Any, after: Any) -> bool:
    """Equal but for the times of conditions."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = (before.keys() | after.keys()) - {"lastTransitionTime"}
        return all(_same(before.get(key), after.get(key)) for key in keys)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


def _subject(cluster: Cluster, token: str, identity: str) -> str:
    return f"{cluster.key}|{token}|{identity}"


def _event(cluster: Cluster, row: Row, message: str | None) -> None:
    subject = _subject(cluster, row.token, row.id)
    if message is None:
        cluster.store.forget("lbc-event", subject)
    else:
        cluster.store.note("lbc-event", subject, "event", {"message": message})
