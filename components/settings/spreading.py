"""How a load balancer spreads calls over pods: canary, stickiness, thresholds of failing over."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Says, Section, Text
from .forms import ImageDigest, ImageTag, Whole

_ATTRIBUTE = "Elastic Load Balancing API Reference, TargetGroupAttribute"


class Canary(Section):
    """A second version of the workload with a share of its calls: exactly one of `digest` and `tag`.

    It has pods, a target group and an autoscaler of its own. A new canary starts with weight 0, so that its pods are
    ready before the first call is sent to them.
    """

    digest: Annotated[
        ImageDigest | None,
        Says(
            "Digest of the canary's image, in the workload's own repository; demanded in protected environments.",
            default="none",
        ),
    ] = None
    tag: Annotated[ImageTag | None, Says("Tag of the canary's image.", default="none")] = None
    weight: Annotated[
        Whole,
        Field(ge=0, le=100),
        Says(
            "Per cent of the calls that go to the canary. Changed in place. Give it weight 0 at first.",
            source="Elastic Load Balancing API Reference, ForwardActionConfig",
        ),
    ] = 0


class Stickiness(Section):
    """A cookie that keeps a client with one pod. HTTP only: gRPC clients keep no cookies."""

    type: Annotated[
        Literal["lb_cookie", "app_cookie"],
        Says("Who makes the cookie: the load balancer or the application.", source=f"{_ATTRIBUTE} stickiness.type"),
    ] = "lb_cookie"
    duration: Annotated[
        Whole,
        Field(ge=1, le=604800),
        Says("Seconds the cookie holds.", source=f"{_ATTRIBUTE} stickiness.lb_cookie.duration_seconds"),
    ] = 86400
    cookie: Annotated[
        Annotated[
            str,
            # RFC 6265, section 4.1.1: a cookie's name is a token. The refused names are the load balancer's own.
            Text(
                r"[A-Za-z0-9!#$%&'*+.^_`|~-]+",
                "a cookie name of 1 to 256 characters, not starting with AWSALB",
                maximum=256,
                refused=r"AWSALB.*",
            ),
        ]
        | None,
        Says(
            "Name of the application's cookie; with `app_cookie` only.",
            default="none",
            source=f"{_ATTRIBUTE} stickiness.app_cookie.cookie_name",
        ),
    ] = None


class Threshold(Section):
    """How many pods of a zone must be healthy; the load balancer acts when either is missed."""

    count: Annotated[
        Whole, Field(ge=1, le=1000), Says("Fewest healthy pods.", source=f"{_ATTRIBUTE} target_group_health")
    ] = 1
    percent: Annotated[
        Annotated[int, Field(ge=1, le=100, strict=True)] | None,
        Says(
            "Fewest healthy pods in per cent of all.",
            default="not looked at",
            source=f"{_ATTRIBUTE} target_group_health",
        ),
    ] = None


class TargetHealth(Section):
    """What the load balancer does when too few pods are healthy."""

    dns_failover: Annotated[
        Threshold,
        Says("Below it a zone is taken out of DNS, so that clients go to other zones; not below `any_target`."),
    ] = Field(default_factory=Threshold)
    any_target: Annotated[
        Threshold,
        Says("Below it calls go to all pods, unhealthy ones too."),
    ] = Field(default_factory=Threshold)
