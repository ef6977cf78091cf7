"""ExternalDNS: keeps DNS records of one hosted zone for Kubernetes objects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import core, meta
from pulumi_kubernetes.helm import v3 as helm

from components import iam, settings, versions
from components.base import Component
from components.identity import PodIdentity, chart_identity

if TYPE_CHECKING:
    from components.platform import Platform


@dataclass(frozen=True, kw_only=True)
class ExternalDnsArgs:
    """Inputs of `ExternalDns`.

    config: `cluster.external_dns`. zone: the hosted zone it may write to, no other. cluster_identity: the cluster's
    name as the settings give it, the owner id of its records. agent: the Pod Identity agent. depends_on: nodes.
    """

    config: settings.ExternalDns
    zone: settings.HostedZone
    cluster_name: pulumi.Input[str]
    cluster_identity: str
    region: str
    kubernetes: pulumi.ProviderResource
    agent: pulumi.Resource | None
    depends_on: Sequence[pulumi.Resource]
    tags: Mapping[str, str] = field(default_factory=dict)


class ExternalDns(Component):
    """The controller's Helm release with a role for one zone, bound by Pod Identity."""

    type_name = "ExternalDns"

    def __init__(self, name: str, args: ExternalDnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        chart = versions.EXTERNAL_DNS
        association = chart_identity(
            self,
            PodIdentity(cluster_name=args.cluster_name, agent=args.agent),
            chart,
            policy=zone_policy(args.region, args.zone.id),
            description=f"ExternalDNS: records of {args.zone.name}",
            tags=args.tags,
        )
        namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(name=chart.namespace),
            opts=self.child(provider=args.kubernetes),
        )
        self.release = helm.Release(
            f"{name}-release",
            name=chart.name,
            chart=chart.name,
            version=chart.version,
            namespace=namespace.metadata.name,
            repository_opts=helm.RepositoryOptsArgs(repo=chart.repository),
            values=_values(args, chart),
            opts=self.child(provider=args.kubernetes, depends_on=[*args.depends_on, association]),
        )
        self.register_outputs({})


def _values(args: ExternalDnsArgs, chart: versions.Chart) -> dict[str, pulumi.Input[object]]:
    """Chart values; the reasons are ExternalDNS's own documentation."""
    return {
        "provider": {"name": "aws"},
        # Newer charts have no default here and refuse values without it.
        "policy": args.config.policy,
        # Every record of its own has a TXT record beside it that names this cluster; others are never touched.
        "registry": "txt",
        "txtOwnerId": args.cluster_identity,
        "domainFilters": [args.zone.name],
        "sources": list(args.config.sources),
        "serviceAccount": {"create": True, "name": chart.service_account},
        "env": [{"name": "AWS_REGION", "value": args.region}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }


def zone_policy(region: str, zone_id: str) -> str:
    """Rights on one hosted zone, as JSON text (ExternalDNS documentation: "IAM Policy"), which must be listed first."""
    arn = f"arn:{iam.partition(region)}:route53:::hostedzone/{zone_id}"
    actions = ["ChangeResourceRecordSets", "ListResourceRecordSets", "ListTagsForResources"]
    statements = [
        {"Effect": "Allow", "Action": [f"route53:{each}" for each in actions], "Resource": arn},
        {"Effect": "Allow", "Action": "route53:ListHostedZones", "Resource": "*"},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def of_platform(
    platform: Platform, config: settings.Settings, tags: Mapping[str, str], *, region: str
) -> ExternalDns | None:
    """The controller on the platform's own cluster, when the settings want it; it starts after the others."""
    wanted, zone, cluster = config.cluster.external_dns, config.existing.hosted_zone, platform.cluster
    if wanted is None or zone is None:
        return None
    agent = cluster.addons.get("eks-pod-identity-agent")
    return ExternalDns(
        "external-dns",
        ExternalDnsArgs(
            config=wanted,
            zone=zone,
            cluster_name=cluster.cluster_name,
            cluster_identity=f"{pulumi.get_project()}-{pulumi.get_stack()}",
            region=region,
            kubernetes=cluster.kubernetes,
            agent=agent,
            depends_on=[*cluster.ready, *([platform.controller.release] if platform.controller else [])],
            tags=tags,
        ),
        platform.child(),
    )
