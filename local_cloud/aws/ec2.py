"""VPC, subnet and launch template.

Create-only properties: CloudFormation schemas AWS::EC2::VPC, Subnet, LaunchTemplate (createOnlyProperties). Texts
without a source beside them: EC2 API reference, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import ec2_common as common
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row

_IN_VPCS: Final = frozenset(
    {
        common.SUBNET,
        common.INTERNET_GATEWAY,
        common.ROUTE_TABLE,
        common.SECURITY_GROUP,
        common.NETWORK_INTERFACE,
        common.NAT_GATEWAY,
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation",
    }
)

_ZONE_LETTERS: Final = {  # AWS documentation, "AWS Availability Zones": letters an account sees; elsewhere a, b, c
    "us-east-1": "abcdef",
    "us-west-1": "ac",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
}
_DIRECTIONS: Final = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}


def _vpc_size(props: Props) -> Iterable[Failure]:
    """terraform-provider-aws internal/service/ec2/vpc_.go: IsCIDRNetwork(16, 28)."""
    value = props.get("cidrBlock")
    if isinstance(value, str) and "/" in value:
        bits = value.rsplit("/", 1)[1]
        if bits.isdigit() and not 16 <= int(bits) <= 28:
            yield Failure(
                "cidrBlock",
                "expected cidrBlock to contain a network Value with between 16 and 28 significant bits, "
                f"got: {bits} ({value})",
            )


def _vpc_address(cloud: Cloud, props: Props) -> None:
    if not props.get("cidrBlock") and not props.get("ipv4IpamPoolId"):
        raise Refusal("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")


def _vpc_outputs(cloud: Cloud, vpc: str, props: Props) -> Props:
    table = common.belonging("rtb", vpc)
    return {
        "arn": common.arn(cloud, "vpc", vpc),
        "ownerId": cloud.account,
        "defaultSecurityGroupId": common.belonging("sg", vpc),
        "defaultNetworkAclId": common.belonging("acl", vpc),
        "defaultRouteTableId": table,
        "mainRouteTableId": table,
        "dhcpOptionsId": common.belonging("dopt", cloud.region),
        "ipv6AssociationId": common.belonging("vpc-cidr-assoc", vpc) if _wants_ipv6(props) else "",
        "ipv6CidrBlock": props.get("ipv6CidrBlock") or (_ipv6_block(vpc) if _wants_ipv6(props) else ""),
    }


def _wants_ipv6(props: Props) -> bool:
    return bool(props.get("assignGeneratedIpv6CidrBlock") or props.get("ipv6IpamPoolId") or props.get("ipv6CidrBlock"))


def _ipv6_block(vpc: str) -> str:
    digits = common.belonging("", vpc)
    return f"2a05:d018:{digits[1:4]}:{digits[4:6]}00::/56"


def _vpc_in_use(cloud: Cloud, row: Row) -> None:
    """terraform-aws-modules/terraform-aws-vpc#540."""
    if any(other.token in _IN_VPCS for other in cloud.referring(row.id)):
        raise Refusal("DependencyViolation", f"The vpc '{row.id}' has dependencies and cannot be deleted.")


def _tenancy(old: Props, new: Props) -> Iterable[str]:
    """vpc_.go: only default -> dedicated needs a new VPC."""
    if old.get("instanceTenancy", "default") == "default" and new.get("instanceTenancy") == "dedicated":
        yield "instanceTenancy"


