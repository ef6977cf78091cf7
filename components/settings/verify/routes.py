"""Rules of listener rules: what a route may name, where it leads, and what one rule can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from components.settings.broken import sound
from components.settings.model import Settings
from components.settings.priorities import MAX_DEPTH
from components.settings.routes import Rewrites, Route
from components.settings.rules import Rule, conditions, depth, destinations, rules_of
from components.settings.wording import Fault, Path, counted, listed, quoted, suggestion

# ALB User Guide, "Quotas for your Application Load Balancers": condition values and wildcards of one rule.
MAX_VALUES: Final = 5
MAX_WILDCARDS: Final = 5
# Which keys of a route belong to which protocol, and why.
_FOREIGN: Final = {
    "grpc": {
        "paths": "only for HTTP workloads, and the protocol is grpc; name methods or services instead",
        # gRPC over HTTP2, "Requests": the path is /package.Service/Method and nothing follows.
        "query": "only for HTTP workloads: a gRPC call has no query string; use headers, which are its metadata",
    },
    "http": {
        "methods": "only for gRPC workloads, and the protocol is http; name paths instead",
        "services": "only for gRPC workloads, and the protocol is http; name paths instead",
    },
}


def _routes(settings: Settings, name: str) -> dict[str, Route]:
    alb = settings.services[name].expose.alb
    return dict(alb.routes) if alb is not None else {}


def _at(name: str, *rest: str | int) -> Path:
    return ("services", name, "expose", "alb", "routes", *rest)


def _keys(settings: Settings, name: str) -> Iterator[Fault]:
    """Keys of the other protocol would never match."""
    for key, route in _routes(settings, name).items():
        for foreign, why in _FOREIGN[settings.services[name].protocol].items():
            if foreign in route.model_fields_set:
                yield Fault(_at(name, key, foreign), why)


def _methods(settings: Settings, name: str) -> Iterator[Fault]:
    """A method of another service would never be called through this workload."""
    known = settings.services[name].grpc_services
    if not known or settings.services[name].protocol != "grpc":
        return
    for key, route in _routes(settings, name).items():
        named = [("methods", position, each, each.partition("/")[0]) for position, each in enumerate(route.methods)]
        named += [("services", position, each, each) for position, each in enumerate(route.services)]
        for kind, position, each, service in named:
            if service not in known:
                near = suggestion(service, known) or ";"
                yield Fault(
                    _at(name, key, kind, position),
                    f"{quoted(each)} is not of this workload's grpc_services{near} (there is: {', '.join(known)})",
                )


def _nothing(settings: Settings, name: str) -> Iterator[Fault]:
    """A route that neither asks for something nor leads elsewhere is the workload's own rule again."""
    for key, route in _routes(settings, name).items():
        asks = bool(route.headers or route.query or route.source_ips)
        if not (asks or route.hosts or route.to or route.rewrite):
            yield Fault(
                _at(name, key),
                "changes nothing: give it a condition (headers, query or source_ips), other hosts, to, or rewrite",
            )
        elif route.otherwise == "pass" and not asks:
            yield Fault(_at(name, key, "otherwise"), "there is no condition a call could lack; leave it out")


def _held(rule: Rule, route: Route, protocol: str) -> dict[str, int]:
    """How many values of each kind a rule holds."""
    path = "path" if protocol == "http" else "method" if rule.specificity.depth == 2 else "service"
    return {
        "host": len(route.hosts) or 1,
        path: len(rule.paths),
        "header value": sum(map(len, rule.headers.values())),
        "query value": sum(map(len, rule.query.values())),
        "source network": len(rule.source_ips),
    }


def _rules(settings: Settings, name: str, key: str) -> list[Rule]:
    start = f"{name}/route/{key}"
    found = sound(partial(rules_of, name, settings.services[name])) or ()
    return [rule for rule in found if rule.key == start or rule.key.startswith(f"{start}/")]


def _values(settings: Settings, name: str) -> Iterator[Fault]:
    for key, route in _routes(settings, name).items():
        for rule in _rules(settings, name, key):
            held = {
                what: number for what, number in _held(rule, route, settings.services[name].protocol).items() if number
            }
            if sum(held.values()) > MAX_VALUES:
                *first, last = (counted(number, what) for what, number in held.items())
                yield Fault(
                    _at(name, key),
                    f"a listener rule takes {MAX_VALUES} values, and this needs {sum(held.values())}: "
                    f"{', '.join(first)} and {last}; split the route",
                )
                break


def _wildcards(settings: Settings, name: str) -> Iterator[Fault]:
    for key, route in _routes(settings, name).items():
        in_headers = _stars(value for values in route.headers.values() for value in values)
        in_query = _stars(text for query, values in route.query.items() for text in (query, *values))
        in_paths = max((_stars(rule.paths) for rule in _rules(settings, name, key)), default=0)
        if in_headers + in_query + in_paths > MAX_WILDCARDS:
            alone = "headers" if in_headers > MAX_WILDCARDS else "query" if in_query > MAX_WILDCARDS else None
            found = {"headers": in_headers, "query": in_query, None: in_headers + in_query + in_paths}[alone]
            yield Fault(
                _at(name, key, *([alone] if alone else [])),
                f"a listener rule takes {MAX_WILDCARDS} wildcards (* and ?); received {found}"
                + ("" if alone else ", one for each service among them"),
            )


