"""A program as one would write it without any platform: provider classes in loops, no settings, no components.

It registers the same resources as the platform does for the same number of workloads, type by type (the benchmark
checks that), and the workloads' with the same inputs. `bench:workloads` is the number, `bench:balancers` how many load
balancers they are spread over.
"""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s

config = pulumi.Config("bench")
WORKLOADS, BALANCERS = config.require_int("workloads"), config.require_int("balancers")
ZONES = ["eu-west-1a", "eu-west-1b"]
ASSUME = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **ASSUME}]})
MANAGED = "arn:aws:iam::aws:policy/"
HOSTED_ZONE = "Z0123456789ABCDEFGHIJ"
TAGS = {"project": "bench", "stack": "bench"}
GATE = {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}
NOT_FOUND = {"type": "fixed-response", "fixed_response": {"content_type": "text/plain", "status_code": "404"}}


def after(*resources: pulumi.Resource, provider: pulumi.ProviderResource | None = None) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=list(resources), provider=provider)


def role(
    name: str, policies: list[Any], service: str = "pods.eks.amazonaws.com"
) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
    made = aws.iam.Role(name, assume_role_policy=TRUST.replace("pods.eks.amazonaws.com", service))
    attached = [
        aws.iam.RolePolicyAttachment(f"{name}-{index}", role=made.name, policy_arn=arn)
        for index, arn in enumerate(policies)
    ]
    return made, attached


# Network
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", enable_dns_hostnames=True, enable_dns_support=True)
gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
public_table = aws.ec2.RouteTable("public", vpc_id=vpc.id)
public_route = aws.ec2.Route(
    "public", route_table_id=public_table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id
)
public, private = [], []
for index, zone in enumerate(ZONES):
    subnet = aws.ec2.Subnet(
        f"public-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=f"10.0.{index * 64}.0/20"
    )
    aws.ec2.RouteTableAssociation(f"public-{zone}", subnet_id=subnet.id, route_table_id=public_table.id)
    public.append(subnet)
address = aws.ec2.Eip("nat", domain="vpc", opts=after(public_route))
nat = aws.ec2.NatGateway("nat", allocation_id=address.id, subnet_id=public[0].id, opts=after(public_route))
for index, zone in enumerate(ZONES):
    table = aws.ec2.RouteTable(f"private-{zone}", vpc_id=vpc.id)
    aws.ec2.Route(f"private-{zone}", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
    subnet = aws.ec2.Subnet(
        f"private-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=f"10.0.{index * 64 + 16}.0/20"
    )
    aws.ec2.RouteTableAssociation(f"private-{zone}", subnet_id=subnet.id, route_table_id=table.id)
    private.append(subnet)

# Cluster
logs = aws.cloudwatch.LogGroup("logs", name="/aws/eks/bare/cluster", retention_in_days=90)
key = aws.kms.Key("key", enable_key_rotation=True)
aws.kms.Alias("key", name="alias/bare", target_key_id=key.id)
cluster = eks.Cluster(
    "cluster",
    name="bare",
    version="1.36",
    vpc_id=vpc.id,
    subnet_ids=[subnet.id for subnet in (*public, *private)],
    authentication_mode=eks.AuthenticationMode.API,
    endpoint_private_access=True,
    endpoint_public_access=False,
    enabled_cluster_log_types=["api", "audit", "authenticator"],
    encryption_config_key_arn=key.arn,
    bootstrap_self_managed_addons=False,
    use_default_vpc_cni=True,
    kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
    coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
    skip_default_node_group=True,
    skip_default_security_groups=True,
    create_oidc_provider=False,
    opts=after(public_route, logs),
)
CLUSTER = cluster.eks_cluster.name


def addon(name: str, version: str, *needs: pulumi.Resource, **arguments: Any) -> aws.eks.Addon:
    return aws.eks.Addon(
        name, cluster_name=CLUSTER, addon_name=name, addon_version=version, opts=after(*needs), **arguments
    )


cni_role, _ = role("cni", [f"{MANAGED}AmazonEKS_CNI_Policy"])
early = [
    addon(
        "vpc-cni",
        "v1.22.4-eksbuild.3",
        pod_identity_associations=[{"service_account": "aws-node", "role_arn": cni_role.arn}],
    ),
    addon("kube-proxy", "v1.36.0-eksbuild.25"),
    addon("eks-pod-identity-agent", "v1.3.10-eksbuild.3"),
]
node_role, node_rights = role(
    "node",
    [f"{MANAGED}AmazonEKSWorkerNodePolicy", f"{MANAGED}AmazonEC2ContainerRegistryPullOnly"],
    "ec2.amazonaws.com",
)
nodes = eks.ManagedNodeGroup(
    "nodes",
    cluster=cluster.core,
    node_role_arn=node_role.arn,
    subnet_ids=[subnet.id for subnet in private],
    ami_type="AL2023_ARM_64_STANDARD",
    instance_types=["m7g.large"],
    scaling_config={"min_size": 2, "max_size": 6, "desired_size": 2},
    opts=after(*early, *node_rights),
)
late = [addon("coredns", "v1.14.3-eksbuild.23", nodes), addon("metrics-server", "v0.9.0-eksbuild.11", nodes)]
provider = k8s.Provider("kubernetes", kubeconfig=cluster.kubeconfig_json, cluster_identifier="bare")

# Controller
policy = aws.iam.Policy(
    "controller",
    policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "elasticloadbalancing:*", "Resource": "*"}],
        }
    ),
)
controller_role, controller_rights = role("controller", [policy.arn])
association = aws.eks.PodIdentityAssociation(
    "controller",
    cluster_name=CLUSTER,
    namespace="kube-system",
    service_account="aws-load-balancer-controller",
    role_arn=controller_role.arn,
    opts=after(*early, *late, nodes, *controller_rights),
)
release = k8s.helm.v3.Release(
    "controller",
    name="aws-load-balancer-controller",
    chart="aws-load-balancer-controller",
    version="3.5.0",
    namespace="kube-system",
    repository_opts={"repo": "https://aws.github.io/eks-charts"},
    values={
        "clusterName": CLUSTER,
        "region": "eu-west-1",
        "vpcId": vpc.id,
        "serviceAccount": {"create": True, "name": "aws-load-balancer-controller"},
        "enableServiceMutatorWebhook": False,
        "keepTLSSecret": True,
    },
    opts=after(association, *early, *late, nodes, provider=provider),
)

