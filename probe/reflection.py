"""Methods without stubs: descriptors by reflection, messages made at run time."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest as Request

from probe import codes
from probe.http2 import Connection
from probe.model import Answer

VERSIONS = ("v1", "v1alpha")


class ReflectionError(Exception):
    """The server's reflection gave no usable answer."""


@dataclass
class Reflection:
    """A server's reflection, in the version it has. v1 and v1alpha are the same on the wire."""

    connection: Connection
    version: str
    timeout: float

    def ask(self, *requests: Request) -> list[reflection_pb2.ServerReflectionResponse]:
        """Answers to the requests, in order.

        Raises ReflectionError: the call failed.
        """
        path = f"/grpc.reflection.{self.version}.ServerReflection/ServerReflectionInfo"
        messages = [each.SerializeToString() for each in requests]
        answer = self.connection.call(path, messages, timeout=self.timeout)
        if codes.status(answer) != "OK":
            raise ReflectionError(codes.status(answer))
        return [reflection_pb2.ServerReflectionResponse.FromString(each) for each in answer.messages]

    def services(self) -> list[str]:
        """Names of all services.

        Raises ReflectionError: the call failed.
        """
        return sorted(
            each.name
            for answer in self.ask(Request(list_services="*"))
            for each in answer.list_services_response.service
        )

    def method(self, service: str, name: str) -> MethodDescriptor:
        """The description of one method.

        Raises ReflectionError: the server does not describe it.
        """
        files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        asked: set[str] = set()
        wanted = [Request(file_containing_symbol=service)]
        while wanted:
            for file in self._files(wanted):
                files[file.name] = file
            missing = {needed for file in files.values() for needed in file.dependency} - set(files) - asked
            asked |= missing  # a server that answers with another file is not asked for it again
            wanted = [Request(file_by_filename=each) for each in sorted(missing)]
        pool = descriptor_pool.DescriptorPool()
        for file in in_order(files):
            pool.Add(file)
        try:
            return pool.FindMethodByName(f"{service}.{name}")
        except (KeyError, TypeError) as error:
            raise ReflectionError(f"{service} has no method {name}") from error

    def _files(self, requests: list[Request]) -> Iterator[descriptor_pb2.FileDescriptorProto]:
        for answer in self.ask(*requests):
            if answer.HasField("error_response"):
                raise ReflectionError(answer.error_response.error_message)
            for content in answer.file_descriptor_response.file_descriptor_proto:
                yield descriptor_pb2.FileDescriptorProto.FromString(content)


def in_order(files: dict[str, descriptor_pb2.FileDescriptorProto]) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files so that each comes after those it imports."""
    done: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(name: str) -> None:
        if name in files and name not in done:
            for needed in files[name].dependency:
                add(needed)
            done[name] = files[name]

    for name in files:
        add(name)
    return list(done.values())


@dataclass(frozen=True)
class Method:
    """A method to call: its path, the request, and how to read an answer where reflection describes it."""

    path: str
    request: bytes
    described: MethodDescriptor | None = None

    def read(self, answer: Answer) -> list[Message]:
        """The messages of an answer; none where nothing describes them or they are something else."""
        if self.described is None:
            return []
        kind = message_factory.GetMessageClass(self.described.output_type)
        try:
            return [kind.FromString(each) for each in answer.messages]
        except DecodeError:
            return []


def described_method(reflection: Reflection, symbol: str, data: str) -> Method:
    """The method `package.Service/Method` with a request made of JSON.

    Raises ReflectionError: the server does not describe it. Raises ValueError: the JSON does not fit the request.
    """
    service, _, name = symbol.rpartition("/")
    found = reflection.method(service, name)
    request = message_factory.GetMessageClass(found.input_type)()
    try:
        json_format.Parse(data, request)
    except json_format.ParseError as error:
        raise ValueError(f"--data does not fit {found.input_type.full_name}: {error}") from error
    return Method(f"/{symbol}", request.SerializeToString(), found)
