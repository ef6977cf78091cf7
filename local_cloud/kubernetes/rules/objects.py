"""Rules for Services, ConfigMaps, Secrets, Ingresses, RBAC and the like (k8s.io/kubernetes pkg/apis/*/validation)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.field import Field
from local_cloud.kubernetes.rules.metadata import label_problems, selector_problems

_MEBIBYTE: Final = 1024 * 1024


def service(root: Field, _version: str) -> Iterator[str]:
    """A Service."""
    spec = root["spec"]
    if spec.unknown:
        return
    kind, address = spec["type"], spec["clusterIP"]
    yield from kind.among("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
    yield from spec["sessionAffinity"].among("ClientIP", "None")
    for name in ("internalTrafficPolicy", "externalTrafficPolicy"):
        yield from spec[name].among("Cluster", "Local")
    yield from label_problems(spec["selector"])
    if address.text == "None" and kind.text in {"NodePort", "LoadBalancer"}:
        yield address.says(f"may not be set to 'None' for {kind.text} services")
    if address.text not in {None, "", "None"} and not _is_address(address.text or ""):
        yield address.says(f"{address.text!r} must be empty, 'None', or a valid IP address")
    if kind.text == "ExternalName":
        yield from spec["externalName"].required()
    elif (
        not spec["ports"].value
        and not kind.unknown
        and not spec["ports"].unknown
        and address.text != "None"
        and not address.unknown
    ):
        yield spec["ports"].says("is required")
    if spec["loadBalancerClass"].present and not kind.unknown and kind.text != "LoadBalancer":
        yield spec["loadBalancerClass"].says("may only be used when type is LoadBalancer")
    yield from _service_ports(spec["ports"], kind)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _service_ports(ports: Field, kind: Field) -> Iterator[str]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for port in ports.items:
        name, number, protocol = port["name"], port["port"], port["protocol"]
        if len(ports.items) > 1 and not name.unknown and not name.text:
            yield name.says("is required when a Service has more than one port")
        if name.text:
            yield from syntax.spelled(name, syntax.dns_label)
            if name.text in names:
                yield name.says(f"duplicate value {name.text!r}")
            names.add(name.text)
        yield from number.within(1, 65535)
        yield from syntax.port_or_name(port["targetPort"])
        yield from protocol.among("TCP", "UDP", "SCTP")
        if port["appProtocol"].text:
            yield from syntax.spelled(port["appProtocol"], syntax.qualified)
        if port["nodePort"].number and kind.text not in {"NodePort", "LoadBalancer"} and not kind.unknown:
            yield port["nodePort"].says(f"may not be used when type is {kind.text or 'ClusterIP'!r}")
        if number.number is not None and not protocol.unknown:
            key = (protocol.text or "TCP", number.number)
            if key in numbers:
                yield number.says(f"duplicate value {key[1]}/{key[0]}")
            numbers.add(key)


def config_map(root: Field, _version: str) -> Iterator[str]:
    """A ConfigMap: keys, no key twice, at most 1 MiB."""
    yield from _keys(root["data"])
    yield from _keys(root["binaryData"])
    yield from _base64(root["binaryData"])
    for key, _ in root["data"].entries:
        if root["binaryData"][key].present:
            yield root["data"].says(f"key {key!r} is also in binaryData")
    yield from _size(root, ("data", "binaryData"))


_SECRET_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def secret(root: Field, _version: str) -> Iterator[str]:
    """A Secret: keys, base64 in data, the keys its type demands, at most 1 MiB."""
    for name in ("data", "stringData"):
        yield from _keys(root[name])
    yield from _base64(root["data"])
    yield from _size(root, ("data", "stringData"))
    if root["data"].unknown or root["stringData"].unknown:
        return
    for key in _SECRET_KEYS.get(root["type"].text or "", ()):
        if root["data"][key].missing and root["stringData"][key].missing:
            yield root["data"].says(f"key {key!r} is required with type {root['type'].text}")


def _keys(data: Field) -> Iterator[str]:
    for key, _ in data.entries:
        if (problem := syntax.config_key(key)) is not None:
            yield data.says(f"key {key!r}: {problem}")


def _base64(data: Field) -> Iterator[str]:
    for key, value in data.entries:
        if value.text is not None and not syntax.is_base64(value.text):
            yield value.says(f"key {key!r} must be base64 (stringData takes plain text)")


def _size(root: Field, names: tuple[str, ...]) -> Iterator[str]:
    size = sum(len((value.text or "").encode()) for name in names for _, value in root[name].entries)
    if size > _MEBIBYTE:
        yield root[names[0]].says(f"{size} bytes in all, at most {_MEBIBYTE} are allowed")


def ingress(root: Field, _version: str) -> Iterator[str]:
    """An Ingress."""
    spec = root["spec"]
    if not spec.unknown and spec["rules"].missing and spec["defaultBackend"].missing:
        yield spec.says("either defaultBackend or rules must be specified")
    yield from _backend(spec["defaultBackend"])
    for rule in spec["rules"].items:
        host = rule["host"]
        if host.text:
            yield from syntax.spelled(Field(host.text.removeprefix("*."), host.path), syntax.subdomain)
        for path in rule.at("http", "paths").items:
            yield from path["pathType"].among("Exact", "Prefix", "ImplementationSpecific")
            text = path["path"].text
            if path["pathType"].text in {"Exact", "Prefix"} and text is not None and not text.startswith("/"):
                yield path["path"].says(f"{text!r} must be an absolute path")
            yield from _backend(path["backend"])


def _backend(backend: Field) -> Iterator[str]:
    if backend.missing or backend.unknown:
        return
    target = backend["service"]
    yield from backend.exactly_one("service", "resource")
    if target.present:
        yield from syntax.spelled(target["name"], syntax.dns_1035)
        yield from target["port"].exactly_one("name", "number")
        yield from target["port"]["number"].within(0, 65535)


def network_policy(root: Field, _version: str) -> Iterator[str]:
    """A NetworkPolicy."""
    spec = root["spec"]
    yield from selector_problems(spec["podSelector"])
    for kind in spec["policyTypes"].items:
        yield from kind.among("Ingress", "Egress")
    for rule, peers in [(rule, "from") for rule in spec["ingress"].items] + [
        (rule, "to") for rule in spec["egress"].items
    ]:
        for port in rule["ports"].items:
            yield from port["protocol"].among("TCP", "UDP", "SCTP")
            yield from syntax.port_or_name(port["port"])
        for peer in rule[peers].items:
            if peer["ipBlock"].present and (peer["podSelector"].present or peer["namespaceSelector"].present):
                yield peer.says("may not specify both ipBlock and another peer")
            for cidr in (peer["ipBlock"]["cidr"], *peer["ipBlock"]["except"].items):
                yield from _block(cidr)


def role(root: Field, _version: str) -> Iterator[str]:
    """A Role or ClusterRole."""
    for rule in root["rules"].items:
        if not rule["verbs"].value:
            yield rule["verbs"].says("is required")
        if rule["nonResourceURLs"].present and rule["resources"].present:
            yield rule["nonResourceURLs"].says("rules cannot apply to both regular resources and non-resource URLs")


def role_binding(root: Field, _version: str) -> Iterator[str]:
    """A RoleBinding or ClusterRoleBinding."""
    yield from root["roleRef"]["apiGroup"].among("rbac.authorization.k8s.io")
    allowed = ("ClusterRole",) if root["kind"].text == "ClusterRoleBinding" else ("Role", "ClusterRole")
    yield from root["roleRef"]["kind"].among(*allowed)
    yield from root["roleRef"]["name"].required()
    for subject in root["subjects"].items:
        yield from subject["kind"].among("User", "Group", "ServiceAccount")
        yield from subject["name"].required()
        if subject["kind"].text == "ServiceAccount" and root["kind"].text == "ClusterRoleBinding":
            yield from subject["namespace"].required()


def priority_class(root: Field, _version: str) -> Iterator[str]:
    """A PriorityClass: user classes stay at or below one thousand million."""
    value = root["value"].number
    if value is not None and value > 1_000_000_000 and not str(root.at("metadata", "name").text).startswith("system-"):
        yield root["value"].says(f"{value} must not be greater than 1000000000")
    yield from root["preemptionPolicy"].among("PreemptLowerPriority", "Never")


def target_group_binding(root: Field, _version: str) -> Iterator[str]:
    """A TargetGroupBinding (webhooks/elbv2/targetgroupbinding_validator.go of the AWS Load Balancer Controller)."""
    spec = root["spec"]
    if spec.unknown:
        return
    if spec["targetGroupARN"].missing and spec["targetGroupName"].missing:
        yield spec.says("must specify either targetGroupARN or targetGroupName")
    if spec["targetType"].missing:
        yield spec["targetType"].says("TargetGroupBinding must specify these fields: spec.targetType")
    if spec["targetType"].text == "ip" and spec["nodeSelector"].present:
        yield spec["nodeSelector"].says("TargetGroupBinding cannot set NodeSelector when TargetType is ip")
    yield from spec["serviceRef"]["name"].required()
    port = spec["serviceRef"]["port"]
    yield from port.within(1, 65535)
    yield from syntax.spelled(port, syntax.dns_label)
    for rule in spec.at("networking", "ingress").items:
        for peer in rule["from"].items:
            yield from peer.exactly_one("ipBlock", "securityGroup")
            yield from _block(peer["ipBlock"]["cidr"])
        for entry in rule["ports"].items:
            yield from entry["port"].within(1, 65535)


def _block(cidr: Field) -> Iterator[str]:
    if cidr.text is not None:
        try:
            ipaddress.ip_network(cidr.text, strict=False)
        except ValueError:
            yield cidr.says(f"{cidr.text!r} must be a CIDR block such as 10.0.0.0/16")
