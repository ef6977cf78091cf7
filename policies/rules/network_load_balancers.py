"""ALB041: gRPC behind network load balancers, which end TLS without HTTP/2 unless told to offer it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import Unknown, known
from policies.rules.forwarding import targets
from policies.rules.ingresses import is_grpc
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.references import port_of
from policies.rules.relations import attached
from policies.rules.tokens import BINDING, LISTENER, SERVICE

# What offers h2: clients of gRPC offer nothing else, so that HTTP2Optional, which prefers HTTP/1.1, serves them too.
_OFFERS: Final = ("HTTP2Only", "HTTP2Preferred", "HTTP2Optional")
_WORD: Final = re.compile(r"(?:.*[^a-z0-9])?grpc(?:[^a-z0-9].*)?", re.IGNORECASE | re.DOTALL)


def _says_grpc(group: Resource, graph: Graph) -> str:
    """What shows that a target group of TCP or TLS leads to gRPC; "" where nothing does."""
    for binding in attached(group, graph, "spec.targetGroupARN", BINDING):
        service = graph.object(binding, "spec.serviceRef.name", SERVICE)
        port = port_of(service, known(binding.get("spec.serviceRef.port"))) if service is not None else None
        if service is not None and port is not None and is_grpc(service, port, graph):
            return f"the Service {service.name} bound to it"
    name = group.get("name")
    # Everything of a project may have the project's name, or be tagged with it.
    project = group.urn.split("::")[1] if group.urn.count("::") > 1 else ""
    if isinstance(name, str) and _WORD.fullmatch(_without(name, project)) and "grpc-web" not in name:
        return "its name"
    tags = known(group.get("tags")) or {}
    return "its tags" if any(str(known(each)).lower() == "grpc" for each in tags.values()) else _unnamed(name)


def _without(name: str, project: str) -> str:
    return name.replace(project, "") if project else name


def _unnamed(name: Any) -> str:
    """Nothing, once the name is known."""
    known(name)
    return ""


def _negotiated(resource: Resource, context: Context) -> Iterator[Problem]:
    if str(known(resource.get("protocol", ""))).upper() != "TLS":
        return
    given = known(resource.get("alpnPolicy"))
    if given in _OFFERS:
        return
    for group in targets(resource, context.graph):
        sign = _says_grpc(group, context.graph)
        if sign:
            shown = "missing, which means None" if given is None else f"is {resource.shown('alpnPolicy')}"
            yield Problem("alpnPolicy", f"{shown}, and {group.name} leads to gRPC by {sign}")
            return


_ARN: Final = "arn:aws:elasticloadbalancing:alpn"
_CERTIFICATE: Final = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"


def _listener(protocol: str = "TLS", **properties: Any) -> Mapping[str, Any]:
    given = {
        "port": 443,
        "protocol": protocol,
        "certificateArn": _CERTIFICATE,
        "defaultActions": [{"type": "forward", "targetGroupArn": Unknown("defaultActions[0].targetGroupArn")}],
        **properties,
    }
    made_of = {"loadBalancerArn": ("edge",), "defaultActions": ("group",)}
    return {"type": "aws:lb/listener:Listener", "properties": given, "made_of": made_of}


def _group(**properties: Any) -> Mapping[str, Any]:
    given = {"port": 50051, "protocol": "TCP", "targetType": "ip", "arn": _ARN, **properties}
    return {"type": "aws:lb/targetGroup:TargetGroup", "properties": given}


def _edge(listener: Mapping[str, Any], group: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    balancer = {"loadBalancerType": "network", "subnets": ["subnet-a", "subnet-b"]}
    return {
        "edge": {"type": "aws:lb/loadBalancer:LoadBalancer", "properties": balancer},
        "tls": listener,
        "group": group,
    }


def _bound(listener: Mapping[str, Any], port: int = 50051) -> Mapping[str, Mapping[str, Any]]:
    """A network load balancer whose target group is bound to a gRPC Service with pods."""
    spec = {"serviceRef": {"name": "orders", "port": port}, "targetType": "ip", "targetGroupARN": _ARN}
    return {
        **_edge(listener, _group()),
        "binding": {
            "type": "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
            "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": spec},
        },
        "service": GRPC_SERVICE,
        "orders": workload(),
    }


ALB041: Final = Rule(
    id="ALB041",
    title="Network load balancers that end TLS before gRPC offer HTTP/2",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER,),
    check=_negotiated,
    stack=True,
    why=(
        "A TLS listener offers no protocol by ALPN by default, and gRPC clients refuse a connection on which h2 was "
        'not chosen: "missing selected ALPN property".'
    ),
    remedy="Set alpnPolicy to HTTP2Preferred, or to HTTP2Only.",
    source="Elastic Load Balancing, Network Load Balancers guide: ALPN policies; grpc/grpc-go#7922",
    bad=(
        Example("bound to gRPC pods", _bound(_listener()), about=("tls",)),
        Example("HTTP/1.1 alone", _bound(_listener(alpnPolicy="HTTP1Only")), about=("tls",)),
        Example("by its name", _edge(_listener(alpnPolicy="None"), _group(name="orders-grpc-v1")), about=("tls",)),
        Example("by a tag", _edge(_listener(), _group(name="orders", tags={"protocol": "gRPC"})), about=("tls",)),
    ),
    good=(
        Example("HTTP/2", _bound(_listener(alpnPolicy="HTTP2Preferred"))),
        Example("TLS that the pods end", _bound(_listener(protocol="TCP", certificateArn=None))),
        Example("something else", _edge(_listener(), _group(port=5432, name="database", tags={"team": "data"}))),
    ),
)

RULES: Final = (ALB041,)
