"""The listener rules that a workload needs on its load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .expose import Alb, Route
from .priorities import MAX_DEPTH, Specificity
from .workload import Workload


@dataclass(frozen=True)
class Rule:
    """One listener rule; the host of the workload is a condition of each.

    `key` is the logical name, unique on the load balancer. `paths` are path patterns, `headers` header names with the
    values of which one must match; `deny` answers as the listener does when no rule matches.
    """

    key: str
    paths: tuple[str, ...]
    specificity: Specificity
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    action: Literal["forward", "deny"] = "forward"


def rules_of(name: str, workload: Workload) -> tuple[Rule, ...]:
    """What the load balancer of workload `name` needs; nothing when it is not exposed by one.

    gRPC: a rule for every gRPC service, or for the whole host when none is named. A route adds two rules for its
    methods: with its headers they are forwarded, without them they are denied, so that such a call never reaches the
    service's own rule. HTTP: a rule for every path.
    """
    alb = workload.expose.alb
    if alb is None:
        return ()
    if workload.protocol == "http":
        return tuple(_path(name, path) for path in alb.paths or ("/*",))
    base = [_service(name, service) for service in workload.grpc_services] or [_path(name, "/*")]
    return (*base, *_routes(name, alb))


def _service(name: str, service: str) -> Rule:
    return Rule(key=f"{name}/service/{service}", paths=(f"/{service}/*",), specificity=Specificity(1))


def _routes(name: str, alb: Alb) -> Iterator[Rule]:
    for key, route in sorted(alb.routes.items()):
        yield from _route(f"{name}/route/{key}", route)


def _route(key: str, route: Route) -> Iterator[Rule]:
    paths = tuple(f"/{method}" for method in route.methods)
    yield Rule(key=key, paths=paths, headers=dict(route.headers), specificity=Specificity(2, conditions=True))
    yield Rule(key=f"{key}/deny", paths=paths, action="deny", specificity=Specificity(2))


def _path(name: str, path: str) -> Rule:
    """No star in the key: in a URN it would be a wildcard of `pulumi --target`."""
    kind = "under" if path.endswith("/*") else "exactly"
    key = "/".join([name, kind, *_segments(path)]) + ("/" if path.endswith("/") else "")
    return Rule(key=key, paths=(path,), specificity=Specificity(min(depth(path), MAX_DEPTH)))


def depth(path: str) -> int:
    """How narrow a path of an HTTP workload is: its segments, and one more for a final slash.

    A star stands for nothing too, so `/api/*` matches `/api/`, which therefore must be tried first.
    """
    return len(_segments(path)) + path.endswith("/")


def _segments(path: str) -> list[str]:
    return [segment for segment in path.removesuffix("*").split("/") if segment]
