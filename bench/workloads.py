"""One service of the architecture: its edge, its pods, its repository, and for some a place in VPC Lattice."""

from __future__ import annotations

from typing import Any, Final

from bench.architecture import (
    ACCOUNT,
    HEALTH_PORT,
    IN_LATTICE,
    PORT,
    REGISTRY,
    TAGS,
    Architecture,
    Entry,
    Ref,
    Shared,
    arn,
    auth_policy,
)

GATE: Final = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def name_of(index: int) -> str:
    """The name of a service; it is also the one of its resources."""
    return f"service-{index:04}"


def add(made: Architecture, shared: Shared, index: int) -> None:
    """Adds the service of a number."""
    name = name_of(index)
    _repository(made, name)
    namespace = made.add(
        "kubernetes:core/v1:Namespace",
        name,
        {**_object("v1", "Namespace"), "metadata": {"name": name, "labels": GATE}},
        id=name,
    )
    metadata = {"name": name, "namespace": Ref(namespace.urn), "labels": {"app": name}}
    _service(made, name, metadata)
    _edge(made, shared, index, metadata)
    _pods(made, name, metadata)
    if index % IN_LATTICE == 0:
        _lattice(made, shared, index)


def _object(version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind}


def _repository(made: Architecture, name: str) -> None:
    repository = made.add(
        "aws:ecr/repository:Repository",
        name,
        {
            "name": name,
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS"}],
            "tags": TAGS,
        },
        id=name,
        arn=arn("ecr", f"repository/{name}"),
        repositoryUrl=f"{REGISTRY}/{name}",
    )
    rule = '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed",'
    rule += '"countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}'
    made.add("aws:ecr/lifecyclePolicy:LifecyclePolicy", name, {"repository": Ref(repository.urn), "policy": rule})


def _service(made: Architecture, name: str, metadata: dict[str, Any]) -> None:
    made.add("kubernetes:core/v1:ServiceAccount", name, {**_object("v1", "ServiceAccount"), "metadata": metadata})
    port = {"name": "grpc", "port": PORT, "targetPort": PORT, "appProtocol": "kubernetes.io/h2c"}
    made.add(
        "kubernetes:core/v1:Service",
        name,
        {
            **_object("v1", "Service"),
            "metadata": metadata,
            "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": [port]},
        },
    )


def _edge(made: Architecture, shared: Shared, index: int, metadata: dict[str, Any]) -> None:
    name = name_of(index)
    balancer, listener = shared.listeners[index % len(shared.listeners)]
    host = f"{name}.shop.example.com"
    made.add(
        "aws:route53/record:Record",
        name,
        {
            "zoneId": "Z0123456789ABCDEFGHIJ",
            "name": host,
            "type": "A",
            "aliases": [
                {
                    "name": Ref(balancer.urn, "dnsName"),
                    "zoneId": Ref(balancer.urn, "zoneId"),
                    "evaluateTargetHealth": True,
                }
            ],
        },
    )
    group = _target_group(made, shared, name, index)
    made.add(
        "aws:lb/listenerRule:ListenerRule",
        name,
        {
            "listenerArn": Ref(listener.urn, "arn"),
            "priority": index // len(shared.listeners) + 1,
            "conditions": [
                {"hostHeader": {"values": [host]}},
                {"pathPattern": {"values": [f"/shop.service{index}.v1.Orders/*"]}},
            ],
            "actions": [{"type": "forward", "targetGroupArn": Ref(group.urn, "arn")}],
            "tags": TAGS,
        },
        arn=arn("elasticloadbalancing", f"listener-rule/app/{balancer.name}/1/1/{index:016x}"),
    )
    made.add(
        "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding",
        name,
        {
            **_object("elbv2.k8s.aws/v1beta1", "TargetGroupBinding"),
            "metadata": metadata,
            "spec": {
                "serviceRef": {"name": name, "port": PORT},
                "targetGroupARN": Ref(group.urn, "arn"),
                "targetType": "ip",
                "vpcID": Ref(shared.vpc.urn),
            },
        },
    )