def _stars(texts: Iterable[str]) -> int:
    return sum(text.count("*") + text.count("?") for text in texts)


def _header_names(settings: Settings, name: str) -> Iterator[Fault]:
    """Header names ignore case (RFC 9110, section 5.1), and a rule has one condition for each."""
    for key, route in _routes(settings, name).items():
        seen: dict[str, str] = {}
        for header in route.headers:
            first = seen.setdefault(header.lower(), header)
            if first != header:
                yield Fault(
                    _at(name, key, "headers", header),
                    f"the same header as {quoted(first)}; case does not matter, put the values into one list",
                )


def _destination(settings: Settings, name: str) -> Iterator[Fault]:
    for key, route in _routes(settings, name).items():
        if route.to is None:
            continue
        problem = _unreachable(settings, name, route.to)
        if problem:
            yield Fault(_at(name, key, "to"), problem)


def _unreachable(settings: Settings, name: str, to: str) -> str | None:
    """Why the rules of workload `name` cannot lead to workload `to`.

    ALB User Guide, "Target groups": a request of another protocol version than the target group's is answered with 464;
    "Quotas": a target group has one load balancer.
    """
    if to == name:
        return "is the workload itself; leave it out"
    if to not in settings.services:
        near = suggestion(to, settings.services) or ";"
        return f"there is no workload {quoted(to)}{near} (there is: {listed(settings.services)})"
    other = settings.services[to]
    if other.expose.alb is None:
        return f"services.{to} has no target group; give it expose.alb"
    if other.protocol != settings.services[name].protocol:
        return f"services.{to} speaks {other.protocol}, and this workload {settings.services[name].protocol}"
    mine, theirs = settings.load_balancer_of(name), settings.load_balancer_of(to)
    if mine != theirs:
        return f"services.{to} is behind another load balancer, {theirs}; a target group has one"
    return f"routes lead in a circle: services.{to} leads back here" if _leads(settings, to, name) else None


def _leads(settings: Settings, start: str, goal: str) -> bool:
    """Whether routes lead from one workload to another, over any number of others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if current == goal:
            return True
        if current in settings.services and current not in seen:
            seen.add(current)
            waiting += sound(partial(destinations, settings.services[current])) or ()
    return False


def _rewrites(settings: Settings, name: str) -> Iterator[Fault]:
    """The path of a gRPC call is its method (gRPC over HTTP2, "Requests"), so a rewrite calls another one."""
    alb = settings.services[name].expose.alb
    if alb is None:
        return
    places: dict[Path, Rewrites | None] = {("services", name, "expose", "alb", "rewrite"): alb.rewrite}
    places |= {_at(name, key, "rewrite"): route.rewrite for key, route in alb.routes.items()}
    grpc = settings.services[name].protocol == "grpc"
    for path, rewrite in places.items():
        if rewrite is None:
            continue
        if rewrite.host is None and rewrite.path is None:
            yield Fault(path, "must have at least one of host and path")
        if grpc and not rewrite.grpc:
            yield Fault(
                path,
                "the path of a gRPC call is its method and the host its authority: a server may not know the new ones; "
                "say grpc: true if that is meant",
            )
        if not grpc and rewrite.grpc:
            yield Fault((*path, "grpc"), "only for gRPC workloads, and the protocol is http; leave it out")


def _twice(settings: Settings, name: str) -> Iterator[Fault]:
    """Of two routes with the same host, path and conditions one would never get a call."""
    owners: dict[object, str] = {}
    for key in _routes(settings, name):
        for rule in _rules(settings, name, key):
            if rule.action == "deny":
                continue
            for host in rule.hosts or ("",):
                for path in rule.paths:
                    first = owners.setdefault((host, path, conditions(rule)), key)
                    if first != key:
                        yield Fault(_at(name, key), f"{path} with the same conditions is in routes.{first} already")


def _depth(settings: Settings, name: str) -> Iterator[Fault]:
    alb = settings.services[name].expose.alb
    if alb is None:
        return
    places: list[tuple[Path, tuple[str, ...]]] = [(("services", name, "expose", "alb", "paths"), alb.paths)]
    places += [(_at(name, key, "paths"), route.paths) for key, route in alb.routes.items()]
    for place, paths in places:
        for position, path in enumerate(paths):
            found = depth(path)
            if found > MAX_DEPTH:
                slash = path.endswith("/")
                most = f"{MAX_DEPTH - 1} segments before a final slash" if slash else f"{MAX_DEPTH} segments"
                yield Fault(
                    (*place, position),
                    f"must have at most {most}, which decide what is tried first; received {found - slash}",
                )


RULES: Final = (
    _keys,
    _methods,
    _nothing,
    _values,
    _wildcards,
    _header_names,
    _destination,
    _rewrites,
    _twice,
    _depth,
)
