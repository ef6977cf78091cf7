"""Takes orphans away, each kind after what holds it; one that AWS keeps does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from tools.orphans import LOAD_BALANCER, NETWORK_INTERFACE, SECURITY_GROUP, TARGET_GROUP, Orphan

_GONE = frozenset({"LoadBalancerNotFound", "TargetGroupNotFound"})
_GONE_SUFFIX = ".NotFound"  # how EC2 says it: InvalidGroup.NotFound, InvalidNetworkInterfaceID.NotFound


@dataclass(frozen=True)
class Outcome:
    """What became of one orphan; `trouble` is empty when it is gone."""

    orphan: Orphan
    trouble: str = ""


def remove(elbv2: Any, ec2: Any, orphans: Sequence[Orphan]) -> Iterator[Outcome]:
    """Remove what can be removed, in order, an outcome each as it is known.

    A load balancer is waited for: its target groups, interfaces and security groups are in use until it is gone. Rules
    of other security groups that refer to one that goes are revoked, they admit nobody any more.
    """
    _without_rules(ec2, [each.id for each in orphans if each.kind == SECURITY_GROUP])
    actions: dict[str, Callable[[str], object]] = {
        LOAD_BALANCER: lambda arn: _balancer(elbv2, arn),
        TARGET_GROUP: lambda arn: elbv2.delete_target_group(TargetGroupArn=arn),
        NETWORK_INTERFACE: lambda identity: ec2.delete_network_interface(NetworkInterfaceId=identity),
        SECURITY_GROUP: lambda identity: ec2.delete_security_group(GroupId=identity),
    }
    for orphan in orphans:
        yield Outcome(orphan, orphan.blocked or _trouble(actions[orphan.kind], orphan.id))


def _trouble(action: Callable[[str], object], identity: str) -> str:
    try:
        action(identity)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        gone = code in _GONE or code.endswith(_GONE_SUFFIX)
        return "" if gone else f"{code}: {error.response['Error'].get('Message', '')}"
    except WaiterError as error:
        return f"still being deleted: {error.last_response.get('Error', {}).get('Message', 'run the sweep again')}"
    return ""


def _balancer(elbv2: Any, arn: str) -> None:
    elbv2.delete_load_balancer(LoadBalancerArn=arn)
    elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])


def _without_rules(ec2: Any, groups: Sequence[str]) -> None:
    """Revoke every rule of and towards these groups, so that they can go in any order."""
    for group in groups:
        for name in ("group-id", "ip-permission.group-id", "egress.ip-permission.group-id"):
            found = ec2.describe_security_groups(Filters=[{"Name": name, "Values": [group]}])["SecurityGroups"]
            for each in found:
                _revoke(ec2, each, None if name == "group-id" else group)


def _revoke(ec2: Any, group: Any, towards: str | None) -> None:
    """Revoke the rules of a group, or only those that name the group `towards`."""
    for key, revoke in (
        ("IpPermissions", ec2.revoke_security_group_ingress),
        ("IpPermissionsEgress", ec2.revoke_security_group_egress),
    ):
        permissions = [
            permission if towards is None else {**_ports(permission), "UserIdGroupPairs": [{"GroupId": towards}]}
            for permission in group.get(key, [])
            if towards is None or towards in {pair.get("GroupId") for pair in permission.get("UserIdGroupPairs", [])}
        ]
        if permissions:
            revoke(GroupId=group["GroupId"], IpPermissions=permissions)


def _ports(permission: Any) -> dict[str, Any]:
    return {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