def _target_group(made: Architecture, shared: Shared, name: str, index: int) -> Entry:
    return made.add(
        "aws:lb/targetGroup:TargetGroup",
        name,
        {
            "port": PORT,
            "protocol": "HTTP",
            "protocolVersion": "GRPC",
            "targetType": "ip",
            "vpcId": Ref(shared.vpc.urn),
            "deregistrationDelay": 50,
            "healthCheck": {
                "enabled": True,
                "protocol": "HTTP",
                "port": "traffic-port",
                "path": "/grpc.health.v1.Health/Check",
                "matcher": "0",
                "interval": 10,
                "timeout": 5,
                "healthyThreshold": 2,
                "unhealthyThreshold": 2,
            },
            "tags": TAGS,
        },
        arn=arn("elasticloadbalancing", f"targetgroup/{name}/{index:016x}"),
    )


def _container(name: str) -> dict[str, Any]:
    live = {"grpc": {"port": PORT, "service": ""}, "periodSeconds": 5, "failureThreshold": 3, "timeoutSeconds": 2}
    return {
        "name": name,
        "image": f"{REGISTRY}/{name}@sha256:{'0' * 64}",
        "imagePullPolicy": "Always",
        "ports": [{"name": "grpc", "containerPort": PORT}],
        "env": [{"name": "DRAIN_SECONDS", "value": "30"}],
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "startupProbe": live,
        "readinessProbe": {**live, "grpc": {"port": PORT, "service": name}},
        "livenessProbe": live,
        "lifecycle": {"preStop": {"sleep": {"seconds": 20}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _pods(made: Architecture, name: str, metadata: dict[str, Any]) -> None:
    labels = {"app": name}
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 70,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [spread],
        "containers": [_container(name)],
    }
    made.add(
        "kubernetes:apps/v1:Deployment",
        name,
        {
            **_object("apps/v1", "Deployment"),
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": labels},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    )
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    made.add(
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        name,
        {
            **_object("autoscaling/v2", "HorizontalPodAutoscaler"),
            "metadata": metadata,
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicas": 2,
                "maxReplicas": 10,
                "metrics": [{"type": "Resource", "resource": cpu}],
            },
        },
    )
    made.add(
        "kubernetes:policy/v1:PodDisruptionBudget",
        name,
        {
            **_object("policy/v1", "PodDisruptionBudget"),
            "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
        },
    )


def _lattice(made: Architecture, shared: Shared, index: int) -> None:
    name = name_of(index)
    group = made.add(
        "aws:vpclattice/targetGroup:TargetGroup",
        name,
        {
            "name": name,
            "type": "IP",
            "config": {
                "port": PORT,
                "protocol": "HTTP",
                "protocolVersion": "GRPC",
                "vpcIdentifier": Ref(shared.vpc.urn),
                "healthCheck": {
                    "enabled": True,
                    "protocol": "HTTP",
                    "protocolVersion": "HTTP1",
                    "port": HEALTH_PORT,
                    "path": "/healthz",
                    "matcher": {"value": "200"},
                },
            },
            "tags": TAGS,
        },
        arn=arn("vpc-lattice", f"targetgroup/tg-{index}"),
    )
    service = made.add(
        "aws:vpclattice/service:Service",
        name,
        {"name": name, "authType": "AWS_IAM", "tags": TAGS},
        id=f"svc-{index}",
        arn=arn("vpc-lattice", f"service/svc-{index}"),
    )
    made.add(
        "aws:vpclattice/authPolicy:AuthPolicy",
        name,
        {
            "resourceIdentifier": Ref(service.urn, "arn"),
            "policy": auth_policy({"AWS": f"arn:aws:iam::{ACCOUNT}:role/{name}"}),
        },
    )
    forward = {"forward": {"targetGroups": [{"targetGroupIdentifier": Ref(group.urn, "id")}]}}
    made.add(
        "aws:vpclattice/listener:Listener",
        name,
        {
            "name": name,
            "port": 443,
            "protocol": "HTTPS",
            "serviceIdentifier": Ref(service.urn),
            "defaultAction": forward,
            "tags": TAGS,
        },
        arn=arn("vpc-lattice", f"service/svc-{index}/listener/l-{index}"),
    )
    made.add(
        "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation",
        name,
        {"serviceIdentifier": Ref(service.urn), "serviceNetworkIdentifier": Ref(shared.network.urn), "tags": TAGS},
    )
