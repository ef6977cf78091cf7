"""What calls go through, from a stack's state or a preview: load balancers, listeners, rules, target groups, workloads.

Which resource leads to which is asked of the policies' graph, by ids, ARNs, names and what a property was made of, so
that it is known before anything is there. Nothing secret is in it: of each resource only its name and a few values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from policies.engine import sources
from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, is_unknown
from policies.rules import gateways, lattice, lattice_routing, tokens
from policies.rules.conditions import conditions, values
from policies.rules.forwarding import balancer_of, listener_of, targets
from policies.rules.references import references
from policies.rules.relations import one_of
from portal.plan import changes

ASSOCIATION: Final = "aws:vpclattice:ServiceNetworkServiceAssociation"
VPC: Final = "aws:ec2:Vpc"
SUBNET: Final = "aws:ec2:Subnet"
WORDS: Final[Mapping[str, tuple[int, str]]] = {
    tokens.LOAD_BALANCER: (0, "load balancer"),
    tokens.INGRESS: (0, "Ingress"),
    lattice.NETWORK: (0, "service network"),
    tokens.GATEWAY: (1, "Gateway"),
    lattice.SERVICE: (1, "Lattice service"),
    tokens.LISTENER: (2, "listener"),
    lattice.LISTENER: (2, "Lattice listener"),
    tokens.LISTENER_RULE: (3, "rule"),
    lattice.RULE: (3, "Lattice rule"),
    **dict.fromkeys(tokens.ROUTES, (3, "route")),
    tokens.TARGET_GROUP: (4, "target group"),
    lattice.TARGETS: (4, "Lattice target group"),
    tokens.SERVICE: (5, "Kubernetes Service"),
    **dict.fromkeys(tokens.WORKLOADS, (5, "workload")),
}
"""The column of each kind, and what it is called. What leads somewhere is always left of it."""
_RULES: Final = (tokens.LISTENER_RULE, lattice.RULE)
_WORST_FIRST: Final = ("replace", "delete", "create", "import", "update", "")
_FEW: Final = 3


@dataclass(frozen=True)
class Node:
    """A resource, or several alike in one. key: a URN. column: from 0. operation: of the plan, "" where it stays."""

    key: str
    column: int
    kind: str
    name: str
    detail: str = ""
    operation: str = ""


@dataclass(frozen=True)
class Zone:
    """An availability zone with its subnets. name: "" where the state does not say."""

    name: str
    subnets: tuple[Node, ...]


@dataclass(frozen=True)
class Network:
    """A VPC. It is no part of the ways that calls take, and is drawn for itself."""

    vpc: Node
    zones: tuple[Zone, ...]


@dataclass(frozen=True)
class Topology:
    """edges: pairs of keys, from a node to one in a later column. Everything is in an order that does not change."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    networks: tuple[Network, ...] = ()

    def leads(self, key: str) -> tuple[Node, ...]:
        """What a node leads to."""
        wanted = {target for source, target in self.edges if source == key}
        return tuple(each for each in self.nodes if each.key in wanted)

    def first(self) -> tuple[Node, ...]:
        """The nodes that nothing leads to."""
        led = {target for _, target in self.edges}
        return tuple(each for each in self.nodes if each.key not in led)


@dataclass(frozen=True)
class Item:
    """A line of the topology in words, and what is below it."""

    text: str
    items: tuple[Item, ...] = ()


def of_state(deployment: Mapping[str, Any], planned: Iterable[Mapping[str, Any]] = ()) -> Topology:
    """The topology of exported state. planned: changes (`plan.changes`) to mark; what they create is not in state."""
    marks = {each["urn"]: str(each["operation"]) for each in planned}
    return _Topology(sources.from_state(deployment), marks).found()


def of_preview(steps: Sequence[Mapping[str, Any]]) -> Topology:
    """The topology that a previewed change leads to, with what it deletes, from the steps of `preview --json`."""
    there = sources.from_preview(steps)
    known = {each.urn for each in there}
    gone = {each["urn"]: each["oldState"] for each in steps if each.get("oldState") and each["urn"] not in known}
    resources = [*there, *(sources.resource(each, computed=True) for each in gone.values())]
    return _Topology(resources, {each["urn"]: str(each["operation"]) for each in changes(steps)}).found()


def outline(topology: Topology) -> tuple[Item, ...]:
    """The same in words, for those who do not see a drawing; what several lead to is told in full once."""
    told: set[str] = set()

    def item(node: Node) -> Item:
        again = node.key in told
        told.add(node.key)
        inside = topology.leads(node.key)
        return Item(words(node) + (", as above" if again and inside else ""), () if again else tuple(map(item, inside)))

    ways = tuple(item(each) for each in topology.first())
    return ways + tuple(_of_network(each) for each in topology.networks)


