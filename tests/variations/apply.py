"""Settings put into a stack's raw settings, and taken for valid or not."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from components.settings import Settings, SettingsError, load

from .base import Variation

REGION = "eu-west-1"


def put(raw: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path; None takes it away."""
    *sections, last = path.split(".")
    inner: Any = raw
    for section in sections:
        inner = inner.setdefault(section, {})
    if value is None:
        inner.pop(last, None)
    else:
        inner[last] = copy.deepcopy(value)


def varied(raw: Mapping[str, Any], variation: Variation, *, whole: bool = True) -> dict[str, Any]:
    """The settings with what the variation needs, and, if `whole`, with itself."""
    changed: dict[str, Any] = copy.deepcopy(dict(raw))
    for path, value in variation.given.items():
        put(changed, path, value)
    if whole:
        put(changed, variation.path, variation.value)
    return changed


def loaded(raw: Mapping[str, Any]) -> Settings | None:
    """The settings, None when they are refused."""
    try:
        return load(raw, region=REGION, secret_paths=[("services", "orders", "secrets", "TOKEN")])
    except SettingsError:
        return None
