"""The VPC."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from .base import EACH_ONCE, Says, Section, Text
from .forms import PrivateCidr
from .retention import SOURCE as RETENTION_SOURCE
from .retention import Retention

# Eight letters, because the address plan keeps one slot for each (see cidr.py). Local and Wavelength Zones have other
# names (us-west-2-lax-1a) and hold neither load balancers nor cluster endpoints for us.
ZONE: Final = Text(
    r"[a-z]{2}(?:-[a-z]+)+-[0-9][a-h]",
    "an availability zone such as eu-west-1a (letters a to h; no Local or Wavelength Zone)",
)
Zone = Annotated[str, ZONE]


def _distinct(zones: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(zones)) != len(zones):
        raise PydanticCustomError("shape", "shape", {"allowed": "a list in which each zone occurs once"})
    return tuple(sorted(zones))


ZoneNames = Annotated[tuple[Zone, ...], Field(min_length=2, max_length=3), AfterValidator(_distinct)]
"""Two or three zones, each once; sorted, so that the order in which they are written means nothing."""


GATEWAY_ENDPOINTS: Final = ("dynamodb", "s3")
Endpoint = Literal[
    "autoscaling",
    "dynamodb",
    "ec2",
    "ecr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "monitoring",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "sts",
    "xray",
]


class FlowLogs(Section):
    """A record of the VPC's connections."""

    destination: Annotated[
        Literal["cloudwatch", "bucket"],
        Says("Where they go: a CloudWatch log group of the stack, or `existing.log_bucket`."),
    ] = "cloudwatch"
    traffic: Annotated[
        Literal["all", "accept", "reject"], Says("Which connections: all, those let through, those refused.")
    ] = "all"
    interval: Annotated[
        Literal[60, 600],
        Says("Seconds that one record covers.", source="EC2 API Reference, CreateFlowLogs, MaxAggregationInterval"),
    ] = 600
    retention: Annotated[
        Retention,
        Says("Days that CloudWatch keeps them.", source=RETENTION_SOURCE),
    ] = 30


class Network(Section):
    """The VPC: one public and one private subnet in every zone."""

    cidr: Annotated[
        PrivateCidr,
        Says(
            "Addresses of the VPC, /16 to /20; a fixed eighth for each zone. It cannot be changed later: another one "
            "replaces the VPC and everything in it."
        ),
    ] = "10.0.0.0/16"
    zones: Annotated[
        ZoneNames,
        Says(
            "Two or three availability zones of the region; "
            "`aws ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName'` prints them. Another zone "
            "moves no address, but replaces the node groups, whose subnets cannot be changed, and needs "
            "`cluster.zones`.",
            default="required, unless `existing.vpc` or a platform stack has them",
            source="Elastic Load Balancing, Application Load Balancers: at least two zones",
        ),
    ] = ()
    nat: Annotated[
        Literal["none", "single", "per_zone"],
        Says(
            "NAT gateways of the private subnets. `single` is cheap and fails with its zone, `per_zone` does not; with "
            "`none` nodes and pods run in the public subnets, each a 64th of the VPC, which must be a /16 or /17."
        ),
    ] = "single"
    endpoints: Annotated[
        tuple[Endpoint, ...],
        EACH_ONCE,
        Says(
            "AWS services reached inside the VPC. `s3` and `dynamodb` are gateway endpoints, which cost nothing; the "
            "others have an interface in every zone, billed by the hour. `ecr` is both of its interfaces.",
            default="[]: all by NAT or the internet gateway",
            source="AWS PrivateLink Guide, AWS services that integrate with AWS PrivateLink",
        ),
    ] = ()
    flow_logs: Annotated[
        FlowLogs | None,
        Says("Flow logs of the VPC.", default="none", source="VPC User Guide, VPC Flow Logs"),
    ] = None
