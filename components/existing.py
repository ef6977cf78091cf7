"""What exists already, in the shape of what the platform makes: nothing of it is looked up, changed or removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from components import settings
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class ExistingNetwork:
    """A VPC from the settings, with the attributes of `Network` that others use."""

    vpc_id: str
    public_subnet_ids: Mapping[str, str]
    private_subnet_ids: Mapping[str, str]
    node_subnet_ids: Mapping[str, str]
    ready: Sequence[pulumi.Resource] = ()

    @classmethod
    def of(cls, vpc: settings.Vpc) -> ExistingNetwork:
        """Nodes lie in the private subnets, or in the public ones where there is no other."""
        public, private = dict(sorted(vpc.subnets.public.items())), dict(sorted(vpc.subnets.private.items()))
        return cls(
            vpc_id=vpc.id,
            public_subnet_ids=public,
            private_subnet_ids=private,
            node_subnet_ids=private or public,
        )


def kubeconfig(cluster: settings.ExistingCluster, *, region: str, profile: str | None) -> str:
    """A kubeconfig as JSON text that asks the AWS CLI for a token (EKS User Guide: "Create a kubeconfig file").

    It holds no secret: the certificate authority is public, and the token is made when it is used.
    """
    arguments = ["--region", region, "eks", "get-token", "--cluster-name", cluster.name, "--output", "json"]
    command = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*arguments, *(["--profile", profile] if profile else [])],
        "interactiveMode": "Never",
    }
    server = {"server": cluster.endpoint, "certificate-authority-data": cluster.certificate_authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster.name, "cluster": server}],
            "users": [{"name": "aws", "user": {"exec": command}}],
            "contexts": [{"name": "aws", "context": {"cluster": cluster.name, "user": "aws"}}],
            "current-context": "aws",
        }
    )


class ExistingCluster(Component):
    """An EKS cluster from the settings: no resource of its own but the provider for objects on it.

    Outputs as those of `Cluster`: `cluster_name`, `security_group_id`, `kubeconfig` (secret, as there).
    """

    type_name = "ExistingCluster"

    def __init__(
        self,
        name: str,
        config: settings.ExistingCluster,
        *,
        region: str,
        profile: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.cluster_name = config.name
        self.security_group_id = config.security_group_id
        self.endpoint = config.endpoint
        self.certificate_authority = config.certificate_authority
        self.kubeconfig: pulumi.Output[str] = pulumi.Output.secret(kubeconfig(config, region=region, profile=profile))
        # The identity of the provider is the cluster's name, as in `Cluster`: another kubeconfig replaces no object.
        self.kubernetes = kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            cluster_identifier=config.name,
            enable_server_side_apply=True,
            opts=self.child(),
        )
        self.nodes: list[pulumi.Resource] = []
        self.addons: dict[str, aws.eks.Addon] = {}
        self.ready: list[pulumi.Resource] = []
        self.register_outputs({"cluster_name": self.cluster_name, "security_group_id": self.security_group_id})


@dataclass(frozen=True, kw_only=True)
class ExistingListener:
    """A listener from the settings, with the attributes of `LoadBalancer` that others use."""

    arn: str
    arn_suffix: str
    dns_name: str
    zone_id: str
    listener_arn: str
    security_group_id: str
    paths_to_pods: Sequence[pulumi.Resource] = field(default_factory=list)

    @classmethod
    def of(cls, listener: settings.ExistingListener, paths_to_pods: Sequence[pulumi.Resource]) -> ExistingListener:
        """`arn` is the load balancer's: a listener's ARN is made of it (Service Authorization Reference: ELB V2)."""
        arn = listener.arn.replace(":listener/", ":loadbalancer/").rpartition("/")[0]
        return cls(
            arn=arn,
            arn_suffix=arn.partition(":loadbalancer/")[2],
            dns_name=listener.dns_name,
            zone_id=listener.zone_id,
            listener_arn=listener.arn,
            security_group_id=listener.security_group_id,
            paths_to_pods=paths_to_pods,
        )


def let_in(
    owner: Component, key: str, listener: settings.ExistingListener, group_id: pulumi.Input[str], ports: Sequence[int]
) -> list[pulumi.Resource]:
    """Lets an existing load balancer reach the pods of a cluster that this stack makes, on the ports that are used."""
    return [
        aws.vpc.SecurityGroupIngressRule(
            f"{key}-pods-from-load-balancer-{port}",
            security_group_id=group_id,
            referenced_security_group_id=listener.security_group_id,
            description=f"From load balancer {key}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            opts=owner.child(),
        )
        for port in sorted(set(ports))
    ]
