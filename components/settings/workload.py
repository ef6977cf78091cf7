"""One entry of ``services``: a workload on the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from .backend_tls import BackendTls
from .base import EACH_ONCE, Keys, Says, Section, Settled, Text
from .cluster import LabelValue
from .expose import Expose
from .forms import (
    NAME_KEY,
    VARIABLE,
    GrpcServiceName,
    HealthName,
    ImageDigest,
    ImageTag,
    NameKey,
    Plain,
    Port,
    Secret,
    Variable,
    Whole,
    WorkloadKey,
)
from .metrics_adapter import METRIC_KEY, MetricKey
from .observability import WorkloadThresholds
from .permissions import PolicyArn, Statement

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
# Zero or "1e3" would be no target; a thousandth is the finest a quantity has.
Amount = Annotated[
    str,
    Text(
        r"(?!0+m?$|0*\.0*$)(?:[0-9]{1,12}(?:\.[0-9]{1,3})?|[0-9]{1,12}m)",
        'a number above 0, in text, such as "50", "2.5" or "500m"',
    ),
]
# Kubernetes, "Labels and Selectors": an optional prefix and a name. The platform's own label selects the pods.
POD_LABEL_KEY: Final = Text(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?",
    "a Kubernetes key such as team or prometheus.io/scrape, other than the platform's own (app.kubernetes.io/name, "
    "grpc-platform/*)",
    refused=r"app\.kubernetes\.io/name|grpc-platform/.*",
)
PodLabelKey = Annotated[str, POD_LABEL_KEY]


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
    startup: Annotated[
        Whole,
        Field(ge=10, le=480),
        Says(
            "Seconds a pod may take until it first answers; then it is started anew. An update waits ten minutes for "
            "new pods.",
            source="Kubernetes, Configure Liveness, Readiness and Startup Probes",
        ),
    ] = 120


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
    metrics: Annotated[
        Mapping[MetricKey, Amount],
        Field(max_length=10),
        Keys(METRIC_KEY),
        Says("Target of other metrics, a mean over the pods, by the names that `cluster.metrics_adapter` declares."),
    ] = Field(default_factory=dict)


class Spread(Section):
    """Whether pods wait rather than crowd together. Counted for each rollout apart where it is `required`."""

    zones: Annotated[
        Literal["preferred", "required"],
        Says("`required`: a pod stays pending rather than make one zone have two pods more than another."),
    ] = "preferred"
    nodes: Annotated[
        Literal["preferred", "required"],
        Says("`required`: a pod stays pending rather than make one node have two pods more than another."),
    ] = "preferred"


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
    expose: Annotated[Expose, Says("How it is reached.")] = Field(default_factory=Expose)
    backend_tls: Annotated[
        BackendTls | None,
        Says("TLS between load balancer and pod.", default="none: the port speaks without TLS inside the VPC"),
    ] = None
    scaling: Annotated[Scaling, Says("How many pods run.")] = Field(default_factory=Scaling)
    resources: Annotated[Resources, Says("What a pod asks of its node.")] = Field(default_factory=Resources)
    env: Annotated[
        Mapping[Variable, Plain], Keys(VARIABLE), Says("Environment variables, together at most 1,000,000 bytes.")
    ] = Field(default_factory=dict)
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
    architecture: Annotated[
        Literal["amd64", "arm64"] | None,
        Says(
            "Processor of the nodes its pods run on, for an image of one architecture.",
            default="any: the image is of every architecture that the node groups have",
        ),
    ] = None
    calls: Annotated[
        tuple[WorkloadKey, ...],
        EACH_ONCE,
        Says(
            "Workloads with `expose.client_side` that this one calls: it gets their address and gRPC service config "
            "as the variables `<NAME>_TARGET` and `<NAME>_SERVICE_CONFIG`."
        ),
    ] = ()
    permissions: Annotated[
        tuple[PolicyArn, ...],
        Field(max_length=10),
        EACH_ONCE,
        Says(
            "IAM policies of the role that the pods get by EKS Pod Identity.",
            default="[]: no role, unless there are `statements`",
            source="IAM User Guide, IAM and AWS STS quotas",
        ),
    ] = ()
    statements: Annotated[
        Mapping[NameKey, Settled[Statement]],
        Field(max_length=50),
        Keys(NAME_KEY),
        Says("What the role allows besides, by name."),
    ] = Field(default_factory=dict)
    labels: Annotated[
        Mapping[PodLabelKey, LabelValue], Field(max_length=50), Keys(POD_LABEL_KEY), Says("More labels of the pods.")
    ] = Field(default_factory=dict)
    annotations: Annotated[
        Mapping[PodLabelKey, Plain],
        Field(max_length=50),
        Keys(POD_LABEL_KEY),
        Says("Annotations of the pods, for example those that a Prometheus looks for."),
    ] = Field(default_factory=dict)
    spread: Annotated[Spread, Says("How the pods are spread.")] = Field(default_factory=Spread)
    alarms: Annotated[
        WorkloadThresholds, Says("Thresholds of this workload's alarms, where the stack has `observability`.")
    ] = Field(default_factory=WorkloadThresholds)
