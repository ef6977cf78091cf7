"""How a workload is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Keys, Says, Section, Settled
from .client_side import ClientSide
from .forms import NAME_KEY, BalancerKey, Flag, Host, NameKey, Whole
from .lattice import LatticeExposure
from .routes import HttpPath, Rewrites, Route
from .spreading import Canary, Stickiness, TargetHealth

_RULES = "ALB User Guide, Listener rules"


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
    anomaly_mitigation: Annotated[
        Flag,
        Says(
            "Whether pods that answer with errors more often than the others get fewer calls; with `weighted_random` "
            "only.",
            source="Elastic Load Balancing API Reference, TargetGroupAttribute load_balancing.algorithm",
        ),
    ] = False
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
        Says("Calls with rules of their own, by name.", source=_RULES),
    ] = Field(default_factory=dict)
    paths: Annotated[
        tuple[HttpPath, ...],
        EACH_ONCE,
        Says("Paths of an HTTP workload.", default='`["/*"]` for protocol http', source=_RULES),
    ] = ()
    canary: Annotated[Canary | None, Says("A second version with a share of the calls.", default="none")] = None
    stickiness: Annotated[
        Stickiness | None,
        Says(
            "Keeps a client with one pod; HTTP workloads only.",
            default="none",
            source="ALB User Guide, Sticky sessions",
        ),
    ] = None
    target_health: Annotated[
        TargetHealth | None,
        Says(
            "What happens when too few pods are healthy.",
            default="both thresholds are one pod",
            source="ALB User Guide, Target groups, Target group health",
        ),
    ] = None
    rewrite: Annotated[
        Rewrites | None,
        Says(
            "Changes to every request on its way to the pods.",
            default="none",
            source="Elastic Load Balancing API Reference, RuleTransform",
        ),
    ] = None


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
