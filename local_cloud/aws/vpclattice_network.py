"""VPC Lattice service networks and what hangs on them: associations, policies, access logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

from local_cloud.aws import lookups, plan
from local_cloud.aws import vpclattice_common as common
from local_cloud.aws.kind import Cloud, Failure, Kind, Props, Row, latest

_POLICY_BYTES: Final = 10 * 1024  # VPC Lattice user guide, "Quotas": auth policy size, not adjustable
_IDENTIFIED: Final = (
    r"arn:[a-z0-9-]+:vpc-lattice:[a-z0-9-]+:\d{12}:"
    r"(servicenetwork/sn|service/svc|resourceconfiguration/rcfg)-[0-9a-z]{17}"
)
_OWNERS: Final = {"sn": common.NETWORK, "svc": common.LATTICE_SERVICE}
_DESTINATIONS: Final = {"logs": "CloudWatch Logs", "s3": "S3", "firehose": "Firehose"}


def owner(cloud: Cloud, identifier: object) -> Row | None:
    """The network or service of an id or ARN."""
    token = _OWNERS.get(common.short(identifier).split("-")[0])
    return common.find(cloud, token, identifier) if token else None


def _owner_exists(property_: str) -> Callable[..., None]:
    def refuse(cloud: Cloud, *given: Row | Props) -> None:
        wanted = latest(given).get(property_)
        if owner(cloud, wanted) is None:
            raise common.missing("Resource", wanted)

    return refuse


def _network_in_use(cloud: Cloud, row: Row) -> None:
    """gruntwork-io/cloud-nuke#1158 (VPCs), #1159 (resources)."""
    if common.users(cloud, common.VPC_ASSOCIATION, row):
        raise common.conflict(f"ServiceNetwork {row.id} has VPC(s) associated")
    if common.users(cloud, common.SERVICE_ASSOCIATION, row):
        raise common.conflict(f"ServiceNetwork {row.id} has service(s) associated")
    if common.users(cloud, common.ENDPOINT, row):
        raise common.conflict(f"ServiceNetwork {row.id} has VPC endpoint(s) associated")


def drop_policies(cloud: Cloud, row: Row) -> None:
    """VPC Lattice API Reference, DeleteServiceNetwork and DeleteService: policies and subscriptions go along."""
    for token in (common.AUTH_POLICY, common.RESOURCE_POLICY, common.LOG_SUBSCRIPTION):
        for each in common.users(cloud, token, row):
            cloud.remove(token, each.id)


def _one_network(cloud: Cloud, props: Props) -> None:
    """aws/aws-application-networking-k8s#984: a VPC is associated with one service network."""
    for other in cloud.where(common.VPC_ASSOCIATION, "vpcIdentifier", props["vpcIdentifier"]):
        network = common.short(other["serviceNetworkIdentifier"])
        raise common.conflict(f"VPC {props['vpcIdentifier']} is already associated with service network {network}")


def _vpc(cloud: Cloud, props: Props) -> None:
    if cloud.get(lookups.VPC, str(props["vpcIdentifier"])) is None:
        raise common.missing("VPC", props["vpcIdentifier"])


def _groups(cloud: Cloud, *given: Row | Props) -> None:
    """VPC Lattice user guide, "Control traffic using security groups": groups of the VPC that is associated."""
    props = latest(given)
    for group in lookups.texts(props.get("securityGroupIds")):
        vpc = lookups.security_group_vpc(cloud, group)
        if vpc is None:
            raise common.missing("Security group", group)
        if vpc != props["vpcIdentifier"]:
            raise common.invalid(f"Security group {group} does not belong to VPC {props['vpcIdentifier']}")


def _groups_kept(cloud: Cloud, row: Row, props: Props) -> None:
    """VPC Lattice API Reference, UpdateServiceNetworkVpcAssociation."""
    if row["securityGroupIds"] and not props.get("securityGroupIds"):
        raise common.invalid(
            "Security groups cannot be removed from an association once they were added; delete and recreate the "
            "association without security groups"
        )


def _same_pair(cloud: Cloud, props: Props) -> None:
    service, network = (common.short(props[f"{name}Identifier"]) for name in ("service", "serviceNetwork"))
    for other in cloud.rows(common.SERVICE_ASSOCIATION):
        pair = (common.short(other["serviceIdentifier"]), common.short(other["serviceNetworkIdentifier"]))
        if pair == (service, network):
            raise common.conflict(f"Service {service} is already associated with service network {network}")


