"""A gRPC architecture of any size, as exported state or as a preview: what the benchmarks of the pack look at.

One network, cluster and service network; a load balancer for every 80 services, as an ALB takes 100 rules; the rules
of security groups that let both reach the pods; for each service twelve resources, among them target group, listener
rule, binding, Deployment, autoscaler, budget and repository; every tenth service is in VPC Lattice too. The pack has no
finding on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bench.programs import PER_BALANCER

STACK: Final = "urn:pulumi:prod::shop"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a value that is not known yet (pulumi sdk/go/common/resource/plugin/rpc.go)."""
ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
REGISTRY: Final = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PER_SERVICE: Final = 12
LATTICE: Final = 5
SHARED: Final = 20
"""What there is once, and one load balancer with its groups' rules."""
PORT: Final = 50051
HEALTH_PORT: Final = 8080
"""Where servers answer health checks by HTTP, as VPC Lattice wants them."""
IN_LATTICE: Final = 10
"""Every how many services one is in VPC Lattice too."""
TAGS: Final = {"project": "shop", "environment": "prod"}
LOGS: Final = "shop-access-logs"
_CIDR: Final = "10.0.0.0/16"
_INWARD: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_OUTWARD: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_PODS_GROUP: Final = "vpcConfig.clusterSecurityGroupId"


@dataclass(frozen=True)
class Ref:
    """A value that comes out of another resource: its id, or another output by its path."""

    of: str
    output: str = "id"


@dataclass
class Entry:
    """A resource. inputs: its properties as a program gives them, with references; outputs: by path, what AWS made."""

    type: str
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        """Its URN."""
        return f"{STACK}::{self.type}::{self.name}"


class Architecture:
    """Resources by type and name, in an order in which each follows what it was made of."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Entry] = {}

    def add(self, type_: str, name: str, inputs: Mapping[str, Any], **outputs: Any) -> Entry:
        """Adds a resource; `id` is one of the outputs: the ARN, or a name of its own, unless given."""
        own = outputs.get("arn") or f"{name}/{type_.rpartition(':')[2]}"
        entry = Entry(type_, name, dict(inputs), {"id": own, **outputs})
        self.entries[type_, name] = entry
        return entry

    def state(self) -> dict[str, Any]:
        """What `pulumi stack export` prints."""
        stack = {"urn": f"{STACK}::pulumi:pulumi:Stack::shop-prod", "type": "pulumi:pulumi:Stack", "custom": False}
        resources = [stack, *(self._exported(each) for each in self.entries.values())]
        return {"version": 3, "deployment": {"manifest": {}, "resources": resources}}

    def preview(self) -> list[dict[str, Any]]:
        """The steps of `pulumi preview --json` before anything exists: no id and no ARN is known."""
        return [
            {"op": "create", "urn": each.urn, "newState": self._entry(each, known=False)}
            for each in self.entries.values()
        ]

    def _exported(self, entry: Entry) -> dict[str, Any]:
        made = self._entry(entry, known=True)
        outputs = dict(made["inputs"])
        for path, value in entry.outputs.items():
            key, _, inner = path.partition(".")
            outputs[key] = {**outputs[key], inner: value} if inner else value
        return {**made, "id": entry.outputs["id"], "outputs": outputs}

    def _entry(self, entry: Entry, *, known: bool) -> dict[str, Any]:
        owners = {key: sorted({each.of for each in refs(value)}) for key, value in entry.inputs.items()}
        by_urn = self._outputs() if known else {}
        return {
            "urn": entry.urn,
            "type": entry.type,
            "custom": True,
            "inputs": {key: _resolved(value, by_urn) for key, value in entry.inputs.items()},
            "dependencies": sorted({urn for urns in owners.values() for urn in urns}),
            "propertyDependencies": {key: urns for key, urns in owners.items() if urns},
        }

    def _outputs(self) -> Mapping[str, Mapping[str, Any]]:
        if len(self._known) != len(self.entries):
            self._known = {each.urn: each.outputs for each in self.entries.values()}
        return self._known

    _known: Mapping[str, Mapping[str, Any]] = {}


def refs(value: Any) -> Iterator[Ref]:
    """Every reference in a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def _resolved(value: Any, by_urn: Mapping[str, Mapping[str, Any]]) -> Any:
    if isinstance(value, Ref):
        return by_urn[value.of][value.output] if by_urn else UNKNOWN
    if isinstance(value, Mapping):
        return {key: _resolved(each, by_urn) for key, each in value.items()}
    return [_resolved(each, by_urn) for each in value] if isinstance(value, list) else value


