"""One EKS cluster in memory behind the kubernetes provider's own methods, with all that pods need to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_cloud.kubernetes.provider import Kubernetes
from local_cloud.plugin import Call, Difference
from local_cloud.store import Row, Store
from local_cloud.values import plain

SERVER = "https://ABCDEF0123456789ABCDEF0123456789.gr7.eu-west-1.eks.amazonaws.com"
GROUP_ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders/0123456789abcdef"
OTHER_ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/other/0123456789abcdef"
REPOSITORY_URL = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dev/orders"
DIGEST = f"sha256:{'5f' * 32}"

NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
RELEASE = "kubernetes:helm.sh/v3:Release"

CONTROLLER = "aws-load-balancer-controller"


def kubeconfig(server: str = SERVER) -> str:
    """A kubeconfig for one server."""
    return json.dumps(
        {
            "clusters": [{"name": "kubernetes", "cluster": {"server": server}}],
            "contexts": [{"name": "aws", "context": {"cluster": "kubernetes", "user": "aws"}}],
            "current-context": "aws",
        }
    )


class World:
    """A cluster with one arm64 node group, the Pod Identity agent and the controller's association."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store(":memory:")
        self.cluster()
        self.aws(
            "aws:eks/nodeGroup:NodeGroup",
            "main:general",
            clusterName="main",
            nodeGroupName="general",
            amiType="AL2023_ARM_64_STANDARD",
            subnetIds=["subnet-1"],
        )
        self.aws("aws:ec2/subnet:Subnet", "subnet-1", cidrBlock="10.0.16.0/20")
        self.aws("aws:eks/addon:Addon", "main:agent", clusterName="main", addonName="eks-pod-identity-agent")
        self.aws(
            "aws:eks/podIdentityAssociation:PodIdentityAssociation",
            "a-1",
            clusterName="main",
            namespace="kube-system",
            serviceAccount=CONTROLLER,
        )
        self.provider = Kubernetes(self.store)
        self.provider.configure({"kubeconfig": kubeconfig()})

    def cluster(self) -> None:
        """Records the cluster itself."""
        self.aws(
            "aws:eks/cluster:Cluster",
            "main",
            name="main",
            version="1.36",
            endpoint=SERVER,
            arn="arn:aws:eks:eu-west-1:123456789012:cluster/main",
            vpcConfig={"vpcId": "vpc-0a"},
        )

    def aws(self, kind: str, identity: str, **properties: Any) -> None:
        """Records an AWS resource."""
        self.store.insert(Row(identity, kind, f"urn:{identity}", properties, properties))

    def gone(self, kind: str, identity: str) -> None:
        """Takes an AWS resource away."""
        self.store.delete(Row(identity, kind, "", {}, {}))

    def target_group(self, arn: str = GROUP_ARN, *, used: bool = True, **properties: Any) -> None:
        """A target group, forwarded to by a rule unless told otherwise."""
        given = {"targetType": "ip", "vpcId": "vpc-0a", **properties}
        self.aws("aws:lb/targetGroup:TargetGroup", arn, **given)
        if used:
            actions = [{"type": "forward", "targetGroupArn": arn}]
            self.aws("aws:lb/listenerRule:ListenerRule", f"rule-{arn}", actions=actions)

    def repository(self, *, pushed: bool) -> None:
        """The ECR repository ``dev/orders``, with or without an image."""
        self.aws("aws:ecr/repository:Repository", "dev/orders", name="dev/orders", repositoryUrl=REPOSITORY_URL)
        if pushed:
            self.store.note("image", "dev/orders", DIGEST, {"tags": ["1.0"]})

    # The provider's methods, the way the engine calls them

    def call(self, kind: str, name: str, **fields: Any) -> Call:
        """A request for the resource ``name``."""
        return Call(f"urn:pulumi:dev::test::{kind}::{name}", kind, name, seed=b"seed", **fields)

    def check(self, kind: str, name: str, news: Mapping[str, Any], **fields: Any) -> tuple[dict[str, Any], list[str]]:
        """Checked inputs, and complaints as ``path: reason``."""
        inputs, failures = self.provider.check(self.call(kind, name, news=dict(news), **fields))
        return inputs, [f"{failure.property}: {failure.reason}" for failure in failures]

    def create(self, kind: str, name: str, news: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Check and Create; fails on complaints."""
        inputs, complaints = self.check(kind, name, news)
        assert complaints == []
        identity, outputs = self.provider.create(self.call(kind, name, news=inputs))
        return identity, plain(outputs)

    def row(self, kind: str, identity: str) -> Row:
        """What the cluster holds."""
        found = self.provider.cluster.get(kind, identity)
        assert found is not None, f"{kind} {identity} is not there"
        return found

    def diff(self, kind: str, identity: str, news: Mapping[str, Any], name: str = "it") -> Difference:
        """Check with old inputs, then Diff."""
        old = self.row(kind, identity).inputs
        inputs, complaints = self.check(kind, name, news, olds=old)
        assert complaints == []
        return self.provider.diff(self.call(kind, name, id=identity, old_inputs=old, news=inputs))

    def update(self, kind: str, identity: str, news: Mapping[str, Any], name: str = "it") -> dict[str, Any]:
        """Check with old inputs, then Update."""
        row = self.row(kind, identity)
        inputs, complaints = self.check(kind, name, news, olds=row.inputs)
        assert complaints == []
        call = self.call(kind, name, id=identity, olds=row.outputs, old_inputs=row.inputs, news=inputs)
        return dict(plain(self.provider.update(call)))

    def delete(self, kind: str, identity: str, name: str = "it") -> None:
        """Delete."""
        self.provider.delete(self.call(kind, name, id=identity))

    # Objects

    def controller(self, **values: Any) -> str:
        """Installs the AWS Load Balancer Controller."""
        return self.create(RELEASE, "lbc", release(**values))[0]

    def workload(self, namespace: str = "orders") -> None:
        """Namespace, service account and Service of a workload."""
        self.create(NAMESPACE, f"{namespace}-ns", {"metadata": {"name": namespace}})
        self.create(ACCOUNT, f"{namespace}-sa", {"metadata": {"name": "orders", "namespace": namespace}})
        self.create(SERVICE, f"{namespace}-svc", service(namespace))

    def targets(self, arn: str = GROUP_ARN) -> list[str]:
        """The registered targets of a target group, as ip:port."""
        return [key for _, key in self.store.notes("target", arn)]


def release(**values: Any) -> dict[str, Any]:
    """The controller's release as a program writes it."""
    return {
        "chart": CONTROLLER,
        "name": CONTROLLER,
        "version": "3.6.0",
        "namespace": "kube-system",
        "repositoryOpts": {"repo": "https://aws.github.io/eks-charts"},
        "values": {
            "clusterName": "main",
            "serviceAccount": {"create": True, "name": CONTROLLER},
            "enableServiceMutatorWebhook": False,
            **values,
        },
    }


def service(namespace: str = "orders", **spec: Any) -> dict[str, Any]:
    """A Service nobody waits for."""
    return {
        "metadata": {"name": "orders", "namespace": namespace, "annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": {"selector": {"app": "orders"}, "ports": [{"port": 50051, "targetPort": "grpc"}], **spec},
    }


def binding(arn: str = GROUP_ARN, **spec: Any) -> dict[str, Any]:
    """A binding of the Service to a target group."""
    given = {"targetGroupARN": arn, "targetType": "ip", "serviceRef": {"name": "orders", "port": 50051}, **spec}
    return {"metadata": {"namespace": "orders"}, "spec": given}


def deployment(namespace: str = "orders", *, image: str = "ghcr.io/acme/orders:1", **pod: Any) -> dict[str, Any]:
    """A Deployment of one gRPC container; ``pod``: more of its pod specification, ``container``: of its container."""
    container = {
        "name": "orders",
        "image": image,
        "ports": [{"name": "grpc", "containerPort": 50051}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"grpc": {"port": 50051, "service": "acme.orders.v1.Orders"}, "periodSeconds": 5},
        "lifecycle": {"preStop": {"sleep": {"seconds": 20}}},
        **pod.pop("container", {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "orders", "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "orders"}},
            "template": {
                "metadata": {"labels": {"app": "orders"}},
                "spec": {"serviceAccountName": "orders", "containers": [container], **pod},
            },
        },
    }