def _of_network(network: Network) -> Item:
    zones = (
        Item(zone.name or "zone not known", tuple(Item(words(each)) for each in zone.subnets)) for zone in network.zones
    )
    return Item(words(network.vpc), tuple(zones))


def words(node: Node) -> str:
    """A node in a line."""
    detail = f" ({node.detail})" if node.detail else ""
    return f"{node.kind} {node.name}{detail}{f': {node.operation}' if node.operation else ''}"


def plain(topology: Topology) -> dict[str, Any]:
    """As JSON, to be kept."""
    return asdict(topology)


def loaded(document: Mapping[str, Any]) -> Topology:
    """The topology of which `plain` made a document."""
    networks = (
        Network(
            Node(**each["vpc"]),
            tuple(Zone(zone["name"], tuple(Node(**subnet) for subnet in zone["subnets"])) for zone in each["zones"]),
        )
        for each in document["networks"]
    )
    edges = tuple((source, target) for source, target in document["edges"])
    return Topology(tuple(Node(**each) for each in document["nodes"]), edges, tuple(networks))


class _Topology:
    """Works it out."""

    def __init__(self, resources: Sequence[Resource], marks: Mapping[str, str]) -> None:
        self._graph = Graph(resources)
        self._marks = marks

    def found(self) -> Topology:
        """Nodes, edges and networks."""
        shown = sorted(self._graph.of(*WORDS), key=lambda each: (WORDS[each.kind][0], each.name, each.urn))
        edges = {pair for each in shown for pair in self._edges(each) if _is_forward(*pair)}
        ends = {each.urn for pair in edges for each in pair}
        kept = [each for each in shown if each.kind != tokens.SERVICE or each.urn in ends]
        nodes, stands_for = self._nodes(kept, edges)
        pairs = sorted({(stands_for[source.urn], stands_for[target.urn]) for source, target in edges})
        return Topology(nodes, tuple(pairs), tuple(self._networks()))

    def _edges(self, each: Resource) -> Iterator[tuple[Resource, Resource]]:
        graph, kind = self._graph, each.kind
        if kind == tokens.LISTENER:
            yield from ((source, each) for source in _some(balancer_of, each, graph))
        elif kind == tokens.LISTENER_RULE:
            yield from ((source, each) for source in _some(listener_of, each, graph))
        elif kind in (lattice.LISTENER, lattice.RULE):
            path, above = _ABOVE[kind]
            yield from ((source, each) for source in _some(one_of, each, path, graph, above))
        elif kind in tokens.ROUTES:
            yield from ((source, each) for source in _some(gateways.parents, each, graph))
        elif kind == lattice.SERVICE:
            yield from ((source, each) for source in self._networks_of(each))
        elif kind == tokens.GATEWAY:
            yield from ((source, each) for source in _some(self._network_of, each))
        yield from ((each, target) for target in self._led_to(each))

    def _led_to(self, each: Resource) -> Iterator[Resource]:
        graph, kind = self._graph, each.kind
        if kind in (tokens.LISTENER, tokens.LISTENER_RULE):
            yield from _some(targets, each, graph)
        elif kind in (lattice.LISTENER, lattice.RULE):
            yield from _some(lattice_routing.led_to, each, graph)
        elif kind in (*tokens.ROUTES, tokens.INGRESS):
            yield from self._behind(each)
        elif kind == tokens.TARGET_GROUP:
            for binding in graph.of(tokens.BINDING):
                if each in _some(graph.referred, binding, "spec.targetGroupARN", tokens.TARGET_GROUP):
                    yield from self._behind(binding)

    def _behind(self, each: Resource) -> Iterator[Resource]:
        """The workloads of the Kubernetes Services that an object names; a Service itself where it has none."""
        for service in _some(_services, each, self._graph):
            yield from _some(self._graph.selected, service, *tokens.WORKLOADS) or [service]

    def _networks_of(self, service: Resource) -> Iterator[Resource]:
        for each in self._graph.of(ASSOCIATION):
            if service in _some(one_of, each, "serviceIdentifier", self._graph, lattice.SERVICE):
                yield from _some(one_of, each, "serviceNetworkIdentifier", self._graph, lattice.NETWORK)

    def _network_of(self, gateway: Resource) -> Iterator[Resource]:
        """The Lattice controller puts what hangs on a Gateway into the service network of the same name."""
        if gateways.controller(gateway, self._graph) == gateways.LATTICE:
            name = _value(gateway, "metadata.name")
            yield from (each for each in self._graph.of(lattice.NETWORK) if name and _value(each, "name") == name)

    def _nodes(
        self, shown: Sequence[Resource], edges: Iterable[tuple[Resource, Resource]]
    ) -> tuple[tuple[Node, ...], dict[str, str]]:
        """A node for each resource, but one for all rules of a listener that lead to the same; and who is in which."""
        around: dict[str, set[tuple[str, str]]] = {}
        for source, target in edges:
            around.setdefault(source.urn, set()).add(("to", target.urn))
            around.setdefault(target.urn, set()).add(("from", source.urn))
        alike: dict[tuple[Any, ...], list[Resource]] = {}
        for each in shown:
            together = each.kind in _RULES and each.urn in around
            alike.setdefault((each.kind, frozenset(around[each.urn])) if together else (each.urn,), []).append(each)
        stands_for = {each.urn: group[0].urn for group in alike.values() for each in group}
        return tuple(self._node(group) for group in alike.values()), stands_for

    def _node(self, group: Sequence[Resource]) -> Node:
        first = group[0]
        column, kind = WORDS[first.kind]
        marks = sorted((self._marks.get(each.urn, "") for each in group), key=_rank)
        details = list(dict.fromkeys(text for each in group for text in _details(each)))
        more = f" and {len(details) - _FEW} more" if len(details) > _FEW else ""
        several = len(group) > 1
        return Node(
            key=first.urn,
            column=column,
            kind=f"{len(group)} {kind}s" if several else kind,
            name=f"{first.name} and others" if several else first.name,
            detail=", ".join(details[:_FEW]) + more,
            operation=marks[0],
        )

    def _networks(self) -> Iterator[Network]:
        subnets = sorted(
            self._graph.of(SUBNET), key=lambda each: (_value(each, "availabilityZone"), each.name, each.urn)
        )
        for vpc in sorted(self._graph.of(VPC), key=lambda each: (each.name, each.urn)):
            zones: dict[str, list[Node]] = {}
            for each in subnets:
                if vpc in _some(one_of, each, "vpcId", self._graph, VPC):
                    zones.setdefault(_value(each, "availabilityZone"), []).append(self._place(each, "subnet"))
            yield Network(self._place(vpc, "VPC"), tuple(Zone(name, tuple(found)) for name, found in zones.items()))

    def _place(self, each: Resource, kind: str) -> Node:
        return Node(each.urn, 0, kind, each.name, _value(each, "cidrBlock"), self._marks.get(each.urn, ""))


