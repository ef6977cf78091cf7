"""VPC endpoints: AWS services reached without leaving the VPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.base import Component
from components.settings.network import GATEWAY_ENDPOINTS

# One name in the settings, two services of AWS (ECR User Guide: "Interface VPC endpoints").
PARTS: Mapping[str, Sequence[str]] = {"ecr": ("ecr.api", "ecr.dkr")}


def endpoints(
    owner: Component,
    names: Sequence[str],
    *,
    region: str,
    vpc_id: pulumi.Input[str],
    cidr: str,
    route_table_ids: Sequence[pulumi.Input[str]],
    subnet_ids: Sequence[pulumi.Input[str]],
    tags: Mapping[str, str],
) -> list[pulumi.Resource]:
    """An endpoint for each service in `names`, short as in the settings.

    Gateway endpoints are routes in every table; interface endpoints have an address in each of `subnet_ids`, one in
    every zone, and take HTTPS from the whole VPC under the service's own name.
    """
    made: list[pulumi.Resource] = [
        aws.ec2.VpcEndpoint(
            f"{owner.name}-endpoint-{name}",
            vpc_id=vpc_id,
            service_name=f"com.amazonaws.{region}.{name}",
            vpc_endpoint_type="Gateway",
            route_table_ids=list(route_table_ids),
            tags=_named(tags, owner, name),
            opts=owner.child(),
        )
        for name in sorted(set(names) & set(GATEWAY_ENDPOINTS))
    ]
    services = [part for name in sorted(set(names) - set(GATEWAY_ENDPOINTS)) for part in PARTS.get(name, (name,))]
    group = _security_group(owner, vpc_id, cidr, tags) if services else None
    made += [
        aws.ec2.VpcEndpoint(
            f"{owner.name}-endpoint-{service}",
            vpc_id=vpc_id,
            service_name=f"com.amazonaws.{region}.{service}",
            vpc_endpoint_type="Interface",
            subnet_ids=list(subnet_ids),
            security_group_ids=[group.id],
            # The public name of the service then leads here, so that nothing that uses it need know.
            private_dns_enabled=True,
            tags=_named(tags, owner, service),
            # Two endpoints of one service cannot both have its name ("conflicting DNS domain").
            opts=owner.child(delete_before_replace=True),
        )
        for service in services
        if group is not None
    ]
    return made


def _named(tags: Mapping[str, str], owner: Component, service: str) -> dict[str, str]:
    return {**tags, "Name": f"{pulumi.get_stack()}-{owner.name}-endpoint-{service}"}


def _security_group(
    owner: Component, vpc_id: pulumi.Input[str], cidr: str, tags: Mapping[str, str]
) -> aws.ec2.SecurityGroup:
    group = aws.ec2.SecurityGroup(
        f"{owner.name}-endpoints",
        description="VPC endpoints: HTTPS from the VPC",
        vpc_id=vpc_id,
        tags=dict(tags),
        opts=owner.child(),
    )
    aws.vpc.SecurityGroupIngressRule(
        f"{owner.name}-endpoints-from-vpc",
        security_group_id=group.id,
        description="HTTPS from the VPC",
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_ipv4=cidr,
        opts=owner.child(),
    )
    return group
