"""Gateways of class ``gateway.k8s.aws/alb``: what their load balancer looks like (pkg/gateway/model)."""

from __future__ import annotations

from typing import Any, Final

from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.lbc import attributes, backends, certificates
from local_cloud.kubernetes.lbc.model import (
    NO_BACKEND,
    NO_ROUTE,
    Listener,
    Props,
    Rule,
    Stack,
    TargetGroup,
    Unreconciled,
    forward,
    named,
)
from local_cloud.kubernetes.lbc.routes import Attachment, Match, attached, ordered
from local_cloud.store import Row

GATEWAY: Final = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
CLASS: Final = "kubernetes:gateway.networking.k8s.io/v1:GatewayClass"
GRANT: Final = "kubernetes:gateway.networking.k8s.io/v1:ReferenceGrant"
BALANCERS: Final = "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration"
TARGETS: Final = "kubernetes:gateway.k8s.aws/v1:TargetGroupConfiguration"
RULES: Final = "kubernetes:gateway.k8s.aws/v1:ListenerRuleConfiguration"
CONTROLLER_NAME: Final = "gateway.k8s.aws/alb"
_PROTOCOLS: Final = ("HTTP", "HTTPS")


def class_of(cluster: Cluster, gateway: Row) -> Row | None:
    """The Gateway's class when it is this controller's; without one the controller looks away, finalizer or not."""
    row = cluster.get(CLASS, str(gateway.inputs["spec"]["gatewayClassName"]))
    return row if row is not None and row.inputs["spec"]["controllerName"] == CONTROLLER_NAME else None


def configuration(cluster: Cluster, gateway: Row, owner: Row) -> Props:
    """Both LoadBalancerConfigurations merged (lb_config_merger.go): the class's wins unless it says prefer-gateway."""
    own = (gateway.inputs["spec"].get("infrastructure") or {}).get("parametersRef")
    home = str(gateway.inputs["metadata"]["namespace"])
    mine = _parameters(cluster, own, home)
    given = owner.inputs["spec"].get("parametersRef")
    theirs = _parameters(cluster, given, str((given or {}).get("namespace") or ""))
    if theirs.get("mergingMode") == "prefer-gateway":
        return {**theirs, **mine}
    return {**mine, **theirs}


def _parameters(cluster: Cluster, reference: Props | None, namespace: str) -> Props:
    if reference is None:
        return {}
    row = cluster.get(BALANCERS, f"{namespace}/{reference['name']}")
    if row is None or reference.get("kind") != "LoadBalancerConfiguration":
        raise Unreconciled(f"unable to find {reference.get('kind')} {namespace}/{reference['name']}")
    spec: Props = row.inputs["spec"]
    return spec


def stack(cluster: Cluster, gateway: Row, owner: Row, attachments: list[Attachment]) -> Stack:
    """What a Gateway's load balancer looks like."""
    settings = configuration(cluster, gateway, owner)
    scheme = settings.get("scheme") or cluster.controller_values().get("defaultLoadBalancerScheme") or "internal"
    name = str(cluster.row()["name"])
    home, own = gateway.id.split("/")
    identity = (name, "gateway", gateway.id)
    pairs = {each["key"]: each["value"] for each in settings.get("loadBalancerAttributes") or ()}
    groups: dict[str, TargetGroup] = {}
    return Stack(
        identity=f"gateway/{gateway.id}",
        name=settings.get("loadBalancerName") or named(8, home, own, identity=(*identity, scheme)),
        props={
            "internal": scheme == "internal",
            "subnets": _subnets(cluster, settings, scheme),
            **attributes.balancer(pairs),
        },
        inbound=tuple(settings.get("sourceRanges") or ["0.0.0.0/0"]),
        listeners=[
            each
            for port in sorted({listener["port"] for listener in gateway.inputs["spec"]["listeners"]})
            if (each := _listener(cluster, gateway, settings, port, attachments, groups)) is not None
        ],
        target_groups=groups,
        tags={"elbv2.k8s.aws/cluster": name, "gateway.k8s.aws.alb/stack": gateway.id, **(settings.get("tags") or {})},
    )


def _subnets(cluster: Cluster, settings: Props, scheme: str) -> list[str]:
    given = [str(each["identifier"]) for each in settings.get("loadBalancerSubnets") or () if each.get("identifier")]
    return given or cluster.tagged_subnets(scheme)


