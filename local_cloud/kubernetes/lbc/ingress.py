"""Ingress groups: which Ingresses belong together and what their load balancer looks like (pkg/ingress)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from local_cloud.kubernetes.cluster import Cluster
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.lbc import alb_annotations, attributes, backends, certificates
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
from local_cloud.kubernetes.rules.metadata import matches
from local_cloud.store import Row

INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"
CLASS: Final = "kubernetes:networking.k8s.io/v1:IngressClass"
PARAMS: Final = "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams"
CONTROLLER_NAME: Final = "ingress.k8s.aws/alb"
USE_ANNOTATION: Final = "use-annotation"
_GROUP: Final = re.compile(r"([a-z0-9][-a-z0-9.]*)?[a-z0-9]")
_ORDERS: Final = (-1000, 1000)


@dataclass(frozen=True)
class Member:
    """One Ingress with the parameters of its class ({} without any)."""

    row: Row
    params: Props
    notes: dict[str, str]

    @property
    def certificates(self) -> list[str]:
        """The certificates given: by the class, else by annotation."""
        given: list[str] = self.params.get("certificateArn") or []
        return given or alb_annotations.items(self.notes.get("certificate-arn", ""))

    @property
    def order(self) -> tuple[int, str]:
        """Its place in the group (group_loader.go: sortGroupMembers)."""
        order = alb_annotations.number(self.notes, "group.order", 0)
        if not _ORDERS[0] <= order <= _ORDERS[1]:
            message = f"explicit Ingress group order must be within [-1000:1000], Ingress: {self.row.id}"
            raise Unreconciled(f"{message}, order: {order}")
        return order, self.row.id


def classified(cluster: Cluster, row: Row) -> Member | None:
    """The Ingress as a member of some group; None when it is another controller's. Raises for an invalid class."""
    notes = alb_annotations.of(row.inputs)
    legacy = ((row.inputs.get("metadata") or {}).get("annotations") or {}).get("kubernetes.io/ingress.class")
    if legacy is not None:
        return Member(row, {}, notes) if legacy == "alb" else None
    name = (row.inputs.get("spec") or {}).get("ingressClassName")
    if not name:
        return None
    found = cluster.get(CLASS, str(name))
    if found is None:
        values = cluster.controller_values()
        if name == (values.get("ingressClass") or "alb") and values.get("createIngressClassResource") is not False:
            return Member(row, (values.get("ingressClassParams") or {}).get("spec") or {}, notes)
        raise Unreconciled(f'invalid ingress class: ingressclasses.networking.k8s.io "{name}" not found')
    spec = found.inputs["spec"]
    if spec.get("controller") != CONTROLLER_NAME:
        return None
    return Member(row, _params(cluster, row, spec.get("parameters")), notes)


def _params(cluster: Cluster, row: Row, reference: Props | None) -> Props:
    """class_loader.go: Load, validateIngressClassParamsNamespaceRestriction."""
    if reference is None:
        return {}
    if reference.get("apiGroup") != "elbv2.k8s.aws" or reference.get("kind") != "IngressClassParams":
        raise Unreconciled("invalid ingress class: IngressClass has unsupported parameters")
    params = cluster.get(PARAMS, str(reference["name"]))
    if params is None:
        name = reference["name"]
        raise Unreconciled(f'invalid ingress class: ingressclassparams.elbv2.k8s.aws "{name}" not found')
    spec: Props = params.inputs["spec"]
    selector = spec.get("namespaceSelector")
    if selector is not None:
        labels = cluster.labels(str(row.inputs["metadata"].get("namespace") or ""))
        if matches(Field(selector), Field(labels)) is not True:
            raise Unreconciled("invalid ingress class: namespaceSelector of IngressClassParams mismatch")
    return spec


