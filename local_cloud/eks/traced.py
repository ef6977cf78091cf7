"""Values that remember the resources they come from, as a component provider needs them.

A component's inputs and its children's outputs carry URNs: the engine orders deletions and a program its resources by
them. Nested resources stay references, for the program gets whole resources back (``cluster.eks_cluster``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

from local_cloud import values
from local_cloud.values import UNKNOWN

_SIGNATURE: Final = (
    "4dabf18193072939515e22adb298388d"  # pulumi sdk/go/common/resource/properties.go, as the three below
)
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a public mark)


@dataclass(frozen=True)
class Reference:
    """A resource: its URN, and its id (None for a component, UNKNOWN in the preview of a create)."""

    urn: str
    id: Any = None

    def wire(self) -> dict[str, Any]:
        """The form in which it travels."""
        fields: dict[str, Any] = {_SIGNATURE: _RESOURCE, "urn": self.urn}
        return fields if self.id is None else {**fields, "id": self.id}


@dataclass(frozen=True)
class Traced:
    """A plain value, the URNs it depends on, and whether it is secret."""

    value: Any
    urns: frozenset[str] = frozenset()
    secret: bool = False

    def __getitem__(self, key: str | int) -> Traced:
        """A member; absent (None) when there is none, unknown when the whole is unknown."""
        inner: Any = UNKNOWN
        if self.value is not UNKNOWN:
            found = isinstance(self.value, Mapping) and key in self.value
            listed = isinstance(self.value, list) and isinstance(key, int) and key < len(self.value)
            inner = self.value[key] if found or listed else None
        return Traced(inner, self.urns, self.secret)

    def __bool__(self) -> bool:
        """Whether the value is given: unknown counts as given, False, "" and [] do not."""
        return bool(self.value)

    def map(self, change: Callable[[Any], Any]) -> Traced:
        """The value changed; what contains an unknown stays unknown."""
        value = UNKNOWN if values.has_unknown(self.value) else change(self.value)
        return Traced(value, self.urns, self.secret)

    def otherwise(self, default: Any) -> Traced:
        """The value, or ``default`` when it is absent."""
        return Traced(default) if self.value is None else self


ABSENT: Final = Traced(None)


def flat(value: Any) -> Traced:
    """Nested Traced values gathered into one; absent members of maps are left out."""
    if isinstance(value, Traced):
        inner = flat(value.value)
        return Traced(inner.value, value.urns | inner.urns, value.secret or inner.secret)
    if isinstance(value, Mapping):
        parts = {key: flat(item) for key, item in value.items()}
        return _gathered({key: part.value for key, part in parts.items() if part.value is not None}, parts.values())
    if isinstance(value, list | tuple):
        items = [flat(item) for item in value]
        return _gathered([item.value for item in items], items)
    return Traced(value)


def _gathered(value: Any, parts: Iterable[Traced]) -> Traced:
    parts = list(parts)
    return Traced(value, frozenset().union(*(part.urns for part in parts)), any(part.secret for part in parts))


def both(first: Traced, second: Traced, change: Callable[[Any, Any], Any]) -> Traced:
    """A function of two values."""
    return flat([first, second]).map(lambda pair: change(*pair))


def decode(struct: struct_pb2.Struct, urns: Mapping[str, Iterable[str]]) -> dict[str, Traced]:
    """The properties of a request; ``urns``: property -> the URNs it depends on."""
    found = {key: flat(_value(item)) for key, item in struct.fields.items()}
    return {
        key: Traced(item.value, item.urns | frozenset(urns.get(key, ())), item.secret) for key, item in found.items()
    }


def _value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _struct(value.struct_value)
        case "list_value":
            return [_value(item) for item in value.list_value.values]
        case _:
            wrapper = struct_pb2.Struct(fields={"value": value})
            return values.decode(wrapper)["value"]


def _struct(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if signature == _RESOURCE:
        identity = _value(fields["id"]) if "id" in fields else None
        return Reference(fields["urn"].string_value, UNKNOWN if identity == "" else identity)
    if signature == _SECRET:
        return Traced(_value(fields["value"]), secret=True)
    if signature == _OUTPUT:
        inner = _value(fields["value"]) if "value" in fields else UNKNOWN
        known = values.decode(
            struct_pb2.Struct(fields={k: v for k, v in fields.items() if k in {"dependencies", "secret"}})
        )
        return Traced(inner, frozenset(known.get("dependencies") or ()), bool(known.get("secret")))
    return {key: _value(item) for key, item in fields.items()}


def encode(properties: Mapping[str, Traced]) -> struct_pb2.Struct:
    """The wire form of flat properties; absent ones are left out, secret ones marked."""
    plain = {key: _outgoing(item.value) for key, item in properties.items() if item.value is not None}
    return values.encode({key: values.Secret(item) if properties[key].secret else item for key, item in plain.items()})


def _outgoing(value: Any) -> Any:
    if isinstance(value, Reference):
        return value.wire()
    if isinstance(value, Mapping):
        return {key: _outgoing(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_outgoing(item) for item in value]
    return value
