"""What a destroyed environment left in an AWS account, found by tag.

Two owners leave things behind: the stack (resources that its state no longer knows) and the controllers of its cluster
(load balancers, target groups and security groups of the AWS Load Balancer Controller, network interfaces of the VPC
CNI), which nobody deletes once the cluster is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LOAD_BALANCER = "load balancer"
TARGET_GROUP = "target group"
NETWORK_INTERFACE = "network interface"
SECURITY_GROUP = "security group"

CONTROLLER_TAG = "elbv2.k8s.aws/cluster"
"""On everything the AWS Load Balancer Controller makes; the value is the cluster's name (LBC source: pkg/deploy)."""
CNI_TAG = "cluster.k8s.amazonaws.com/name"
"""On the network interfaces that the VPC CNI attaches to nodes (aws/amazon-vpc-cni-k8s, "ENI tags")."""
PROJECT_TAG, STACK_TAG = "grpc-platform:project", "grpc-platform:stack"
_TAGS_AT_ONCE = 20  # Elastic Load Balancing API Reference, DescribeTags


@dataclass(frozen=True)
class Environment:
    """Whose things are looked for.

    known: ids and ARNs in the state of the stack, which are no orphans. cluster_lives: then what its controllers made
    is theirs to delete.
    """

    project: str
    stack: str
    known: frozenset[str] = frozenset()
    cluster_lives: bool = False

    @property
    def cluster(self) -> str:
        """Name of the EKS cluster of the environment."""
        return f"{self.project}-{self.stack}"

    def owner(self, tags: Mapping[str, str]) -> str | None:
        """Who left a resource with these tags; None when it is not of this environment or somebody still has it."""
        if tags.get(PROJECT_TAG) == self.project and tags.get(STACK_TAG) == self.stack:
            return f"stack {self.stack}"
        if self.cluster_lives:
            return None
        if tags.get(CONTROLLER_TAG) == self.cluster:
            return f"load balancer controller of {self.cluster}"
        if tags.get(CNI_TAG) == self.cluster:
            return f"VPC CNI of {self.cluster}"
        return None


@dataclass(frozen=True)
class Orphan:
    """One left-over: `id` is what AWS's API wants, `blocked` says why it cannot be removed as it is."""

    kind: str
    id: str
    name: str
    owner: str
    blocked: str = ""


def find(elbv2: Any, ec2: Any, environment: Environment) -> list[Orphan]:
    """Everything that is left, in the order in which it can be removed. Raises botocore's ClientError."""
    return [
        orphan
        for each in (
            _load_balancers(elbv2, environment),
            _target_groups(elbv2, environment),
            _interfaces(ec2, environment),
            _security_groups(ec2, environment),
        )
        for orphan in sorted(each, key=lambda orphan: (orphan.name, orphan.id))
        if orphan.id not in environment.known
    ]


def _load_balancers(elbv2: Any, environment: Environment) -> Iterator[Orphan]:
    found = _pages(elbv2, "describe_load_balancers", "LoadBalancers")
    for each, owner in _owned(elbv2, found, "LoadBalancerArn", environment):
        arn = each["LoadBalancerArn"]
        attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        protected = {"Key": "deletion_protection.enabled", "Value": "true"} in attributes
        yield Orphan(
            LOAD_BALANCER, arn, each["LoadBalancerName"], owner, "deletion protection is on" if protected else ""
        )


def _target_groups(elbv2: Any, environment: Environment) -> Iterator[Orphan]:
    found = _pages(elbv2, "describe_target_groups", "TargetGroups")
    for each, owner in _owned(elbv2, found, "TargetGroupArn", environment):
        yield Orphan(TARGET_GROUP, each["TargetGroupArn"], each["TargetGroupName"], owner)


def _owned(
    elbv2: Any, found: Sequence[Mapping[str, Any]], key: str, environment: Environment
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Those of this environment, with their owner; elastic load balancing gives tags in a call of their own."""
    for start in range(0, len(found), _TAGS_AT_ONCE):
        some = found[start : start + _TAGS_AT_ONCE]
        answer = elbv2.describe_tags(ResourceArns=[each[key] for each in some])["TagDescriptions"]
        tags = {each["ResourceArn"]: _tags(each["Tags"]) for each in answer}
        for each in some:
            owner = environment.owner(tags.get(each[key], {}))
            if owner:
                yield each, owner


def _interfaces(ec2: Any, environment: Environment) -> Iterator[Orphan]:
    """Those of the CNI, and those in a security group that is left: it cannot go before them."""
    groups = {orphan.id for orphan in _security_groups(ec2, environment)} - environment.known
    for each in _pages(ec2, "describe_network_interfaces", "NetworkInterfaces"):
        owner = environment.owner(_tags(each.get("TagSet", [])))
        inside = sorted(group["GroupId"] for group in each.get("Groups", []) if group["GroupId"] in groups)
        if not owner and not inside:
            continue
        identity, about = each["NetworkInterfaceId"], each.get("Description") or "no description"
        yield Orphan(NETWORK_INTERFACE, identity, about, owner or f"in {inside[0]}", _user(each))


def _user(interface: Mapping[str, Any]) -> str:
    """Who holds a network interface; one that AWS manages goes with what it belongs to."""
    if interface.get("RequesterManaged"):
        return f"managed by {interface.get('RequesterId') or 'AWS'}: it goes with its owner"
    if interface.get("Status") != "available":
        attachment = interface.get("Attachment") or {}
        return f"attached to {attachment.get('InstanceId') or attachment.get('InstanceOwnerId') or 'something'}"
    return ""


def _security_groups(ec2: Any, environment: Environment) -> Iterator[Orphan]:
    for each in _pages(ec2, "describe_security_groups", "SecurityGroups"):
        owner = environment.owner(_tags(each.get("Tags", [])))
        if owner:
            yield Orphan(SECURITY_GROUP, each["GroupId"], each["GroupName"], owner)


def _pages(client: Any, operation: str, key: str) -> list[Mapping[str, Any]]:
    return [each for page in client.get_paginator(operation).paginate() for each in page[key]]


def _tags(pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in pairs}