def _subnet_place(cloud: Cloud, props: Props) -> None:
    """pulumi/pulumi-awsx#910 for the conflict."""
    vpc = cloud.get(common.VPC, str(props["vpcId"]))
    block = props.get("cidrBlock")
    if vpc is None or not isinstance(block, str) or not isinstance(vpc["cidrBlock"], str):
        return
    network = ipaddress.IPv4Network(block)
    if not 16 <= network.prefixlen <= 28 or not network.subnet_of(ipaddress.IPv4Network(vpc["cidrBlock"])):
        raise Refusal("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for other in cloud.where(common.SUBNET, "vpcId", vpc.id):
        if other["cidrBlock"] and network.overlaps(ipaddress.IPv4Network(other["cidrBlock"])):
            raise Refusal("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")


def zones(region: str) -> list[str]:
    """The availability zones of a region, as most accounts see them."""
    return [region + letter for letter in _ZONE_LETTERS.get(region, "abc")]


def zone_id(zone: str) -> str:
    """``euw1-az1`` for eu-west-1a. Which letter has which number differs between real accounts."""
    area, *middle, number = zone[:-1].split("-")
    short = "".join(_DIRECTIONS.get(part, part[0]) for part in middle)
    return f"{area}{short}{number}-az{ord(zone[-1]) - ord('a') + 1}"


def _subnet_zone(cloud: Cloud, props: Props) -> None:
    known = zones(cloud.region)
    zone, ident = props.get("availabilityZone"), props.get("availabilityZoneId")
    for value, allowed in ((zone, known), (ident, [zone_id(name) for name in known])):
        if value and value not in allowed:
            raise Refusal(
                "InvalidParameterValue",
                f"Value ({value}) for parameter availabilityZone is invalid. Subnets can currently only be created in "
                f"the following availability zones: {', '.join(allowed)}.",
            )


def _subnet_outputs(cloud: Cloud, subnet: str, props: Props) -> Props:
    known = zones(cloud.region)
    by_id = {zone_id(name): name for name in known}
    zone = props.get("availabilityZone") or by_id.get(props.get("availabilityZoneId", ""), known[0])
    return {
        "arn": common.arn(cloud, "subnet", subnet),
        "ownerId": cloud.account,
        "availabilityZone": zone,
        "availabilityZoneId": zone_id(zone),
        "ipv6CidrBlockAssociationId": common.belonging("subnet-cidr-assoc", subnet)
        if props.get("ipv6CidrBlock")
        else "",
        "privateDnsHostnameTypeOnLaunch": props.get("privateDnsHostnameTypeOnLaunch", "ip-name"),
    }


def _subnet_in_use(cloud: Cloud, row: Row) -> None:
    """terraform-aws-modules/terraform-aws-vpc#1081."""
    if any(other.token in common.IN_SUBNETS for other in cloud.referring(row.id)):
        raise Refusal("DependencyViolation", f"The subnet '{row.id}' has dependencies and cannot be deleted.")


def _subnet_gone(cloud: Cloud, row: Row) -> None:
    """Its association with a route table goes with it (VPC user guide, "Delete a subnet")."""
    for association in cloud.where(common.ASSOCIATION, "subnetId", row.id):
        cloud.remove(association.token, association.id)


def _template_name(cloud: Cloud, props: Props) -> None:
    if cloud.where(common.LAUNCH_TEMPLATE, "name", props["name"]):
        raise Refusal("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")


def _template_outputs(cloud: Cloud, template: str, props: Props) -> Props:
    """Every change but that of tags or default version is a new version (EC2 API reference: ModifyLaunchTemplate)."""
    before = cloud.get(common.LAUNCH_TEMPLATE, template)
    aside = {"tags", "defaultVersion", "updateDefaultVersion", "__defaults"}
    latest = 1
    if before is not None:
        content = [{k: v for k, v in side.items() if k not in aside} for side in (before.inputs, props)]
        latest = int(before["latestVersion"]) + (content[0] != content[1])
    kept = int(before["defaultVersion"]) if before is not None else 1
    default = latest if props.get("updateDefaultVersion") else int(props.get("defaultVersion", kept))
    return {"arn": common.arn(cloud, "launch-template", template), "latestVersion": latest, "defaultVersion": default}


def _operations(thing: str) -> dict[str, str]:
    return {"create": f"Create{thing}", "update": f"Modify{thing}Attribute", "delete": f"Delete{thing}"}


KINDS: Final = (
    Kind(
        token=common.VPC,
        service="EC2",
        thing="EC2 VPC",
        operations=_operations("Vpc"),
        create_only=frozenset({"cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"}),
        source="CloudFormation schema AWS::EC2::VPC; terraform-provider-aws internal/service/ec2/vpc_.go",
        computed=frozenset({"cidrBlock", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"}),
        identify=common.identity("vpc"),
        outputs=_vpc_outputs,
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        checks=(
            common.cidr("cidrBlock"),
            _vpc_size,
            common.only_one("assignGeneratedIpv6CidrBlock", "ipv6IpamPoolId", required=False),
        ),
        refuse_create=(
            _vpc_address,
            common.quota(common.VPC, 5, "VpcLimitExceeded", "The maximum number of VPCs has been reached."),
            common.few_tags,
        ),
        refuse_update=(common.few_tags,),
        refuse_delete=(_vpc_in_use,),
        replaces=_tenancy,
    ),
    Kind(
        token=common.SUBNET,
        service="EC2",
        thing="EC2 Subnet",
        operations=_operations("Subnet"),
        create_only=frozenset(
            {
                "vpcId",
                "availabilityZone",
                "availabilityZoneId",
                "cidrBlock",
                "outpostArn",
                "ipv6Native",
                "ipv4IpamPoolId",
                "ipv4NetmaskLength",
                "ipv6IpamPoolId",
                "ipv6NetmaskLength",
            }
        ),
        source="CloudFormation schema AWS::EC2::Subnet; terraform-provider-aws internal/service/ec2/vpc_subnet.go",
        computed=frozenset({"availabilityZone", "availabilityZoneId", "privateDnsHostnameTypeOnLaunch"}),
        identify=common.identity("subnet"),
        outputs=_subnet_outputs,
        defaults={"assignIpv6AddressOnCreation": False, "mapPublicIpOnLaunch": False},
        checks=(
            common.cidr("cidrBlock"),
            common.only_one("availabilityZone", "availabilityZoneId", required=False),
        ),
        refuse_create=(common.vpc_exists, _subnet_zone, _subnet_place, common.few_tags),
        refuse_update=(common.few_tags,),
        refuse_delete=(_subnet_in_use,),
        after_delete=(_subnet_gone,),
    ),
    Kind(
        token=common.LAUNCH_TEMPLATE,
        service="EC2",
        thing="EC2 Launch Template",
        operations={
            "create": "CreateLaunchTemplate",
            "update": "CreateLaunchTemplateVersion",
            "delete": "DeleteLaunchTemplate",
        },
        create_only=frozenset({"name", "namePrefix"}),
        source="CloudFormation schema AWS::EC2::LaunchTemplate",
        computed=frozenset({"name", "defaultVersion"}),
        volatile=frozenset({"latestVersion"}),
        identify=common.identity("lt"),
        outputs=_template_outputs,
        name=NameRule(
            pattern=r"[a-zA-Z0-9().\-/_]{3,128}",
            said="invalid value for name ({}): it must have 3 to 128 letters, digits or any of ( ) . - / _",
        ),
        checks=(
            common.only_one("updateDefaultVersion", "defaultVersion", required=False),
            common.only_one("instanceType", "instanceRequirements", required=False),
            common.only_one("name", "namePrefix", required=False),
        ),
        refuse_create=(_template_name, common.few_tags),
        refuse_update=(common.few_tags,),
    ),
)
