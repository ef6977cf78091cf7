"""All resource types the stand-in has a row for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from local_cloud.aws import (
    acm,
    athena,
    cloudwatch,
    ec2,
    ec2_endpoints,
    ec2_gateways,
    ec2_routes,
    ec2_security,
    ecr,
    eks,
    elb,
    iam,
    kms,
    logs,
    ram,
    route53,
    s3,
    service_discovery,
    vpclattice,
    wafv2,
)
from local_cloud.aws.kind import Cloud, Kind, Props

_MODULES: Final = (
    *(ec2, ec2_endpoints, ec2_gateways, ec2_routes, ec2_security, iam, kms, logs, elb, eks, ecr, acm, route53),
    *(vpclattice, ram, cloudwatch, athena, service_discovery, s3, wafv2),
)

KINDS: Final[Mapping[str, Kind]] = {kind.token: kind for module in _MODULES for kind in module.KINDS} | elb.ALIASES
"""Token -> kind; a type that pulumi-aws has under two tokens is there twice, with the kind of the first."""


def bare_kind(token: str) -> Kind:
    """A stand-in for a type without a row: it can be created and deleted, but an update of it is refused."""

    def identify(cloud: Cloud, props: Props) -> str:
        return str(props["name"]) if isinstance(props.get("name"), str) else cloud.hex(17)

    return Kind(
        token=token,
        service="AWS",
        thing=token.rsplit(":", 1)[-1],
        operations={},
        create_only=frozenset(),
        source="",
        computed=frozenset(),
        identify=identify,
    )
