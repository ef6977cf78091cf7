"""An account in memory behind the provider's own methods, with what the kinds at the edge need to stand on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from local_cloud.aws.provider import Aws
from local_cloud.plugin import Call, Difference
from local_cloud.store import Row, Store

ALB = "aws:lb/loadBalancer:LoadBalancer"
TARGET_GROUP = "aws:lb/targetGroup:TargetGroup"
ATTACHMENT = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
LISTENER_CERTIFICATE = "aws:lb/listenerCertificate:ListenerCertificate"
CERTIFICATE = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ADDON = "aws:eks/addon:Addon"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ENTRY_POLICY = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"

FIXED = [{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}]
"""A default action that forwards nowhere."""


class Invalid(Exception):  # noqa: N818
    """Check found something; the text holds all of it."""


@dataclass(frozen=True)
class Made:
    """A resource as the engine knows it."""

    token: str
    name: str
    id: str
    given: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.outputs[key]


@dataclass
class World:
    """Calls the provider as the engine does: Check, Diff, Create, Update, Delete."""

    aws: Aws = field(default_factory=lambda: Aws(Store(":memory:")))
    drawn: int = 0

    def checked(
        self, token: str, name: str, props: dict[str, Any], olds: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        call = Call(self._urn(token, name), token, name, news=props, olds=olds or {}, seed=self._seed())
        inputs, failures = self.aws.check(call)
        if failures:
            raise Invalid("\n".join(failure.reason for failure in failures))
        return inputs

    def make(self, token: str, name: str, /, **props: Any) -> Made:
        inputs = self.checked(token, name, props)
        identity, outputs = self.aws.create(Call(self._urn(token, name), token, name, news=inputs))
        self.aws.read(Call(self._urn(token, name), token, name, id=identity))  # the engine has the id now
        return Made(token, name, identity, props, inputs, outputs)

    def preview(self, token: str, name: str, /, **props: Any) -> dict[str, Any]:
        inputs = self.checked(token, name, props)
        return self.aws.create(Call(self._urn(token, name), token, name, news=inputs, preview=True))[1]

    def diff(self, made: Made, /, **changes: Any) -> Difference:
        """What Diff says to inputs changed this way; None takes an input away."""
        return self.aws.diff(self._call(made, changes)[0])

    def change(self, made: Made, /, **changes: Any) -> Made:
        """An update in place."""
        call, given = self._call(made, changes)
        return Made(made.token, made.name, made.id, given, call.news, self.aws.update(call))

    def replace(self, made: Made, /, **changes: Any) -> Made:
        """A replacement as the engine does one: in the order that Diff asks for."""
        call, given = self._call(made, changes)
        difference = self.aws.diff(call)
        assert difference.replaces
        if difference.delete_first:
            self.drop(made)
        successor = self.make(made.token, f"{made.name}", **given)
        if not difference.delete_first:
            self.drop(made)
        return successor

    def _call(self, made: Made, changes: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
        given = {key: value for key, value in {**made.given, **changes}.items() if value is not None}
        inputs = self.checked(made.token, made.name, given, made.inputs)
        urn = self._urn(made.token, made.name)
        return Call(urn, made.token, made.name, made.id, made.outputs, made.inputs, inputs), given

    def drop(self, made: Made) -> object:
        urn = self._urn(made.token, made.name)
        self.aws.delete(Call(urn, made.token, made.name, made.id, made.outputs, made.inputs))
        return None

    def row(self, made: Made) -> Row | None:
        return self.aws.account.get(made.token, made.id)

    def live(self, made: Made) -> Row:
        row = self.row(made)
        assert row is not None
        return row

    def _seed(self) -> bytes:
        self.drawn += 1
        return str(self.drawn).encode()

    def _urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:dev::test::{token}::{name}"

    # What the edge stands on

    def network(self, zones: str = "ab", *, gateway: bool = True, block: int = 0) -> Network:
        """A VPC with a subnet in each zone."""
        suffix = f"-{block}" if block else ""
        vpc = self.make(VPC, f"vpc{suffix}", cidrBlock=f"10.{block}.0.0/16")
        internet = self.make(GATEWAY, f"internet{suffix}", vpcId=vpc.id) if gateway else None
        subnets = [
            self.make(
                SUBNET,
                f"subnet-{zone}{number}{suffix}",
                vpcId=vpc.id,
                cidrBlock=f"10.{block}.{number}.0/24",
                availabilityZone=f"eu-west-1{zone}",
            )
            for number, zone in enumerate(zones)
        ]
        return Network(vpc, subnets, internet)

    def load_balancer(self, network: Network, name: str = "edge", /, **props: Any) -> Made:
        return self.make(ALB, name, **{"subnets": network.ids, **props})

    def target_group(self, network: Network, name: str = "orders", /, **props: Any) -> Made:
        given = {
            "port": 50051,
            "protocol": "HTTP",
            "protocolVersion": "GRPC",
            "targetType": "ip",
            "vpcId": network.vpc.id,
        }
        return self.make(TARGET_GROUP, name, **{**given, **props})

    def issued(self, domain: str = "example.com", name: str = "cert") -> Made:
        """A certificate that has been validated in a zone of its own."""
        zone = self.make(ZONE, f"{name}-zone", name=domain)
        certificate = self.make(CERTIFICATE, name, domainName=domain, validationMethod="DNS")
        option = certificate["domainValidationOptions"][0]
        self.make(
            RECORD,
            f"{name}-record",
            zoneId=zone.id,
            name=option["resourceRecordName"],
            type=option["resourceRecordType"],
            records=[option["resourceRecordValue"]],
            ttl=60,
        )
        self.make(VALIDATION, f"{name}-validation", certificateArn=certificate.id)
        return certificate

    def https(self, balancer: Made, certificate: Made, name: str = "https", /, **props: Any) -> Made:
        given = {"port": 443, "protocol": "HTTPS", "certificateArn": certificate.id, "defaultActions": FIXED}
        return self.make(LISTENER, name, loadBalancerArn=balancer.id, **{**given, **props})

    def rule(
        self, listener: Made, target_group: Made, priority: int | None = 10, name: str = "rule", /, **props: Any
    ) -> Made:
        given: dict[str, Any] = {
            "priority": priority,
            "actions": forward(target_group),
            "conditions": [{"pathPattern": {"values": ["/acme.orders.v1.Orders/*"]}}],
        }
        return self.make(RULE, name, listenerArn=listener.id, **{**given, **props})

    def role(self, name: str, service: str | list[str], *policies: str) -> Made:
        """An IAM role that a service may assume."""
        action = ["sts:AssumeRole", "sts:TagSession"]
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        made = self.make(ROLE, name, assumeRolePolicy=json.dumps(document))
        for policy in policies:
            self.make(
                ROLE_POLICY_ATTACHMENT, f"{name}-{policy}", role=made.id, policyArn=f"arn:aws:iam::aws:policy/{policy}"
            )
        return made

    def cluster(self, network: Network, name: str = "main", /, **props: Any) -> Made:
        """A cluster in API mode with its role."""
        role = self.role(f"{name}-cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
        given = {
            "name": name,
            "roleArn": role["arn"],
            "version": "1.36",
            "vpcConfig": {"subnetIds": network.ids},
            "accessConfig": {"authenticationMode": "API"},
        }
        return self.make(CLUSTER, name, **{**given, **props})

    def nodes(self, cluster: Made, network: Network, name: str = "general", /, **props: Any) -> Made:
        """A node group with its role."""
        role = self.role(f"{name}-nodes", "ec2.amazonaws.com", "AmazonEKSWorkerNodePolicy")
        given = {
            "clusterName": cluster.id,
            "nodeGroupName": name,
            "nodeRoleArn": role["arn"],
            "subnetIds": network.ids,
            "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
            "amiType": "AL2023_ARM_64_STANDARD",
            "instanceTypes": ["m7g.large"],
        }
        return self.make(NODE_GROUP, name, **{**given, **props})


@dataclass(frozen=True)
class Edge:
    """A load balancer with an HTTPS listener, a plain one and a gRPC target group."""

    world: World
    network: Network
    certificate: Made
    balancer: Made
    https: Made
    http: Made
    orders: Made


def edge() -> Edge:
    """A fresh account with an edge in it."""
    world = World()
    network = world.network()
    certificate = world.issued()
    balancer = world.load_balancer(network)
    https = world.https(balancer, certificate)
    http = world.make(LISTENER, "http", loadBalancerArn=balancer.id, port=80, protocol="HTTP", defaultActions=FIXED)
    return Edge(world, network, certificate, balancer, https, http, world.target_group(network))


@dataclass(frozen=True)
class Network:
    """A VPC and its subnets."""

    vpc: Made
    subnets: list[Made]
    internet: Made | None

    @property
    def ids(self) -> list[str]:
        return [subnet.id for subnet in self.subnets]


def forward(*target_groups: Made) -> list[dict[str, Any]]:
    """Actions that forward to target groups."""
    if len(target_groups) == 1:
        return [{"type": "forward", "targetGroupArn": target_groups[0].id}]
    groups = [{"arn": group.id, "weight": 1} for group in target_groups]
    return [{"type": "forward", "forward": {"targetGroups": groups}}]
