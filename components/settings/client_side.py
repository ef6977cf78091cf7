"""Balancing by the client: the server's pods are all known to it, and it spreads its calls by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import EACH_ONCE, Says, Section
from .forms import Flag, Whole

_RETRY = "gRFC A6, Client Retries"


class Retry(Section):
    """When a client calls again by itself. A method that must not run twice needs a configuration of its own."""

    attempts: Annotated[
        Whole,
        Field(ge=1, le=5),
        Says("Calls in all, the first one included; 1 is no retry. More than 5 count as 5.", source=_RETRY),
    ] = 4
    codes: Annotated[
        tuple[Literal["UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL"], ...],
        Field(min_length=1),
        EACH_ONCE,
        Says("gRPC status codes after which the call is tried again."),
    ] = ("UNAVAILABLE",)
    initial_backoff: Annotated[Whole, Field(ge=1, le=60000), Says("Milliseconds before the second call.")] = 100
    max_backoff: Annotated[Whole, Field(ge=1, le=60000), Says("Most milliseconds between two calls.")] = 1000
    budget: Annotated[
        Whole,
        Field(ge=1, le=500),
        Says(
            "Failures in a row after which a client stops trying again, until calls succeed: each success makes up for "
            "a tenth of a failure. It keeps retries from adding to an outage.",
            source=f"{_RETRY}, Throttling Retry Attempts",
        ),
    ] = 10


class ClientSide(Section):
    """A headless Service beside the ordinary one: clients see every pod and spread their calls over them."""

    max_connection_age: Annotated[
        Whole,
        Field(ge=10, le=86400),
        Says(
            "Seconds after which the server ends a connection, so that clients look the pods up again and find new "
            "ones; the server reads it from MAX_CONNECTION_AGE. Beside `alb` it must be longer than the idle timeout "
            "of the load balancer.",
            source="gRFC A9, Server-side Connection Management",
        ),
    ] = 300
    max_connection_age_grace: Annotated[
        Annotated[int, Field(ge=1, le=86400, strict=True)] | None,
        Says(
            "Seconds that calls on such a connection may still take; the server reads it from "
            "MAX_CONNECTION_AGE_GRACE. Longer streams are cut.",
            default="the workload's `drain`",
            source="gRFC A9, Server-side Connection Management",
        ),
    ] = None
    cloud_map: Annotated[
        Flag,
        Says("Whether clients outside the cluster find the pods as well, by DNS in the namespace of `cloud_map`."),
    ] = False
    retry: Annotated[Retry, Says("When clients call again by themselves.")] = Field(default_factory=Retry)
