"""A provider plug-in in plain Python: the gRPC side of the engine's protocol, without its wire types.

A stand-in subclasses ``Plugin`` and overrides what it needs; ``process.serve(plugin.servicer(), sys.argv[1:])`` runs
it. Secrets arrive unwrapped (``keep_secrets = False``): the engine then marks the outputs that echo a secret input by
itself; further outputs may be given as ``values.Secret``.

A method raises ``Refused`` for what the user shall read; anything else is a bug and arrives with its traceback.
"""

# ruff: noqa: N802 (the servicer's methods carry the protocol's names)

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2

from local_cloud.process import protocol
from local_cloud.store import Store
from local_cloud.values import Failure, Props, decode, encode

pb = protocol("provider_pb2")
plugin_pb2 = protocol("plugin_pb2")
_Base: Any = protocol("provider_pb2_grpc").ResourceProviderServicer

Message = Any  # the SDK's protocol modules are not typed


class Refused(Exception):  # noqa: N818 (the cloud refuses; nothing is broken)
    """An answer of the cloud for the user, printed by the engine as it stands."""


@dataclass(frozen=True)
class Call:
    """One request. Which fields are filled depends on the method; ``urn``, ``type`` and ``name`` always are.

    ``olds`` are old outputs (old *inputs* in ``check``), ``news`` the new inputs, ``old_inputs`` the old inputs;
    ``seed`` is the engine's random seed in ``check``, ``autonaming`` the project's naming rule there (proposed name;
    propose, enforce or disable); ``ignore`` the paths of ``ignore_changes``.
    """

    urn: str
    type: str
    name: str
    id: str = ""
    olds: Props = field(default_factory=dict)
    old_inputs: Props = field(default_factory=dict)
    news: Props = field(default_factory=dict)
    preview: bool = False
    seed: bytes = b""
    ignore: tuple[str, ...] = ()
    autonaming: tuple[str, str] = ("", "propose")


@dataclass(frozen=True)
class Difference:
    """The answer of ``diff``. ``detailed``: path -> add, delete, update, each with ``-replace`` where it replaces."""

    detailed: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    delete_first: bool = False
    stables: tuple[str, ...] = ()


class Plugin:
    """What a provider does, by default nothing. Names and order follow the engine's protocol (provider.proto)."""

    package = ""
    version = ""
    keep_secrets = False
    store: Store | None = None

    def check_config(self, call: Call) -> tuple[Props, Iterable[Failure]]:
        """The provider's own inputs."""
        return call.news, ()

    def diff_config(self, call: Call) -> Difference:
        """What a change of the provider's inputs means."""
        return Difference()

    def configure(self, config: Props) -> None:
        """Receives the checked configuration before anything else."""

    def check(self, call: Call) -> tuple[Props, Iterable[Failure]]:
        """Inputs with defaults filled in, and complaints."""
        return call.news, ()

    def diff(self, call: Call) -> Difference:
        """What changed and what it takes."""
        raise NotImplementedError

    def create(self, call: Call) -> tuple[str, Props]:
        """Id ("" in preview) and outputs."""
        raise NotImplementedError

    def read(self, call: Call) -> tuple[str, Props, Props]:
        """Id ("" when gone), inputs and outputs."""
        raise NotImplementedError

    def update(self, call: Call) -> Props:
        """Outputs."""
        raise NotImplementedError

    def delete(self, call: Call) -> None:
        """Deletes; what is gone already is a success."""
        raise NotImplementedError

    def described(self) -> str:
        """The package schema (JSON); ``pulumi import`` needs one that knows the imported type."""
        return json.dumps({"name": self.package, "version": self.version})

    def invoke(self, token: str, arguments: Props) -> Props:
        """A function of the provider."""
        raise Refused(f"the local cloud does not answer the look-up {token}; say the value in the settings instead")

    def ended(self) -> None:
        """The engine has ended its run by itself: what was created is in its state now (``Store.settle``)."""
        if self.store is not None:
            self.store.settle()

    def servicer(self) -> object:
        """The gRPC servicer to give to ``process.serve``."""
        return _Servicer(self)


_KINDS = {
    "add": pb.PropertyDiff.ADD,
    "add-replace": pb.PropertyDiff.ADD_REPLACE,
    "delete": pb.PropertyDiff.DELETE,
    "delete-replace": pb.PropertyDiff.DELETE_REPLACE,
    "update": pb.PropertyDiff.UPDATE,
    "update-replace": pb.PropertyDiff.UPDATE_REPLACE,
}