# Load balancers
listeners = []
for index in range(BALANCERS):
    group = aws.ec2.SecurityGroup(f"edge-{index}", vpc_id=vpc.id, description="edge")
    aws.vpc.SecurityGroupIngressRule(
        f"https-{index}",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_ipv4="0.0.0.0/0",
    )
    ways = [
        aws.vpc.SecurityGroupEgressRule(
            f"out-{index}",
            security_group_id=group.id,
            referenced_security_group_id=cluster.cluster_security_group_id,
            ip_protocol="tcp",
            from_port=50051,
            to_port=50051,
        ),
        aws.vpc.SecurityGroupIngressRule(
            f"in-{index}",
            security_group_id=cluster.cluster_security_group_id,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=50051,
            to_port=50051,
        ),
    ]
    balancer = aws.lb.LoadBalancer(
        f"edge-{index}",
        load_balancer_type="application",
        security_groups=[group.id],
        subnets=[subnet.id for subnet in public],
        idle_timeout=300,
        opts=after(public_route),
    )
    certificate = aws.acm.Certificate(f"edge-{index}", domain_name="*.dev.example.com", validation_method="DNS")
    if index == 0:
        option = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            "validation",
            zone_id=HOSTED_ZONE,
            name=option.resource_record_name,
            type=option.resource_record_type,
            records=[option.resource_record_value],
            ttl=300,
            allow_overwrite=True,
        )
    validation = aws.acm.CertificateValidation(
        f"edge-{index}", certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn]
    )
    listener = aws.lb.Listener(
        f"edge-{index}",
        load_balancer_arn=balancer.arn,
        port=443,
        protocol="HTTPS",
        certificate_arn=validation.certificate_arn,
        ssl_policy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        default_actions=[NOT_FOUND],
    )
    listeners.append((balancer, listener, ways))


