"""What kind of environment this is, and what already exists around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import Keys, Planned, Says, Section, Text
from .edge import BucketName
from .forms import Domain, Flag

# Tagging API: key up to 128, value up to 256 characters, the prefix aws: is Amazon's own.
_TAG_SOURCE = "AWS General Reference, Tag naming limits and requirements"
_TAG_KEY = Text(
    r"[\w .:/=+@-]{1,128}",
    "1 to 128 letters, digits, spaces and _ . : / = + - @, not starting with aws:",
    refused=r"[aA][wW][sS]:.*",
)
TagKey = Annotated[str, _TAG_KEY]
TagValue = Annotated[str, Text(r"[\w .:/=+@-]{0,256}", "0 to 256 letters, digits, spaces and _ . : / = + - @")]


class Environment(Section):
    """What kind of environment the stack is."""

    kind: Annotated[
        Literal["all"],
        Planned(("platform", "services")),
        Says("Which part of the platform the stack holds. `all`: network, cluster, load balancers and services."),
    ] = "all"
    protected: Annotated[
        Flag,
        Says(
            "Whether the environment serves real users. Turns deletion protection on by default; needs image digests, "
            "two pods per workload, a node per zone and a cluster endpoint that is not open to everyone."
        ),
    ] = False
    tags: Annotated[
        Mapping[TagKey, TagValue],
        Field(max_length=40),
        # 50 is the limit for one resource; the rest is for the tags that the platform and Kubernetes add.
        Keys(_TAG_KEY),
        Says("Tags put on every AWS resource that takes tags; keys differ in more than case.", source=_TAG_SOURCE),
    ] = Field(default_factory=dict)


class HostedZone(Section):
    """A Route 53 hosted zone that exists already."""

    id: Annotated[
        str,
        Text(r"Z[A-Z0-9]{1,31}", "a hosted zone id such as Z0123456789ABCDEFGHIJ"),
        Says("Id of the zone; `aws route53 list-hosted-zones` prints it."),
    ]
    name: Annotated[Domain, Says("Domain of the zone, without a final dot.")]


class Existing(Section):
    """What exists already and is used, not made."""

    hosted_zone: Annotated[
        HostedZone | None,
        Says(
            "Zone in which certificates are validated and hosts get their alias records.",
            default="none; nothing is written to DNS",
        ),
    ] = None
    log_bucket: Annotated[
        BucketName | None,
        Says(
            "Bucket of the stack's region for the logs of load balancers. Its policy must let Elastic Load Balancing "
            "write (docs/load-balancers.md).",
            default="none; a load balancer with `logs` makes one",
            source="ALB User Guide, Enable access logs",
        ),
    ] = None
