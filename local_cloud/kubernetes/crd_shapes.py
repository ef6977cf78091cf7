"""The pieces that the schemas of custom resources are made of."""

from __future__ import annotations

from typing import Any, Final

Shape = dict[str, Any]
Kind = tuple[str, str]
"""(apiVersion, kind)."""

TEXT: Final[Shape] = {"type": "string"}
FLAG: Final[Shape] = {"type": "boolean"}
WHOLE: Final[Shape] = {"type": "integer"}
PORT: Final[Shape] = {"type": "integer", "minimum": 1, "maximum": 65535}
PORT_OR_NAME: Final[Shape] = {"oneOf": [{"type": "integer"}, {"type": "string"}]}
META: Final[Shape] = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
SELECTOR: Final[Shape] = {"$ref": "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}


def fields(required: tuple[str, ...] = (), **properties: Any) -> Shape:
    """A map of these keys and no others."""
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


def listed(items: Shape, least: int = 0, most: int = 0) -> Shape:
    """A list; ``most`` 0 is no limit."""
    return {
        "type": "array",
        "items": items,
        **({"minItems": least} if least else {}),
        **({"maxItems": most} if most else {}),
    }


def mapped(values: Shape) -> Shape:
    """A map with keys of the user's choice."""
    return {"type": "object", "additionalProperties": values}


def choice(*allowed: str) -> Shape:
    """One of these words."""
    return {"type": "string", "enum": list(allowed)}


def text(pattern: str = "", most: int = 0) -> Shape:
    """Text of a form, of at most ``most`` characters."""
    return {"type": "string", **({"pattern": pattern} if pattern else {}), **({"maxLength": most} if most else {})}


def whole(low: int, high: int) -> Shape:
    """A whole number in a range."""
    return {"type": "integer", "minimum": low, "maximum": high}


def custom(kind: Kind, spec: Shape) -> Shape:
    """A whole object; its status is the controller's to write."""
    return fields(
        ("apiVersion", "kind", "spec"),
        apiVersion=choice(kind[0]), kind=choice(kind[1]), metadata=META, spec=spec, status={"type": "object"},
    )  # fmt: skip