# Workloads
def edge(index: int, name: str, service: k8s.core.v1.Service, namespace: Any) -> k8s.apiextensions.CustomResource:
    host = f"{name}.dev.example.com"
    balancer, listener, ways = listeners[index % BALANCERS]
    aws.route53.Record(
        name,
        zone_id=HOSTED_ZONE,
        name=host,
        type="A",
        aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": True}],
    )
    group = aws.lb.TargetGroup(
        name,
        port=50051,
        protocol="HTTP",
        protocol_version="GRPC",
        target_type="ip",
        vpc_id=vpc.id,
        ip_address_type="ipv4",
        load_balancing_algorithm_type="round_robin",
        slow_start=0,
        deregistration_delay=50,
        health_check={
            "enabled": True,
            "protocol": "HTTP",
            "port": "traffic-port",
            "path": "/grpc.health.v1.Health/Check",
            "matcher": "0",
            "interval": 15,
            "timeout": 5,
            "healthy_threshold": 2,
            "unhealthy_threshold": 2,
        },
        tags=TAGS,
    )
    rule = aws.lb.ListenerRule(
        name,
        listener_arn=listener.arn,
        priority=index + 1,
        conditions=[
            {"host_header": {"values": [host]}},
            {"path_pattern": {"values": [f"/acme.workload{index}.v1.Any/*"]}},
        ],
        actions=[{"type": "forward", "target_group_arn": group.arn}],
        tags=TAGS,
    )
    return k8s.apiextensions.CustomResource(
        name,
        api_version="elbv2.k8s.aws/v1beta1",
        kind="TargetGroupBinding",
        metadata={"namespace": namespace, "labels": {"app": name}},
        spec={
            "serviceRef": {"name": service.metadata.name, "port": 50051},
            "targetGroupARN": group.arn,
            "targetType": "ip",
            "ipAddressType": "ipv4",
            "vpcID": vpc.id,
        },
        opts=after(release, rule, *ways, provider=provider),
    )


def container(name: str) -> dict[str, Any]:
    probe = {"grpc": {"port": 50051, "service": ""}, "period_seconds": 5, "failure_threshold": 3, "timeout_seconds": 2}
    ready = {**probe, "grpc": {"port": 50051, "service": name}}
    return {
        "name": name,
        "image": "ghcr.io/acme/any:1",
        "ports": [{"name": "grpc", "container_port": 50051}],
        "env": [{"name": "DRAIN_SECONDS", "value": "30"}, {"name": "PORT", "value": "50051"}],
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": "256Mi"},
        },
        "startup_probe": probe,
        "readiness_probe": ready,
        "liveness_probe": probe,
        "lifecycle": {"pre_stop": {"sleep": {"seconds": 20}}},
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def pods(name: str, metadata: dict[str, Any], *needs: pulumi.Resource) -> None:
    labels = {"app": name}
    spread = [
        {
            "max_skew": 1,
            "topology_key": key,
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": labels},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    deployment = k8s.apps.v1.Deployment(
        name,
        metadata=metadata,
        spec={
            "selector": {"match_labels": labels},
            "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": "25%", "max_unavailable": 0}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "service_account_name": name,
                    "automount_service_account_token": False,
                    "termination_grace_period_seconds": 70,
                    "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
                    "topology_spread_constraints": spread,
                    "containers": [
                        container(name),
                    ],
                },
            },
        },
        opts=after(*needs, provider=provider),
    )
    k8s.autoscaling.v2.HorizontalPodAutoscaler(
        name,
        metadata={"namespace": metadata["namespace"], "labels": labels},
        spec={
            "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": name},
            "min_replicas": 2,
            "max_replicas": 10,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "average_utilization": 70}},
                }
            ],
        },
        opts=after(deployment, provider=provider),
    )
    k8s.policy.v1.PodDisruptionBudget(
        name,
        metadata={"namespace": metadata["namespace"], "labels": labels},
        spec={"max_unavailable": 1, "selector": {"match_labels": {"app": name}}},
        opts=after(deployment, provider=provider),
    )


def workload(index: int) -> None:
    name = f"workload-{index:03}"
    namespace = k8s.core.v1.Namespace(
        name, metadata={"name": name, "labels": {"app": name, **GATE}}, opts=after(release, provider=provider)
    )
    metadata = {"name": name, "namespace": namespace.metadata.name, "labels": {"app": name}}
    account = k8s.core.v1.ServiceAccount(name, metadata=metadata, opts=after(provider=provider))
    service = k8s.core.v1.Service(
        name,
        metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={
            "selector": {"app": name},
            "ports": [{"name": "grpc", "port": 50051, "target_port": 50051, "app_protocol": "kubernetes.io/h2c"}],
        },
        opts=after(provider=provider),
    )
    pods(name, metadata, account, service, edge(index, name, service, namespace.metadata.name))


for number in range(WORKLOADS):
    workload(number)
pulumi.export("vpc_id", vpc.id)