def _one_line(props: Props) -> Iterable[Failure]:
    policy = props.get("policy")
    if not isinstance(policy, str):
        return
    try:
        json.loads(policy)
    except ValueError:
        yield Failure("policy", '"policy" contains an invalid JSON')


def _auth_policy(cloud: Cloud, *given: Row | Props) -> None:
    """VPC Lattice API Reference, PutAuthPolicy: no new lines; user guide, "Quotas": 10 KB."""
    policy = str(latest(given)["policy"])
    if "\n" in policy or "\r" in policy:
        raise common.invalid("The auth policy must not contain newlines or blank lines")
    if len(policy.encode()) > _POLICY_BYTES:
        raise common.quota("bytes in an auth policy")


def _destination(cloud: Cloud, props: Props) -> None:
    arn = str(props["destinationArn"])
    kind = arn.split(":")[2]
    group = arn.removesuffix(":*").partition(":log-group:")[2]
    if kind == "logs" and cloud.get(lookups.LOG_GROUP, group) is None:
        raise common.missing("Log group", group)
    where = owner(cloud, props["resourceIdentifier"])
    for other in common.users(cloud, common.LOG_SUBSCRIPTION, where) if where else ():
        same = other["serviceNetworkLogType"] == props.get("serviceNetworkLogType", "SERVICE")
        if same and str(other["destinationArn"]).split(":")[2] == kind:
            # aws/aws-application-networking-k8s docs/api-types/access-log-policy.md: one for each kind of destination.
            raise common.conflict(f"{where.id if where else ''} already has an access log subscription to {kind}")


def _destination_kind(props: Props) -> Iterable[Failure]:
    arn = props.get("destinationArn")
    if isinstance(arn, str) and arn.count(":") >= 5 and arn.split(":")[2] not in _DESTINATIONS:
        known = ", ".join(_DESTINATIONS.values())
        yield Failure("destinationArn", f"destinationArn ({arn}) must be of {known}")


def _subscription(cloud: Cloud, identity: str, props: Props) -> Props:
    where = owner(cloud, props["resourceIdentifier"])
    return {
        "arn": common.arn(cloud, common.LOG_SUBSCRIPTION, identity),
        "resourceArn": where["arn"] if where else "",
        "serviceNetworkLogType": props.get("serviceNetworkLogType", "SERVICE"),
    }


def _pair_outputs(cloud: Cloud, identity: str, props: Props) -> Props:
    service = common.find(cloud, common.LATTICE_SERVICE, props["serviceIdentifier"])
    return {
        "arn": common.arn(cloud, common.SERVICE_ASSOCIATION, identity),
        "createdBy": cloud.account,
        "status": "ACTIVE",
        "dnsEntries": (service["dnsEntries"] if service else None) or [],
        "customDomainName": (service["customDomainName"] if service else None) or "",
    }


