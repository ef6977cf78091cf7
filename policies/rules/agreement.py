"""ALB043, ALB044, K8S037, XST007: listeners that nobody reaches, calls that go to the wrong pods, late readiness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.rule import ADVISORY, HIGH, MANDATORY, MEDIUM, Context, Example, Option, Problem, Rule
from policies.engine.unknown import UnknownValueError, known
from policies.rules.end_to_end import binding as bound
from policies.rules.forwarding import balancer_of
from policies.rules.intent import asked, askers, grpc_containers
from policies.rules.listeners import GROUP as TARGETS
from policies.rules.listeners import edge, rule
from policies.rules.load_balancers import balancer
from policies.rules.probes import SERVICE as GRPC_SERVICE
from policies.rules.probes import workload
from policies.rules.routing import SERVICE_PATH, paths, to_grpc
from policies.rules.security_groups import GROUP, covers, groups, owners, permissions
from policies.rules.service_wiring import probe
from policies.rules.tokens import BINDING, LISTENER, LISTENER_RULE, LOAD_BALANCER, SERVICE, TARGET_GROUP, WORKLOADS

_SUBNET: Final = "aws:ec2:Subnet"
_CREATE: Final = "Elastic Load Balancing API Reference, CreateLoadBalancer"


def _leads_to_grpc(resource: Resource, graph: Graph) -> bool:
    return any(to_grpc(each, graph) for each in (resource, *graph.users(resource, LISTENER_RULE)))


def _open(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    balancer = balancer_of(resource, graph)
    if balancer is None or not _leads_to_grpc(resource, graph):
        return
    given = known(balancer.get("securityGroups")) or ()
    fronts = {each.urn for each in groups(balancer, "securityGroups", given, graph) if each.kind == GROUP}
    port = number(known(resource.get("port")))
    own = [each for each in permissions(graph) if fronts & {one.urn for one in owners(each, graph)}]
    if port is None or len(fronts) < len(given) or not own:
        return
    if not any(covers(each, port) for each in own):
        yield Problem("port", f"no security group of {balancer.name} lets anyone in on {port:g}")


def _guarded(port: int) -> Mapping[str, Mapping[str, Any]]:
    """A load balancer whose security group lets clients in on a port."""
    whole = edge(one=rule("orders"))
    front = {"type": "aws:ec2/securityGroup:SecurityGroup", "properties": {"description": "clients"}}
    let_in = {
        "type": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "properties": {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": "203.0.113.0/24"},
        "made_of": {"securityGroupId": ("front",)},
    }
    guarded = {**whole["edge"], "properties": {**whole["edge"]["properties"], "securityGroups": [_LATER]}}
    return {**whole, "front": front, "clients": let_in, "edge": {**guarded, "made_of": {"securityGroups": ("front",)}}}


def _later() -> Any:
    from policies.engine.unknown import Unknown  # noqa: PLC0415 - for the example alone

    return Unknown("securityGroups[0]")


_LATER: Final = _later()
ALB043: Final = Rule(
    id="ALB043",
    title="Clients reach the port of a gRPC listener",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LISTENER,),
    check=_open,
    stack=True,
    why="Nothing is refused: every connection waits until the client gives up.",
    remedy="Let clients in on the port of the listener, or move the listener to a port that is open.",
    source="Elastic Load Balancing, Application Load Balancers guide: Security groups",
    bad=(Example("another port", _guarded(8443), about=("https",)),),
    good=(
        Example("the same port", _guarded(443)),
        Example("security groups of someone else", edge(one=rule("orders"))),
    ),
)


def _addressed(resource: Resource, context: Context) -> Iterator[Problem]:
    kind = str(known(resource.get("ipAddressType", "ipv4")))
    if not kind.startswith("dualstack"):
        return
    for subnet in context.graph.made_of(resource, "subnets", _SUBNET):
        if subnet.get("ipv6CidrBlock") is None and subnet.get("ipv6IpamPoolId") is None:
            yield Problem("ipAddressType", f"is {kind}, and the subnet {subnet.name} has no addresses of IPv6")


def _stacked(**subnet: Any) -> Mapping[str, Mapping[str, Any]]:
    made = {
        "type": "aws:ec2/subnet:Subnet",
        "properties": {"vpcId": "vpc-0123456789abcdef0", "cidrBlock": "10.0.0.0/24", **subnet},
    }
    whole = balancer(ipAddressType="dualstack")
    return {"edge": {**whole, "made_of": {"subnets": ("subnet",)}}, "subnet": made}


ALB044: Final = Rule(
    id="ALB044",
    title="Load balancers with IPv6 are in subnets that have it",
    severity=HIGH,
    level=MANDATORY,
    kinds=(LOAD_BALANCER,),
    check=_addressed,
    stack=True,
    why="AWS refuses the load balancer in the middle of a deployment.",
    remedy="Give the subnets ipv6CidrBlock, or set ipAddressType to ipv4.",
    source=f"{_CREATE}, IpAddressType",
    bad=(Example("a subnet without", _stacked(), about=("edge",)),),
    good=(
        Example("a subnet with", _stacked(ipv6CidrBlock="2001:db8::/64")),
        Example("IPv4", {"edge": balancer(ipAddressType="ipv4")}),
    ),
)


def _bound(binding: Resource, graph: Graph) -> list[Resource]:
    found = graph.referred(binding, "spec.targetGroupARN", TARGET_GROUP)
    return [found] if found is not None else []


def _behind(group: Resource, graph: Graph) -> list[Resource]:
    """The workloads whose pods are targets of a target group."""
    found = []
    for each in graph.leading(group, _bound, BINDING):
        service = graph.object(each, "spec.serviceRef.name", SERVICE)
        found += graph.selected(service, *WORKLOADS) if service is not None else []
    return found


def _has_service(resource: Resource, context: Context) -> Iterator[Problem]:
    graph = context.graph
    behind = {each.urn: each for group in to_grpc(resource, graph) for each in _behind(group, graph)}
    own = {name for each in behind.values() for name in asked(each)}
    by_name, blind = graph.once(askers)
    for where, pattern in paths(resource) if own else ():
        found = SERVICE_PATH.match(pattern)
        if found is None or found[1] in own:
            continue
        others = [each for each in by_name.get(found[1], ()) if each.urn not in behind]
        unseen = [path for each, path in blind if each.urn not in behind]
        if others:
            names = ", ".join(one.name for one in behind.values())
            yield Problem(where, f"{found[1]} is what {others[0].name} is asked for, and calls go to {names}")
        elif unseen:
            raise UnknownValueError(unseen[0])


def _two(path: str) -> Mapping[str, Mapping[str, Any]]:
    """Two workloads, and a rule that leads to the first."""
    arn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/orders/0123456789abcdef"
    group = {**TARGETS, "properties": {**TARGETS["properties"], "arn": arn}}
    binding = bound()
    spec = {**binding["properties"]["spec"], "targetGroupARN": arn}
    other = workload(readinessProbe={"grpc": {"port": 50051, "service": "acme.stock.v1.Stock"}})
    labels = {"metadata": {"labels": {"app": "stock"}}}
    template = {**other["properties"]["spec"]["template"], **labels}
    stock = {
        **other["properties"],
        "metadata": {"name": "stock", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "stock"}}, "template": template},
    }
    return {
        **edge(orders=group, one=rule("orders", path=path)),
        "binding": {**binding, "properties": {**binding["properties"], "spec": spec}},
        "service": GRPC_SERVICE,
        "pods": workload(),
        "stock": {**other, "properties": stock},
    }


XST007: Final = Rule(
    id="XST007",
    title="Calls go to pods that have the service",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(LISTENER_RULE,),
    check=_has_service,
    stack=True,
    why="A server without the service answers UNIMPLEMENTED, and no health check notices.",
    remedy="Correct the path or the target group; or name the service in the readiness probe of the pods that have it.",
    source="grpc/grpc doc/statuscodes.md, UNIMPLEMENTED",
    bad=(Example("the service of other pods", _two("/acme.stock.v1.Stock/*"), about=("one",)),),
    good=(Example("the service of these pods", _two("/acme.orders.v1.Orders/*")),),
)


def _noticed(resource: Resource, context: Context) -> Iterator[Problem]:
    most = context.options["seconds"]
    for container in grpc_containers(resource, context.graph):
        given = known(container.spec.get("readinessProbe")) or {}
        if "grpc" not in given:
            continue
        defaults = {"periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}
        period, failures, wait = (number(known(given.get(key))) or usual for key, usual in defaults.items())
        if period * failures + wait > most:
            yield Problem(
                f"{container.path}.readinessProbe",
                f"{failures:g} × {period:g} s and a wait of {wait:g} s pass before a server that says NOT_SERVING, or "
                f"hangs, gets no more calls; at most {most} s",
            )


K8S037: Final = Rule(
    id="K8S037",
    title="Readiness probes notice in time",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=WORKLOADS,
    check=_noticed,
    stack=True,
    why="Until then calls go to a server that cannot serve them.",
    remedy="Lower periodSeconds, failureThreshold or timeoutSeconds.",
    source="Kubernetes, Configure Liveness, Readiness and Startup Probes",
    options={
        "seconds": Option(
            {
                "type": "integer",
                "minimum": 1,
                "default": 60,
                "description": "Most seconds until a pod that cannot serve gets no more calls.",
            }
        )
    },
    bad=(
        Example("every hour", {"orders": workload(readinessProbe=probe(periodSeconds=3600))}, about=("orders",)),
        Example("a long wait", {"orders": workload(readinessProbe=probe(timeoutSeconds=3600))}, about=("orders",)),
    ),
    good=(Example("the defaults", {"orders": workload(readinessProbe=probe())}),),
)

RULES: Final = (ALB043, ALB044, K8S037, XST007)
