"""Security groups and their rules, of both the old and the new resource types.

Create-only properties: terraform-provider-aws internal/service/ec2/vpc_security_group*.go. Texts without a source
beside them: EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row, Value, latest

Permission = tuple[str, str, str, Value, Value, str]
"""group, ingress or egress, protocol, from port, to port, peer."""

_SOURCES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_DIRECTIONS: Final = {common.INGRESS_RULE: "ingress", common.EGRESS_RULE: "egress"}
_RULES: Final = (common.INGRESS_RULE, common.EGRESS_RULE, common.SECURITY_GROUP_RULE)
_PROTOCOLS: Final = {"all": "-1", "icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58"}  # IANA protocol numbers


def _permissions(token: str, props: Props) -> Iterator[Permission]:
    """The permissions a rule resource stands for: the old type may hold several."""
    if token in _DIRECTIONS:
        protocol, direction = props["ipProtocol"], _DIRECTIONS[token]
        peers = [str(props[name]) for name in _SOURCES if props.get(name)]
    else:
        protocol, direction = props["protocol"], props["type"]
        lists = ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds")
        peers = [str(peer) for name in lists for peer in props.get(name) or []]
        peers += [str(props["sourceSecurityGroupId"])] if props.get("sourceSecurityGroupId") else []
        peers += [str(props["securityGroupId"])] if props.get("self") else []
    number = _PROTOCOLS.get(str(protocol).lower(), str(protocol))
    ports = (None, None) if number == "-1" else (props.get("fromPort"), props.get("toPort"))
    for peer in peers:
        yield (str(props["securityGroupId"]), direction, number, *ports, peer)


def _existing(cloud: Cloud, group: str) -> Iterator[tuple[Row, Permission]]:
    for token in _RULES:
        for row in cloud.where(token, "securityGroupId", group):
            for permission in _permissions(token, row.inputs):
                yield row, permission


def _fits(token: str, cloud: Cloud, props: Props, own: str = "") -> None:
    """Duplicates (moto ec2/models/security_groups.py), the quota (VPC user guide, "Amazon VPC quotas": 60 a way)."""
    group = str(props["securityGroupId"])
    wanted = list(_permissions(token, props))
    present = [permission for row, permission in _existing(cloud, group) if row.id != own]
    for _, direction, protocol, low, high, peer in (permission for permission in wanted if permission in present):
        words = {value: key.upper() for key, value in _PROTOCOLS.items()}.get(protocol, protocol)
        ports = "" if low is None else f", from port: {low}, to port: {high}"
        message = f'the specified rule "peer: {peer}, {words}{ports}, ALLOW" already exists'
        raise Refusal(
            "InvalidPermission.Duplicate", message, operation=f"AuthorizeSecurityGroup{direction.capitalize()}"
        )
    if wanted and sum(permission[1] == wanted[0][1] for permission in present) + len(wanted) > 60:
        message = "The maximum number of rules per security group has been reached."
        raise Refusal("RulesPerSecurityGroupLimitExceeded", message)


def _groups_exist(cloud: Cloud, *given: Row | Props) -> None:
    props = latest(given)
    for name in ("securityGroupId", "referencedSecurityGroupId", "sourceSecurityGroupId"):
        group = str(props.get(name) or "")
        if group and cloud.get(common.SECURITY_GROUP, group) is None and not _made_by_aws(cloud, group):
            raise Refusal("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def _made_by_aws(cloud: Cloud, group: str) -> bool:
    """A VPC's default group or the one EKS makes for a cluster."""
    if cloud.where(common.VPC, "defaultSecurityGroupId", group):
        return True
    clusters = cloud.rows("aws:eks/cluster:Cluster")
    return any((row["vpcConfig"] or {}).get("clusterSecurityGroupId") == group for row in clusters)


def _group_name(props: Props) -> Iterable[Failure]:
    """vpc_security_group.go: a name must not look like an id; the text is the API's."""
    for name in ("name", "namePrefix"):
        if str(props.get(name, "")).startswith("sg-"):
            yield Failure(name, f"invalid value for {name} (cannot begin with sg-)")


def _group_taken(cloud: Cloud, props: Props) -> None:
    """Code and stem: moto ec2/exceptions.py, InvalidSecurityGroupDuplicateError."""
    for row in cloud.where(common.SECURITY_GROUP, "name", props.get("name")):
        if row["vpcId"] == props.get("vpcId"):
            message = f"The security group '{props['name']}' already exists for VPC '{props.get('vpcId')}'"
            raise Refusal("InvalidGroup.Duplicate", message)


def _needs_vpc(cloud: Cloud, props: Props) -> None:
    """The local account has no default VPC, like one made by AWS Organizations without it."""
    if not props.get("vpcId"):
        raise Refusal("VPCIdNotSpecified", "No default VPC for this user")


