"""Rules of listener rules: methods, headers, and what one rule can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings.expose import Route
from components.settings.model import Settings
from components.settings.priorities import MAX_DEPTH
from components.settings.rules import depth
from components.settings.wording import Fault, counted, quoted, suggestion

# ALB User Guide, "Quotas for your Application Load Balancers": condition values and wildcards of one rule.
MAX_VALUES: Final = 5
MAX_WILDCARDS: Final = 5


def _routes(settings: Settings, name: str) -> dict[str, Route]:
    alb = settings.services[name].expose.alb
    return dict(alb.routes) if alb is not None and settings.services[name].protocol == "grpc" else {}


def _methods(settings: Settings, name: str) -> Iterator[Fault]:
    """A method of another service would never be called through this workload."""
    known = settings.services[name].grpc_services
    for key, route in _routes(settings, name).items():
        for position, method in enumerate(route.methods):
            service = method.partition("/")[0]
            if known and service not in known:
                near = suggestion(service, known) or ";"
                yield Fault(
                    ("services", name, "expose", "alb", "routes", key, "methods", position),
                    f"{quoted(method)} is not of this workload's grpc_services{near} (there is: {', '.join(known)})",
                )


def _values(settings: Settings, name: str) -> Iterator[Fault]:
    for key, route in _routes(settings, name).items():
        headers = sum(len(values) for values in route.headers.values())
        total = 1 + len(route.methods) + headers
        if total > MAX_VALUES:
            yield Fault(
                ("services", name, "expose", "alb", "routes", key),
                f"a listener rule takes {MAX_VALUES} values, and this needs {total}: 1 host, "
                f"{counted(len(route.methods), 'method')} and {counted(headers, 'header value')}; split the route",
            )


def _wildcards(settings: Settings, name: str) -> Iterator[Fault]:
    for key, route in _routes(settings, name).items():
        found = sum(value.count("*") + value.count("?") for values in route.headers.values() for value in values)
        if found > MAX_WILDCARDS:
            yield Fault(
                ("services", name, "expose", "alb", "routes", key, "headers"),
                f"a listener rule takes {MAX_WILDCARDS} wildcards (* and ?); received {found}",
            )


def _header_names(settings: Settings, name: str) -> Iterator[Fault]:
    """Header names ignore case (RFC 9110, section 5.1), and a rule has one condition for each."""
    for key, route in _routes(settings, name).items():
        seen: dict[str, str] = {}
        for header in route.headers:
            first = seen.setdefault(header.lower(), header)
            if first != header:
                yield Fault(
                    ("services", name, "expose", "alb", "routes", key, "headers", header),
                    f"the same header as {quoted(first)}; case does not matter, put the values into one list",
                )


def _depth(settings: Settings, name: str) -> Iterator[Fault]:
    alb = settings.services[name].expose.alb
    for position, path in enumerate(alb.paths if alb else ()):
        found = depth(path)
        if found > MAX_DEPTH:
            most = f"{MAX_DEPTH - 1} segments before a final slash" if path.endswith("/") else f"{MAX_DEPTH} segments"
            yield Fault(
                ("services", name, "expose", "alb", "paths", position),
                f"must have at most {most}, which decide what is tried first; received {found - path.endswith('/')}",
            )


RULES: Final = (_methods, _values, _wildcards, _header_names, _depth)
