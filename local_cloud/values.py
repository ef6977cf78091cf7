"""Property values: the engine's protobuf structs <-> plain Python, in the one place that knows the wire form.

Plain means None, bool, int, float, str, list, dict, plus three marks that may stand anywhere inside:

* ``UNKNOWN``: a value that a preview does not know yet;
* ``Secret(value)``: only where a caller asks to keep secrets, and on the way out;
* ``Asset(kind, fields)``: an asset or archive, passed through as it came.

Signatures and sentinels: pulumi sdk/go/common/resource (properties.go, plugin/rpc.go, asset/, sig/sig.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

Value = Any
"""A plain value, as described above."""

Props = dict[str, Value]
"""Properties by their camelCase name."""

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SEALED: Final = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSETS: Final = {"c44067f5952c0a294b673a41bacd8c17": "asset", "0def7320c3a5731c473e5ecbe6d01bc7": "archive"}
_SIGNATURES: Final = {kind: signature for signature, kind in _ASSETS.items()}

UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How an unknown travels. The engine has one such text per type; only this one is ever sent back."""

_UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Unknown:
    """The type of ``UNKNOWN``; there is one instance, also after a copy, so ``is`` works."""

    _only: Unknown | None = None

    def __new__(cls) -> Unknown:
        """Always the same instance."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value the engine must keep encrypted in the state."""

    value: Value

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True)
class Asset:
    """An asset or archive. ``kind``: ``asset`` or ``archive``; ``fields``: hash and one of text, path, uri, assets."""

    kind: str
    fields: Props


@dataclass(frozen=True)
class Failure:
    """A plan-time complaint about one input. ``property`` is its path ("" for the whole resource)."""

    property: str
    reason: str


def decode(struct: struct_pb2.Struct, *, secrets: bool = False) -> Props:
    """The properties of a request.

    Secrets are unwrapped unless ``secrets``; outputs give their value or UNKNOWN; a resource reference gives its id
    (its URN for a component). Whole numbers become int.
    """
    return {key: _decode(value, secrets=secrets) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value, *, secrets: bool) -> Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWN_TEXTS else text
    if kind == "struct_value":
        return _decode_struct(value.struct_value, secrets=secrets)
    if kind == "list_value":
        return [_decode(item, secrets=secrets) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return value.bool_value if kind == "bool_value" else None


def _decode_struct(struct: struct_pb2.Struct, *, secrets: bool) -> Value:
    fields = struct.fields
    if _SIGNATURE not in fields:
        return {key: _decode(item, secrets=secrets) for key, item in fields.items()}
    signature = fields[_SIGNATURE].string_value
    if signature == _SEALED:
        return _wrapped(_decode(fields["value"], secrets=secrets), secret=secrets)
    if signature == _OUTPUT:
        inner = _decode(fields["value"], secrets=secrets) if "value" in fields else UNKNOWN
        return _wrapped(inner, secret=secrets and "secret" in fields and fields["secret"].bool_value)
    if signature == _RESOURCE:
        return _decode(fields["id" if "id" in fields else "urn"], secrets=secrets)
    if signature in _ASSETS:
        kept = {key: _decode(item, secrets=secrets) for key, item in fields.items() if key != _SIGNATURE}
        return Asset(_ASSETS[signature], kept)
    raise ValueError(f"a property value with the unknown signature {signature!r}")


def _wrapped(value: Value, *, secret: bool) -> Value:
    return Secret(value) if secret and not isinstance(value, Secret) else value


def encode(props: Mapping[str, Any]) -> struct_pb2.Struct:
    """The reverse of ``decode``. Raises TypeError for what has no wire form, naming its type."""
    struct = struct_pb2.Struct()
    _fill(struct, props)
    return struct


def _fill(struct: struct_pb2.Struct, props: Mapping[str, Any]) -> None:
    struct.SetInParent()
    for key, value in props.items():
        _encode(value, struct.fields[key])


def _encode(value: Value, into: struct_pb2.Value) -> None:
    if value is None:
        into.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        into.bool_value = value
    elif isinstance(value, (int, float)):
        into.number_value = value
    elif isinstance(value, str):
        into.string_value = value
    elif isinstance(value, (list, tuple)):
        into.list_value.SetInParent()
        for item in value:
            _encode(item, into.list_value.values.add())
    elif isinstance(value, Mapping):
        _fill(into.struct_value, value)
    else:
        _encode_mark(value, into)


def _encode_mark(value: Value, into: struct_pb2.Value) -> None:
    if value is UNKNOWN:
        into.string_value = UNKNOWN_TEXT
    elif isinstance(value, Secret):
        _fill(into.struct_value, {_SIGNATURE: _SEALED, "value": value.value})
    elif isinstance(value, Asset):
        _fill(into.struct_value, {_SIGNATURE: _SIGNATURES[value.kind], **value.fields})
    else:
        raise TypeError(f"a value of type {type(value).__name__} cannot be sent to the engine")


def plain(value: Value) -> Value:
    """A copy without Secret marks, at any depth."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Whether UNKNOWN stands anywhere in a value."""
    return any(leaf is UNKNOWN for _, leaf in leaves(value))


def leaves(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Every scalar in a value with its path (``a.b[0].c``), Secret marks looked through, empty containers included."""
    if isinstance(value, Secret):
        yield from leaves(value.value, path)
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)) and value:
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value
