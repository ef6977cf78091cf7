"""Where clients outside the cluster, but inside the VPC, find pods."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import EACH_ONCE, Says, Section
from .forms import Cidr, Domain, Whole


class CloudMap(Section):
    """An AWS Cloud Map namespace with private DNS in the VPC, and the ExternalDNS that registers pods in it."""

    namespace: Annotated[
        Domain,
        Says(
            "Domain of the namespace; a workload is found as `<workload>.<namespace>`. Changing it makes a new one.",
            source="AWS Cloud Map API Reference, CreatePrivateDnsNamespace",
        ),
    ]
    ttl: Annotated[
        Whole,
        Field(ge=1, le=300),
        Says("Seconds for which resolvers keep an answer, so that long a pod that is gone may still be found."),
    ] = 15
    allow_cidrs: Annotated[
        tuple[Cidr, ...],
        Field(min_length=1, max_length=20),
        EACH_ONCE,
        Says("Networks whose clients may reach the pods.", default="`network.cidr`"),
    ] = ("0.0.0.0/0",)