KINDS: Final = (
    Kind(
        token=common.NETWORK,
        service=common.SERVICE,
        thing="VPC Lattice Service Network",
        operations={
            "create": "CreateServiceNetwork",
            "update": "UpdateServiceNetwork",
            "delete": "DeleteServiceNetwork",
        },
        create_only=frozenset({"name"}),
        source="terraform-provider-aws internal/service/vpclattice/service_network.go; "
        "CloudFormation schema AWS::VpcLattice::ServiceNetwork",
        computed=frozenset({"authType"}),
        identify=common.identify(common.NETWORK),
        outputs=lambda cloud, identity, props: {
            "arn": common.arn(cloud, common.NETWORK, identity),
            "authType": props.get("authType", "NONE"),
        },
        name=common.named(63, "servicenetwork-"),
        checks=(plan.one_of("authType", "NONE", "AWS_IAM"),),
        refuse_create=(common.name_free(common.NETWORK, "Service network"),),
        refuse_delete=(_network_in_use,),
        after_delete=(drop_policies,),
    ),
    Kind(
        token=common.VPC_ASSOCIATION,
        service=common.SERVICE,
        thing="VPC Lattice Service Network VPC Association",
        operations={
            "create": "CreateServiceNetworkVpcAssociation",
            "update": "UpdateServiceNetworkVpcAssociation",
            "delete": "DeleteServiceNetworkVpcAssociation",
        },
        create_only=frozenset({"serviceNetworkIdentifier", "vpcIdentifier", "privateDnsEnabled", "dnsOptions"}),
        source="terraform-provider-aws internal/service/vpclattice/service_network_vpc_association.go",
        computed=frozenset({"dnsOptions"}),
        identify=common.identify(common.VPC_ASSOCIATION),
        outputs=lambda cloud, identity, props: {
            "arn": common.arn(cloud, common.VPC_ASSOCIATION, identity),
            "createdBy": cloud.account,
            "status": "ACTIVE",
            "privateDnsEnabled": props.get("privateDnsEnabled", False),
        },
        checks=(plan.items("securityGroupIds", 0, 5),),
        refuse_create=(
            *(common.must_exist(common.NETWORK, "serviceNetworkIdentifier", "Service network"), _vpc),
            *(_one_network, _groups),
        ),
        refuse_update=(_groups_kept, _groups),
    ),
    Kind(
        token=common.SERVICE_ASSOCIATION,
        service=common.SERVICE,
        thing="VPC Lattice Service Network Service Association",
        operations={
            "create": "CreateServiceNetworkServiceAssociation",
            "delete": "DeleteServiceNetworkServiceAssociation",
        },
        create_only=frozenset({"serviceIdentifier", "serviceNetworkIdentifier"}),
        source="CloudFormation schema AWS::VpcLattice::ServiceNetworkServiceAssociation",
        computed=frozenset(),
        identify=common.identify(common.SERVICE_ASSOCIATION),
        outputs=_pair_outputs,
        refuse_create=(
            common.must_exist(common.NETWORK, "serviceNetworkIdentifier", "Service network"),
            common.must_exist(common.LATTICE_SERVICE, "serviceIdentifier", "Service"),
            _same_pair,
        ),
    ),
    Kind(
        token=common.AUTH_POLICY,
        service=common.SERVICE,
        thing="VPC Lattice Auth Policy",
        operations={"create": "PutAuthPolicy", "update": "PutAuthPolicy", "delete": "DeleteAuthPolicy"},
        # Another resource gets a policy and the old one keeps its own: no replacement in auth_policy.go.
        create_only=frozenset(),
        source="terraform-provider-aws internal/service/vpclattice/auth_policy.go",
        computed=frozenset({"state"}),
        identify=lambda cloud, props: str(props["resourceIdentifier"]),
        checks=(plan.matches("resourceIdentifier", _IDENTIFIED, '"{path}" ({value}) is an invalid ARN'), _one_line),
        refuse_create=(_owner_exists("resourceIdentifier"), _auth_policy),
        refuse_update=(_owner_exists("resourceIdentifier"), _auth_policy),
    ),
    Kind(
        token=common.RESOURCE_POLICY,
        service=common.SERVICE,
        thing="VPC Lattice Resource Policy",
        operations={"create": "PutResourcePolicy", "update": "PutResourcePolicy", "delete": "DeleteResourcePolicy"},
        create_only=frozenset({"resourceArn"}),
        source="CloudFormation schema AWS::VpcLattice::ResourcePolicy",
        computed=frozenset(),
        identify=lambda cloud, props: str(props["resourceArn"]),
        checks=(
            plan.matches("resourceArn", _IDENTIFIED, '"{path}" ({value}) is an invalid ARN'),
            plan.length("policy", 1, 10000),
            _one_line,
        ),
        refuse_create=(_owner_exists("resourceArn"),),
    ),
    Kind(
        token=common.LOG_SUBSCRIPTION,
        service=common.SERVICE,
        thing="VPC Lattice Access Log Subscription",
        operations={
            "create": "CreateAccessLogSubscription",
            "update": "TagResource",
            "delete": "DeleteAccessLogSubscription",
        },
        create_only=frozenset({"resourceIdentifier", "destinationArn", "serviceNetworkLogType"}),
        source="terraform-provider-aws internal/service/vpclattice/access_log_subscription.go",
        computed=frozenset({"serviceNetworkLogType"}),
        identify=common.identify(common.LOG_SUBSCRIPTION),
        outputs=_subscription,
        checks=(
            plan.arn("destinationArn"),
            _destination_kind,
            plan.one_of("serviceNetworkLogType", "SERVICE", "RESOURCE"),
        ),
        refuse_create=(_owner_exists("resourceIdentifier"), _destination),
    ),
)