def _listener(
    cluster: Cluster,
    gateway: Row,
    settings: Props,
    port: int,
    attachments: list[Attachment],
    groups: dict[str, TargetGroup],
) -> Listener | None:
    """model_build_listener.go: a listener exists only where some route is attached to it."""
    declared = [each for each in gateway.inputs["spec"]["listeners"] if each["port"] == port]
    protocols = {each["protocol"] for each in declared}
    if len(protocols) > 1 or not protocols <= set(_PROTOCOLS):
        raise Unreconciled(f"invalid listeners on gateway {gateway.id}, found different protocols on port {port}")
    protocol = protocols.pop()
    names = {each["name"] for each in declared}
    mine = [each for each in attachments if each.accepted and names & {listener["name"] for listener in each.listeners}]
    if not mine:
        return None
    props: Props = {"port": port, "protocol": protocol, "defaultActions": [NO_ROUTE]}
    if protocol == "HTTPS":
        props |= _encryption(cluster, gateway, settings, port, mine)
    rules = [_rule(cluster, gateway, protocol, match, groups) for match in ordered(mine)]
    return Listener(port, protocol, props, rules)


def _encryption(cluster: Cluster, gateway: Row, settings: Props, port: int, mine: list[Attachment]) -> Props:
    entries = settings.get("listenerConfigurations") or ()
    own: Props = next((each for each in entries if each["protocolPort"] == f"HTTPS:{port}"), {})
    given = [own["defaultCertificate"]] if own.get("defaultCertificate") else list(own.get("certificates") or ())
    hosts = [str(each.get("hostname") or "") for each in gateway.inputs["spec"]["listeners"] if each["port"] == port]
    hosts += [host for each in mine for host in each.hosts]
    if not given and not any(hosts):
        raise Unreconciled(
            f"No hostnames found for TLS cert discovery for listener on gateway {gateway.id} with protocol:port "
            f"HTTPS:{port}"
        )
    policy = own.get("sslPolicy") or cluster.controller_values().get("defaultSSLPolicy") or "ELBSecurityPolicy-2016-08"
    props: Props = {"certificateArn": certificates.chosen(cluster, given, hosts), "sslPolicy": policy}
    mutual = own.get("mutualAuthentication")
    if mutual:
        trust = {"trustStoreArn": mutual["trustStore"]} if mutual.get("trustStore") else {}
        props["mutualAuthentication"] = {"mode": mutual["mode"], **trust}
    return props


def _rule(cluster: Cluster, gateway: Row, protocol: str, match: Match, groups: dict[str, TargetGroup]) -> Rule:
    conditions = match.conditions()
    extension = _extension(cluster, match)
    for condition in (extension or {}).get("conditions") or ():
        if match.place[1] in (condition.get("matchIndexes") or [match.place[1]]):
            conditions.append({"sourceIp": {"values": condition["sourceIPConfig"]["values"]}})
    actions = []
    for action in (extension or {}).get("actions") or ():
        if action["type"] == "fixed-response":
            given = action["fixedResponseConfig"]
            fixed = {
                **given,
                "contentType": given.get("contentType", "text/plain"),
                "statusCode": str(given["statusCode"]),
            }
            return Rule(conditions, [{"type": "fixed-response", "fixedResponse": fixed}])
        if action["type"] == "jwt-validation":
            actions.append({"type": "jwt-validation", "jwtValidation": action["jwtValidationConfig"]})
    redirect = next(
        (each["requestRedirect"] for each in match.rule.get("filters") or () if each["type"] == "RequestRedirect"), None
    )
    if redirect is not None:
        return Rule(conditions, [_redirect(redirect)])
    return Rule(conditions, [*actions, _forward(cluster, gateway, protocol, match, groups)])


def _redirect(given: Props) -> Props:
    """route_rule_action.go: a RequestRedirect filter; a path of its own is left out of this model."""
    found = {"statusCode": f"HTTP_{given.get('statusCode') or 302}"}
    found |= {"protocol": str(given["scheme"]).upper()} if given.get("scheme") else {}
    found |= {"host": given["hostname"]} if given.get("hostname") else {}
    found |= {"port": str(given["port"])} if given.get("port") else {}
    return {"type": "redirect", "redirect": found}


def _extension(cluster: Cluster, match: Match) -> Props | None:
    home = str(match.attachment.route.inputs["metadata"]["namespace"])
    for each in match.rule.get("filters") or ():
        reference = each.get("extensionRef")
        if reference:
            row = cluster.get(RULES, f"{home}/{reference['name']}")
            if row is None:
                match.attachment.unresolved = f"unable to find ListenerRuleConfiguration {home}/{reference['name']}"
                return {"actions": [{"type": "fixed-response", "fixedResponseConfig": {"statusCode": 500}}]}
            spec: Props = row.inputs["spec"]
            return spec
    return None


