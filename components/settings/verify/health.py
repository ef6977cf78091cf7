"""Rules of health checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from components.settings.filling import GRPC_HEALTH_PATH, readiness_name
from components.settings.forms import GRPC_METHOD
from components.settings.model import Settings
from components.settings.wording import Fault, quoted

# ALB User Guide, "Target group health checks": gRPC codes 0 to 99, HTTP codes 200 to 499.
_RANGES: Final = {"grpc": (0, 99), "http": (200, 499)}
_DEFAULT_PATH: Final = "/AWS.ALB/healthcheck"
_UNIMPLEMENTED: Final = 12
_UNAVAILABLE: Final = 14


def _timing(settings: Settings, name: str) -> Iterator[Fault]:
    health = settings.services[name].health
    if health.timeout >= health.interval:
        yield Fault(
            ("services", name, "health", "timeout"),
            f"must be less than interval, {health.interval}; received {health.timeout}",
        )


def ranges(codes: str) -> list[tuple[int, int]]:
    """`"0,12-14"` as pairs of first and last."""
    pairs = [part.partition("-") for part in codes.split(",")]
    return [(int(first), int(last or first)) for first, _, last in pairs]


def _codes(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    codes = workload.health.success_codes
    if not codes:
        return
    low, high = _RANGES[workload.protocol]
    path = ("services", name, "health", "success_codes")
    if not _in_range(codes, workload.protocol):
        kind = "gRPC status codes" if workload.protocol == "grpc" else "HTTP status codes"
        yield Fault(path, f"must be {kind} from {low} to {high}, ranges from low to high; received {quoted(codes)}")
    elif workload.protocol == "grpc" and _has(codes, _UNAVAILABLE):
        # Such a check passes for a server that says it cannot serve.
        yield Fault(
            path, f'must not include 14, UNAVAILABLE, or the check never fails; received {quoted(codes)} (try "0")'
        )


def _in_range(codes: str, protocol: str) -> bool:
    low, high = _RANGES[protocol]
    return all(low <= first <= last <= high for first, last in ranges(codes))


def _has(codes: str, code: int) -> bool:
    return any(first <= code <= last for first, last in ranges(codes))


def _path(settings: Settings, name: str) -> Iterator[Fault]:
    workload = settings.services[name]
    path = workload.health.path
    if workload.protocol == "grpc" and path and not re.fullmatch(f"/{GRPC_METHOD}", path) and path != _DEFAULT_PATH:
        yield Fault(
            ("services", name, "health", "path"),
            f"must be a gRPC method, /package.Service/Method, such as {GRPC_HEALTH_PATH}: the load balancer checks a "
            f"gRPC workload by gRPC only; received {quoted(path)}",
        )


def _agreement(settings: Settings, name: str) -> Iterator[Fault]:
    """A server that has the health service answers 0, whatever its state; one without AWS's method answers 12.

    gRPC Health Checking Protocol; ALB User Guide, "Target group health checks".
    """
    workload = settings.services[name]
    if workload.protocol != "grpc":
        return
    path, codes = workload.health.path or GRPC_HEALTH_PATH, workload.health.success_codes or "0"
    wanted = {GRPC_HEALTH_PATH: 0, _DEFAULT_PATH: _UNIMPLEMENTED}.get(path)
    if wanted is not None and _in_range(codes, "grpc") and not _has(codes, wanted):
        yield Fault(
            ("services", name, "health", "success_codes"),
            f"{path} answers {wanted} when the server is well, which {quoted(codes)} does not include, so no pod would "
            "ever be healthy",
        )


def _names(settings: Settings, name: str) -> Iterator[Fault]:
    """Kubernetes, "Configure Liveness, Readiness and Startup Probes", gRPC: tell the two apart by the service name.

    A draining server turns NOT_SERVING for readiness; if liveness asked for the same name the pod would be killed.
    """
    workload = settings.services[name]
    if workload.protocol != "grpc":
        return
    if "service" not in workload.health.model_fields_set and not workload.grpc_services:
        yield Fault(
            ("services", name, "health", "service"),
            "missing; without grpc_services the name that readiness asks for must be given",
        )
    elif readiness_name(workload) == workload.health.liveness:
        yield Fault(
            ("services", name, "health", "liveness"),
            f"must differ from the readiness name, {quoted(readiness_name(workload))} (health.service): a draining "
            "server answers NOT_SERVING for it and would be killed",
        )


RULES: Final = (_timing, _codes, _path, _agreement, _names)
