"""An AWS Cloud Map namespace in which clients outside the cluster, but inside the VPC, find pods by DNS.

Nothing in EKS registers pods there by itself: ExternalDNS does, with its provider `aws-sd`, for every headless Service
that carries a host name below the namespace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes.helm import v3 as helm

from components import iam, settings, versions
from components.base import Component
from components.identity import Account, PodIdentity, associated

# Registering needs the rights to the zone behind the namespace (AWS managed policy AWSCloudMapRegisterInstanceAccess).
# Services are Pulumi's: without the right to make them, ExternalDNS cannot bring back one that was just taken away.
_RIGHTS = (
    "servicediscovery:Get*",
    "servicediscovery:List*",
    "servicediscovery:DiscoverInstances",
    "servicediscovery:RegisterInstance",
    "servicediscovery:DeregisterInstance",
    "servicediscovery:UpdateService",
    "route53:GetHostedZone",
    "route53:ListHostedZonesByName",
    "route53:ChangeResourceRecordSets",
    "ec2:DescribeInstances",
)


@dataclass(frozen=True, kw_only=True)
class DiscoveryArgs:
    """Inputs of `Discovery`.

    workloads: port by name of the workloads to be found. security_group_id: the one pods carry. agent: the Pod Identity
    agent's add-on, None where it exists already. depends_on: nodes and add-ons.
    """

    config: settings.CloudMap
    workloads: Mapping[str, int]
    vpc_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    region: str
    kubernetes: pulumi.ProviderResource
    agent: pulumi.Resource | None
    depends_on: Sequence[pulumi.Resource]
    tags: Mapping[str, str] = field(default_factory=dict)


class Discovery(Component):
    """Namespace, a Cloud Map service for each workload, the way in for clients, and ExternalDNS.

    `services`: by workload; its headless Service comes after and so goes first, while ExternalDNS still works.
    """

    type_name = "Discovery"

    def __init__(self, name: str, args: DiscoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        namespace = aws.servicediscovery.PrivateDnsNamespace(
            f"{name}-namespace",
            name=args.config.namespace,
            vpc=args.vpc_id,
            tags=dict(args.tags),
            opts=self.child(delete_before_replace=True),
        )
        self.services = {workload: self._service(workload, namespace) for workload in sorted(args.workloads)}
        self._ways_in()
        self._registrar([namespace, *self.services.values()])
        self.register_outputs({"namespace_id": namespace.id})

    def found_by(self, workload: str) -> tuple[dict[str, str], list[pulumi.Resource]]:
        """What a headless Service carries so that ExternalDNS registers its pods, and what must exist before."""
        if workload not in self.services:
            return {}, []
        config = self._args.config
        carried = {
            "external-dns.alpha.kubernetes.io/hostname": f"{workload}.{config.namespace}",
            "external-dns.alpha.kubernetes.io/ttl": str(config.ttl),
        }
        return carried, [self.services[workload]]

    def _service(
        self, workload: str, namespace: aws.servicediscovery.PrivateDnsNamespace
    ) -> aws.servicediscovery.Service:
        dns = aws.servicediscovery.ServiceDnsConfigArgs(
            namespace_id=namespace.id,
            routing_policy="MULTIVALUE",
            dns_records=[aws.servicediscovery.ServiceDnsConfigDnsRecordArgs(type="A", ttl=self._args.config.ttl)],
        )
        # ExternalDNS writes in the description which Service the instances are of.
        theirs = pulumi.ResourceOptions(ignore_changes=["description"])
        return aws.servicediscovery.Service(
            f"{self.name}-{workload}",
            name=workload,
            dns_config=dns,
            # Instances that nobody deregistered in time would keep it, and it the namespace ("ResourceInUse").
            force_destroy=True,
            tags=dict(self._args.tags),
            opts=pulumi.ResourceOptions.merge(self.child(delete_before_replace=True), theirs),
        )

    def _ways_in(self) -> None:
        for block in self._args.config.allow_cidrs:
            for port in sorted(set(self._args.workloads.values())):
                aws.vpc.SecurityGroupIngressRule(
                    f"{self.name}-pods-{port}-from-{block}",
                    security_group_id=self._args.security_group_id,
                    description="gRPC clients that find pods in AWS Cloud Map",
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    cidr_ipv4=block,
                    opts=self.child(),
                )

    def _registrar(self, depends_on: Sequence[pulumi.Resource]) -> None:
        args, chart = self._args, versions.CLOUD_MAP_REGISTRAR
        role, rights = iam.role(
            self, f"{self.name}-role", trust_policy=iam.pod_identity_trust(), policy_arns={}, tags=args.tags
        )
        document = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(_RIGHTS), "Resource": "*"}],
        }
        own = aws.iam.RolePolicy(
            f"{self.name}-role-policy", role=role.name, policy=json.dumps(document), opts=self.child()
        )
        association = associated(
            self,
            PodIdentity(cluster_name=args.cluster_name, agent=args.agent),
            Account(chart.namespace, chart.service_account),
            role,
            [own, *rights],
            args.tags,
        )
        helm.Release(
            f"{self.name}-release",
            name=chart.service_account,
            chart=chart.name,
            version=chart.version,
            namespace=chart.namespace,
            repository_opts=helm.RepositoryOptsArgs(repo=chart.repository),
            values=values(args.config, args.region),
            opts=self.child(provider=args.kubernetes, depends_on=[*args.depends_on, association, *depends_on]),
        )


def values(config: settings.CloudMap, region: str) -> dict[str, Any]:
    """Chart values of ExternalDNS (docs/tutorials/aws-sd.md, chart's values.yaml)."""
    return {
        "provider": {"name": "aws-sd"},
        "registry": "aws-sd",
        "sources": ["service"],
        "policy": "sync",
        "interval": "15s",
        "txtOwnerId": f"{pulumi.get_project()}-{pulumi.get_stack()}",
        "domainFilters": [config.namespace],
        "serviceAccount": {"create": True, "name": versions.CLOUD_MAP_REGISTRAR.service_account},
        "env": [{"name": "AWS_REGION", "value": region}],
        "extraArgs": ["--aws-zone-type=private"],
    }
