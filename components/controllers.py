"""Controllers on the cluster. For now one: the AWS Load Balancer Controller, which binds pods to target groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes.helm import v3 as helm

from components import iam, versions
from components.base import Component
from components.identity import PodIdentity, chart_identity


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    """Inputs of `LoadBalancerController`.

    kubernetes: provider of the cluster. agent: the Pod Identity agent's add-on, None where it exists already.
    depends_on: nodes and add-ons. makes_load_balancers: whether it gets the rights to make them, of Ingresses and
    Gateways.
    Credentials are injected when a pod is created, and an association takes seconds to work (EKS API:
    CreatePodIdentityAssociation), so it comes right after the agent, before nodes and controller.
    """

    cluster_name: pulumi.Input[str]
    region: str
    vpc_id: pulumi.Input[str]
    kubernetes: pulumi.ProviderResource
    agent: pulumi.Resource | None
    depends_on: Sequence[pulumi.Resource]
    makes_load_balancers: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class LoadBalancerController(Component):
    """The AWS Load Balancer Controller's Helm release with its IAM role, bound by Pod Identity."""

    type_name = "LoadBalancerController"

    def __init__(self, name: str, args: LoadBalancerControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        chart = versions.LOAD_BALANCER_CONTROLLER
        association = chart_identity(
            self,
            PodIdentity(cluster_name=args.cluster_name, agent=args.agent),
            chart,
            policy=iam.load_balancer_controller_policy(),
            description="AWS Load Balancer Controller: register targets of target groups that Pulumi owns",
            tags=args.tags,
            more={"edge": iam.load_balancer_making_policy()} if args.makes_load_balancers else {},
        )
        self.release = self._release(chart, association)
        self.register_outputs({})

    def _release(self, chart: versions.Chart, association: aws.eks.PodIdentityAssociation) -> helm.Release:
        return helm.Release(
            f"{self.name}-release",
            name=chart.name,
            chart=chart.name,
            version=chart.version,
            namespace=chart.namespace,
            repository_opts=helm.RepositoryOptsArgs(repo=chart.repository),
            values=self._values(chart),
            opts=self.child(provider=self._args.kubernetes, depends_on=[*self._args.depends_on, association]),
        )

    def _values(self, chart: versions.Chart) -> dict[str, pulumi.Input[object]]:
        """Chart values; the reasons are the controller's own documentation (Installation, Configurations)."""
        # It has no rights for what no setting of a load balancer that it makes uses.
        makes = self._args.makes_load_balancers
        return {
            "clusterName": self._args.cluster_name,
            # Nodes may block the instance metadata service for pods, which is where these would come from.
            "region": self._args.region,
            "vpcId": self._args.vpc_id,
            "serviceAccount": {"create": True, "name": chart.service_account},
            "defaultTargetType": "ip",
            # The controller's own default still is the policy of 2016.
            "defaultSSLPolicy": versions.TLS_POLICY,
            # Otherwise the controller takes over every Service of type LoadBalancer.
            "enableServiceMutatorWebhook": False,
            # Otherwise each upgrade makes a new webhook certificate: an endless difference, and failures meanwhile.
            "keepTLSSecret": True,
            **({"enableShield": False, "enableWaf": False, "enableWafv2": False} if makes else {}),
            "podDisruptionBudget": {"maxUnavailable": 1},
            "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}, "limits": {"memory": "200Mi"}},
        }
