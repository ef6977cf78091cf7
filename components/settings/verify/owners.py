"""Rules of load balancers that a controller makes: what the modes `ingress` and `gateway` have no place for.

Each mode has a list of the settings it carries out; everything else is refused there, new settings too until somebody
says how a controller does it. See docs/owner-modes.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import permutations
from typing import Final

from components.settings.base import Section
from components.settings.broken import sound
from components.settings.gateway_rules import MAX_ALL_MATCHES, MAX_CONDITIONS, MAX_MATCHES, MAX_RULES, route_rules
from components.settings.ingress_order import Shadow, shadows
from components.settings.model import Settings
from components.settings.routes import Route
from components.settings.rules import hosts_of, rules_of
from components.settings.verify.balancers import behind
from components.settings.wording import Fault, Path
from components.settings.workload import Workload

_BALANCER: Final = frozenset(
    {
        *("scheme", "owner", "idle_timeout", "client_keep_alive", "certificate", "tls_policy", "allow_cidrs"),
        *("generation", "deletion_protection", "http_redirect", "headers", "desync_mitigation", "zonal_shift"),
    }
)
_HEADERS: Final = frozenset({"drop_invalid", "preserve_host", "forwarded_for", "client_port", "tls_version_and_cipher"})
_ALB: Final = frozenset(
    {
        *("load_balancer", "host", "algorithm", "anomaly_mitigation", "slow_start", "routes", "paths"),
        *("stickiness", "canary"),
    }
)
_ROUTE: Final[Mapping[str, frozenset[str]]] = {
    "ingress": frozenset(
        {"methods", "services", "paths", "hosts", "headers", "query", "source_ips", "otherwise"},
    ),
    "gateway": frozenset({"methods", "services", "paths", "headers", "query", "otherwise"}),
}
_WHY: Final[Mapping[tuple[str, str], str]] = {
    ("ingress", "generation"): "the controller names target groups itself",
    ("gateway", "generation"): "the controller names target groups itself",
    # Kubernetes, IngressServiceBackend: "in the same namespace as the Ingress".
    ("ingress", "to"): "an Ingress leads to Services of its own namespace alone",
    # Gateway API, ReferenceGrant: another namespace must allow it, and every workload has one of its own.
    ("gateway", "to"): "a workload leads to Services of its own namespace alone",
    # Gateway API, GRPCRouteSpec: hostnames are the route's, not the rule's.
    ("gateway", "hosts"): "all rules of a GRPCRoute or HTTPRoute have the same host names",
}
_OTHERWISE: Final = "the load balancer's owner is {owner}, which has no setting for it here; use owner pulumi"
# Gateway API, HTTPQueryParamMatch and HTTPHeaderName: a token (RFC 9110, section 5.6.2).
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _owner(settings: Settings, name: str) -> str:
    balancer = settings.load_balancers.get(name)
    return balancer.owner if balancer is not None else "pulumi"


def _unknown(section: Section, known: frozenset[str], path: Path, owner: str) -> Iterator[Fault]:
    for key in sorted(section.model_fields_set - known):
        why = _WHY.get((owner, key))
        said = f"not with owner {owner}: {why}" if why else _OTHERWISE.format(owner=owner)
        yield Fault((*path, key), said)


def _balancer(settings: Settings, name: str) -> Iterator[Fault]:
    owner = _owner(settings, name)
    if owner == "pulumi":
        return
    balancer = settings.load_balancers[name]
    path = ("load_balancers", name)
    yield from _unknown(balancer, _BALANCER, path, owner)
    if "headers" in balancer.model_fields_set:
        yield from _unknown(balancer.headers, _HEADERS, (*path, "headers"), owner)


def _kind(settings: Settings, name: str) -> Iterator[Fault]:
    """Services stacks put rules on a listener by its ARN, which the controller tells nobody."""
    if _owner(settings, name) != "pulumi" and settings.environment.kind == "platform":
        yield Fault(
            ("load_balancers", name, "owner"),
            f"must be pulumi in a stack of kind platform, since services stacks need the listener's ARN; received "
            f"{_owner(settings, name)}",
        )


def _exposure(settings: Settings, name: str) -> Iterator[Fault]:
    """What is said of a workload behind such a load balancer."""
    owner = _owner(settings, settings.load_balancer_of(name) or "")
    alb = settings.services[name].expose.alb
    if owner == "pulumi" or alb is None:
        return
    path = ("services", name, "expose", "alb")
    yield from _unknown(alb, _ALB, path, owner)
    if alb.stickiness is not None and alb.canary is not None:
        yield Fault((*path, "stickiness"), f"not together with canary where the load balancer's owner is {owner}")
    for key, route in alb.routes.items():
        yield from sound(partial(_route, route, (*path, "routes", key), owner)) or ()


def _route(route: Route, path: Path, owner: str) -> list[Fault]:
    found = list(_unknown(route, _ROUTE[owner], path, owner))
    if owner == "gateway":
        found += [
            Fault(
                (*path, "query", key),
                "must be a token of letters, digits and ! # $ % & ' * + - . ^ _ ` | ~ where the load balancer's owner "
                "is gateway (Gateway API, HTTPQueryParamMatch)",
            )
            for key in route.query
            if not _TOKEN.fullmatch(key)
        ]
    return found


def _apex(settings: Settings, name: str) -> Iterator[Fault]:
    """RFC 1034, section 3.6.2: a CNAME stands alone, and the apex of a zone has its SOA and NS records.

    An alias record would need the load balancer's hosted zone id, which the controller does not tell.
    """
    zone = settings.existing.hosted_zone
    if zone is None or _owner(settings, name) == "pulumi":
        return
    for key, workload in behind(settings, name):
        alb = workload.expose.alb
        if alb is not None and zone.name in (sound(partial(hosts_of, alb)) or ()):
            yield Fault(
                ("services", key, "expose", "alb", "host"),
                f"{zone.name} is the zone itself, which takes no CNAME, and with owner {_owner(settings, name)} there "
                "is no other record; choose a host inside the zone, or owner pulumi",
            )


def _order(settings: Settings, name: str) -> Iterator[Fault]:
    """All paths of an Ingress are tried before those of the next (Ingress annotations, "group.order")."""
    if _owner(settings, name) != "ingress":
        return
    for first, second in permutations(behind(settings, name), 2):
        found = next(iter(sound(partial(_shadows, first, second)) or ()), None)
        if found is not None:
            yield Fault(
                ("services", first[0], "expose", "alb"),
                f"{found.host}{found.wide} would be tried before the narrower {found.narrow} of "
                f"services.{second[0]}: an Ingress has one place among the others, with all its paths; give one of the "
                "two another host, or use owner pulumi or gateway",
            )


def _shadows(first: tuple[str, Workload], second: tuple[str, Workload]) -> list[Shadow]:
    return list(shadows(first, second))


def _one_protocol(settings: Settings, name: str) -> Iterator[Fault]:
    """kubernetes-sigs/aws-load-balancer-controller#4793: such a GRPCRoute is not accepted, and callers get 464."""
    if _owner(settings, name) != "gateway":
        return
    found = [(key, *(sound(partial(_spoken, workload)) or ("", ()))) for key, workload in behind(settings, name)]
    http = {host: key for key, protocol, hosts in found if protocol == "http" for host in hosts}
    for key, protocol, hosts in found:
        for host in hosts if protocol == "grpc" else ():
            if host in http:
                yield Fault(
                    ("services", key, "expose", "alb", "host"),
                    f"{host} is the host of the HTTP workload services.{http[host]} too, and a gateway does not take "
                    "a GRPCRoute and an HTTPRoute of one host; choose another host, or owner pulumi or ingress",
                )


