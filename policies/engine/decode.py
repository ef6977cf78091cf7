"""Properties as they come from the engine, or from exported state, turned into plain values.

Maps, lists, text, numbers, flags, None and `Unknown`. Whole numbers are ints, though the wire has floats alone. Secrets
are unwrapped, since rules must judge them, and their paths are remembered, since no message may show them. Markers:
pulumi sdk/go/common/resource/properties.go, sdk/go/common/resource/plugin/rpc.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from policies.engine.unknown import Unknown

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the marker of secrets, not one
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
# What providers keep for themselves among the inputs, such as `__defaults`.
_INTERNAL: Final = "__"
_UNKNOWN: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # text, and whatever has no kind yet
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def is_marked(message: Any) -> bool:
    """Whether a Struct holds a secret, an output or a reference anywhere; much faster than decoding it."""
    return _SIGNATURE.encode() in message.SerializeToString()


class Decoder:
    """Decodes one resource's properties; `secrets` are the paths of secret values met on the way."""

    def __init__(self) -> None:
        self.secrets: list[str] = []

    def struct(self, message: Any, path: str = "") -> dict[str, Any]:
        """A `google.protobuf.Struct`."""
        start = f"{path}." if path else ""
        fields = message.fields  # items() of it is several times slower than one look-up for each key
        return {key: self._value(fields[key], f"{start}{key}") for key in fields if not key.startswith(_INTERNAL)}

    def chosen(self, message: Any, keys: Iterable[str]) -> dict[str, Any]:
        """Some fields of a Struct, as far as they are there."""
        fields = message.fields
        return {key: self._value(fields[key], key) for key in keys if key in fields}

    def _value(self, message: Any, path: str) -> Any:
        kind = message.WhichOneof("kind")
        if kind == "string_value":
            text = message.string_value
            return Unknown(path) if text in _UNKNOWN else text
        if kind == "struct_value":
            fields = message.struct_value.fields
            if _SIGNATURE in fields:
                return self._marked({key: self._value(each, path) for key, each in fields.items()}, path)
            return self.struct(message.struct_value, path)
        if kind == "list_value":
            return [self._value(each, f"{path}[{place}]") for place, each in enumerate(message.list_value.values)]
        if kind == "number_value":
            return _whole(message.number_value)
        return message.bool_value if kind == "bool_value" else None

    def plain(self, value: Any, path: str = "") -> Any:
        """JSON, as in exported state or in the events of a preview."""
        if isinstance(value, str):
            return Unknown(path) if value in _UNKNOWN else value
        if isinstance(value, Mapping):
            start = f"{path}." if path else ""
            if _SIGNATURE in value:
                return self._marked({key: self.plain(each, path) for key, each in value.items()}, path)
            own = {str(key): each for key, each in value.items() if not str(key).startswith(_INTERNAL)}
            return {key: self.plain(each, f"{start}{key}") for key, each in own.items()}
        if isinstance(value, list):
            return [self.plain(each, f"{path}[{place}]") for place, each in enumerate(value)]
        return _whole(value)

    def _marked(self, value: dict[str, Any], path: str) -> Any:
        """Secrets, outputs and references. What is encrypted is not known."""
        signature = value[_SIGNATURE]
        if isinstance(signature, Unknown):
            return Unknown(path)
        if signature == _REFERENCE:
            return value.get("id", Unknown(path))
        if signature not in (_SECRET, _OUTPUT):
            return value  # an asset or archive: nothing that rules look at
        sealed = value.get("secret")  # what does not say whether it is one is taken for one
        if signature == _SECRET or isinstance(sealed, Unknown) or sealed:
            self.secrets.append(path)
        return value.get("value", Unknown(path))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
