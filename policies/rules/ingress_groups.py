"""K8S026: Ingresses that share a load balancer agree on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import is_unknown, known
from policies.rules.ingress_details import ingress as web
from policies.rules.ingresses import group_of, is_albs, listeners, notes, parameters
from policies.rules.tokens import INGRESS

_PAGE: Final = "AWS Load Balancer Controller, Ingress annotations"
_ANNOTATIONS: Final = "metadata.annotations"
# Annotations that all of a group must agree on, and where the parameters of a class say the same and win.
_EXCLUSIVE: Final[Mapping[str, str | None]] = {
    "load-balancer-name": "loadBalancerName",
    "ip-address-type": "ipAddressType",
    "scheme": "scheme",
    "subnets": "subnets",
    "security-groups": None,
    "customer-owned-ipv4-pool": None,
    "wafv2-acl-arn": "wafv2AclArn",
    "waf-acl-id": None,
    "shield-advanced-protection": None,
    "ssl-redirect": "sslRedirectPort",
}
# Of a listener's port alone, which not every Ingress of a group has.
_OF_PORTS: Final = {"inbound-cidrs": "inboundCIDRs", "ssl-policy": "sslPolicy"}
_ATTRIBUTES: Final = "load-balancer-attributes"


class _Saying(NamedTuple):
    """What is said, by which class, "" if by the Ingress itself, and in a form that can be compared."""

    by: str
    what: Any

    def differs(self, other: _Saying) -> bool:
        """Whether two say different things; what one class says is the same for all its Ingresses."""
        return not (self.by and self.by == other.by) and bool(self.what != other.what)


def _says(ingress: Resource, graph: Graph) -> dict[str, _Saying]:
    """What an Ingress says of the load balancer by annotation, attribute and port.

    What is not known stays so: it matters only where another Ingress says the same thing.
    """
    given, decided = notes(ingress), parameters(ingress, graph)
    found: dict[str, _Saying] = {}
    for key, field in {**_EXCLUSIVE, **_OF_PORTS}.items():
        value = decided.get(field) if field is not None else None
        by = str(known(ingress.get("spec.ingressClassName"))) if value is not None else ""
        value = given.get(key) if value is None else value
        if value is not None:
            ports = _ports(ingress, secure=key == "ssl-policy") if key in _OF_PORTS else [""]
            said = _Saying(by, _said(value, ordered=key == "security-groups"))
            found |= {f"{key}{port}": said for port in ports}
    attributes = given.get(_ATTRIBUTES)
    if attributes is not None and known(decided.get("loadBalancerAttributes")) is None:
        found[_ATTRIBUTES] = _Saying("", attributes if is_unknown(attributes) else True)
        for pair in () if is_unknown(attributes) else attributes.split(","):
            attribute, _, each = pair.partition("=")
            found[f"{_ATTRIBUTES} {attribute.strip()}"] = _Saying("", each.strip())
    return found


def _said(value: Any, *, ordered: bool) -> Any:
    """The parts of a list, or of an annotation that is one; of subnets by id or by tag those by id."""
    if isinstance(value, Mapping):
        value = value.get("ids") or []
    if is_unknown(value):
        return value
    parts = value if isinstance(value, list) else str(value).split(",")
    for each in parts:
        if is_unknown(each):
            return each
    found = [str(each).strip() for each in parts]
    return found if ordered else sorted(found)


def _ports(ingress: Resource, *, secure: bool) -> list[str]:
    """The listeners of an Ingress, as they are told apart in `_says`."""
    given = notes(ingress)
    default = '[{"HTTPS": 443}]' if "certificate-arn" in given else '[{"HTTP": 80}]'
    try:
        entries = listeners(known(given.get("listen-ports", default)))
    except ValueError:
        return []  # K8S024's
    pairs = [pair for each in entries for pair in each.items()]
    return [f" on {port}" for protocol, port in pairs if protocol == "HTTPS" or not secure]


def _groups(graph: Graph) -> Mapping[str, Mapping[str, tuple[Resource, _Saying]]]:
    """By group and by what can be said: who says it first, in order of URNs, and what."""
    found: dict[str, dict[str, tuple[Resource, _Saying]]] = {}
    for each in sorted(graph.of(INGRESS), key=lambda each: each.urn):
        name = group_of(each, graph) if is_albs(each, graph) else ""
        if name:
            for key, value in _says(each, graph).items():
                found.setdefault(name, {}).setdefault(key, (each, value))
    return found


def _agreed(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    name = group_of(resource, graph) if is_albs(resource, graph) else ""
    if not name:
        return
    first = graph.once(_groups).get(name, {})
    for key, value in _says(resource, graph).items():
        other, said = first[key]
        if other is not resource and value.differs(said):
            yield Problem(_ANNOTATIONS, f"{key} is another than {other.name}'s, which is of the same group")


def _two(first: Mapping[str, Any], second: Mapping[str, Any], group: str) -> Mapping[str, Mapping[str, Any]]:
    """Two Ingresses of a group, with some annotations each."""
    return {
        "first": web(annotations={"group.name": group, **first}),
        "second": web(annotations={"group.name": group, **second}, name="second"),
    }


_SECURE: Final = {"listen-ports": '[{"HTTPS": 443}]', "certificate-arn": "arn:aws:acm:x"}
_OTHER_PORT: Final = {**_SECURE, "listen-ports": '[{"HTTPS": 8443}]'}


def _class(scheme: str, group: str, name: str = "third", **more: Any) -> Mapping[str, Mapping[str, Any]]:
    """An Ingress of another class, whose parameters say the scheme and the group."""
    ingress = web(name=name)
    spec = {**ingress["properties"]["spec"], "ingressClassName": group}
    reference = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": group}
    return {
        "parameters": {
            "type": "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams",
            "properties": {"metadata": {"name": group}, "spec": {"scheme": scheme, "group": {"name": group}, **more}},
        },
        "class": {
            "type": "kubernetes:networking.k8s.io/v1:IngressClass",
            "properties": {
                "metadata": {"name": group},
                "spec": {"controller": "ingress.k8s.aws/alb", "parameters": reference},
            },
        },
        name: {**ingress, "properties": {**ingress["properties"], "spec": spec}},
    }


K8S026: Final = Rule(
    id="K8S026",
    title="Ingresses of one group agree on their load balancer",
    severity=HIGH,
    level=MANDATORY,
    kinds=(INGRESS,),
    check=_agreed,
    stack=True,
    why="They share one load balancer. Where two say different things of it the controller does nothing for the group.",
    remedy="Say it in one Ingress alone, the same in all, or once in the IngressClassParams of the class.",
    source=f"{_PAGE}, IngressGroup and MergeBehavior; pkg/ingress/model_build_load_balancer.go",
    bad=(
        Example(
            "two schemes", _two({"scheme": "internal"}, {"scheme": "internet-facing"}, "schemes"), about=("second",)
        ),
        Example(
            "an attribute",
            _two(
                {_ATTRIBUTES: "idle_timeout.timeout_seconds=60"},
                {_ATTRIBUTES: "routing.http2.enabled=true, idle_timeout.timeout_seconds=300"},
                "attributes",
            ),
            about=("second",),
        ),
        Example(
            "two policies of TLS on a port",
            _two(
                {**_SECURE, "ssl-policy": "ELBSecurityPolicy-2016-08"},
                {**_SECURE, "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
                "policies",
            ),
            about=("second",),
        ),
        Example(
            "a class that says another",
            {**_two({"scheme": "internal"}, {}, "classes"), **_class("internet-facing", "classes")},
            about=("third",),
        ),
    ),
    good=(
        Example("said once", _two({"scheme": "internal"}, {}, "once")),
        Example("in another order", _two({"subnets": "subnet-a,subnet-b"}, {"subnets": "subnet-b, subnet-a"}, "order")),
        Example(
            "another attribute",
            _two({_ATTRIBUTES: "routing.http2.enabled=true"}, {_ATTRIBUTES: "idle_timeout.timeout_seconds=60"}, "more"),
        ),
        Example(
            "other ports",
            _two({**_SECURE, "inbound-cidrs": "10.0.0.0/8"}, {**_OTHER_PORT, "inbound-cidrs": "0.0.0.0/0"}, "ports"),
        ),
        Example(
            "a class that says the same", {**_two({"scheme": "internal"}, {}, "same"), **_class("internal", "same")}
        ),
    ),
)

RULES: Final = (K8S026,)
