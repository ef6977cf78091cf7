"""A resource monitor that records what the eks components register and answers like the engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from local_cloud.eks.provider import construct
from local_cloud.eks.traced import Traced, decode, encode, flat
from local_cloud.process import protocol

resource_pb2: Any = protocol("resource_pb2")
provider_pb2: Any = protocol("provider_pb2")
resource_grpc: Any = protocol("resource_pb2_grpc")

ROLE = "arn:aws:iam::123456789012:role/nodes"
ADDON = "aws:eks/addon:Addon"


def ours(**more: Any) -> dict[str, Any]:
    """The inputs this platform gives."""
    return {
        "name": "main",
        "version": "1.36",
        "vpcId": "vpc-1",
        "subnetIds": ["subnet-1", "subnet-2"],
        "authenticationMode": "API",
        "skipDefaultNodeGroup": True,
        "skipDefaultSecurityGroups": True,
        "useDefaultVpcCni": True,
        "kubeProxyAddonOptions": {"enabled": False},
        "corednsAddonOptions": {"enabled": False},
        **more,
    }


@dataclass
class Registered:
    """One registration as the engine sees it."""

    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    request: Any


@dataclass
class Monitor:
    """Answers like the engine: URNs from type and name, outputs like AWS, unknown in preview."""

    preview: bool = False
    registered: list[Registered] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)
    address: str = ""

    def RegisterResource(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        urn = f"urn:pulumi:dev::test::{request.type}::{request.name}"
        inputs = {key: item.value for key, item in decode(request.object, {}).items()}
        parent = request.parent.rpartition("::")[2]
        self.registered.append(Registered(request.type, request.name, parent, inputs, request))
        state = {**inputs, **({} if self.preview else _outputs(request.type, inputs))}
        self.states[urn] = encode({key: Traced(value) for key, value in state.items()})
        identity = "" if self.preview or not request.custom else f"{request.name}-id"
        return resource_pb2.RegisterResourceResponse(urn=urn, id=identity, object=self.states[urn])

    def RegisterResourceOutputs(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self.states[request.urn] = request.outputs
        return protocol("provider_pb2").google_dot_protobuf_dot_empty__pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        urn = request.args.fields["urn"].string_value
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").fields["state"].struct_value.CopyFrom(self.states[urn])
        return answer

    # What tests ask

    def construct(self, kind: str, name: str, /, **inputs: Any) -> dict[str, Any]:
        """Builds a component; gives its outputs."""
        request = provider_pb2.ConstructRequest(
            type=f"eks:index:{kind}",
            name=name,
            parent="urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev",
            inputs=encode({key: flat(value) for key, value in inputs.items()}),
            monitorEndpoint=self.address,
            dryRun=self.preview,
        )
        for key, value in inputs.items():
            request.inputDependencies[key].urns.extend(flat(value).urns)
        request.inputDependencies["subnetIds"].urns.append("urn:subnet")
        response = construct(request)
        self.response = response
        return {key: item.value for key, item in decode(response.state, {}).items()}

    def one(self, name: str) -> Registered:
        found = [each for each in self.registered if each.name == name and each.request.custom]
        assert len(found) == 1, [each.name for each in self.registered]
        return found[0]

    def tree(self) -> list[tuple[str, str, str]]:
        """(type, name, name of the parent) of every child, in order."""
        return [(each.type, each.name, each.parent) for each in self.registered[1:]]


def _outputs(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    if kind == "aws:eks/cluster:Cluster":
        return {
            "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/main",
            "name": inputs.get("name", "auto"),
            "version": inputs.get("version", "1.36"),
            "endpoint": "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
            "certificateAuthority": {"data": "Y2E="},
            "identities": [{"oidcs": [{"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"}]}],
            "vpcConfig": {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-eks"},
        }
    return {"arn": f"arn:{kind}"}


@contextmanager
def serving() -> Iterator[Monitor]:
    """A monitor behind a port of its own."""
    recorder = Monitor()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    resource_grpc.add_ResourceMonitorServicer_to_server(_servicer(recorder), server)
    recorder.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield recorder
    server.stop(None)


def _servicer(recorder: Monitor) -> object:
    base: Any = resource_grpc.ResourceMonitorServicer
    names = ("RegisterResource", "RegisterResourceOutputs", "Invoke")

    def forward(name: str) -> Any:
        return lambda _self, request, context: getattr(recorder, name)(request, context)

    servicer: object = type("Servicer", (base,), {name: forward(name) for name in names})()
    return servicer
