"""When the controller works: after every write that concerns it, and before an object of its own may go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from local_cloud.aws import vpclattice_common as aws
from local_cloud.aws.kind import Refusal
from local_cloud.kubernetes.charts import LATTICE
from local_cloud.kubernetes.cluster import RELEASE, Cluster
from local_cloud.kubernetes.controllers import addresses, release_trouble
from local_cloud.kubernetes.lattice import model
from local_cloud.kubernetes.lattice.model import GATEWAY, GRPC, HTTP, Unreconciled
from local_cloud.kubernetes.lattice.owned import Owned
from local_cloud.plugin import Refused
from local_cloud.store import Row, now

AUTH_POLICY: Final = "kubernetes:application-networking.k8s.aws/v1alpha1:IAMAuthPolicy"
DOMAIN: Final = f"{model.PREFIX}lattice-assigned-domain-name"
_EVENT: Final = "lattice-event"
_SEEN: Final = "lattice-seen"
_KINDS: Final = {GRPC: "GRPCRoute", HTTP: "HTTPRoute"}
_FINALIZERS: Final = {
    GRPC: "grpcroute.k8s.aws/resources",
    HTTP: "httproute.k8s.aws/resources",
    GATEWAY: "gateway.k8s.aws/resources",
    AUTH_POLICY: "application-networking.k8s.aws/iam-auth-policy",
}
_PODS: Final = (
    *(f"kubernetes:apps/v1:{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
    *("kubernetes:core/v1:Pod", "kubernetes:core/v1:Service", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"),
)
_CONCERNED: Final = frozenset({RELEASE, model.CLASS, model.TARGET_GROUP_POLICY, *_FINALIZERS, *_PODS})


def trouble(cluster: Cluster, row: Row) -> str | None:
    """What the controller last said of an object, None when it is content or has not looked."""
    found = cluster.store.notes(_EVENT, _subject(cluster, row))
    return next((str(data["message"]) for data in found.values()), None)


def absence(cluster: Cluster, row: Row) -> str | None:
    """Why nobody has looked at an object that is this controller's, None for another's."""
    return (controller_trouble(cluster) or "the controller has not looked at it") if _is_ours(cluster, row) else None


def concerns(cluster: Cluster, row: Row) -> bool:
    """Whether an object is one that only this controller brings to its state."""
    return row.token in {model.CLASS, AUTH_POLICY} and _is_ours(cluster, row)


def _is_ours(cluster: Cluster, row: Row) -> bool:
    if row.token == model.CLASS:
        return bool(row.inputs["spec"].get("controllerName") == model.CONTROLLER_NAME)
    if row.token == GATEWAY:
        return model.is_ours(cluster, row)
    return row.token == AUTH_POLICY or (row.token in _KINDS and any(model.parents(cluster, row)))


def controller_trouble(cluster: Cluster) -> str | None:
    """Why no AWS Gateway API Controller is at work, None when one is."""
    releases = cluster.releases(LATTICE)
    if not releases:
        return "no AWS Gateway API Controller is installed"
    troubles = [release_trouble(cluster, row.inputs) for row in releases]
    return None if None in troubles else f"the AWS Gateway API Controller does not run: {troubles[0]}"


def written(cluster: Cluster, token: str, namespace: str = "") -> None:
    """Works through everything that an object of this type, in this namespace, may concern."""
    if token not in _CONCERNED or not cluster.releases(LATTICE) or controller_trouble(cluster) is not None:
        return
    everywhere = token in {RELEASE, model.CLASS, GATEWAY}
    rows = [row for kind in _LOOKED_AT for row in cluster.store.rows(cluster.key, kind)]
    if not everywhere:
        rows = _mentioning(cluster, namespace)
    for kind in _LOOKED_AT:
        for row in (each for each in rows if each.token == kind and _is_ours(cluster, each)):
            _LOOKS[kind](cluster, row)


def _mentioning(cluster: Cluster, namespace: str) -> list[Row]:
    """What this controller looks at of a namespace, and of others that name it."""
    return [row for row in cluster.store.referring(cluster.key, namespace) if row.token in _LOOKED_AT]


def _class(cluster: Cluster, row: Row) -> None:
    _conditions(cluster, row, {"Accepted": ""})


def _gateway(cluster: Cluster, row: Row) -> None:
    network = model.network_of(cluster, row)
    said = None if network else f"VPC Lattice service network {row.inputs['metadata']['name']} not found"
    _event(cluster, row, said)
    cluster.store.note(_SEEN, _subject(cluster, row), "finalizer", {})
    _conditions(cluster, row, {"Accepted": "", "Programmed": said or ""})


def _route(cluster: Cluster, row: Row) -> None:
    owned = _owned(cluster, row)
    said = None
    try:
        service = model.build(cluster, row, owned)
        _register(cluster, owned)
        _assign(cluster, row, service)
    except Unreconciled as problem:
        said = str(problem)
    except Refusal as refusal:
        said = f"FailedDeployModel: {refusal.code}: {refusal.message}"
    _event(cluster, row, said)
    status = {
        "parents": [
            {
                "parentRef": reference,
                "controllerName": model.CONTROLLER_NAME,
                "conditions": [_condition("Accepted", said or ""), _condition("ResolvedRefs", said or "")],
            }
            for reference, _ in model.parents(cluster, row)
        ]
    }
    _status(cluster, row, status)


def _owned(cluster: Cluster, route: Row) -> Owned:
    return Owned(cluster, f"{_KINDS[route.token]}/{route.id}")


def _assign(cluster: Cluster, row: Row, service: Row) -> None:
    """controllers/route_controller.go: the domain name goes into an annotation."""
    current = cluster.get(row.token, row.id) or row
    domain = str(service["dnsEntries"][0]["domainName"])
    metadata = current.outputs["metadata"]
    known = metadata.get("annotations") or {}
    if known.get(DOMAIN) != domain:
        metadata = {**metadata, "annotations": {**known, DOMAIN: domain}}
        cluster.store.update(replace(current, outputs={**current.outputs, "metadata": metadata}))


def _register(cluster: Cluster, owned: Owned) -> None:
    """The pods of each backend are targets of its group; without health checks VPC Lattice calls them unavailable."""
    for key, group in owned.keyed(aws.TARGET_GROUP).items():
        backend, port, _ = key.rsplit(":", 2)
        namespace, _, name = backend.partition("/")
        wanted = set(addresses(cluster, namespace, {"name": name, "port": int(port)}))
        present = {target for _, target in cluster.store.notes("target", group.id)}
        for target in present - wanted:
            cluster.store.forget("target", group.id, target)
        health = "healthy" if (group["config"] or {})["healthCheck"].get("enabled") else "unavailable"
        for target in wanted - present:
            address, _, number = target.rpartition(":")
            cluster.store.note("target", group.id, target, {"id": address, "port": int(number), "health": health})


def target_groups(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Row]]:
    """Every target group of routes that mention a namespace, with its key: NAMESPACE/SERVICE:PORT:PROTOCOL-VERSION."""
    for route in _mentioning(cluster, namespace):
        if route.token in _KINDS:
            yield from _owned(cluster, route).keyed(aws.TARGET_GROUP).items()


def _auth_policy(cluster: Cluster, row: Row) -> None:
    """docs/api-types/iam-auth-policy.md; release 2.1.4: nothing for resources that the controller does not own.

    The controller accepts a policy before it asks AWS and then tries for ever; here AWS's refusal is told at once.
    """
    said = _policy_trouble(cluster, row)
    _event(cluster, row, said)
    _conditions(cluster, row, {"Accepted": said or ""})


def _policy_trouble(cluster: Cluster, row: Row) -> str | None:
    target, home = row.inputs["spec"]["targetRef"], str(row.inputs["metadata"]["namespace"])
    if target["kind"] == "Gateway":
        return f"Conflicted: the service network {target['name']} is not managed by this controller"
    token = f"kubernetes:gateway.networking.k8s.io/v1:{target['kind']}"
    route = cluster.get(token, f"{home}/{target['name']}")
    owned = Owned(cluster, f"{target['kind']}/{home}/{target['name']}")
    service = owned.one(aws.LATTICE_SERVICE)
    if route is None or service is None:
        return f"TargetNotFound: {target['kind']} {home}/{target['name']} has no VPC Lattice service"
    policy = str(row.inputs["spec"]["policy"])
    try:
        json.loads(policy)
        owned.ensure("policy", aws.AUTH_POLICY, {"resourceIdentifier": str(service["arn"]), "policy": policy})
    except ValueError:
        return "Invalid: the policy is no JSON"
    except Refusal as refusal:
        return f"Invalid: {refusal.code}: {refusal.message}"
    owned.account.patch(service, authType="AWS_IAM")
    return None


def released(cluster: Cluster, row: Row) -> None:
    """Takes what an object stands for out of the account. Raises ``Refused`` where its finalizer stays.

    controllers/route_controller.go: a route is the controller's only as long as its Gateway and class are.
    """
    if row.token in _KINDS:
        _release_route(cluster, row)
    elif row.token == GATEWAY and cluster.store.notes(_SEEN, _subject(cluster, row)):
        _release_gateway(cluster, row)
    elif row.token == AUTH_POLICY:
        _release_policy(cluster, row)
    cluster.store.forget(_EVENT, _subject(cluster, row))


def _release_route(cluster: Cluster, row: Row) -> None:
    owned = _owned(cluster, row)
    if not owned:
        return
    _must_run(cluster, row)
    if not any(model.parents(cluster, row)):
        raise Refused(_held(row, "its Gateway is gone, so the controller ignores the route"))
    try:
        owned.prune()
    except Refusal as refusal:
        raise Refused(_held(row, f"{refusal.code}: {refusal.message}")) from None


def _release_gateway(cluster: Cluster, row: Row) -> None:
    """controllers/gateway_controller.go: a Gateway stays while routes hang on it, or when its class is gone."""
    _must_run(cluster, row)
    if not model.is_ours(cluster, row):
        raise Refused(_held(row, "its GatewayClass is gone, so the controller ignores the Gateway"))
    for kind in _KINDS:
        for route in cluster.store.rows(cluster.key, kind):
            if any(gateway.id == row.id for _, gateway in model.parents(cluster, route)):
                raise Refused(_held(row, f"cannot delete gateway {row.id} - found referencing route {route.id}"))
    cluster.store.forget(_SEEN, _subject(cluster, row))


def _release_policy(cluster: Cluster, row: Row) -> None:
    target = row.inputs["spec"]["targetRef"]
    owned = Owned(cluster, f"{target['kind']}/{row.inputs['metadata']['namespace']}/{target['name']}")
    if owned.one(aws.AUTH_POLICY) is None:
        return
    _must_run(cluster, row)
    owned.drop(aws.AUTH_POLICY)
    service = owned.one(aws.LATTICE_SERVICE)
    if service is not None:
        owned.account.patch(service, authType="NONE")


_LOOKS: Final = {model.CLASS: _class, GATEWAY: _gateway, GRPC: _route, HTTP: _route, AUTH_POLICY: _auth_policy}
_LOOKED_AT: Final = tuple(_LOOKS)


def _must_run(cluster: Cluster, row: Row) -> None:
    absent = controller_trouble(cluster)
    if absent is not None:
        raise Refused(_held(row, absent))


def _held(row: Row, why: str) -> str:
    return (
        f"timed out waiting for the condition: finalizers might be preventing deletion of {row.id} "
        f"({_FINALIZERS[row.token]}); {why}"
    )


def _condition(kind: str, said: str) -> dict[str, Any]:
    status, reason = ("False", said.partition(":")[0] if ":" in said else "Invalid") if said else ("True", kind)
    return {"type": kind, "status": status, "reason": reason, "message": said, "lastTransitionTime": now()}


def _conditions(cluster: Cluster, row: Row, said: dict[str, str]) -> None:
    _status(cluster, row, {"conditions": [_condition(kind, text) for kind, text in said.items()]})


def _status(cluster: Cluster, row: Row, status: dict[str, Any]) -> None:
    current = cluster.get(row.token, row.id)
    if current is None or _timeless(current.outputs.get("status")) == _timeless(status):
        return
    cluster.store.update(replace(current, outputs={**current.outputs, "status": status}))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key != "lastTransitionTime"}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _subject(cluster: Cluster, row: Row) -> str:
    return f"{cluster.key}|{row.token}|{row.id}"


def _event(cluster: Cluster, row: Row, message: str | None) -> None:
    if message is None:
        cluster.store.forget(_EVENT, _subject(cluster, row))
    else:
        cluster.store.note(_EVENT, _subject(cluster, row), "event", {"message": message})
