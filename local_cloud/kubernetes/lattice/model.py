"""What a route means in VPC Lattice: pkg/gateway/model_build_*.go."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from local_cloud.aws import vpclattice_common as aws
from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.lattice.owned import Owned, Props
from local_cloud.store import Row

GATEWAY: Final = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
CLASS: Final = "kubernetes:gateway.networking.k8s.io/v1:GatewayClass"
GRPC: Final = "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute"
HTTP: Final = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
TARGET_GROUP_POLICY: Final = "kubernetes:application-networking.k8s.aws/v1alpha1:TargetGroupPolicy"
PREFIX: Final = "application-networking.k8s.aws/"
CONTROLLER_NAME: Final = "application-networking.k8s.aws/gateway-api-controller"
_OWNER_TAG: Final = "application-networking.k8s.aws/ManagedBy"
_HEADERS: Final = 5


class Unreconciled(Exception):  # noqa: N818 (the controller's event, not a fault of ours)
    """The controller gave up, with the text of its event."""


def written_notes(row: Row) -> dict[str, str]:
    """What the program wrote."""
    found: dict[str, str] = (row.inputs.get("metadata") or {}).get("annotations") or {}
    return found


def is_ours(cluster: Cluster, gateway: Row) -> bool:
    """Whether a Gateway's class is this controller's."""
    row = cluster.get(CLASS, str(gateway.inputs["spec"]["gatewayClassName"]))
    return row is not None and row.inputs["spec"]["controllerName"] == CONTROLLER_NAME


def network_of(cluster: Cluster, gateway: Row) -> Row | None:
    """The service network of a Gateway: the one of its name (docs/api-types/gateway.md)."""
    found = cluster.store.where("aws", aws.NETWORK, "name", gateway.inputs["metadata"]["name"])
    return found[0] if found else None


def parents(cluster: Cluster, route: Row) -> Iterator[tuple[Props, Row]]:
    """The references of a route to Gateways of this controller."""
    home = str(route.inputs["metadata"]["namespace"])
    for reference in route.inputs["spec"].get("parentRefs") or ():
        row = cluster.get(GATEWAY, f"{reference.get('namespace') or home}/{reference['name']}")
        if row is not None and is_ours(cluster, row):
            yield reference, row


def service_name(route: Row) -> str:
    """pkg/utils/common.go: LatticeServiceName; the annotation service-name-override wins."""
    name, namespace = (str(route.inputs["metadata"][key]) for key in ("name", "namespace"))
    default = f"{name[:20].strip('-')}-{namespace[:18].strip('-')}"
    return written_notes(route).get(f"{PREFIX}service-name-override") or default


def build(cluster: Cluster, route: Row, owned: Owned) -> Row:
    """Makes the account so: service, associations, target groups, listeners, rules. The service.

    Raises ``Unreconciled``, and ``Refusal`` where AWS does.
    """
    links = [(reference, gateway, _listeners(reference, gateway)) for reference, gateway in parents(cluster, route)]
    _check(route, [each for _, _, listeners in links for each in listeners])
    tags = {_OWNER_TAG: f"{cluster.row()['name']}/{cluster.vpc()}"}
    service = owned.ensure("service", aws.LATTICE_SERVICE, _service(route, tags))
    for _, gateway, _ in links:
        network = network_of(cluster, gateway)
        if network is None:
            raise Unreconciled(f"Service network {gateway.inputs['metadata']['name']} not found")
        pair = {"serviceIdentifier": service.id, "serviceNetworkIdentifier": network.id}
        owned.ensure(network.id, aws.SERVICE_ASSOCIATION, pair)
    rules = [(rule, _action(cluster, route, rule, owned, tags)) for rule in _rules(route)]
    for port, protocol in sorted({(each["port"], each["protocol"]) for _, _, found in links for each in found}):
        _listener(owned, service, port, protocol, rules)
    owned.keep(aws.AUTH_POLICY)
    owned.prune()
    return owned.account.get(aws.LATTICE_SERVICE, service.id) or service


def _listeners(reference: Props, gateway: Row) -> list[Props]:
    section = reference.get("sectionName")
    found = [each for each in gateway.inputs["spec"]["listeners"] if section in {None, each["name"]}]
    if not found:
        raise Unreconciled(f"NoMatchingParent: sectionName {section} matches no listener of Gateway {gateway.id}")
    return found


def _check(route: Row, listeners: list[Props]) -> None:
    """docs/api-types/grpc-route.md, docs/api-types/http-route.md, pkg/gateway/model_build_rule.go."""
    if route.token == GRPC and any(each["protocol"] != "HTTPS" for each in listeners):
        raise Unreconciled("GRPCRoute is supported on HTTPS listeners only")
    for rule in _rules(route):
        matches = rule.get("matches") or []
        if len(matches) > 1:
            raise Unreconciled("LATTICE_NO_SUPPORT_FOR_MULTIPLE_MATCHES: a rule takes one match")
        for match in matches:
            method, headers = match.get("method"), match.get("headers") or []
            if route.token == GRPC and method and method.get("method") and not method.get("service"):
                raise Unreconciled("a method match without a service is not supported")
            if len(headers) > _HEADERS:
                raise Unreconciled(f"a rule takes {_HEADERS} header matches")
            kinds = {each.get("type") for each in (*headers, method if isinstance(method, dict) else {})}
            if "RegularExpression" in kinds:
                raise Unreconciled("regular expressions are not supported")


def _rules(route: Row) -> list[Props]:
    found: list[Props] = route.inputs["spec"].get("rules") or []
    return found


def _service(route: Row, tags: dict[str, str]) -> Props:
    idle = written_notes(route).get(f"{PREFIX}idle-timeout-seconds")
    if idle is not None and not (idle.isdecimal() and 60 <= int(idle) <= 600):
        raise Unreconciled(f"{PREFIX}idle-timeout-seconds must be a number from 60 to 600, got {idle!r}")
    hosts = route.inputs["spec"].get("hostnames") or []
    return {
        "name": service_name(route),
        **({"customDomainName": hosts[0]} if hosts else {}),
        **({"idleTimeoutSeconds": int(idle)} if idle else {}),
        "tags": tags,
    }


def _action(cluster: Cluster, route: Row, rule: Props, owned: Owned, tags: dict[str, str]) -> Props:
    groups = []
    for backend in rule.get("backendRefs") or ():
        group = _target_group(cluster, route, backend, owned, tags)
        groups.append({"targetGroupIdentifier": group.id, "weight": int(backend.get("weight", 1))})
    return {"forward": {"targetGroups": groups}} if groups else {"fixedResponse": {"statusCode": 404}}


def _target_group(cluster: Cluster, route: Row, backend: Props, owned: Owned, tags: dict[str, str]) -> Row:
    namespace = str(backend.get("namespace") or route.inputs["metadata"]["namespace"])
    service = cluster.find("Service", namespace, str(backend["name"]))
    if service is None:
        raise Unreconciled(f"BackendNotFound: Service {namespace}/{backend['name']} does not exist")
    policy = policy_of(cluster, namespace, str(backend["name"]))
    protocol = policy.get("protocol", "HTTP")
    # model_build_targetgroup.go: behind a GRPCRoute the version is GRPC, whatever the policy says.
    version = "GRPC" if route.token == GRPC else policy.get("protocolVersion", "HTTP1")
    key = f"{namespace}/{backend['name']}:{backend.get('port')}:{protocol}-{version}"
    # pkg/model/lattice/targetgroup.go: ten random letters; here they are of what a target group cannot change.
    own = f"{owned.ensure('service', aws.LATTICE_SERVICE, _service(route, tags)).id} {key}"
    letters = "".join(chr(ord("a") + byte % 26) for byte in hashlib.sha256(own.encode()).digest()[:10])
    config = {
        "port": int(backend.get("port") or 80),
        "protocol": protocol,
        "protocolVersion": version,
        "vpcIdentifier": cluster.vpc(),
        "healthCheck": _health_check(policy.get("healthCheck"), version),
    }
    name = f"k8s-{namespace[:55]}-{backend['name'][:55]}-{letters}"
    return owned.ensure(key, aws.TARGET_GROUP, {"name": name, "type": "IP", "config": config, "tags": tags})


def policy_of(cluster: Cluster, namespace: str, service: str) -> Props:
    """The specification of the TargetGroupPolicy of a Service, {} without one."""
    for row in cluster.inside(TARGET_GROUP_POLICY, namespace):
        spec: Props = row.inputs["spec"]
        if spec["targetRef"]["name"] == service and spec["targetRef"]["kind"] == "Service":
            return spec
    return {}


def _health_check(given: Props | None, version: str) -> Props:
    """pkg/deploy/lattice/target_group_manager.go: on for HTTP/1.1 alone, unless a policy says otherwise."""
    if given is None:
        return {"enabled": version == "HTTP1"}
    names = {
        "intervalSeconds": "healthCheckIntervalSeconds",
        "timeoutSeconds": "healthCheckTimeoutSeconds",
        "statusMatch": "matcher",
    }
    check = {names.get(key, key): value for key, value in given.items()}
    if "matcher" in check:
        check["matcher"] = {"value": check["matcher"]}
    return {"enabled": True, **check}


def _listener(owned: Owned, service: Row, port: int, protocol: str, rules: list[tuple[Props, Props]]) -> None:
    """A listener whose default action is 404, which a gRPC client reads as UNIMPLEMENTED."""
    props = {
        "serviceIdentifier": service.id,
        "name": f"k8s-{port}-{protocol.lower()}",
        "port": port,
        "protocol": protocol,
        "defaultAction": {"fixedResponse": {"statusCode": 404}},
    }
    listener = owned.ensure(f"{port}", aws.LISTENER, props)
    for number, (rule, action) in enumerate(rules, 1):
        given = {
            "serviceIdentifier": service.id,
            "listenerIdentifier": str(listener["listenerId"]),
            "name": f"k8s-rule-{number}",
            "priority": number,
            "match": {"httpMatch": _match(rule)},
            "action": action,
        }
        owned.ensure(f"{port}:{number}", aws.RULE, given)


def _match(rule: Props) -> Props:
    match: Props = next(iter(rule.get("matches") or ()), {})
    method = match.get("method")
    if isinstance(method, dict):  # of a GRPCRoute
        exact = method.get("method")
        path = {"exact": f"/{method.get('service')}/{exact}"} if exact else {"prefix": f"/{method.get('service')}/"}
        return {"method": "POST", "pathMatch": {"match": path}}
    path = match.get("path") or {}
    kind = "exact" if path.get("type") == "Exact" else "prefix"
    return {**({"method": method} if method else {}), "pathMatch": {"match": {kind: path.get("value", "/")}}}
