"""EKS007, LAT021: whether security groups let load balancers and VPC Lattice reach pods.

Judged only where the cluster is in the program, since the groups that pods have, and what they let in, are then too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import HIGH, MANDATORY, Context, Example, Problem, Rule
from policies.engine.unknown import Unknown, known
from policies.rules import gateways, grpc
from policies.rules.clusters import CLUSTER, cluster, clusters_of
from policies.rules.forwarding import balancer_of
from policies.rules.forwarding import targets as led_to
from policies.rules.intent import containers, ports, service_ports
from policies.rules.lattice import NETWORK, TARGETS, speaks_grpc, targets
from policies.rules.lattice_network import VPC_ASSOCIATION
from policies.rules.listeners import BALANCER, edge, listener
from policies.rules.listeners import rule as alb_rule
from policies.rules.probes import workload
from policies.rules.references import port_of
from policies.rules.security_groups import GROUP, Permission, admitted, groups, network, networks
from policies.rules.tokens import (
    BINDING,
    GRPC_ROUTE,
    LISTENER,
    LISTENER_RULE,
    SERVICE,
    TARGET_GROUP,
    WORKLOADS,
)

_PREFIX_LIST: Final = "aws:ec2:ManagedPrefixList"
_SUBNET: Final = "aws:ec2:Subnet"
# Where VPC Lattice calls from, beside its prefix lists (VPC Lattice user guide).
_LINK_LOCAL: Final = ipaddress.IPv4Network("169.254.171.0/24")
# What may be behind a Lattice target group instead of pods.
_OTHER_TARGETS: Final = ("aws:ecs:Service", "aws:ec2:Instance", "aws:autoscaling:Group")


def pod_port(service: Resource, port: Mapping[str, Any], graph: Graph) -> float | None:
    """The number of the port of pods that a port of a Service leads to; None where no pod of the program says it."""
    target = known(port.get("targetPort", port.get("port")))
    given = number(target)
    if given is not None:
        return given
    for each in graph.selected(service, *WORKLOADS):
        for container in containers(each):
            for declared in ports(container):
                if known(declared.get("name")) == target:
                    return number(known(declared.get("containerPort")))
    return None


def _balancers(group: Resource, graph: Graph) -> list[Resource]:
    """The load balancers that lead to a target group."""
    found = {}
    for each in graph.users(group, LISTENER, LISTENER_RULE):
        balancer = balancer_of(each, graph) if group in led_to(each, graph) else None
        if balancer is not None:
            found[balancer.urn] = balancer
    return list(found.values())


def _from_balancer(balancer: Resource, graph: Graph) -> tuple[list[Resource], list[Any]]:
    """The security groups that a load balancer calls from, and the networks of its subnets."""
    value = balancer.get("securityGroups")
    given = value if isinstance(value, list) else [] if value is None else [value]
    fronts = groups(balancer, "securityGroups", given, graph)
    subnets = graph.made_of(balancer, "subnets", _SUBNET)
    return fronts, [each.get("cidrBlock") for each in subnets]


def _ports(binding: Resource, group: Resource, graph: Graph) -> Iterator[tuple[str, float]]:
    """The ports of pods that a load balancer calls, for calls and for health checks."""
    service = graph.object(binding, "spec.serviceRef.name", SERVICE)
    port = port_of(service, known(binding.get("spec.serviceRef.port"))) if service is not None else None
    calls = pod_port(service, port, graph) if service is not None and port is not None else None
    if calls is not None:
        yield "calls", calls
    health = number(known(group.get("healthCheck.port")))
    if health is not None and health != calls:
        yield "health checks", health


def _reached(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    group = graph.referred(resource, "spec.targetGroupARN", TARGET_GROUP)
    if group is None or not grpc.speaks_grpc(group) or known(group.get("targetType", "instance")) != "ip":
        return
    if known(resource.get("spec.networking")) or not clusters_of(resource, graph):
        return
    for balancer in _balancers(group, graph):
        fronts, blocks = _from_balancer(balancer, graph)
        if not fronts or any(each.kind != GROUP for each in fronts):
            continue

        def suits(permission: Permission, fronts: list[Resource] = fronts, blocks: list[Any] = blocks) -> bool:
            return _lets_in(permission, fronts, blocks, graph)

        for what, port in _ports(resource, group, graph):
            if not admitted(graph, balancer.urn, port, suits):
                yield Problem(
                    "spec.serviceRef.port", f"no security group lets {balancer.name} in on {port:g} for {what}"
                )


def _lets_in(permission: Permission, fronts: list[Resource], blocks: list[Any], graph: Graph) -> bool:
    """Whether a rule lets the groups or subnets of a load balancer in.

    A prefix list is taken to, unless it may be VPC Lattice's.
    """
    lattice = any(True for _ in graph.of(NETWORK, VPC_ASSOCIATION))
    for path, _ in permission.sources("lists"):
        if not lattice or graph.made_of(permission.resource, path, _PREFIX_LIST):
            return True
    for path, value in permission.sources("groups"):
        if any(each in fronts for each in groups(permission.resource, path, [value], graph)):
            return True
    found = networks(permission)
    subnets = [each for each in map(network, blocks if found else ()) if each is not None]
    return any(not subnets or any(each.overlaps(subnet) for subnet in subnets) for each in found)


def _rule(to: str, source: str, port: Any = 50057, **properties: Any) -> Mapping[str, Any]:
    """A rule of a security group, or of a cluster's own, that lets another group in."""
    return {
        "type": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "properties": {"ipProtocol": "tcp", "fromPort": port, "toPort": port, **properties},
        "made_of": {"securityGroupId": (to,), **({"referencedSecurityGroupId": (source,)} if source else {})},
    }