def group_of(member: Member) -> str:
    """The identity of the group: its name, or NAMESPACE/NAME of a lone Ingress (group_loader.go: loadGroupID)."""
    given = (member.params.get("group") or {}).get("name") or member.notes.get("group.name")
    if given is None:
        return member.row.id
    if not _GROUP.fullmatch(str(given)):
        raise Unreconciled(
            "invalid ingress group: groupName must consist of lower case alphanumeric characters, '-' or '.', and "
            "must start and end with an alphanumeric character"
        )
    if len(str(given)) > 63:
        raise Unreconciled("invalid ingress group: groupName must be no more than 63 characters")
    return str(given)


def stack(cluster: Cluster, group: str, members: list[Member]) -> Stack:
    """What a group's load balancer looks like."""
    ordered = sorted(members, key=lambda each: each.order)
    scheme = _agreed(ordered, "scheme", "scheme") or cluster.controller_values().get("defaultLoadBalancerScheme")
    scheme = scheme or "internal"
    if scheme not in {"internal", "internet-facing"}:
        raise Unreconciled(f"unknown scheme: {scheme}")
    groups: dict[str, TargetGroup] = {}
    identity = (str(cluster.row()["name"]), group)
    return Stack(
        identity=f"ingress/{group}",
        name=_name(ordered, group, (*identity, scheme)),
        props={
            "internal": scheme == "internal",
            "subnets": _subnets(cluster, ordered, scheme),
            **attributes.balancer(_attributes(ordered)),
        },
        inbound=tuple(_inbound(ordered)),
        listeners=_listeners(cluster, identity, ordered, groups),
        target_groups=groups,
        tags={**_tags(ordered), "elbv2.k8s.aws/cluster": identity[0], "ingress.k8s.aws/stack": group},
    )


def _tags(members: list[Member]) -> dict[str, str]:
    """Those that the class gives (model_build_tags.go)."""
    return {str(each["key"]): str(each["value"]) for member in members for each in member.params.get("tags") or ()}


def _agreed(members: list[Member], param: str, key: str) -> str | None:
    """The one value of a setting that all members who give it must share ("Exclusive" in annotations.md)."""
    given = {str(each.params.get(param) or each.notes.get(key) or "") for each in members} - {""}
    if len(given) > 1:
        raise Unreconciled(f"conflicting {key}: {' | '.join(sorted(given))}")
    return next(iter(given), None)


def _name(members: list[Member], group: str, identity: tuple[str, ...]) -> str:
    given = _agreed(members, "loadBalancerName", "load-balancer-name")
    if given is not None:
        if len(given) > 32:
            raise Unreconciled("load balancer name cannot be longer than 32 characters")
        return given
    if "/" in group:
        return named(8, *group.split("/"), identity=identity)
    return named(17, group, identity=identity)


def _subnets(cluster: Cluster, members: list[Member], scheme: str) -> list[str]:
    selected = [each.params["subnets"] for each in members if each.params.get("subnets")]
    named_ = {each.notes["subnets"] for each in members if "subnets" in each.notes and not each.params.get("subnets")}
    if selected and named_:
        raise Unreconciled("conflicting subnet specifications: IngressClassParams versus annotation")
    if any(each != selected[0] for each in selected[1:]):
        raise Unreconciled("conflicting IngressClassParams subnet specifications")
    if len({tuple(sorted(alb_annotations.items(each))) for each in named_}) > 1:
        raise Unreconciled(f"conflicting subnets: {' | '.join(sorted(named_))}")
    if selected and selected[0].get("ids"):
        return [str(each) for each in selected[0]["ids"]]
    if named_:
        return alb_annotations.items(next(iter(named_)))
    return cluster.tagged_subnets(scheme)


def _attributes(members: list[Member]) -> dict[str, str]:
    """Merged over the group; the class's own win over annotations (buildIngressGroupLoadBalancerAttributes)."""
    merged: dict[str, str] = {}
    for each in members:
        own = alb_annotations.pairs(each.notes.get("load-balancer-attributes", ""), "load-balancer-attributes")
        own |= {pair["key"]: pair["value"] for pair in each.params.get("loadBalancerAttributes") or ()}
        for key, value in own.items():
            if merged.setdefault(key, value) != value:
                raise Unreconciled(f"conflicting attributes {key}: {merged[key]} | {value}")
    return merged