class _Servicer(_Base):  # type: ignore[misc]
    """Translates both ways; method names are the protocol's."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def ended(self) -> None:
        self._plugin.ended()

    def _decode(self, struct: Message) -> Props:
        return decode(struct, secrets=self._plugin.keep_secrets)

    def _call(self, request: Message, **values: Message) -> Call:
        """The request's common part, and ``values``: structs are decoded."""
        parts = request.urn.split("::", 3)
        kind, name = (parts[2].rsplit("$", 1)[-1], parts[3]) if len(parts) == 4 else ("", "")
        decoded: dict[str, Any] = {
            key: self._decode(v) if isinstance(v, struct_pb2.Struct) else v for key, v in values.items()
        }
        return Call(request.urn, kind, name, **decoded)

    @contextmanager
    def _answering(self, context: grpc.ServicerContext) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        except Exception:
            context.abort(grpc.StatusCode.INTERNAL, f"a defect of the local cloud:\n{traceback.format_exc()}")

    def Handshake(self, request: Message, context: grpc.ServicerContext) -> Message:
        return pb.ProviderHandshakeResponse(
            accept_secrets=self._plugin.keep_secrets, supports_autonaming_configuration=True
        )

    def GetPluginInfo(self, request: Message, context: grpc.ServicerContext) -> Message:
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    def GetSchema(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            return pb.GetSchemaResponse(schema=self._plugin.described())

    def Cancel(self, request: Message, context: grpc.ServicerContext) -> Message:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            return _checked(self._plugin.check_config(self._call(request, olds=request.olds, news=request.news)))

    def DiffConfig(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(request, olds=request.old_inputs, old_inputs=request.old_inputs, news=request.news)
            return _difference(self._plugin.diff_config(call))

    def Configure(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            self._plugin.configure(self._decode(request.args))
        return pb.ConfigureResponse(
            acceptSecrets=self._plugin.keep_secrets, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            wanted = request.autonaming
            naming = (wanted.proposed_name, pb.CheckRequest.AutonamingOptions.Mode.Name(wanted.mode).lower())
            call = self._call(request, olds=request.olds, news=request.news, seed=request.randomSeed, autonaming=naming)
            return _checked(self._plugin.check(call))

    def Diff(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(
                request,
                id=request.id,
                olds=request.olds,
                old_inputs=request.old_inputs,
                news=request.news,
                ignore=tuple(request.ignoreChanges),
            )
            return _difference(self._plugin.diff(call))

    def Create(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(request, news=request.properties, preview=request.preview)
            identity, outputs = self._plugin.create(call)
            return pb.CreateResponse(id=identity, properties=encode(outputs))

    def Read(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(request, id=request.id, olds=request.properties, old_inputs=request.inputs)
            identity, inputs, outputs = self._plugin.read(call)
            if not identity:
                return (
                    pb.ReadResponse()
                )  # with any properties, even none, the engine takes it for something that exists
            return pb.ReadResponse(id=identity, inputs=encode(inputs), properties=encode(outputs))

    def Update(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(
                request,
                id=request.id,
                olds=request.olds,
                old_inputs=request.old_inputs,
                news=request.news,
                preview=request.preview,
                ignore=tuple(request.ignoreChanges),
            )
            return pb.UpdateResponse(properties=encode(self._plugin.update(call)))

    def Delete(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            call = self._call(request, id=request.id, olds=request.properties, old_inputs=request.old_inputs)
            self._plugin.delete(call)
        return empty_pb2.Empty()

    def Invoke(self, request: Message, context: grpc.ServicerContext) -> Message:
        with self._answering(context):
            return pb.InvokeResponse(**{"return": encode(self._plugin.invoke(request.tok, self._decode(request.args)))})


def _checked(result: tuple[Props, Iterable[Failure]]) -> Message:
    inputs, failures = result
    complaints = [pb.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures]
    return pb.CheckResponse(inputs=encode(inputs), failures=complaints)


def _difference(found: Difference) -> Message:
    some = bool(found.detailed or found.replaces)
    return pb.DiffResponse(
        changes=pb.DiffResponse.DIFF_SOME if some else pb.DiffResponse.DIFF_NONE,
        replaces=found.replaces,
        stables=found.stables,
        deleteBeforeReplace=found.delete_first,
        diffs=sorted({re.split(r"[.\[]", path)[0] for path in found.detailed}),
        detailedDiff={
            path: pb.PropertyDiff(kind=_KINDS[kind], inputDiff=True) for path, kind in found.detailed.items()
        },
        hasDetailedDiff=True,
    )