def _path(**more: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A load balancer, a binding and pods on a cluster, but for what is given."""
    balancer = {**BALANCER, "made_of": {"securityGroups": ("front",), "subnets": ("subnet",)}}
    balancer["properties"] = {"loadBalancerType": "application"}
    spec = {"serviceRef": {"name": "orders", "port": 443}, "targetType": "ip"}
    own = {"serviceRef": spec["serviceRef"], "targetType": "ip", "targetGroupARN": "arn:aws:elasticloadbalancing:reach"}
    group = {"port": 50057, "protocol": "HTTP", "protocolVersion": "GRPC", "targetType": "ip"}
    return {
        **edge(edge=balancer, https=listener(), one=alb_rule("orders")),
        "orders": {
            "type": "aws:lb/targetGroup:TargetGroup",
            "properties": {**group, "arn": "arn:aws:elasticloadbalancing:reach"},
        },
        "front": {"type": "aws:ec2/securityGroup:SecurityGroup", "properties": {"description": "edge"}},
        "subnet": {"type": "aws:ec2/subnet:Subnet", "properties": {"cidrBlock": "10.57.0.0/24"}},
        "platform": cluster(),
        "binding": {
            "type": "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
            "properties": {"metadata": {"name": "orders", "namespace": "shop"}, "spec": own},
        },
        "service": _service(),
        "pods": workload(ports=[{"name": "grpc", "containerPort": 50057}]),
        **more,
    }


def _service() -> Mapping[str, Any]:
    ports_of = [{"name": "grpc", "port": 443, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}]
    return {
        "type": "kubernetes:core/v1:Service",
        "properties": {
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": {"selector": {"app": "orders"}, "ports": ports_of},
        },
    }


def _checked(port: Any) -> Mapping[str, Any]:
    whole = _path()["orders"]
    return {**whole, "properties": {**whole["properties"], "healthCheck": {"port": port}}}


_OPEN: Final = _rule("platform", "front")
_OLD: Final = {
    "type": "aws:ec2/securityGroupRule:SecurityGroupRule",
    "properties": {"type": "ingress", "protocol": "tcp", "fromPort": 50000, "toPort": "50100"},
    "made_of": {"securityGroupId": ("platform",), "sourceSecurityGroupId": ("front",)},
}
_INLINE: Final = {
    "type": "aws:ec2/securityGroup:SecurityGroup",
    "properties": {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["10.57.0.0/16"]}]},
}

EKS007: Final = Rule(
    id="EKS007",
    title="Security groups let the load balancer reach the pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(BINDING,),
    check=_reached,
    stack=True,
    why="Otherwise every health check times out, no pod is ever in service, and rollouts wait for the readiness gate.",
    remedy="Let the load balancer's security group in on the port of the pods, and on that of their health checks.",
    source="AWS Load Balancer Controller guide: TargetGroupBinding, networking; Security groups",
    bad=(
        Example("no rule", _path(), about=("binding",)),
        Example("a rule for another port", _path(open=_rule("platform", "front", 443)), about=("binding",)),
        Example(
            "a rule for the office",
            _path(open=_rule("platform", "", cidrIpv4="203.0.113.0/24")),
            about=("binding",),
        ),
        Example("not for health checks", _path(open=_OPEN, orders=_checked("8081")), about=("binding",)),
    ),
    good=(
        Example("a rule for the load balancer", _path(open=_OPEN)),
        Example("in the older way, for a range", _path(open=_OLD)),
        Example("in the group, for the network", _path(nodes=_INLINE)),
        Example("for both ports", _path(open=_OPEN, orders=_checked(8081), checks=_rule("platform", "front", 8081))),
        Example("health on the port of the calls", _path(open=_OPEN, orders=_checked("traffic-port"))),
    ),
)


def _lattice_ports(resource: Resource, graph: Graph) -> Iterator[tuple[str, float]]:
    """The ports of pods that Lattice calls for a route or target group, each with the path that leads to it."""
    if resource.kind == TARGETS:
        kind, port = str(known(resource.get("type", "IP"))).upper(), number(known(resource.get("config.port")))
        elsewhere = any(True for _ in graph.of(*_OTHER_TARGETS))
        if kind in ("IP", "INSTANCE") and port is not None and speaks_grpc(resource) and not elsewhere:
            yield "config.port", port
        return
    if not any(gateways.controller(each, graph) == gateways.LATTICE for each in gateways.parents(resource, graph)):
        return
    for path, _ in resource.items("spec.rules"):
        for place, _ in resource.items(f"{path}.backendRefs"):
            service = graph.object(resource, f"{place}.name", SERVICE)
            wanted = known(resource.get(f"{place}.port"))
            for _, each in service_ports(service) if service is not None else ():
                port = pod_port(service, each, graph) if str(known(each.get("port"))) == str(wanted) else None  # type: ignore[arg-type]
                if port is not None:
                    yield f"{place}.port", port


def _from_lattice(permission: Permission) -> bool:
    """Whether a rule lets a prefix list in, or the addresses that Lattice calls from."""
    if any(True for _ in permission.sources("lists")):
        return True
    return any(_LINK_LOCAL.subnet_of(each) for each in networks(permission))


def _prefixed(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    here = graph.of(CLUSTER) if resource.kind == TARGETS else clusters_of(resource, graph)
    if not any(True for _ in here):
        return
    seen: set[float] = set()
    for path, port in _lattice_ports(resource, graph):
        if port not in seen and not admitted(graph, "VPC Lattice", port, _from_lattice):
            yield Problem(path, f"no security group lets VPC Lattice in on {port:g}")
        seen.add(port)


def _route(**more: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """A GRPCRoute of Lattice with its Gateway and pods on a cluster, but for what is given."""
    backend = {"kind": "Service", "name": "orders", "port": 443}
    parent = {"name": "lattice", "namespace": "shop", "sectionName": "https"}
    return {
        "platform": cluster(),
        "gateway": {
            "type": "kubernetes:gateway.networking.k8s.io/v1:Gateway",
            "properties": {
                "metadata": {"name": "lattice", "namespace": "shop"},
                "spec": {"gatewayClassName": "amazon-vpc-lattice", "listeners": []},
            },
        },
        "route": {
            "type": "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute",
            "properties": {
                "metadata": {"name": "orders", "namespace": "shop"},
                "spec": {"parentRefs": [parent], "rules": [{"backendRefs": [backend]}]},
            },
        },
        "service": _service(),
        "pods": workload(ports=[{"name": "grpc", "containerPort": 50059}]),
        **more,
    }


_LIST: Final = {"prefixListId": "pl-0123456789abcdef0"}

LAT021: Final = Rule(
    id="LAT021",
    title="Security groups let VPC Lattice reach the pods",
    severity=HIGH,
    level=MANDATORY,
    kinds=(GRPC_ROUTE, TARGETS),
    check=_prefixed,
    stack=True,
    why="Lattice calls from addresses of its own, not the clients': without a rule for them every call times out.",
    remedy="Let the managed prefix list com.amazonaws.REGION.vpc-lattice in on the port of the pods.",
    source="AWS Gateway API Controller guide: Deploy the controller, security groups",
    bad=(
        Example("no rule", _route(), about=("route",)),
        Example("a rule for another port", _route(open=_rule("platform", "", 443, **_LIST)), about=("route",)),
        Example(
            "a rule for the VPC",
            _route(open=_rule("platform", "", 50059, cidrIpv4="10.0.0.0/8")),
            about=("route",),
        ),
        Example("target groups", {"platform": cluster(), "orders": targets(port=50059)}, about=("orders",)),
    ),
    good=(
        Example("the prefix list", _route(open=_rule("platform", "", 50059, **_LIST))),
        Example(
            "a prefix list that is looked up",
            _route(open=_rule("platform", "", 50059, prefixListId=Unknown("prefixListId"))),
        ),
        Example("Lattice's addresses", _route(open=_rule("platform", "", 50059, cidrIpv4="169.254.171.0/24"))),
    ),
)

RULES: Final = (EKS007, LAT021)