def _inbound(members: list[Member]) -> list[str]:
    found: list[list[str]] = []
    for each in members:
        given = each.params.get("inboundCIDRs") or alb_annotations.items(each.notes.get("inbound-cidrs", ""))
        if given and sorted(given) not in found:
            found.append(sorted(given))
    if len(found) > 1:
        raise Unreconciled(f"conflicting inbound-cidrs, {found[0]} | {found[1]}")
    return found[0] if found else ["0.0.0.0/0"]


def _listeners(
    cluster: Cluster, identity: tuple[str, ...], members: list[Member], groups: dict[str, TargetGroup]
) -> list[Listener]:
    ports: dict[int, str] = {}
    listening: dict[int, list[Member]] = {}
    for each in members:
        for port, protocol in alb_annotations.listen_ports(each.notes, certificates=bool(each.certificates)).items():
            if ports.setdefault(port, protocol) != protocol:
                raise Unreconciled(
                    f"failed to merge listPort config for port: {port}: conflicting protocol, {ports[port]} | "
                    f"{protocol}"
                )
            listening.setdefault(port, []).append(each)
    policy = _agreed(members, "sslPolicy", "ssl-policy") or cluster.controller_values().get("defaultSSLPolicy")
    redirect = _redirect(members, ports)
    found = []
    for port, protocol in sorted(ports.items()):
        props: Props = {"port": port, "protocol": protocol, "defaultActions": [NO_ROUTE]}
        if protocol == "HTTPS":
            hosts = [str(rule.get("host") or "") for each in members for rule in _rules_of(each)]
            given = [arn for each in listening[port] for arn in each.certificates]
            props |= {
                "sslPolicy": policy or "ELBSecurityPolicy-2016-08",
                "certificateArn": certificates.chosen(cluster, given, hosts),
            }
        if redirect and protocol == "HTTP":
            found.append(Listener(port, protocol, {**props, "defaultActions": [redirect]}))
            continue
        default = _default_action(cluster, identity, listening[port], groups)
        rules = _rules(cluster, identity, listening[port], groups)
        found.append(Listener(port, protocol, {**props, "defaultActions": [default]}, rules))
    return found


def _redirect(members: list[Member], ports: dict[int, str]) -> Props | None:
    given = _agreed(members, "sslRedirectPort", "ssl-redirect")
    if given is None:
        return None
    if ports.get(int(given)) != "HTTPS":
        raise Unreconciled(f"listener does not exist for SSLRedirect port: {given}")
    return {"type": "redirect", "redirect": {"port": given, "protocol": "HTTPS", "statusCode": "HTTP_301"}}


def _rules_of(member: Member) -> list[Props]:
    return (member.row.inputs.get("spec") or {}).get("rules") or []


def _default_action(
    cluster: Cluster, identity: tuple[str, ...], members: list[Member], groups: dict[str, TargetGroup]
) -> Props:
    """model_build_actions.go: buildDefaultAction."""
    given = [each for each in members if (each.row.inputs.get("spec") or {}).get("defaultBackend")]
    if len(given) > 1:
        raise Unreconciled(f"multiple ingress defined default backend: {[each.row.id for each in given]}")
    if not given:
        return NO_ROUTE
    return _action(cluster, identity, given[0], given[0].row.inputs["spec"]["defaultBackend"], groups)


def _rules(
    cluster: Cluster, identity: tuple[str, ...], members: list[Member], groups: dict[str, TargetGroup]
) -> list[Rule]:
    found = []
    for each in members:
        for rule in _rules_of(each):
            for path in _sorted((rule.get("http") or {}).get("paths") or []):
                backend = path["backend"]
                extra = alb_annotations.conditions(each.notes, str((backend.get("service") or {}).get("name")))
                action = _action(cluster, identity, each, backend, groups)
                found.append(Rule(_conditions(rule.get("host"), path, extra), [action]))
    return found


