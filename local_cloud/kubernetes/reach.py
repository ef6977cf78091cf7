"""Whether a load balancer's health checks can reach the pods behind a target group at all: security groups.

A security group of Pulumi's has no egress until a rule gives it some (the provider takes AWS's default rule away),
and the pods'
group, which EKS makes, lets in only its own members. Source: EC2 user guide, "Security group rules"; AWS Load
Balancer Controller docs/guide/targetgroupbinding (spec.networking).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from local_cloud.kubernetes.cluster import TARGET_GROUP, Cluster
from local_cloud.store import Row

_LISTENER: Final = "aws:lb/listener:Listener"
_RULE: Final = "aws:lb/listenerRule:ListenerRule"
_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_MODERN: Final = "aws:vpc/securityGroup{}Rule:SecurityGroup{}Rule"
_OLD: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"


@dataclass(frozen=True)
class _Opening:
    """Ports that a rule opens, and to or from whom ("" for anyone)."""

    protocol: str
    low: int
    high: int
    peer: str

    def admits(self, port: int, peers: set[str]) -> bool:
        """Whether it lets TCP traffic on a port pass between its group and one of the peers."""
        whole = self.protocol in {"-1", "all"} or (self.protocol == "tcp" and self.low <= port <= self.high)
        return whole and (not self.peer or self.peer in peers)


def in_use(cluster: Cluster, group: str) -> bool:
    """Whether a listener or a rule forwards to a target group; the targets of an unused one are never checked."""
    return any(row.token in {_LISTENER, _RULE} for row in cluster.store.referring("aws", group))


def blocked(cluster: Cluster, binding: Row, port: int) -> str | None:
    """Why health checks of a binding's target group do not reach the pods, None when they do or nothing is known."""
    group = str(binding.inputs["spec"].get("targetGroupARN"))
    pods = str((cluster.row()["vpcConfig"] or {}).get("clusterSecurityGroupId") or "")
    ports = {port, checked_port(cluster, group) or port}
    opened_by_controller = bool((binding.inputs["spec"].get("networking") or {}).get("ingress"))
    for balancer in _balancers(cluster, group):
        groups = {str(each) for each in balancer["securityGroups"] or ()}
        for number in sorted(ports if groups and pods else ()):
            if not any(rule.admits(number, {pods}) for each in groups for rule in _openings(cluster, each, "Egress")):
                return f"security group {min(groups)} of the load balancer has no egress rule to {pods}, port {number}"
            inward = (rule.admits(number, groups) for rule in _openings(cluster, pods, "Ingress"))
            if not opened_by_controller and not any(inward):
                return f"security group {pods} of the pods has no ingress rule from {min(groups)}, port {number}"
    return None


def admitted_from_lists(cluster: Cluster, port: int) -> bool:
    """Whether the pods' security group lets some prefix list, or everybody, connect to a port."""
    pods = str((cluster.row()["vpcConfig"] or {}).get("clusterSecurityGroupId") or "")
    openings = list(_openings(cluster, pods, "Ingress"))
    return any(rule.admits(port, {rule.peer}) for rule in openings if not rule.peer or rule.peer.startswith("pl-"))


def checked_port(cluster: Cluster, group: str) -> int | None:
    """The port a target group's health checks go to, None for the port of the traffic."""
    row = cluster.store.get("aws", TARGET_GROUP, group)
    given = str(((row["healthCheck"] if row else None) or {}).get("port") or "")
    return int(given) if given.isdigit() else None


def _balancers(cluster: Cluster, group: str) -> list[Row]:
    listeners: dict[str, Row] = {}
    for row in cluster.store.referring("aws", group):
        listener = row if row.token == _LISTENER else None
        if row.token == _RULE:
            listener = cluster.store.get("aws", _LISTENER, str(row["listenerArn"]))
        if listener is not None:
            listeners[listener.id] = listener
    found = (cluster.store.get("aws", _BALANCER, str(row["loadBalancerArn"])) for row in listeners.values())
    return [row for row in found if row is not None]


def _openings(cluster: Cluster, group: str, direction: str) -> Iterator[_Opening]:
    for row in cluster.store.where("aws", _MODERN.format(direction, direction), "securityGroupId", group):
        yield _opening(row.inputs, "ipProtocol", row["referencedSecurityGroupId"] or row["prefixListId"])
    for row in cluster.store.where("aws", _OLD, "securityGroupId", group):
        if row["type"] == direction.lower():
            yield _opening(row.inputs, "protocol", group if row["self"] else row["sourceSecurityGroupId"])
    own = cluster.store.get("aws", _GROUP, group)
    for rule in (own[direction.lower()] if own else None) or ():
        for peer in [*(rule.get("securityGroups") or ()), *(("",) if rule.get("cidrBlocks") else ())]:
            yield _opening(rule, "protocol", peer)


def _opening(rule: dict[str, Any], protocol: str, peer: object) -> _Opening:
    low, high = (rule.get(name) for name in ("fromPort", "toPort"))
    return _Opening(
        str(rule.get(protocol)), 0 if low is None else int(low), 65535 if high is None else int(high), str(peer or "")
    )
