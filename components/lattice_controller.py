"""The AWS Gateway API Controller, which makes VPC Lattice services of routes, and the Gateway that routes hang on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes import apiextensions, core, meta
from pulumi_kubernetes.helm import v3 as helm

from components import versions
from components.base import Component
from components.identity import PodIdentity, chart_identity

GATEWAY_API = "gateway.networking.k8s.io/v1"
GATEWAY_CLASS = "amazon-vpc-lattice"
CONTROLLER_NAME = "application-networking.k8s.aws/gateway-api-controller"
LISTENER = "https"

# What the controller calls for routes, target groups and policies of services. Networks, their associations and their
# policies are this program's, so none of those. AWS publishes `vpc-lattice:*` alone (its recommended-inline-policy).
_MANAGED = (
    *(
        f"vpc-lattice:{verb}{noun}"
        for noun in ["Service", "Listener", "Rule", "TargetGroup"]
        for verb in ["Create", "Update", "Delete"]
    ),
    "vpc-lattice:BatchUpdateRule",
    "vpc-lattice:RegisterTargets",
    "vpc-lattice:DeregisterTargets",
    "vpc-lattice:CreateServiceNetworkServiceAssociation",
    "vpc-lattice:DeleteServiceNetworkServiceAssociation",
    "vpc-lattice:TagResource",
    "vpc-lattice:UntagResource",
)
_READ = (
    "vpc-lattice:Get*",
    "vpc-lattice:List*",
    *(f"ec2:Describe{noun}" for noun in ["Vpcs", "Subnets", "Tags", "SecurityGroups"]),
    *(f"tag:{verb}" for verb in ["GetResources", "TagResources", "UntagResources"]),
    "acm:ListCertificates",
)


def controller_policy() -> str:
    """Rights of the controller, as JSON text (its docs/guides/deploy.md, recommended-inline-policy.json)."""
    statements: Sequence[Mapping[str, Any]] = (
        {"Effect": "Allow", "Action": list(_READ), "Resource": "*"},
        {"Effect": "Allow", "Action": list(_MANAGED), "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["vpc-lattice:PutAuthPolicy", "vpc-lattice:DeleteAuthPolicy"],
            "Resource": "arn:*:vpc-lattice:*:*:service/*",
        },
        {
            "Effect": "Allow",
            "Action": ["iam:CreateServiceLinkedRole"],
            "Resource": "arn:*:iam::*:role/aws-service-role/vpc-lattice.amazonaws.com/AWSServiceRoleForVpcLattice",
            "Condition": {"StringLike": {"iam:AWSServiceName": "vpc-lattice.amazonaws.com"}},
        },
    )
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass(frozen=True, kw_only=True)
class LatticeControllerArgs:
    """Inputs of `LatticeController`.

    network_name: the service network's, and so the Gateway's. account_id: of the network. kubernetes: provider of the
    cluster. agent: the Pod Identity agent's add-on, None where it exists already. depends_on: nodes, add-ons and the
    load balancer controller.
    network_ready: what the network needs to work; it stays until the Gateway is gone.
    """

    cluster_name: pulumi.Input[str]
    region: str
    account_id: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    network_name: str
    kubernetes: pulumi.ProviderResource
    agent: pulumi.Resource | None
    depends_on: Sequence[pulumi.Resource]
    network_ready: Sequence[pulumi.Resource]
    tags: Mapping[str, str] = field(default_factory=dict)


class LatticeController(Component):
    """Namespace, role and Helm release of the controller, its GatewayClass, and the Gateway of the service network.

    `gateway` is what routes depend on: deleted in that order, each finalizer still finds its controller. None of them
    is ever skipped on destroy (`deleted_with`): their controller would leave its VPC Lattice services behind.
    """

    type_name = "LatticeController"

    def __init__(self, name: str, args: LatticeControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        chart = versions.LATTICE_CONTROLLER
        association = chart_identity(
            self,
            PodIdentity(cluster_name=args.cluster_name, agent=args.agent),
            chart,
            policy=controller_policy(),
            description="AWS Gateway API Controller: VPC Lattice services of routes",
            tags=args.tags,
        )
        self.namespace = chart.namespace
        self.release = self._release(chart, self._namespace(chart), association)
        gateway_class = self._gateway_class()
        self.gateway = self._gateway(gateway_class)
        self.register_outputs({})

    def _namespace(self, chart: versions.Chart) -> core.v1.Namespace:
        return core.v1.Namespace(
            f"{self.name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(name=chart.namespace, labels={"control-plane": chart.service_account}),
            opts=self.child(provider=self._args.kubernetes, depends_on=self._args.depends_on),
        )

    def _release(
        self, chart: versions.Chart, namespace: core.v1.Namespace, association: aws.eks.PodIdentityAssociation
    ) -> helm.Release:
        return helm.Release(
            f"{self.name}-release",
            name=chart.name,
            chart=chart.repository,
            version=chart.version,
            namespace=namespace.metadata.name,
            values=self._values(chart),
            opts=self.child(provider=self._args.kubernetes, depends_on=[*self._args.depends_on, association]),
        )

    def _values(self, chart: versions.Chart) -> dict[str, pulumi.Input[object]]:
        """Chart values. Without the first four the controller asks the instance metadata, which nodes may block.

        `defaultServiceNetwork` stays unset: the controller would make that network and associate the VPC itself.
        """
        return {
            "awsRegion": self._args.region,
            "awsAccountId": self._args.account_id,
            "clusterVpcId": self._args.vpc_id,
            "clusterName": self._args.cluster_name,
            "serviceAccount": {"create": True, "name": chart.service_account},
            "pdb": {"enabled": True},
        }

    def _gateway_class(self) -> pulumi.Resource:
        return apiextensions.CustomResource(
            f"{self.name}-class",
            api_version=GATEWAY_API,
            kind="GatewayClass",
            metadata=meta.v1.ObjectMetaArgs(
                name=GATEWAY_CLASS, annotations={"pulumi.com/waitFor": "condition=Accepted"}
            ),
            spec={"controllerName": CONTROLLER_NAME},
            opts=self.child(provider=self._args.kubernetes, depends_on=[self.release]),
        )

    def _gateway(self, gateway_class: pulumi.Resource) -> pulumi.Resource:
        """One HTTPS listener: gRPC is served on no other (AWS Gateway API Controller, docs/api-types/grpc-route.md)."""
        return apiextensions.CustomResource(
            f"{self.name}-gateway",
            api_version=GATEWAY_API,
            kind="Gateway",
            metadata=meta.v1.ObjectMetaArgs(
                name=self._args.network_name,
                namespace=self.namespace,
                annotations={"pulumi.com/waitFor": "condition=Programmed"},
            ),
            spec={
                "gatewayClassName": GATEWAY_CLASS,
                "listeners": [
                    {
                        "name": LISTENER,
                        "protocol": "HTTPS",
                        "port": 443,
                        # The schema wants a reference; VPC Lattice has the certificate of its own domain names.
                        "tls": {"mode": "Terminate", "certificateRefs": [{"name": "unused"}]},
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
            opts=self.child(
                provider=self._args.kubernetes, depends_on=[self.release, gateway_class, *self._args.network_ready]
            ),
        )