def _forward(cluster: Cluster, gateway: Row, protocol: str, match: Match, groups: dict[str, TargetGroup]) -> Props:
    targets = []
    route = match.attachment.route
    home = str(route.inputs["metadata"]["namespace"])
    for backend in match.rule.get("backendRefs") or ():
        namespace = str(backend.get("namespace") or home)
        service = cluster.find("Service", namespace, str(backend["name"]))
        if service is None:
            match.attachment.unresolved = f"Service {namespace}/{backend['name']} does not exist"
            return NO_BACKEND
        if namespace != home and not _granted(cluster, match.attachment, home, namespace):
            match.attachment.unresolved = f"no ReferenceGrant lets {route.id} refer to Service {service.id}"
            return NO_BACKEND
        settings = _target_settings(cluster, match.attachment, service, backend["port"], protocol)
        identity = (str(cluster.row()["name"]), gateway.id, route.id, match.attachment.kind)
        group = backends.group(cluster, identity, service, backend["port"], settings)
        groups[group.name] = group
        targets.append((group.name, int(backend.get("weight", 1))))
    if not targets:
        return NO_BACKEND
    return forward(*targets)


def _granted(cluster: Cluster, attachment: Attachment, home: str, namespace: str) -> bool:
    """Gateway API, ReferenceGrant: in the namespace of what is referred to."""
    for row in cluster.inside(GRANT, namespace):
        sources = row.inputs["spec"]["from"]
        named_ = any(each["kind"] == attachment.kind and each["namespace"] == home for each in sources)
        if named_ and any(each["kind"] == "Service" for each in row.inputs["spec"]["to"]):
            return True
    return False


def _target_settings(cluster: Cluster, attachment: Attachment, service: Row, port: Any, protocol: str) -> Props:
    """model_build_target_group.go, with its order of who decides the protocol version."""
    given = _configured(cluster, attachment, service)
    version = _version(attachment, given, backends.port_of(service, port), protocol)
    check = given.get("healthCheckConfig") or {}
    matcher = check.get("matcher") or {}
    default = "12" if version == "GRPC" else "200-399"
    spoken = given.get("protocol") or "HTTP"
    pairs = {each["key"]: each["value"] for each in given.get("targetGroupAttributes") or ()}
    return {
        "targetType": given.get("targetType") or backends.default_type(cluster),
        "protocol": spoken,
        "protocolVersion": version,
        "healthCheck": {
            "enabled": True,
            "protocol": check.get("healthCheckProtocol") or spoken,
            "port": check.get("healthCheckPort") or "traffic-port",
            "path": check.get("healthCheckPath") or backends.DEFAULT_PATHS.get(version, "/"),
            "matcher": (matcher.get("grpcCode") if version == "GRPC" else matcher.get("httpCode")) or default,
            "interval": check.get("healthCheckInterval") or 15,
            "timeout": check.get("healthCheckTimeout") or 5,
            "healthyThreshold": check.get("healthyThresholdCount") or 3,
            "unhealthyThreshold": check.get("unhealthyThresholdCount") or 3,
        },
        **attributes.target_group(pairs),
    }


def _configured(cluster: Cluster, attachment: Attachment, service: Row) -> Props:
    namespace, _, name = service.id.partition("/")
    for row in cluster.inside(TARGETS, namespace):
        spec = row.inputs["spec"]
        if (spec.get("targetReference") or {}).get("name") != name:
            continue
        for special in spec.get("routeConfigurations") or ():
            identifier = special["routeIdentifier"]
            named_ = f"{identifier.get('namespace') or namespace}/{identifier.get('name')}"
            if identifier.get("kind") in {None, attachment.kind} and named_ == attachment.route.id:
                return dict(special["targetGroupProps"])
        return dict(spec.get("defaultConfiguration") or {})
    return {}


def _version(attachment: Attachment, given: Props, port: Props, protocol: str) -> str:
    """Only an HTTPS listener has anything but HTTP1 behind it, whatever is configured."""
    if protocol != "HTTPS":
        return "HTTP1"
    if given.get("protocolVersion"):
        return str(given["protocolVersion"])
    if attachment.kind == "GRPCRoute":
        return "GRPC"
    return "HTTP2" if port.get("appProtocol") == "kubernetes.io/h2c" else "HTTP1"


__all__ = ["attached", "class_of", "stack"]
