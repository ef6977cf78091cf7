"""What the VPC Lattice kinds share: their tokens, ids and names, and what is found by an id or an ARN.

Error codes: VPC Lattice API Reference. Create-only properties: CloudFormation schemas AWS::VpcLattice::*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from local_cloud.aws.kind import Cloud, NameRule, Props, Refusal, Row, latest

SERVICE: Final = "VPC Lattice"

NETWORK: Final = "aws:vpclattice/serviceNetwork:ServiceNetwork"
VPC_ASSOCIATION: Final = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
SERVICE_ASSOCIATION: Final = "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
AUTH_POLICY: Final = "aws:vpclattice/authPolicy:AuthPolicy"
RESOURCE_POLICY: Final = "aws:vpclattice/resourcePolicy:ResourcePolicy"
LOG_SUBSCRIPTION: Final = "aws:vpclattice/accessLogSubscription:AccessLogSubscription"
LATTICE_SERVICE: Final = "aws:vpclattice/service:Service"
LISTENER: Final = "aws:vpclattice/listener:Listener"
RULE: Final = "aws:vpclattice/listenerRule:ListenerRule"
TARGET_GROUP: Final = "aws:vpclattice/targetGroup:TargetGroup"
ATTACHMENT: Final = "aws:vpclattice/targetGroupAttachment:TargetGroupAttachment"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"

_PATHS: Final = {
    NETWORK: ("sn", "servicenetwork"),
    LATTICE_SERVICE: ("svc", "service"),
    TARGET_GROUP: ("tg", "targetgroup"),
    VPC_ASSOCIATION: ("snva", "servicenetworkvpcassociation"),
    SERVICE_ASSOCIATION: ("snsa", "servicenetworkserviceassociation"),
    LOG_SUBSCRIPTION: ("als", "accesslogsubscription"),
}
"""Token -> how its ids begin, and its part of an ARN."""


def short(identifier: object) -> str:
    """The id in an id or ARN of a network, service or target group."""
    return str(identifier).rsplit("/", 1)[-1]


def arn(cloud: Cloud, token: str, identity: str) -> str:
    """The ARN of what has an id of its own."""
    prefix = f"arn:{cloud.partition}:vpc-lattice:{cloud.region}:{cloud.account}"
    return f"{prefix}:{_PATHS[token][1]}/{identity}"


def identify(token: str) -> Callable[[Cloud, Props], str]:
    """An id such as ``sn-`` and 17 hex digits."""
    return lambda cloud, props: f"{_PATHS[token][0]}-{cloud.hex(17)}"


def find(cloud: Cloud, token: str, identifier: object) -> Row | None:
    """The network, service or target group of an id or ARN."""
    return cloud.get(token, short(identifier))


def users(cloud: Cloud, token: str, row: Row) -> list[Row]:
    """The resources of a type whose inputs name this one, by id or ARN."""
    found = {each.id: each for name in (row.id, str(row["arn"])) for each in cloud.referring(name, token)}
    return list(found.values())


def named(longest: int, refused: str) -> NameRule:
    """VPC Lattice API Reference, the pattern of the name: 3 and more of lower-case letters, digits, single hyphens."""
    said = (
        f"invalid value for name ({{}}): it must have 3 to {longest} lower-case letters, digits and single hyphens, "
        f"not at an end, and not begin with {refused}"
    )
    return NameRule(
        pattern=rf"(?!{refused})(?!-)(?!.*-$)(?!.*--)[a-z0-9-]{{3,{longest}}}",
        said=said,
    )


def missing(what: str, identifier: object) -> Refusal:
    """ResourceNotFoundException, declared for every operation."""
    return Refusal("ResourceNotFoundException", f"{what} {short(identifier)} not found", 404)


def conflict(message: str) -> Refusal:
    """ConflictException, HTTP 409."""
    return Refusal("ConflictException", message, 409)


def invalid(message: str) -> Refusal:
    """ValidationException, HTTP 400."""
    return Refusal("ValidationException", message)


def must_exist(token: str, property_: str, what: str) -> Callable[..., None]:
    """Refuses a create or update whose property names nothing that exists."""

    def refuse(cloud: Cloud, *given: Row | Props) -> None:
        wanted = latest(given).get(property_)
        if wanted and find(cloud, token, wanted) is None:
            raise missing(what, wanted)

    return refuse


def name_free(token: str, what: str) -> Callable[[Cloud, Props], None]:
    """ConflictException of the Create operations: names are unique in an account and region."""

    def refuse(cloud: Cloud, props: Props) -> None:
        if cloud.where(token, "name", props["name"]):
            raise conflict(f"{what} with name {props['name']} already exists")

    return refuse


def quota(what: str) -> Refusal:
    """ServiceQuotaExceededException has HTTP status 402."""
    return Refusal("ServiceQuotaExceededException", f"The maximum number of {what} has been reached", 402)
