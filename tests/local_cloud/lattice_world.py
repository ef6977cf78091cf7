"""A cluster with the AWS Gateway API Controller, a service network, and a workload to route to."""

from __future__ import annotations

import json
from typing import Any

from local_cloud.aws import vpclattice_common as aws
from local_cloud.kubernetes.charts import LATTICE
from local_cloud.store import Row
from tests.local_cloud.controller_world import GATEWAY, GATEWAY_CLASS, GRPC_ROUTE, ControllerWorld
from tests.local_cloud.kubernetes_world import DEPLOYMENT, NAMESPACE, RELEASE, deployment

TARGET_GROUP_POLICY = "kubernetes:application-networking.k8s.aws/v1alpha1:TargetGroupPolicy"
AUTH_POLICY = "kubernetes:application-networking.k8s.aws/v1alpha1:IAMAuthPolicy"
HOME = "aws-application-networking-system"
DOMAIN = "application-networking.k8s.aws/lattice-assigned-domain-name"
WAIT = {"pulumi.com/waitFor": f"jsonpath={{.metadata.annotations['{DOMAIN}']}}"}
POLICY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})


class LatticeWorld(ControllerWorld):
    """Everything up to the Gateway exists, unless told otherwise."""

    def __init__(self, *, gateway: bool = True) -> None:
        super().__init__()
        self.aws(
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            "a-2",
            clusterName="main",
            namespace=HOME,
            serviceAccount="gateway-api-controller",
        )
        self.aws(
            aws.NETWORK,
            "sn-0123456789abcdef0",
            name="mesh",
            arn="arn:aws:vpc-lattice:eu-west-1:1:x/sn-0123456789abcdef0",
        )
        self.create(NAMESPACE, "home", {"metadata": {"name": HOME}})
        if gateway:
            self.gateway_api()
            self.lattice()
            self.create(GATEWAY_CLASS, "class", gateway_class())
            self.create(GATEWAY, "gateway", gateway_())

    def gateway_api(self) -> None:
        """Installs the Gateway API's kinds."""
        self.create(
            RELEASE, "crds", {"chart": "./charts/gateway-api", "name": "gateway-api", "namespace": "kube-system"}
        )

    def lattice(self, **values: Any) -> None:
        """Installs the controller."""
        self.create(RELEASE, "lattice", lattice_release(**values))

    def pods(self) -> None:
        """Two pods behind the Service ``orders``."""
        self.service()
        given = deployment()
        given["spec"]["template"]["spec"]["serviceAccountName"] = "default"
        self.create(DEPLOYMENT, "pods", given)

    def one(self, token: str) -> Row:
        """The only resource of a type that the controller made."""
        (found,) = [row for row in self.store.rows("aws", token) if not row.urn]
        return found


def lattice_release(**values: Any) -> dict[str, Any]:
    """The controller's release as a program writes it."""
    given = {
        "awsRegion": "eu-west-1",
        "awsAccountId": "123456789012",
        "clusterVpcId": "vpc-0a",
        "clusterName": "main",
        "serviceAccount": {"create": True, "name": "gateway-api-controller"},
    }
    return {
        "chart": LATTICE,
        "name": "gateway-api-controller",
        "version": "v2.1.4",
        "namespace": HOME,
        "values": {**given, **values},
    }


def gateway_class() -> dict[str, Any]:
    """The class of the controller."""
    return {
        "metadata": {"name": "amazon-vpc-lattice", "annotations": {"pulumi.com/waitFor": "condition=Accepted"}},
        "spec": {"controllerName": "application-networking.k8s.aws/gateway-api-controller"},
    }


def gateway_(name: str = "mesh", protocol: str = "HTTPS") -> dict[str, Any]:
    """A Gateway of one listener."""
    tls = {"tls": {"mode": "Terminate", "certificateRefs": [{"name": "unused"}]}} if protocol == "HTTPS" else {}
    listener = {"name": "edge", "port": 443, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": "All"}}}
    return {
        "metadata": {"name": name, "namespace": HOME, "annotations": {"pulumi.com/waitFor": "condition=Programmed"}},
        "spec": {"gatewayClassName": "amazon-vpc-lattice", "listeners": [{**listener, **tls}]},
    }


def route(*rules: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A GRPCRoute that is awaited."""
    backends = [{"kind": "Service", "name": "orders", "port": 50051}]
    default = {"matches": [{"method": {"type": "Exact", "service": "acme.orders.v1.Orders"}}], "backendRefs": backends}
    return {
        "metadata": {"name": "orders", "namespace": "orders", "annotations": {**WAIT, **(annotations or {})}},
        "spec": {"parentRefs": [{"name": "mesh", "namespace": HOME}], "rules": list(rules) or [default], **spec},
    }


def target_group_policy(**spec: Any) -> dict[str, Any]:
    """A policy of the Service ``orders``."""
    target = {"group": "", "kind": "Service", "name": "orders"}
    return {"metadata": {"name": "orders", "namespace": "orders"}, "spec": {"targetRef": target, **spec}}


def auth_policy(kind: str = "GRPCRoute", policy: str = POLICY, name: str = "orders") -> dict[str, Any]:
    """A policy that is awaited."""
    namespace = HOME if kind == "Gateway" else "orders"
    target = {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}
    metadata = {"name": "policy", "namespace": namespace, "annotations": {"pulumi.com/waitFor": "condition=Accepted"}}
    return {"metadata": metadata, "spec": {"targetRef": target, "policy": policy}}


GRPC = GRPC_ROUTE
