"""One entry of ``services``: a workload on the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .backend_tls import BackendTls
from .base import EACH_ONCE, Keys, Says, Section, Text
from .expose import Expose
from .forms import (
    VARIABLE,
    GrpcServiceName,
    HealthName,
    ImageDigest,
    ImageTag,
    Plain,
    Port,
    Secret,
    Variable,
    Whole,
    WorkloadKey,
)

_HEALTH = "Elastic Load Balancing API Reference, CreateTargetGroup"
Cpu = Annotated[
    str,
    Text(
        r"(?!0+m?$|0*\.0*$)(?:[0-9]{1,6}m|[0-9]{1,3}(?:\.[0-9]{1,3})?)",
        'processor time above 0, in text, such as "250m" or "1.5"',
    ),
]
Memory = Annotated[
    str,
    Text(r"(?!0+[A-Za-z]*$)[0-9]{1,15}(?:Ki|Mi|Gi|Ti|k|M|G|T)?", 'memory above 0, in text, such as "256Mi" or "2Gi"'),
]


class Image(Section):
    """The container image: one of `repository` and `uri`, and one of `digest` and `tag`."""

    repository: Annotated[
        WorkloadKey | None,
        Says("Workload whose ECR repository of this stack holds the image, mostly its own.", default="none"),
    ] = None
    uri: Annotated[
        Annotated[
            str,
            Text(
                r"[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+",
                "registry and repository without scheme, tag or digest, such as ghcr.io/acme/orders",
                maximum=255,
            ),
        ]
        | None,
        Says("Registry and repository anywhere else.", default="none"),
    ] = None
    digest: Annotated[
        ImageDigest | None,
        Says("Digest of the image; the surest pin, demanded in protected environments.", default="none"),
    ] = None
    tag: Annotated[ImageTag | None, Says("Tag of the image.", default="none")] = None


class Health(Section):
    """How the cluster and the load balancer find out whether a pod works."""

    service: Annotated[
        HealthName,
        Says(
            "gRPC: name asked of grpc.health.v1.Health for readiness.",
            default="the first of `grpc_services`; required without one",
        ),
    ] = ""
    liveness: Annotated[
        HealthName,
        Says(
            'gRPC: name asked for liveness and start-up; "" is the whole server. It keeps SERVING while the pod drains.'
        ),
    ] = ""
    path: Annotated[
        Annotated[str, Text(r"/[\x21-\x7e]*", "a path that starts with / and has no spaces", maximum=1024)],
        Says(
            "What the load balancer (HTTP: also the cluster) asks. gRPC: /package.Service/Method.",
            default="`/grpc.health.v1.Health/Check` for gRPC, `/` for HTTP",
            source=f"{_HEALTH}; ALB User Guide, Target group health checks",
        ),
    ] = ""
    success_codes: Annotated[
        Annotated[
            str,
            Text(
                r"[0-9]{1,3}(?:-[0-9]{1,3})?(?:,[0-9]{1,3}(?:-[0-9]{1,3})?)*",
                'codes in text such as "0", "0,12" or "200-299"',
                maximum=64,
            ),
        ],
        Says(
            "Answers the load balancer takes for healthy: gRPC status 0 to 99, HTTP status 200 to 499.",
            default='`"0"` for gRPC, `"200"` for HTTP',
            source="Elastic Load Balancing API Reference, Matcher",
        ),
    ] = ""
    port: Annotated[
        Port | None, Says("Port that answers the checks, without TLS.", default="the workload's `port`")
    ] = None
    interval: Annotated[Whole, Field(ge=5, le=300), Says("Seconds between two checks.", source=_HEALTH)] = 15
    timeout: Annotated[
        Whole, Field(ge=2, le=120), Says("Seconds to wait for an answer; less than `interval`.", source=_HEALTH)
    ] = 5
    healthy: Annotated[
        Whole, Field(ge=2, le=10), Says("Good answers in a row that make a pod healthy.", source=_HEALTH)
    ] = 2
    unhealthy: Annotated[
        Whole, Field(ge=2, le=10), Says("Bad answers in a row that make a pod unhealthy.", source=_HEALTH)
    ] = 2


class Scaling(Section):
    """How many pods run."""

    min: Annotated[Whole, Field(ge=1, le=1000), Says("Fewest pods; at least 2 in a protected environment.")] = 2
    max: Annotated[
        Whole,
        Field(ge=1, le=1000),
        Says("Most pods; a target group takes 1,000.", source="ALB User Guide, Quotas"),
    ] = 10
    cpu: Annotated[Whole, Field(ge=1, le=100), Says("Target use of the requested processor time in per cent.")] = 70
    memory: Annotated[
        Annotated[int, Field(ge=1, le=100, strict=True)] | None,
        Says("Target use of the requested memory in per cent.", default="memory does not scale the workload"),
    ] = None


class Resources(Section):
    """What a pod asks of its node."""

    cpu: Annotated[Cpu, Says("Processor time requested.")] = "250m"
    memory: Annotated[Memory, Says("Memory requested.")] = "256Mi"
    cpu_limit: Annotated[Cpu | None, Says("Most processor time.", default="no limit")] = None
    memory_limit: Annotated[
        Memory | None, Says("Most memory; beyond it the pod is killed.", default="the memory requested")
    ] = None


class Workload(Section):
    """A gRPC or HTTP server with everything it needs."""

    protocol: Annotated[
        Literal["grpc", "http"],
        Says("What the port speaks: gRPC (HTTP/2) or HTTP/1.1, without TLS unless `backend_tls` says so."),
    ]
    port: Annotated[Port, Says("Port the container listens on, on all addresses.")]
    image: Annotated[
        Image | None, Says("Image to run.", default="none yet: the repository and the edge are made, but no Deployment")
    ] = None
    grpc_services: Annotated[
        tuple[GrpcServiceName, ...],
        EACH_ONCE,
        Says("gRPC services of the workload; each gets a listener rule.", default="[]: every path of the host"),
    ] = ()
    health: Annotated[Health, Says("Health checks.")] = Field(default_factory=Health)
    expose: Annotated[Expose, Says("How it is reached from outside the cluster.")] = Field(default_factory=Expose)
    backend_tls: Annotated[
        BackendTls | None,
        Says("TLS between load balancer and pod.", default="none: the port speaks without TLS inside the VPC"),
    ] = None
    scaling: Annotated[Scaling, Says("How many pods run.")] = Field(default_factory=Scaling)
    resources: Annotated[Resources, Says("What a pod asks of its node.")] = Field(default_factory=Resources)
    env: Annotated[Mapping[Variable, Plain], Keys(VARIABLE), Says("Environment variables.")] = Field(
        default_factory=dict
    )
    secrets: Annotated[
        Mapping[Variable, Secret],
        Keys(VARIABLE),
        Says(
            "Environment variables with secret values, together at most 1,000,000 bytes; "
            "`pulumi config set --secret --path` encrypts them.",
            source="Kubernetes, Secrets, size limit",
        ),
    ] = Field(default_factory=dict)
    drain: Annotated[
        Whole,
        Field(ge=1, le=3600),
        Says(
            "Seconds a pod gets to finish its calls when it stops; also the deregistration delay of its target group.",
            source="Elastic Load Balancing API Reference, TargetGroupAttribute deregistration_delay.timeout_seconds",
        ),
    ] = 30
