"""Annotations ``alb.ingress.kubernetes.io/…`` (docs/guide/ingress/annotations.md), with the controller's complaints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from local_cloud.kubernetes.lbc.model import Props, Unreconciled

PREFIX: Final = "alb.ingress.kubernetes.io/"
_PROTOCOLS: Final = ("HTTP", "HTTPS")


def of(row_inputs: Mapping[str, Any]) -> dict[str, str]:
    """The controller's annotations of an object, without their prefix."""
    found = (row_inputs.get("metadata") or {}).get("annotations") or {}
    return {key.removeprefix(PREFIX): str(text) for key, text in found.items() if key.startswith(PREFIX)}


def items(text: str) -> list[str]:
    """A comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def pairs(text: str, key: str) -> dict[str, str]:
    """``a=b,c=d`` (pkg/annotations/parser.go: ParseStringMapAnnotation)."""
    found = {}
    for part in items(text):
        name, separator, value = part.partition("=")
        if not separator or not name:
            raise Unreconciled(f"failed to parse stringMap annotation, {PREFIX}{key}: {text}")
        found[name.strip()] = value.strip()
    return found


def number(annotations: Mapping[str, str], key: str, default: int) -> int:
    """A whole number (ParseInt64Annotation)."""
    text = annotations.get(key)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        message = f"failed to parse int64 annotation, {PREFIX}{key}: {text}"
        raise Unreconciled(message) from None


def parsed(annotations: Mapping[str, str], key: str) -> Any:
    """JSON text (ParseJSONAnnotation), None when the annotation is not there."""
    text = annotations.get(key)
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unreconciled(f"failed to parse json annotation, {PREFIX}{key}: {text}: {error}") from None


def listen_ports(annotations: Mapping[str, str], *, certificates: bool) -> dict[int, str]:
    """Port -> protocol; without the annotation HTTPS 443 where certificates are given, else HTTP 80.

    pkg/ingress/model_build_listener.go: computeIngressListenPorts.
    """
    entries = parsed(annotations, "listen-ports")
    if entries is None:
        return {443: "HTTPS"} if certificates else {80: "HTTP"}
    if not isinstance(entries, list) or not entries:
        raise Unreconciled(f"empty listen-ports configuration: `{annotations['listen-ports']}`")
    found: dict[int, str] = {}
    for entry in entries:
        for protocol, port in entry.items():
            if protocol not in _PROTOCOLS:
                raise Unreconciled(f"listen protocol must be within [HTTP, HTTPS]: {protocol}")
            if not isinstance(port, int) or not 1 <= port <= 65535:
                raise Unreconciled(f"listen port must be within [1, 65535]: {port}")
            found[port] = protocol
    return found


def enumerated(annotations: Mapping[str, str], key: str, allowed: tuple[str, ...], default: str, said: str) -> str:
    """One of a few words, spelled exactly; ``said`` is what the controller calls it."""
    text = annotations.get(key, default)
    if text not in allowed:
        raise Unreconciled(f"{said} [{', '.join(allowed)}]: {text}")
    return text


def conditions(annotations: Mapping[str, str], action: str) -> list[Props]:
    """The extra conditions of a backend, as listener rules have them (pkg/ingress/enhanced_backend_builder.go)."""
    found: list[Props] = []
    for entry in parsed(annotations, f"conditions.{action}") or ():
        field = str(entry.get("field"))
        name, config, take = _FIELDS.get(field, ("", "", ""))
        if not name:
            raise Unreconciled(f"unknown condition field: {field}")
        if not isinstance(entry.get(config), dict):
            raise Unreconciled(f"missing {config}")
        values = entry[config].get("values") or []
        if name == "queryStrings":
            found.append({name: values})
        elif take:
            found.append({name: {take: entry[config].get(take), "values": values}})
        else:
            found.append({name: {"values": values}})
    return found


_FIELDS: Final = {
    "host-header": ("hostHeader", "hostHeaderConfig", ""),
    "path-pattern": ("pathPattern", "pathPatternConfig", ""),
    "http-header": ("httpHeader", "httpHeaderConfig", "httpHeaderName"),
    "http-request-method": ("httpRequestMethod", "httpRequestMethodConfig", ""),
    "query-string": ("queryStrings", "queryStringConfig", ""),
    "source-ip": ("sourceIp", "sourceIPConfig", ""),
}
