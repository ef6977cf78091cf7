"""AWS RAM: resource shares, what is in them and whom they are for.

The local account stands in an organization: account numbers and the ARNs of organizations are taken for members of it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Final

from local_cloud.aws import plan
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal

SHARE: Final = "aws:ram/resourceShare:ResourceShare"
RESOURCE: Final = "aws:ram/resourceAssociation:ResourceAssociation"
PRINCIPAL: Final = "aws:ram/principalAssociation:PrincipalAssociation"
_SERVICE: Final = "RAM"


def _share_arn(cloud: Cloud, props: Props) -> str:
    return f"arn:{cloud.partition}:ram:{cloud.region}:{cloud.account}:resource-share/{uuid.UUID(cloud.hex(32))}"


def _share_exists(cloud: Cloud, props: Props) -> None:
    """RAM API Reference, AssociateResourceShare: UnknownResourceException."""
    if cloud.get(SHARE, str(props["resourceShareArn"])) is None:
        raise Refusal("UnknownResourceException", f"ResourceShare {props['resourceShareArn']} could not be found.")


def _principal(props: Props) -> Iterable[Failure]:
    """principal_association.go: an account number or an ARN."""
    value = props.get("principal")
    if isinstance(value, str) and not re.fullmatch(r"\d{12}|arn:[\w-]+:[\w-]+:[\w-]*:\w*:.+", value):
        yield Failure("principal", f'"principal" ({value}) must be an AWS account ID or an ARN')


def _already(token: str, other: str, what: str) -> Callable[[Cloud, Props], None]:
    def refuse(cloud: Cloud, props: Props) -> None:
        identity = f"{props['resourceShareArn']},{props[other]}"
        if cloud.get(token, identity) is not None:
            raise Refusal("", f"{what} ({identity}) already exists")

    return refuse


KINDS: Final = (
    Kind(
        token=SHARE,
        service=_SERVICE,
        thing="RAM Resource Share",
        operations={
            "create": "CreateResourceShare",
            "update": "UpdateResourceShare",
            "delete": "DeleteResourceShare",
        },
        create_only=frozenset({"permissionArns"}),
        source="CloudFormation schema AWS::RAM::ResourceShare",
        computed=frozenset({"permissionArns"}),
        identify=_share_arn,
        outputs=lambda cloud, arn, props: {"arn": arn, "permissionArns": props.get("permissionArns", [])},
        name=NameRule(),
        defaults={"allowExternalPrincipals": False},
    ),
    Kind(
        token=RESOURCE,
        service=_SERVICE,
        thing="RAM Resource Association",
        operations={"create": "AssociateResourceShare", "delete": "DisassociateResourceShare"},
        create_only=frozenset({"resourceShareArn", "resourceArn"}),
        source="terraform-provider-aws internal/service/ram/resource_association.go",
        computed=frozenset(),
        identify=lambda cloud, props: f"{props['resourceShareArn']},{props['resourceArn']}",
        checks=(plan.arn("resourceShareArn"), plan.arn("resourceArn")),
        refuse_create=(_share_exists, _already(RESOURCE, "resourceArn", "RAM Resource Association")),
    ),
    Kind(
        token=PRINCIPAL,
        service=_SERVICE,
        thing="RAM Principal Association",
        operations={"create": "AssociateResourceShare", "delete": "DisassociateResourceShare"},
        create_only=frozenset({"resourceShareArn", "principal"}),
        source="terraform-provider-aws internal/service/ram/principal_association.go",
        computed=frozenset(),
        identify=lambda cloud, props: f"{props['resourceShareArn']},{props['principal']}",
        checks=(plan.arn("resourceShareArn"), _principal),
        refuse_create=(_share_exists, _already(PRINCIPAL, "principal", "RAM Principal Association")),
    ),
)