def _spoken(workload: Workload) -> tuple[str, tuple[str, ...]]:
    """What a workload speaks on which hosts."""
    alb = workload.expose.alb
    return f"{workload.protocol}", tuple(f"{host}" for host in hosts_of(alb)) if alb else ()


def _size(settings: Settings, name: str) -> Iterator[Fault]:
    """Gateway API, GRPCRouteSpec and HTTPRouteSpec."""
    if _owner(settings, settings.load_balancer_of(name) or "") != "gateway":
        return
    found = route_rules(rules_of(name, settings.services[name]))
    matches = [len(rule.matches) for rule in found]
    conditions = max((len(match.headers) + len(match.query) for rule in found for match in rule.matches), default=0)
    for number, most, what in (
        (len(found), MAX_RULES, "rules"),
        (max(matches, default=0), MAX_MATCHES, "matches in one rule"),
        (sum(matches), MAX_ALL_MATCHES, "matches"),
        (conditions, MAX_CONDITIONS, "conditions in one match"),
    ):
        if number > most:
            yield Fault(
                ("services", name, "expose", "alb"),
                f"it needs a route with {number} {what}, and the Gateway API takes {most}; name fewer, or use owner "
                "pulumi",
            )


BALANCER_RULES: Final = (_balancer, _kind, _apex, _order, _one_protocol)
WORKLOAD_RULES: Final = (_exposure, _size)
