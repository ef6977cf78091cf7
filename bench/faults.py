"""Faults to seed into the architecture of three services, so that tools can be compared by what they find.

Two kinds: what breaks gRPC, and what any reviewer of infrastructure asks for. Each is one change that a person makes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bench.architecture import HEALTH_PORT, Architecture, Entry, Ref, auth_policy, build
from bench.workloads import GATE, name_of

SERVICES: Final = 3
_STEP: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_GONE: Final = object()
_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
_RULE: Final = "aws:lb/listenerRule:ListenerRule"
_LISTENER: Final = "aws:lb/listener:Listener"
_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_WORKLOAD: Final = "kubernetes:apps/v1:Deployment"
_REPOSITORY: Final = "aws:ecr/repository:Repository"
_CLUSTER: Final = "aws:eks/cluster:Cluster"
_POD: Final = "spec.template.spec"
_CONTAINER: Final = f"{_POD}.containers[0]"


@dataclass(frozen=True)
class Fault:
    """One fault; `seed` puts it into an architecture."""

    title: str
    seed: Callable[[Architecture], None]


def seeded(fault: Fault) -> Architecture:
    """The architecture with the fault in it and nothing else wrong."""
    made = build(SERVICES)
    fault.seed(made)
    return made


def put(type_: str, name: str, **changes: Any) -> Callable[[Architecture], None]:
    """Sets values of one resource by path; `_GONE` takes one away."""

    def seed(made: Architecture) -> None:
        entry = made.entries[type_, name]
        entry.inputs = copy.deepcopy(entry.inputs)
        for path, value in changes.items():
            change(entry, path, value)

    return seed


def change(entry: Entry, path: str, value: Any) -> None:
    """Sets or takes away one value; what it lies in must exist, or KeyError is raised."""
    steps: list[Any] = [int(index) if index else key for index, key in _STEP.findall(path)]
    place: Any = entry.inputs
    for step in steps[:-1]:
        place = place[step]
    if value is _GONE:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value


def _group(**changes: Any) -> Callable[[Architecture], None]:
    return put(_GROUP, name_of(1), **changes)


def _shadowed(made: Architecture) -> None:
    first, second = (made.entries[_RULE, name_of(index)] for index in (1, 2))
    second.inputs = {**second.inputs, "conditions": copy.deepcopy(first.inputs["conditions"])}


def _mixed(made: Architecture) -> None:
    """A weighted forward to a target group of HTTP beside the one of gRPC."""
    other = made.entries[_GROUP, name_of(1)]
    health = {**other.inputs["healthCheck"], "path": "/healthz", "matcher": "200"}
    legacy = made.add(
        _GROUP,
        "legacy",
        {**other.inputs, "port": 8080, "protocolVersion": "HTTP1", "healthCheck": health},
        arn=other.outputs["arn"].replace(other.name, "legacy"),
    )
    groups = [{"arn": Ref(each.urn, "arn"), "weight": 50} for each in (other, legacy)]
    rule = made.entries.pop((_RULE, name_of(1)))
    rule.inputs = {**rule.inputs, "actions": [{"type": "forward", "forward": {"targetGroups": groups}}]}
    made.entries[_RULE, name_of(1)] = rule


def _open_ssh(made: Architecture) -> None:
    entry = made.entries["aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "edge-0"]
    ports = {"description": "Maintenance", "fromPort": 22, "toPort": 22}
    made.add(entry.type, "maintenance", {**entry.inputs, **ports})


_PLAIN: Final = {"protocol": "HTTP", "port": 80, "sslPolicy": _GONE, "certificateArn": _GONE}
_LATTICE_CHECK: Final = {
    "config.healthCheck.protocolVersion": "GRPC",
    "config.healthCheck.port": _GONE,
}

GRPC_FAULTS: Final = (
    Fault("target group without protocol version (HTTP/1.1)", _group(protocolVersion=_GONE)),
    Fault("matcher 12: a server without health service passes", _group(**{"healthCheck.matcher": "12"})),
    Fault("matcher 200, a code of HTTP", _group(**{"healthCheck.matcher": "200"})),
    Fault("health check path /healthz", _group(**{"healthCheck.path": "/healthz"})),
    Fault("no health check", _group(healthCheck=_GONE)),
    Fault("listener HTTP on port 80", put(_LISTENER, "edge-0", **_PLAIN)),
    Fault("HTTP/2 off on the load balancer", put(_BALANCER, "edge-0", enableHttp2=False)),
    Fault(
        "path pattern without the slash",
        put(_RULE, name_of(1), **{"conditions[1].pathPattern.values": ["shop.service1.v1.Orders/*"]}),
    ),
    Fault("listener rule hidden by another", _shadowed),
    Fault("weighted forward to HTTP beside gRPC", _mixed),
    Fault("no readiness probe", put(_WORKLOAD, name_of(1), **{f"{_CONTAINER}.readinessProbe": _GONE})),
    Fault(
        "probe on a port nobody declares",
        put(_WORKLOAD, name_of(1), **{f"{_CONTAINER}.readinessProbe.grpc": {"port": HEALTH_PORT}}),
    ),
    Fault(
        "grace period shorter than the sleep before the stop",
        put(_WORKLOAD, name_of(1), **{f"{_POD}.terminationGracePeriodSeconds": 10}),
    ),
    Fault(
        "Service that does not say h2c",
        put("kubernetes:core/v1:Service", name_of(1), **{"spec.ports[0].appProtocol": "http"}),
    ),
    Fault(
        "Lattice health check of version GRPC",
        put("aws:vpclattice/targetGroup:TargetGroup", name_of(0), **_LATTICE_CHECK),
    ),
    Fault(
        "namespace without readiness gate",
        put("kubernetes:core/v1:Namespace", name_of(1), **{"metadata.labels": dict.fromkeys(GATE, "disabled")}),
    ),
)
GENERAL_FAULTS: Final = (
    Fault("mutable image tags", put(_REPOSITORY, name_of(1), imageTagMutability="MUTABLE")),
    Fault(
        "images are not scanned",
        put(_REPOSITORY, name_of(1), **{"imageScanningConfiguration.scanOnPush": False}),
    ),
    Fault("image tag latest", put(_WORKLOAD, name_of(1), **{f"{_CONTAINER}.image": "acme/orders:latest"})),
    Fault(
        "cluster endpoint open to the world",
        put(
            _CLUSTER,
            "cluster",
            **{"vpcConfig.endpointPublicAccess": True, "vpcConfig.publicAccessCidrs": ["0.0.0.0/0"]},
        ),
    ),
    Fault("cluster secrets not encrypted by a key", put(_CLUSTER, "cluster", encryptionConfig=_GONE)),
    Fault("no logs of the control plane", put(_CLUSTER, "cluster", enabledClusterLogTypes=_GONE)),
    Fault("no access logs of the load balancer", put(_BALANCER, "edge-0", accessLogs=_GONE)),
    Fault("no deletion protection", put(_BALANCER, "edge-0", enableDeletionProtection=False)),
    Fault("TLS 1.0 accepted", put(_LISTENER, "edge-0", sslPolicy="ELBSecurityPolicy-2016-08")),
    Fault("SSH open to the world", _open_ssh),
    Fault("key is not rotated", put("aws:kms/key:Key", "secrets", enableKeyRotation=False)),
    Fault(
        "privileged container",
        put(_WORKLOAD, name_of(1), **{f"{_CONTAINER}.securityContext.privileged": True}),
    ),
    Fault("no memory limit", put(_WORKLOAD, name_of(1), **{f"{_CONTAINER}.resources.limits": {"cpu": "1"}})),
    Fault(
        "auth policy that lets anyone in",
        put("aws:vpclattice/authPolicy:AuthPolicy", name_of(0), policy=auth_policy("*")),
    ),
)
FAULTS: Final = (*GRPC_FAULTS, *GENERAL_FAULTS)
