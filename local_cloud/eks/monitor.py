"""The engine's resource monitor, as a component provider calls it: registers the component and its children.

It speaks the protocol itself rather than through the Pulumi SDK, whose import alone would take longer than all else
this plug-in does (protocol: proto/pulumi/resource.proto).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import grpc

from local_cloud.eks.traced import ABSENT, Reference, Traced, decode, encode, flat
from local_cloud.process import protocol
from local_cloud.values import UNKNOWN

resource_pb2 = protocol("resource_pb2")
provider_pb2 = protocol("provider_pb2")
_Stub: Any = protocol("resource_pb2_grpc").ResourceMonitorStub

Message = Any  # the SDK's protocol modules are not typed

_PACKAGES = {"aws": "pulumi_aws", "kubernetes": "pulumi_kubernetes"}


@dataclass(frozen=True)
class Child:
    """A registered resource."""

    urn: str
    id: Traced
    state: Mapping[str, Traced]
    preview: bool

    def __getitem__(self, name: str) -> Traced:
        """An output; in a preview an output that is not known yet is unknown."""
        absent = Traced(UNKNOWN if self.preview else None, frozenset({self.urn}))
        return self.state.get(name, absent)

    def within(self, name: str, key: str) -> Traced:
        """A member of an output that is a map; unknown in a preview that does not have it yet."""
        found = self[name][key]
        return Traced(UNKNOWN, found.urns) if self.preview and found.value is None else found

    @property
    def reference(self) -> Traced:
        """The resource itself, as an output of a component."""
        return Traced(Reference(self.urn, self.id.value), frozenset({self.urn}))


class Component:
    """One component under construction."""

    def __init__(self, request: Message) -> None:
        """``request``: the engine's ConstructRequest, whose options the component and its children take over."""
        self._request = request
        self._channel = grpc.insecure_channel(request.monitorEndpoint)
        self._monitor = _Stub(self._channel)
        self.name: str = request.name
        self.preview: bool = request.dryRun
        dependencies = {key: item.urns for key, item in request.inputDependencies.items()}
        self._inputs = decode(request.inputs, dependencies)
        self.urn = ""

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __getitem__(self, name: str) -> Traced:
        """An input, ``ABSENT`` when not given."""
        return self._inputs.get(name, ABSENT)

    def open(self, parent: str = "") -> None:
        """Registers the component itself, with the options the program gave (``parent`` overrides theirs)."""
        request = self._request
        self.urn = self._register(
            type=request.type,
            name=request.name,
            parent=parent or request.parent,
            aliases=request.aliases,
            protect=request.protect,
            dependencies=request.dependencies,
            providers=dict(request.providers),
            ignoreChanges=request.ignoreChanges,
            replaceOnChanges=request.replaceOnChanges,
            retainOnDelete=request.retainOnDelete,
            deletedWith=request.deletedWith,
        ).urn

    def component(self, token: str, name: str) -> str:
        """Registers a local component below this one; gives its URN."""
        urn: str = self._register(type=token, name=name, parent=self.urn, protect=self._request.protect).urn
        return urn

    def child(
        self,
        token: str,
        name: str,
        properties: Mapping[str, Any],
        *,
        parent: str = "",
        depends: Sequence[Child] = (),
        ignore: Sequence[str] = (),
        provider: str = "",
    ) -> Child:
        """Registers a resource. ``properties`` may nest Traced values; ``provider``: "urn::id" of an explicit one."""
        flattened = {key: flat(item) for key, item in properties.items()}
        known = {key: item for key, item in flattened.items() if item.value is not None}
        package = token.split(":")[2 if token.startswith("pulumi:providers:") else 0]
        urns = {urn for item in known.values() for urn in item.urns} | {item.urn for item in depends}
        answer = self._register(
            type=token,
            name=name,
            custom=True,
            parent=parent or self.urn,
            protect=self._request.protect,
            object=encode(known),
            provider=provider or self._request.providers.get(package, ""),
            version="" if provider else version(_PACKAGES[package]),
            dependencies=sorted(urns),
            propertyDependencies=_dependencies(known),
            ignoreChanges=ignore,
        )
        return self._child(answer)

    def _child(self, answer: Message) -> Child:
        urn = answer.urn
        state = decode(answer.object, dict.fromkeys(answer.object.fields, (urn,)))
        identity = answer.id or (UNKNOWN if self.preview else "")
        return Child(urn, Traced(identity, frozenset({urn})), state, self.preview)

    def _register(self, **fields: Any) -> Message:
        return self._monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                acceptSecrets=True, acceptResources=True, supportsPartialValues=True, aliasSpecs=True, **fields
            )
        )

    def look(self, resource: Reference) -> Mapping[str, Traced]:
        """The outputs of any resource of the program."""
        return read(self._monitor, resource.urn)

    def outputs(self, state: Mapping[str, Any], urn: str = "") -> Message:
        """Registers the outputs of this component (or of a local one below it); gives the answer for the engine."""
        flattened = {key: item for key, value in state.items() if (item := flat(value)).value is not None}
        wire = encode(flattened)
        self._monitor.RegisterResourceOutputs(
            resource_pb2.RegisterResourceOutputsRequest(urn=urn or self.urn, outputs=wire)
        )
        return provider_pb2.ConstructResponse(
            urn=self.urn, state=wire, stateDependencies=_dependencies(flattened, provider_pb2.ConstructResponse)
        )


def _dependencies(properties: Mapping[str, Traced], message: Message = None) -> dict[str, Message]:
    kind = (message or resource_pb2.RegisterResourceRequest).PropertyDependencies
    return {key: kind(urns=sorted(item.urns)) for key, item in properties.items()}


def read(monitor: Message, urn: str) -> Mapping[str, Traced]:
    """The state of a resource by URN (the engine's own function pulumi:pulumi:getResource)."""
    arguments = encode({"urn": Traced(urn)})
    request = resource_pb2.ResourceInvokeRequest(tok="pulumi:pulumi:getResource", args=arguments, acceptResources=True)
    answer = getattr(monitor.Invoke(request), "return")
    state = answer.fields["state"].struct_value
    return decode(state, dict.fromkeys(state.fields, (urn,)))
