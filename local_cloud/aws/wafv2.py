"""The association of a web ACL with a load balancer: aws:wafv2/webAclAssociation:WebAclAssociation."""

from __future__ import annotations

import re
from typing import Final

from local_cloud.aws import plan
from local_cloud.aws.elb_common import LOAD_BALANCER
from local_cloud.aws.kind import Cloud, Kind, Props, Refusal, Row

ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_ACL: Final = re.compile(r"arn:[a-z-]+:wafv2:([a-z0-9-]+):\d{12}:(regional|global)/webacl/[\w-]+/[0-9a-f-]{36}")
_NONE: Final = "AWS WAF couldn\u2019t perform the operation because your resource doesn\u2019t exist."


def _refuse(cloud: Cloud, props: Props) -> None:
    """AWS WAF API reference: AssociateWebACL; text: aws-load-balancer-controller#2022.

    Web ACLs have no row here: one of this region is taken to exist.
    """
    match = _ACL.fullmatch(str(props["webAclArn"]))
    if match is None or match[2] == "global":
        reason = "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT"
        raise Refusal("WAFInvalidParameterException", reason)
    if match[1] != cloud.region or cloud.get(LOAD_BALANCER, str(props["resourceArn"])) is None:
        raise Refusal("WAFNonexistentItemException", _NONE)


def _after_create(cloud: Cloud, row: Row) -> None:
    """A load balancer has one web ACL: a second association takes the place of the first (pulumi/pulumi-aws#4782)."""
    cloud.note("web-acl", str(row["resourceArn"]), "arn", {"arn": str(row["webAclArn"])})


def _after_delete(cloud: Cloud, row: Row) -> None:
    """Whatever is associated with the load balancer goes, also what came later (pulumi/pulumi-aws#4782)."""
    cloud.forget("web-acl", str(row["resourceArn"]))


KINDS: Final = (
    Kind(
        token=ASSOCIATION,
        service="WAFV2",
        thing="WAFv2 WebACL Association",
        operations={"create": "AssociateWebACL", "update": "AssociateWebACL", "delete": "DisassociateWebACL"},
        create_only=frozenset({"resourceArn", "webAclArn"}),
        source="terraform-provider-aws internal/service/wafv2/web_acl_association.go",
        computed=frozenset(),
        identify=lambda cloud, props: f"{props['webAclArn']},{props['resourceArn']}",
        checks=(plan.arn("resourceArn"), plan.arn("webAclArn")),
        refuse_create=(_refuse,),
        after_create=(_after_create,),
        after_delete=(_after_delete,),
    ),
)
