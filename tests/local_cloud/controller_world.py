"""A cluster whose load balancer controller has a network to work in: VPC, two public and two private subnets."""

from __future__ import annotations

from typing import Any

from local_cloud.store import Row
from tests.local_cloud.kubernetes_world import CONTROLLER, NAMESPACE, RELEASE, SERVICE, World

INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
CLASS = "kubernetes:networking.k8s.io/v1:IngressClass"
PARAMS = "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams"
GATEWAY_CLASS = "kubernetes:gateway.networking.k8s.io/v1:GatewayClass"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
GRPC_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:GRPCRoute"
HTTP_ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
BALANCERS = "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration"
TARGETS = "kubernetes:gateway.k8s.aws/v1:TargetGroupConfiguration"
RULES = "kubernetes:gateway.k8s.aws/v1:ListenerRuleConfiguration"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
GROUP = "aws:lb/targetGroup:TargetGroup"
SECURITY = "aws:ec2/securityGroup:SecurityGroup"

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
PUBLIC = ["subnet-a1", "subnet-b1"]


class ControllerWorld(World):
    """The controller runs and the namespaces ``edge`` and ``orders`` exist."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        cluster = self.store.get("aws", "aws:eks/cluster:Cluster", "main")
        assert cluster is not None
        self.store.delete(cluster)
        config = {"vpcId": "vpc-0a", "clusterSecurityGroupId": "sg-0cluster"}
        self.aws(cluster.token, "main", **{**cluster.inputs, "vpcConfig": config})
        self.aws("aws:ec2/vpc:Vpc", "vpc-0a", cidrBlock="10.0.0.0/16")
        self.aws("aws:ec2/internetGateway:InternetGateway", "igw-0a", vpcId="vpc-0a")
        for zone in "ab":
            for number, role in ((1, "elb"), (2, "internal-elb")):
                self.aws(
                    "aws:ec2/subnet:Subnet",
                    f"subnet-{zone}{number}",
                    vpcId="vpc-0a",
                    availabilityZone=f"eu-west-1{zone}",
                    cidrBlock=f"10.0.{ord(zone)}{number}.0/24",
                    tags={f"kubernetes.io/role/{role}": "1"},
                )
        self.controller(**values)
        for name in ("edge", "orders"):
            self.create(NAMESPACE, f"namespace-{name}", {"metadata": {"name": name, "labels": {"team": name}}})

    def controller(self, **values: Any) -> str:
        """Installs the controller."""
        chart = {"clusterName": "main", "serviceAccount": {"name": CONTROLLER}, "defaultTargetType": "ip", **values}
        return self.create(
            RELEASE,
            "controller",
            {
                "chart": CONTROLLER,
                "name": CONTROLLER,
                "namespace": "kube-system",
                "repositoryOpts": {"repo": "https://aws.github.io/eks-charts"},
                "values": chart,
            },
        )[0]

    def gateway_api(self) -> None:
        """Defines the Gateway API's kinds."""
        for kind, plural in (
            ("GatewayClass", "gatewayclasses"), ("Gateway", "gateways"), ("GRPCRoute", "grpcroutes"),
            ("HTTPRoute", "httproutes"), ("ReferenceGrant", "referencegrants"),
        ):  # fmt: skip
            self.create(
                DEFINITION,
                f"crd-{plural}",
                {
                    "metadata": {"name": f"{plural}.gateway.networking.k8s.io"},
                    "spec": {
                        "group": "gateway.networking.k8s.io",
                        "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                        "scope": "Cluster" if kind == "GatewayClass" else "Namespaced",
                        "versions": [
                            {
                                "name": "v1",
                                "served": True,
                                "storage": True,
                                "schema": {"openAPIV3Schema": {"type": "object"}},
                            }
                        ],
                    },
                },
            )

    def service(self, name: str = "orders", port: int = 50051, **metadata: Any) -> None:
        """A Service of its own namespace ``orders`` with an integer target port."""
        self.create(
            SERVICE,
            f"service-{name}",
            {
                "metadata": {
                    "name": name,
                    "namespace": "orders",
                    "annotations": {"pulumi.com/skipAwait": "true", **metadata},
                },
                "spec": {"selector": {"app": name}, "ports": [{"name": "grpc", "port": port, "targetPort": port}]},
            },
        )

    def found(self, token: str) -> list[Row]:
        """The account's resources of a type."""
        return self.store.rows("aws", token)

    def left(self) -> list[str]:
        """What the controller has made and not taken away."""
        return [row.id for row in self.store.rows("aws") if not row.urn]


def ingress(annotations: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """A gRPC Ingress as the controller wants it."""
    notes = {
        "listen-ports": '[{"HTTPS":443}]',
        "certificate-arn": CERTIFICATE,
        "scheme": "internet-facing",
        "backend-protocol-version": "GRPC",
        "success-codes": "0",
        "healthcheck-path": "/grpc.health.v1.Health/Check",
        **(annotations or {}),
    }
    path = {
        "path": "/acme.Orders/*",
        "pathType": "ImplementationSpecific",
        "backend": {"service": {"name": "orders", "port": {"number": 50051}}},
    }
    spec = {"ingressClassName": "alb", "rules": [{"host": "orders.example.com", "http": {"paths": [path]}}]}
    given = {f"alb.ingress.kubernetes.io/{key}": text for key, text in notes.items() if text}
    return {
        "metadata": {"name": "orders", "namespace": "orders", "annotations": given},
        "spec": {**spec, **changes},
    }