def _sorted(paths: list[Props]) -> list[Props]:
    """model_build_listener_rules.go: sortIngressPaths."""
    kinds: dict[str, list[Props]] = {"Exact": [], "Prefix": [], "ImplementationSpecific": []}
    for path in paths:
        kinds[path.get("pathType") or "ImplementationSpecific"].append(path)
    prefixes = sorted(kinds["Prefix"], key=lambda path: -len(path.get("path") or ""))
    return [*kinds["Exact"], *prefixes, *kinds["ImplementationSpecific"]]


def _conditions(host: Any, path: Props, extra: list[Props]) -> list[Props]:
    hosts = [str(host)] if host else []
    paths = patterns(path)
    others = []
    for condition in extra:
        hosts += (condition.get("hostHeader") or {}).get("values") or []
        paths += (condition.get("pathPattern") or {}).get("values") or []
        others += [] if condition.keys() & {"hostHeader", "pathPattern"} else [condition]
    found = [*others]
    found += [{"hostHeader": {"values": hosts}}] if hosts else []
    found += [{"pathPattern": {"values": paths}}] if paths else []
    return found or [{"pathPattern": {"values": ["/*"]}}]


def patterns(path: Props) -> list[str]:
    """model_build_listener_rules.go: buildPathPatterns."""
    text, kind = str(path.get("path") or ""), path.get("pathType") or "ImplementationSpecific"
    if not text:
        return []
    if kind != "ImplementationSpecific" and re.search(r"[*?]", text):
        raise Unreconciled(f"{kind.lower()} path shouldn't contain wildcards: {text}")
    if kind == "Prefix":
        return ["/*"] if text == "/" else [text.removesuffix("/"), f"{text.removesuffix('/')}/*"]
    return [text]


def _action(
    cluster: Cluster, identity: tuple[str, ...], member: Member, backend: Props, groups: dict[str, TargetGroup]
) -> Props:
    """enhanced_backend_builder.go: an action by annotation, or a forward to a port of a Service."""
    service = backend.get("service")
    if service is None:
        raise Unreconciled(f'ingress: {member.row.id}: missing required "service" field')
    name, port = str(service["name"]), service.get("port") or {}
    wanted = port.get("number") or port.get("name")
    if wanted != USE_ANNOTATION:
        return _forward(cluster, identity, member, [(name, wanted, 1)], groups)
    given = alb_annotations.parsed(member.notes, f"actions.{name}")
    if given is None:
        raise Unreconciled(f"ingress: {member.row.id}: missing actions.{name} configuration")
    action = {key[:1].lower() + key[1:]: value for key, value in given.items()}
    kind = action.get("type")
    if kind == "forward":
        targets = (action.get("forwardConfig") or {}).get("targetGroups") or []
        wanted_ = [(str(each["serviceName"]), each["servicePort"], int(each.get("weight", 1))) for each in targets]
        return _forward(cluster, identity, member, wanted_, groups)
    if kind == "fixed-response":
        return {"type": kind, "fixedResponse": action.get("fixedResponseConfig") or {}}
    if kind == "redirect":
        return {"type": kind, "redirect": action.get("redirectConfig") or {}}
    raise Unreconciled(f"ingress: {member.row.id}: unknown action type: {kind}")


def _forward(
    cluster: Cluster,
    identity: tuple[str, ...],
    member: Member,
    wanted: list[tuple[str, Any, int]],
    groups: dict[str, TargetGroup],
) -> Props:
    targets = []
    namespace = str(member.row.inputs["metadata"]["namespace"])
    for name, port, weight in wanted:
        service = cluster.find("Service", namespace, name)
        if service is None:
            return NO_BACKEND  # configurations.md: tolerateNonExistentBackendService, true unless given
        settings = backends.from_annotations(cluster, member.row, service)
        if member.params.get("targetType"):
            settings["targetType"] = member.params["targetType"]
        group = backends.group(cluster, (*identity, member.row.id), service, port, settings)
        groups[group.name] = group
        targets.append((group.name, weight))
    return forward(*targets)
