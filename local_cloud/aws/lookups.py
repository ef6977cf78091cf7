"""What the kinds at the edge (load balancing, EKS) look up about networks and roles of the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from local_cloud.aws.ec2_common import INTERNET_GATEWAY, SECURITY_GROUP, SUBNET, VPC
from local_cloud.aws.kind import Cloud, Props, Refusal, Row

__all__ = ["INTERNET_GATEWAY", "LOG_GROUP", "ROLE", "SECURITY_GROUP", "SUBNET", "VPC"]

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"


def texts(value: Any) -> list[str]:
    """A list input as texts; nothing given is an empty list."""
    return [str(item) for item in value] if isinstance(value, list) else []


def subnets(cloud: Cloud, ids: Iterable[str], missing: Callable[[str], Refusal]) -> list[Row]:
    """The subnets of these ids; ``missing`` makes the refusal for one that does not exist."""
    found = []
    for subnet_id in ids:
        row = cloud.get(SUBNET, subnet_id)
        if row is None:
            raise missing(subnet_id)
        found.append(row)
    return found


def zones(rows: Iterable[Row]) -> list[str]:
    """The availability zone of each subnet, in their order."""
    return [str(row["availabilityZone"]) for row in rows]


def security_group_vpc(cloud: Cloud, group_id: str) -> str | None:
    """The VPC of a security group (a VPC's default group included), None when there is no such group."""
    row = cloud.get(SECURITY_GROUP, group_id)
    if row is not None:
        return str(row["vpcId"])
    owners = cloud.where(VPC, "defaultSecurityGroupId", group_id)
    return owners[0].id if owners else None


def default_security_group(cloud: Cloud, vpc_id: str) -> list[str]:
    """The id of a VPC's default security group, as a list of at most one."""
    vpc = cloud.get(VPC, vpc_id)
    group = vpc["defaultSecurityGroupId"] if vpc else None
    return [str(group)] if group else []


def role(cloud: Cloud, arn: str) -> Row | None:
    """The IAM role of an ARN."""
    found = cloud.where(ROLE, "arn", arn)
    return found[0] if found else None


def trusts(row: Row, service: str) -> bool:
    """Whether a role's trust policy names a service (``eks.amazonaws.com``) as a principal."""
    try:
        document = row["assumeRolePolicy"]
        policy = json.loads(document) if isinstance(document, str) else document
        statements = policy.get("Statement", [])
    except (ValueError, AttributeError):
        return False
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {}) if isinstance(statement, dict) else {}
        named = principal.get("Service", []) if isinstance(principal, dict) else []
        if service in ([named] if isinstance(named, str) else named):
            return True
    return False


def has_policies(cloud: Cloud, row: Row) -> bool:
    """Whether a role has any policy: attached, inline as a resource of its own, or given with the role."""
    if row.inputs.get("managedPolicyArns") or row.inputs.get("inlinePolicies"):
        return True
    names = {row.id, str(row["name"]), str(row["arn"])}
    return any(cloud.where(token, "role", name) for token in (ATTACHMENT, ROLE_POLICY) for name in names)


def uuid(cloud: Cloud) -> str:
    """A random UUID as AWS prints them."""
    digits = cloud.hex(32)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def fresh(cloud: Cloud, token: str, resource_id: str, make: Callable[[], Props]) -> Props:
    """Outputs that AWS draws once, at the create: on an update none, so that they keep their value."""
    return {} if cloud.get(token, resource_id) else make()
