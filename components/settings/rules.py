"""The listener rules that a workload needs on its load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from .expose import Alb
from .priorities import MAX_DEPTH, Specificity
from .routes import Rewrites, Route
from .workload import Workload


@dataclass(frozen=True)
class Rule:
    """One listener rule.

    `key` is the logical name, unique on the load balancer. `paths` are path patterns; of every entry of `headers` and
    `query` one of the values must match, and of `source_ips` one network; `hosts` are the workload's own when empty.
    `deny` answers as the listener does when no rule matches; `to` is the workload that is forwarded to, None for the
    workload itself.
    """

    key: str
    paths: tuple[str, ...]
    specificity: Specificity
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    action: Literal["forward", "deny"] = "forward"
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source_ips: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    to: str | None = None
    rewrite: Rewrites | None = None

    @property
    def conditional(self) -> bool:
        """Whether it looks at more than host and path."""
        return bool(self.headers or self.query or self.source_ips)


def rules_of(name: str, workload: Workload) -> tuple[Rule, ...]:
    """What the load balancer of workload `name` needs; nothing when it is not exposed by one.

    gRPC: a rule for every gRPC service, or for the whole host when none is named. HTTP: a rule for every path. A route
    adds a rule for what it names, and one that denies the same without its conditions, so that such a call never
    reaches the workload's own rule; a rule of the workload that would then never see a call is left out.
    """
    alb = workload.expose.alb
    if alb is None:
        return ()
    routes = tuple(
        rule
        for key, route in sorted(alb.routes.items())
        for rule in _route(f"{name}/route/{key}", route, alb, workload)
    )
    taken = {
        path
        for rule in routes
        if not rule.conditional and alb.host in (rule.hosts or (alb.host,))
        for path in rule.paths
    }
    own = [replace(rule, rewrite=alb.rewrite) for rule in _own(name, alb, workload)]
    return (*(rule for rule in own if not taken.issuperset(rule.paths)), *routes)


def conditions(rule: Rule) -> str:
    """What a rule asks for beside host and path, in one text that is the same for the same conditions."""
    headers = {key.lower(): sorted(map(str.lower, values)) for key, values in rule.headers.items()}
    query = {key.lower(): sorted(map(str.lower, values)) for key, values in rule.query.items()}
    return repr((sorted(headers.items()), sorted(query.items()), sorted(rule.source_ips)))


def hosts_of(alb: Alb) -> tuple[str, ...]:
    """Every host that leads to the workload, its own first."""
    return tuple(dict.fromkeys((alb.host, *(host for route in alb.routes.values() for host in route.hosts))))


def destinations(workload: Workload) -> tuple[str, ...]:
    """The other workloads that its routes lead to."""
    alb = workload.expose.alb
    return tuple(dict.fromkeys(route.to for route in alb.routes.values() if route.to)) if alb else ()


def in_order(services: Mapping[str, Workload]) -> tuple[str, ...]:
    """The names of workloads, sorted, but each after those that its routes lead to.

    Raises ValueError when routes lead in a circle.
    """
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"routes lead in a circle: {' → '.join((*above, name))}")
        for other in sorted(destinations(services[name])) if name not in done else ():
            visit(other, (*above, name))
        done[name] = None

    for name in sorted(services):
        visit(name, ())
    return tuple(done)


def _own(name: str, alb: Alb, workload: Workload) -> list[Rule]:
    if workload.protocol == "http":
        return [_path(name, path) for path in alb.paths or ("/*",)]
    return [_service(name, service) for service in workload.grpc_services] or [_path(name, "/*")]


def _service(name: str, service: str) -> Rule:
    return Rule(key=f"{name}/service/{service}", paths=(f"/{service}/*",), specificity=Specificity(1))


def _route(key: str, route: Route, alb: Alb, workload: Workload) -> Iterator[Rule]:
    for base, denied in zip(
        _parts(key, route, alb, workload), _parts(f"{key}/deny", route, alb, workload), strict=True
    ):
        rule = replace(
            base,
            headers=dict(route.headers),
            query=dict(route.query),
            source_ips=route.source_ips,
            hosts=route.hosts,
            to=route.to,
            rewrite=route.rewrite or alb.rewrite,
        )
        if not rule.conditional:
            yield rule
            continue
        yield replace(rule, specificity=replace(rule.specificity, conditions=True))
        if route.otherwise == "deny":
            yield replace(denied, hosts=route.hosts, action="deny")


def _parts(key: str, route: Route, alb: Alb, workload: Workload) -> list[Rule]:
    """What a route names: methods together, gRPC services together, each path by itself, since depths differ."""
    if workload.protocol == "http":
        return [_path(key, path) for path in route.paths or alb.paths or ("/*",)]
    services = route.services or (() if route.methods else workload.grpc_services)
    parts = []
    if route.methods:
        parts.append(Rule(key, tuple(f"/{method}" for method in route.methods), Specificity(2)))
    if services:
        parts.append(Rule(f"{key}/services", tuple(f"/{service}/*" for service in services), Specificity(1)))
    return parts or [_path(key, "/*")]


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