def _group_in_use(cloud: Cloud, row: Row) -> None:
    """aws/aws-cdk#14456. With revokeRulesOnDelete the provider strips the rules of other groups first."""
    for other in cloud.referring(row.id):
        attached = other.token in common.IN_SUBNETS
        rule = other.token in _RULES and other["securityGroupId"] != row.id and not row["revokeRulesOnDelete"]
        if attached or rule or (other.token == common.SECURITY_GROUP and other.id != row.id):
            raise Refusal("DependencyViolation", f"resource {row.id} has a dependent object")


def _group_gone(cloud: Cloud, row: Row) -> None:
    for other in cloud.referring(row.id):
        if other.token in _RULES:
            cloud.remove(other.token, other.id)


def _group_outputs(cloud: Cloud, group: str, props: Props) -> Props:
    """The provider revokes the allow-all egress rule AWS makes, so nothing is there unless it is declared."""
    return {
        "arn": common.arn(cloud, "security-group", group),
        "ownerId": cloud.account,
        "ingress": props.get("ingress", []),
        "egress": props.get("egress", []),
    }


def _source_kind(old: Props, new: Props) -> Iterable[str]:
    """vpc_security_group_ingress_rule.go: another kind of source is another rule, another value is not."""
    for name in _SOURCES:
        if bool(old.get(name)) != bool(new.get(name)):
            yield name


def _rule_id(cloud: Cloud, props: Props) -> str:
    """vpc_security_group_rule.go: securityGroupRuleCreateID (sgrule- and a hash of the permission)."""
    text = repr(sorted(_permissions(common.SECURITY_GROUP_RULE, props), key=repr))
    return f"sgrule-{zlib.crc32(text.encode())}"


def _rule(token: str, direction: str) -> Kind:
    return Kind(
        token=token,
        service="EC2",
        thing=f"VPC Security Group {direction} Rule",
        operations={
            "create": f"AuthorizeSecurityGroup{direction}",
            "update": "ModifySecurityGroupRules",
            "delete": f"RevokeSecurityGroup{direction}",
        },
        create_only=frozenset({"securityGroupId"}),
        source="terraform-provider-aws internal/service/ec2/vpc_security_group_ingress_rule.go",
        computed=frozenset(),
        identify=common.identity("sgr"),
        outputs=lambda cloud, rule, props: {
            "arn": common.arn(cloud, "security-group-rule", rule),
            "securityGroupRuleId": rule,
        },
        framework=True,
        checks=(common.only_one(*_SOURCES), common.cidr("cidrIpv4")),
        refuse_create=(
            _groups_exist,
            lambda cloud, props: _fits(token, cloud, props),
            common.few_tags,
        ),
        refuse_update=(
            _groups_exist,
            lambda cloud, row, props: _fits(token, cloud, props, row.id),
            common.few_tags,
        ),
        replaces=_source_kind,
    )


KINDS: Final = (
    Kind(
        token=common.SECURITY_GROUP,
        service="EC2",
        thing="Security Group",
        operations={
            "create": "CreateSecurityGroup",
            "update": "CreateTags",
            "delete": "DeleteSecurityGroup",
        },
        create_only=frozenset({"name", "namePrefix", "description", "vpcId"}),
        source="terraform-provider-aws internal/service/ec2/vpc_security_group.go",
        computed=frozenset({"name", "ingress", "egress"}),
        identify=common.identity("sg"),
        outputs=_group_outputs,
        name=NameRule(),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        checks=(_group_name, common.only_one("name", "namePrefix", required=False)),
        refuse_create=(_needs_vpc, common.vpc_exists, _group_taken, common.few_tags),
        refuse_update=(common.few_tags,),
        refuse_delete=(_group_in_use,),
        after_delete=(_group_gone,),
    ),
    Kind(
        token=common.SECURITY_GROUP_RULE,
        service="EC2",
        thing="Security Group Rule",
        operations={
            "create": "AuthorizeSecurityGroupIngress",
            "update": "UpdateSecurityGroupRuleDescriptionsIngress",
            "delete": "RevokeSecurityGroupIngress",
        },
        create_only=frozenset(
            {
                "cidrBlocks",
                "fromPort",
                "ipv6CidrBlocks",
                "prefixListIds",
                "protocol",
                "securityGroupId",
                "self",
                "sourceSecurityGroupId",
                "toPort",
                "type",
            }
        ),
        source="terraform-provider-aws internal/service/ec2/vpc_security_group_rule.go",
        computed=frozenset({"sourceSecurityGroupId"}),
        identify=_rule_id,
        outputs=lambda cloud, rule, props: {"securityGroupRuleId": common.belonging("sgr", rule)},
        deletes_first=True,
        refuse_create=(_groups_exist, lambda cloud, props: _fits(common.SECURITY_GROUP_RULE, cloud, props)),
    ),
    _rule(common.INGRESS_RULE, "Ingress"),
    _rule(common.EGRESS_RULE, "Egress"),
)
