"""VPC Lattice: the service network of the stack, and how a workload is reached through it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from .base import EACH_ONCE, Says, Section, Text
from .forms import Arn, Flag, Port, PrincipalArn, Whole
from .retention import SOURCE as RETENTION_SOURCE
from .retention import Retention

_API = "Amazon VPC Lattice API Reference"
_CHECK = f"{_API}, HealthCheckConfig"

PrefixList = Annotated[
    str, Text(r"pl-(?:[0-9a-f]{8}|[0-9a-f]{17})", "the id of a prefix list such as pl-0123456789abcdef0")
]
SharePrincipal = Annotated[
    str,
    Text(
        rf"[0-9]{{12}}|{Arn}:organizations::[0-9]{{12}}:(?:organization/o-[a-z0-9]{{10,32}}"
        r"|ou/o-[a-z0-9]{10,32}/ou-[a-z0-9-]{9,68})",
        "an account number in text, or the ARN of an organization or organizational unit",
    ),
]
CHECK_PATH: Final = r"/[a-zA-Z0-9@:%_+.~#?&/=-]*"
LONGEST_CONNECTION: Final = 600
"""Seconds a connection may live, whatever the idle timeout says (CreateService, idleTimeoutSeconds)."""


class PrefixLists(Section):
    """The managed prefix lists of VPC Lattice, from whose addresses it reaches pods."""

    ipv4: Annotated[PrefixList, Says("Id of com.amazonaws.REGION.vpc-lattice.")]
    ipv6: Annotated[
        PrefixList | None,
        Says("Id of com.amazonaws.REGION.ipv6.vpc-lattice.", default="none: pods have IPv4 addresses"),
    ] = None


class Share(Section):
    """Who else may use the service network, through AWS RAM."""

    principals: Annotated[
        tuple[SharePrincipal, ...],
        Field(min_length=1, max_length=100),
        EACH_ONCE,
        Says(
            "Accounts, organizations or organizational units.", source="AWS RAM API Reference, AssociateResourceShare"
        ),
    ]
    external: Annotated[
        Flag,
        Says(
            "Whether accounts outside the organization may be among them.",
            source="AWS RAM API Reference, CreateResourceShare",
        ),
    ] = False


class Lattice(Section):
    """A VPC Lattice service network with its association, auth policy, access logs and share."""

    auth: Annotated[
        Literal["iam", "none"],
        Says(
            "`iam`: every call is signed with SigV4, and `expose.lattice.allow` says who may call. `none`: whoever "
            "reaches the service network may call.",
            source=f"{_API}, CreateServiceNetwork",
        ),
    ] = "iam"
    access_logs: Annotated[
        Flag, Says("Whether requests are logged to CloudWatch.", source=f"{_API}, CreateAccessLogSubscription")
    ] = True
    log_retention: Annotated[
        Retention, Says("Days that CloudWatch keeps the access logs.", source=RETENTION_SOURCE)
    ] = 90
    association: Annotated[
        Literal["vpc", "endpoint"],
        Says(
            "How clients in the stack's VPC reach the service network. A VPC is associated with one network only; an "
            "endpoint leaves that place free, and its services have DNS names of the endpoint's own.",
            source="VPC Lattice User Guide, Manage the associations for a service network",
        ),
    ] = "vpc"
    prefix_lists: Annotated[
        PrefixLists | None,
        Says(
            "Prefix lists that the pods' security group admits; without them every call times out.",
            default="none; required",
            source="AWS Gateway API Controller, Deploying",
        ),
    ] = None
    share: Annotated[Share | None, Says("Who else may use the service network.", default="nobody")] = None


class LatticeHealthCheck(Section):
    """An HTTP check of the pods. VPC Lattice cannot check gRPC, so a gRPC server answers it on a port of its own.

    What is left out is for HTTP workloads as in their `health`.
    """

    port: Annotated[
        Port | None, Says("Port that answers in HTTP.", default="HTTP: as for the other checks; required for gRPC")
    ] = None
    path: Annotated[
        Annotated[str, Text(CHECK_PATH, "a path such as /healthz; no spaces or commas", maximum=2048)],
        Says("What is asked.", default="`/`; HTTP: `health.path`", source=_CHECK),
    ] = "/"
    version: Annotated[Literal["HTTP1", "HTTP2"], Says("HTTP version of the check.", source=_CHECK)] = "HTTP1"
    success_codes: Annotated[
        Annotated[
            str,
            Text(
                r"[0-9]{3}(?:-[0-9]{3})?(?:,[0-9]{3}(?:-[0-9]{3})?)*",
                'HTTP status codes in text such as "200" or "200-299"',
                maximum=64,
            ),
        ],
        Says("Answers taken for healthy.", default='`"200"`; HTTP: `health.success_codes`', source=f"{_API}, Matcher"),
    ] = "200"
    interval: Annotated[
        Whole,
        Field(ge=5, le=300),
        Says("Seconds between two checks.", default="30; HTTP: `health.interval`", source=_CHECK),
    ] = 30
    timeout: Annotated[
        Whole,
        Field(ge=1, le=120),
        Says("Seconds to wait for an answer.", default="5; HTTP: `health.timeout`", source=_CHECK),
    ] = 5
    healthy: Annotated[
        Whole,
        Field(ge=2, le=10),
        Says("Good answers in a row that make a pod healthy.", default="5; HTTP: `health.healthy`", source=_CHECK),
    ] = 5
    unhealthy: Annotated[
        Whole,
        Field(ge=2, le=10),
        Says("Bad answers in a row that make a pod unhealthy.", default="2; HTTP: `health.unhealthy`", source=_CHECK),
    ] = 2


class LatticeExposure(Section):
    """A VPC Lattice service with its route, target group and auth policy."""

    allow: Annotated[
        tuple[PrincipalArn, ...],
        EACH_ONCE,
        Says(
            "IAM roles and users that may call.",
            default="none; required with `lattice.auth: iam`",
            source="VPC Lattice User Guide, Auth policies",
        ),
    ] = ()
    health_check: Annotated[
        LatticeHealthCheck | None,
        Says(
            "HTTP health check. Without one VPC Lattice takes every ready pod for healthy.",
            default="off for gRPC; for HTTP the workload's `health`",
            source="VPC Lattice User Guide, Health checks for your VPC Lattice target groups",
        ),
    ] = None
    idle_timeout: Annotated[
        Whole,
        Field(ge=60, le=LONGEST_CONNECTION),
        Says("Seconds after which a silent connection is closed.", source=f"{_API}, CreateService"),
    ] = 60
    longest_stream: Annotated[
        Annotated[int, Field(ge=1, le=604800, strict=True)] | None,
        Says(
            "Seconds the longest call takes, if it is known; VPC Lattice ends every connection after 600.",
            default="not said",
            source=f"{_API}, CreateService, idleTimeoutSeconds",
        ),
    ] = None
