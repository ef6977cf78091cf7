"""How a workload is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Keys, Says, Section, Settled, Text
from .client_side import ClientSide
from .forms import NAME_KEY, BalancerKey, GrpcMethod, Host, NameKey, Whole
from .lattice import LatticeExposure

_RULES = "ALB User Guide, Listener rules"

# At most 40 characters: Elastic Load Balancing API Reference, HttpHeaderConditionConfig. Over HTTP/2 the load balancer
# takes letters, digits and hyphens only (LoadBalancerAttribute routing.http2.enabled). Host has a condition of its own.
_HEADER = Text(
    r"[A-Za-z0-9-]+",
    "a header name of 1 to 40 letters, digits and hyphens, other than host",
    maximum=40,
    refused=r"[hH][oO][sS][tT]",
)
HeaderName = Annotated[str, _HEADER]
HeaderValue = Annotated[
    str, Text(r"[\x20-\x7e]+", "1 to 128 printable ASCII characters, with * and ? as wildcards", maximum=128)
]
# A listener rule takes wildcards anywhere; a star at the end alone keeps "which rule is more specific" decidable.
HttpPath = Annotated[
    str,
    Text(
        r"/\*?|(?:/[A-Za-z0-9_.$~@:+&-]+)+(?:/\*?)?",
        "a path such as /api/v1/users or /api/* (letters, digits, _ . $ ~ @ : + & -; * only at the end, after a slash)",
        maximum=128,
    ),
]


class Route(Section):
    """Methods that only calls with certain headers may reach; without the headers a call gets the default action."""

    methods: Annotated[
        tuple[GrpcMethod, ...], Field(min_length=1), EACH_ONCE, Says("gRPC methods, each as package.Service/Method.")
    ]
    headers: Annotated[
        Mapping[HeaderName, Annotated[tuple[HeaderValue, ...], Field(min_length=1), EACH_ONCE]],
        Field(min_length=1),
        Keys(_HEADER),
        Says(
            "Header values, by header name. A call must carry one of the values of every header; case does not matter.",
            source="Elastic Load Balancing API Reference, HttpHeaderConditionConfig",
        ),
    ]


class Alb(Section):
    """A target group, its rules on a load balancer, and the binding of the pods."""

    load_balancer: Annotated[
        BalancerKey, Says("Key of the load balancer.", default="the only load balancer, when there is just one")
    ] = ""
    host: Annotated[
        Host,
        Says("Host name clients use.", source="Elastic Load Balancing API Reference, HostHeaderConditionConfig"),
    ]
    algorithm: Annotated[
        Literal["round_robin", "least_outstanding_requests", "weighted_random"],
        Says("How requests are spread over the pods; `least_outstanding_requests` counts open streams."),
    ] = "round_robin"
    generation: Annotated[
        Whole,
        Field(ge=1, le=1000),
        Says(
            "Part of the physical name of the target group. "
            "Raise it when a change that needed a new one failed half-way and is taken back: the old name is still "
            'in use ("already exists").'
        ),
    ] = 1
    slow_start: Annotated[
        Whole,
        Field(ge=0, le=900),
        Says(
            "Seconds over which a new pod's share grows: 30 to 900, or 0 for none.",
            source="ALB User Guide, Target groups, Slow start mode",
        ),
    ] = 0
    routes: Annotated[
        Mapping[NameKey, Settled[Route]],
        Keys(NAME_KEY),
        Says("gRPC methods that need certain headers, by name.", source=_RULES),
    ] = Field(default_factory=dict)
    paths: Annotated[
        tuple[HttpPath, ...],
        EACH_ONCE,
        Says("Paths of an HTTP workload.", default='`["/*"]` for protocol http', source=_RULES),
    ] = ()


class Expose(Section):
    """How the workload is reached. Without any of these it has its Service, inside the cluster only."""

    alb: Annotated[Alb | None, Says("Through an Application Load Balancer.", default="not at all")] = None
    lattice: Annotated[
        LatticeExposure | None, Says("Through the VPC Lattice service network of `lattice`.", default="not at all")
    ] = None
    client_side: Annotated[
        ClientSide | None,
        Says("Directly, by gRPC clients that spread their calls over the pods.", default="not at all"),
    ] = None
