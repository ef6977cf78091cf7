"""The plug-in: answers the engine's Construct and Call for pulumi-eks' components."""

# ruff: noqa: N802 (the servicer's methods carry the protocol's names)

from __future__ import annotations

import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

import grpc

from local_cloud.eks import cluster, node_group
from local_cloud.eks.kubeconfig import DESCRIBED, compact, configured
from local_cloud.eks.monitor import Component, read
from local_cloud.eks.traced import ABSENT, Reference, decode, encode, flat
from local_cloud.plugin import Plugin, Refused
from local_cloud.process import protocol

provider_pb2 = protocol("provider_pb2")
_Stub: Any = protocol("resource_pb2_grpc").ResourceMonitorStub

_COMPONENTS: Final[dict[str, Callable[[Component], Any]]] = {
    "eks:index:Cluster": cluster.build,
    "eks:index:ManagedNodeGroup": node_group.build,
    "eks:index:Addon": node_group.build_addon,
}


class Eks(Plugin):
    """The provider's data; it has no resources of its own."""

    package = "eks"
    keep_secrets = True

    def __init__(self) -> None:
        self.version = version("pulumi_eks")

    def servicer(self) -> object:
        """The gRPC servicer, with Construct and Call."""
        base: Any = type(super().servicer())

        class ComponentServicer(base):  # type: ignore[misc]
            """Adds what only component providers have."""

            def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
                answer = super().Handshake(request, context)
                answer.accept_resources = answer.accept_outputs = True  # else resources arrive as mere ids and URNs
                return answer

            def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
                answer = super().Configure(request, context)
                answer.acceptResources = answer.acceptOutputs = True
                return answer

            def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:
                return _answered(context, lambda: construct(request))

            def Call(self, request: Any, context: grpc.ServicerContext) -> Any:
                return _answered(context, lambda: call(request))

        return ComponentServicer(self)


def _answered(context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Refused as refused:
        context.abort(grpc.StatusCode.UNKNOWN, str(refused))
    except grpc.RpcError as error:  # a child failed: the engine has said why
        context.abort(grpc.StatusCode.UNKNOWN, str(error.details() if isinstance(error, grpc.Call) else error))
    except Exception:
        context.abort(grpc.StatusCode.INTERNAL, f"a defect of the local cloud:\n{traceback.format_exc()}")


def construct(request: Any) -> Any:
    """Builds one component. Raises ``Refused`` for a type this stand-in lacks and for inputs the component refuses."""
    build = _COMPONENTS.get(request.type)
    if build is None:
        raise Refused(f"{request.type}: the local cloud does not model this component; it has {', '.join(_COMPONENTS)}")
    component = Component(request)
    try:
        return build(component)
    finally:
        component.close()


def call(request: Any) -> Any:
    """Answers ``getKubeconfig`` of a Cluster."""
    if request.tok != "eks:index:Cluster/getKubeconfig":
        raise Refused(f"{request.tok}: the local cloud does not model this method")
    arguments = decode(request.args, {key: item.urns for key, item in request.argDependencies.items()})
    with grpc.insecure_channel(request.monitorEndpoint) as channel:
        monitor = _Stub(channel)
        itself = arguments["__self__"].value
        reference = read(monitor, itself.urn if isinstance(itself, Reference) else str(itself)).get(
            "eksCluster", ABSENT
        )
        state = read(monitor, reference.value.urn) if isinstance(reference.value, Reference) else {}
    options = flat({name: arguments.get(name, ABSENT) for name in ("roleArn", "profileName")})
    described = {name: state.get(name, ABSENT) for name in DESCRIBED}
    result = configured(described, options, profile=True).map(compact)
    dependencies = {"result": provider_pb2.CallResponse.ReturnDependencies(urns=sorted(result.urns))}
    return provider_pb2.CallResponse(**{"return": encode({"result": result})}, returnDependencies=dependencies)