def arn(service: str, path: str) -> str:
    """An ARN of the account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{path}"


@dataclass(frozen=True)
class Shared:
    """What all services stand on."""

    vpc: Entry
    network: Entry
    listeners: tuple[tuple[Entry, Entry], ...]


def services_for(resources: int) -> int:
    """How many services come to about so many resources."""
    return max(1, round((resources - SHARED) / (PER_SERVICE + LATTICE / IN_LATTICE)))


def build(services: int) -> Architecture:
    """The architecture with so many services."""
    from bench import workloads  # noqa: PLC0415 - which builds on this module

    made = Architecture()
    shared = _shared(made, services)
    for index in range(services):
        workloads.add(made, shared, index)
    return made


def _shared(made: Architecture, services: int) -> Shared:
    vpc = made.add(
        "aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": _CIDR, "enableDnsHostnames": True, "tags": TAGS}, id="vpc-0a1"
    )
    subnets = [
        made.add(
            "aws:ec2/subnet:Subnet",
            f"{kind}-{zone}",
            {
                "vpcId": Ref(vpc.urn),
                "availabilityZone": f"{REGION}{zone}",
                "cidrBlock": f"10.0.{16 * (2 * place + side)}.0/20",
                "mapPublicIpOnLaunch": False,
                "tags": TAGS,
            },
            id=f"subnet-{side}{place}",
        )
        for place, zone in enumerate("ab")
        for side, kind in enumerate(("public", "private"))
    ]
    key = made.add(
        "aws:kms/key:Key",
        "secrets",
        {"description": "Secrets of the cluster", "enableKeyRotation": True, "policy": _key_policy(), "tags": TAGS},
        arn=arn("kms", "key/1"),
    )
    cluster = _cluster(made, key, subnets)
    network = _mesh(made, vpc, cluster)
    count = -(-services // PER_BALANCER)
    return Shared(vpc, network, tuple(_balancer(made, vpc, subnets, cluster, index) for index in range(count)))


def _mesh(made: Architecture, vpc: Entry, cluster: Entry) -> Entry:
    """The service network: who may call through it, from where, what is logged, and its way to the pods."""
    network = made.add(
        "aws:vpclattice/serviceNetwork:ServiceNetwork",
        "mesh",
        {"name": "mesh", "authType": "AWS_IAM", "tags": TAGS},
        arn=arn("vpc-lattice", "servicenetwork/sn-1"),
    )
    made.add(
        "aws:vpclattice/authPolicy:AuthPolicy",
        "mesh",
        {"resourceIdentifier": Ref(network.urn, "arn"), "policy": auth_policy()},
    )
    made.add(
        "aws:vpclattice/accessLogSubscription:AccessLogSubscription",
        "mesh",
        {"resourceIdentifier": Ref(network.urn, "arn"), "destinationArn": f"arn:aws:s3:::{LOGS}", "tags": TAGS},
        arn=arn("vpc-lattice", "accesslogsubscription/als-1"),
    )
    clients = made.add(
        "aws:ec2/securityGroup:SecurityGroup",
        "mesh",
        {"vpcId": Ref(vpc.urn), "description": "Callers of the service network", "tags": TAGS},
        id="sg-mesh",
    )
    _let(made, _INWARD, "mesh", Ref(clients.urn), (443, 443), cidrIpv4=_CIDR)
    _let(made, _INWARD, "mesh-to-pods", Ref(cluster.urn, _PODS_GROUP), (HEALTH_PORT, PORT), prefixListId="pl-0a1")
    made.add(
        "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation",
        "mesh",
        {
            "serviceNetworkIdentifier": Ref(network.urn),
            "vpcIdentifier": Ref(vpc.urn),
            "securityGroupIds": [Ref(clients.urn)],
            "tags": TAGS,
        },
        arn=arn("vpc-lattice", "servicenetworkvpcassociation/snva-1"),
    )
    return network


def _let(made: Architecture, type_: str, name: str, group: Ref, ports: tuple[int, int], **other: Any) -> None:
    """A rule of a security group for TCP from the first to the last of the ports; other: its source or destination."""
    first, last = ports
    rule = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": first, "toPort": last, **other}
    made.add(type_, name, {"description": "gRPC", **rule})


def _cluster(made: Architecture, key: Entry, subnets: list[Entry]) -> Entry:
    return made.add(
        "aws:eks/cluster:Cluster",
        "cluster",
        {
            "name": "shop",
            "version": "1.34",
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/cluster",
            "vpcConfig": {
                "subnetIds": [Ref(each.urn) for each in subnets],
                "endpointPrivateAccess": True,
                "endpointPublicAccess": False,
            },
            "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
            "encryptionConfig": {"provider": {"keyArn": Ref(key.urn, "arn")}, "resources": ["secrets"]},
            "tags": TAGS,
        },
        arn=arn("eks", "cluster/shop"),
        **{_PODS_GROUP: "sg-pods"},
    )


def _front(made: Architecture, vpc: Entry, cluster: Entry, index: int) -> Entry:
    """The security group of a load balancer, with its way in and its way to the pods."""
    name, pods = f"edge-{index}", Ref(cluster.urn, _PODS_GROUP)
    group = made.add(
        "aws:ec2/securityGroup:SecurityGroup",
        name,
        {"vpcId": Ref(vpc.urn), "description": "Callers of the edge", "tags": TAGS},
        id=f"sg-{index}",
    )
    _let(made, _INWARD, name, Ref(group.urn), (443, 443), cidrIpv4="0.0.0.0/0")
    _let(made, _OUTWARD, name, Ref(group.urn), (PORT, PORT), referencedSecurityGroupId=pods)
    _let(made, _INWARD, f"{name}-to-pods", pods, (PORT, PORT), referencedSecurityGroupId=Ref(group.urn))
    return group


def _balancer(made: Architecture, vpc: Entry, subnets: list[Entry], cluster: Entry, index: int) -> tuple[Entry, Entry]:
    name = f"edge-{index}"
    group = _front(made, vpc, cluster, index)
    path = f"loadbalancer/app/{name}/{index:016x}"
    balancer = made.add(
        "aws:lb/loadBalancer:LoadBalancer",
        name,
        {
            "loadBalancerType": "application",
            "internal": False,
            "securityGroups": [Ref(group.urn)],
            "subnets": [Ref(each.urn) for each in subnets if each.name.startswith("public")],
            "idleTimeout": 300,
            "desyncMitigationMode": "defensive",
            "enableDeletionProtection": True,
            "accessLogs": {"bucket": LOGS, "enabled": True},
            "tags": TAGS,
        },
        arn=arn("elasticloadbalancing", path),
        dnsName=f"{name}-{index:010}.{REGION}.elb.amazonaws.com",
        zoneId="Z32O12XQLNTSW2",
    )
    path = f"listener/app/{name}/{index:016x}/1"
    listener = made.add(
        "aws:lb/listener:Listener",
        name,
        {
            "loadBalancerArn": Ref(balancer.urn, "arn"),
            "port": 443,
            "protocol": "HTTPS",
            "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            "certificateArn": arn("acm", "certificate/1"),
            "defaultActions": [
                {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
            ],
            "tags": TAGS,
        },
        arn=arn("elasticloadbalancing", path),
    )
    return balancer, listener


def auth_policy(principal: Any = None) -> str:
    """An auth policy of VPC Lattice for a principal, the account unless given."""
    statement = {
        "Effect": "Allow",
        "Principal": principal or {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "vpc-lattice-svcs:Invoke",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _key_policy() -> str:
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [owner]})