_ABOVE: Final = {
    lattice.LISTENER: ("serviceIdentifier", lattice.SERVICE),
    lattice.RULE: ("listenerIdentifier", lattice.LISTENER),
}


def _rank(operation: str) -> int:
    return _WORST_FIRST.index(operation) if operation in _WORST_FIRST else len(_WORST_FIRST)


def _is_forward(source: Resource, target: Resource) -> bool:
    """Whether both are drawn, and from left to right."""
    return source.kind in WORDS and target.kind in WORDS and WORDS[source.kind][0] < WORDS[target.kind][0]


def _some(
    asked: Callable[..., Resource | None] | Callable[..., Iterable[Resource | None]], *arguments: Any
) -> list[Resource]:
    """What can be told; a drawing leaves out what cannot."""
    try:
        found = asked(*arguments)
        return [each for each in ([found] if isinstance(found, Resource) else found or ()) if each is not None]
    except UnknownValueError:
        return []


def _services(each: Resource, graph: Graph) -> Iterator[Resource | None]:
    return (found.service for found in references(each, graph))


def _value(each: Resource, path: str) -> str:
    """A value to be shown, "" where it is secret, not known, or no text and no number."""
    secret = any(path == hidden or path.startswith((f"{hidden}.", f"{hidden}[")) for hidden in each.secrets)
    value = None if secret else each.get(path)
    return str(value) if not is_unknown(value) and isinstance(value, (str, int)) else ""


def _details(each: Resource) -> list[str]:
    """What tells a resource from others of its kind."""
    if each.kind == tokens.LISTENER_RULE:
        return _conditions(each)
    found = [_value(each, path) for path in _TOLD.get(each.kind, ())]
    return [" ".join(filter(None, found))] if any(found) else []


_TOLD: Final[Mapping[str, tuple[str, ...]]] = {
    tokens.LOAD_BALANCER: ("loadBalancerType",),
    tokens.LISTENER: ("protocol", "port"),
    tokens.TARGET_GROUP: ("protocolVersion", "port"),
    lattice.LISTENER: ("protocol", "port"),
    lattice.RULE: ("match.httpMatch.pathMatch.match.prefix", "match.httpMatch.pathMatch.match.exact"),
    lattice.TARGETS: ("config.protocolVersion", "config.port"),
    lattice.SERVICE: ("customDomainName",),
    tokens.DEPLOYMENT: ("metadata.name",),
}


def _conditions(rule: Resource) -> list[str]:
    """Hosts with paths, as one would write an address."""
    if any(each.startswith("conditions") for each in rule.secrets):
        return []
    try:
        found = {kind: [text for _, each in given for text in values(each)] for kind, given in conditions(rule).items()}
    except UnknownValueError:
        return []
    hosts, paths = found.get("hostHeader") or [""], found.get("pathPattern") or [""]
    return [f"{host}{path}" for host in hosts for path in paths if host or path]
