"""What security groups let in, in each of the three ways a program can say it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.unknown import UnknownValueError, is_unknown, known
from policies.rules.clusters import CLUSTER
from policies.rules.tokens import LOAD_BALANCER

GROUP: Final = "aws:ec2:SecurityGroup"
_DEFAULT_GROUP: Final = "aws:ec2:DefaultSecurityGroup"
_RULE: Final = "aws:vpc:SecurityGroupIngressRule"
_OLD_RULE: Final = "aws:ec2:SecurityGroupRule"
# Where nodes, the control plane and pods are given security groups.
_WORN: Final = {
    "aws:ec2:LaunchTemplate": "vpcSecurityGroupIds",
    "aws:ec2:LaunchConfiguration": "securityGroups",
    CLUSTER: "vpcConfig.securityGroupIds",
    "vpcresources.k8s.aws:SecurityGroupPolicy": "spec.securityGroups.groupIds",
}
_SOURCES: Final = {
    "groups": ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups"),
    "blocks": ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"),
    "lists": ("prefixListId", "prefixListIds"),
}


class Permission(NamedTuple):
    """What one rule lets in. path: where it stands in the resource, with a dot at its end; "" for one of its own."""

    resource: Resource
    path: str

    def value(self, key: str) -> Any:
        """What it says of something."""
        return self.resource.get(self.path + key)

    def sources(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Its sources of a kind, `groups`, `blocks` or `lists`, each with its path. Values may be unknown."""
        for key in _SOURCES[kind]:
            value = self.value(key)
            if isinstance(value, list):
                yield from ((f"{self.path}{key}[{place}]", each) for place, each in enumerate(value))
            elif value is not None:
                yield self.path + key, value


def permissions(graph: Graph) -> Iterator[Permission]:
    """Everything that security groups of the program let in."""
    yield from (Permission(each, "") for each in graph.of(_RULE))
    for each in graph.of(_OLD_RULE):
        if str(known(each.get("type"))).lower() == "ingress":
            yield Permission(each, "")
    for each in graph.of(GROUP, _DEFAULT_GROUP):
        yield from (Permission(each, f"{path}.") for path, _ in each.items("ingress"))


def owners(permission: Permission, graph: Graph) -> list[Resource]:
    """The security group that lets it in, or the cluster whose own group that is; none for one outside the program.

    Raises UnknownValueError where that cannot be told.
    """
    if permission.path:
        return [permission.resource]
    return groups(permission.resource, "securityGroupId", [permission.value("securityGroupId")], graph)


def groups(resource: Resource, path: str, values: Iterable[Any], graph: Graph) -> list[Resource]:
    """The security groups of the program, and the clusters for their own, that ids at a path name."""
    found: dict[str, Resource] = {}
    made = graph.made_of(resource, path, GROUP, CLUSTER)
    for value in values:
        if is_unknown(value):
            if not made and not resource.property_dependencies.get(path.partition(".")[0].partition("[")[0]):
                raise UnknownValueError(f"{resource.name}: {path}")
            found |= {each.urn: each for each in made}
        else:
            each = graph.by_identity(str(value))
            if each is not None:
                found[each.urn] = each
    return list(found.values())


def given_elsewhere(graph: Graph) -> bool:
    """Whether nodes or pods may have security groups that the program does not make, which may let anything in."""
    for kind, path in _WORN.items():
        for each in graph.of(kind):
            values = each.get(path)
            for one in values if isinstance(values, list) else ():
                if not is_unknown(one) and graph.by_identity(str(one)) is None:
                    return True
    return False


def covers(permission: Permission, port: float) -> bool:
    """Whether it lets TCP in on a port."""
    protocol = known(permission.value("ipProtocol"))
    name = str(protocol if protocol is not None else known(permission.value("protocol"))).lower()
    if name in ("-1", "all"):
        return True
    low, high = number(known(permission.value("fromPort"))), number(known(permission.value("toPort")))
    return name in ("tcp", "6") and (low is None or low <= port) and (high is None or port <= high)


def network(value: Any) -> ipaddress.IPv4Network | None:
    """A network of IPv4; None where the text is none. Raises UnknownValueError when it is not known."""
    try:
        return ipaddress.IPv4Network(str(known(value)).strip(), strict=False)
    except ValueError:
        return None


def networks(permission: Permission) -> list[ipaddress.IPv4Network]:
    """The networks of IPv4 it lets in, as far as they are written rightly."""
    found = [network(value) for _, value in permission.sources("blocks")]
    return [each for each in found if each is not None]


def balancers_own(graph: Graph) -> set[str]:
    """The URNs of the security groups of load balancers, as far as they are known: they are not those of pods."""
    found = set()
    for each in graph.of(LOAD_BALANCER):
        found |= {group.urn for group in graph.made_of(each, "securityGroups", GROUP)}
        value = each.get("securityGroups")
        for one in value if isinstance(value, list) else ():
            group = None if is_unknown(one) else graph.by_identity(str(one))
            if group is not None:
                found.add(group.urn)
    return found


class _Doors:
    """What lets in whom on which port; the answers are remembered, as a load balancer leads to many pods."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._permissions = tuple(permissions(graph))
        self._fronts = balancers_own(graph)
        self._answers: dict[tuple[str, float], bool | UnknownValueError] = {}

    def admit(self, who: str, port: float, suits: Callable[[Permission], bool]) -> bool:
        """As `admitted`."""
        if (who, port) not in self._answers:
            self._answers[who, port] = self._look(port, suits)
        found = self._answers[who, port]
        if isinstance(found, UnknownValueError):
            raise UnknownValueError(found.path)
        return found

    def _look(self, port: float, suits: Callable[[Permission], bool]) -> bool | UnknownValueError:
        blind = None
        for each in self._permissions:
            try:
                own = covers(each, port) and suits(each)
                if own and not self._fronts & {one.urn for one in owners(each, self._graph)}:
                    return True
            except UnknownValueError as unknown:
                blind = unknown
        return blind or given_elsewhere(self._graph)


def admitted(graph: Graph, who: str, port: float, suits: Callable[[Permission], bool]) -> bool:
    """Whether some group, but for those of load balancers, lets a source in on a port, or may do so.

    who: what the source is told apart from others by; suits: whether something lets it in. Raises UnknownValueError
    where none surely does and one may.
    """
    return graph.once(_Doors).admit(who, port, suits)
