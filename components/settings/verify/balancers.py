"""Rules of load balancers: certificates, hosts, and how much one of them takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from components.settings.broken import sound
from components.settings.gateway_rules import route_rules
from components.settings.load_balancers import LoadBalancer
from components.settings.model import Settings
from components.settings.names import COMMON_NAME
from components.settings.rules import conditions, rules_of
from components.settings.verify import lattice
from components.settings.wording import Fault, Path, counted, quoted
from components.settings.workload import Workload

# ALB User Guide, "Quotas for your Application Load Balancers". Target groups: fixed; rules: the default.
MAX_RULES: Final = 100
MAX_TARGET_GROUPS: Final = 100
MAX_BALANCERS: Final = 50
# ACM User Guide, "Quotas": names of one certificate.
MAX_DOMAINS: Final = 10
# VPC User Guide, "Amazon VPC quotas": rules of one security group in one direction.
MAX_GROUP_RULES: Final = 60


def behind(settings: Settings, balancer: str) -> Iterator[tuple[str, Workload]]:
    """The workloads that a load balancer serves, as far as they are sound."""
    for name, workload in settings.services.items():
        if sound(partial(settings.load_balancer_of, name)) == balancer:
            yield name, workload


def _named(name: str, workload: Workload) -> list[tuple[str, Path]]:
    """The hosts of a workload, each with where it is said."""
    alb = workload.expose.alb
    if alb is None:
        return []
    start = ("services", name, "expose", "alb")
    found: list[tuple[str, Path]] = [(f"{alb.host}", (*start, "host"))]  # formatting notices a broken one
    for key, route in alb.routes.items():
        found += [(f"{host}", (*start, "routes", key, "hosts", position)) for position, host in enumerate(route.hosts)]
    return found


def hosts(settings: Settings, balancer: str) -> dict[str, Path]:
    """Each host of a load balancer with where it is said first."""
    found: dict[str, Path] = {}
    for name, workload in behind(settings, balancer):
        for host, path in sound(partial(_named, name, workload)) or ():
            found.setdefault(host, path)
    return found


def within(domain: str, zone: str) -> bool:
    """Whether a domain lies in a hosted zone."""
    return domain == zone or domain.endswith(f".{zone}")


def covers(pattern: str, host: str) -> bool:
    """Whether a certificate's name covers a host; a wildcard stands for one label (RFC 6125, section 6.4.3)."""
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])


def _certificate_arn(balancer: LoadBalancer) -> str:
    return f"{balancer.certificate.arn or ''}" if balancer.certificate else ""


def regions(settings: Settings, region: str | None) -> Iterator[Fault]:
    """A listener takes certificates of its own region (ALB User Guide, "Certificates for your ALB")."""
    for name, balancer in settings.load_balancers.items():
        found = sound(partial(_certificate_arn, balancer))
        if found and region is not None and found.split(":")[3] != region:
            yield Fault(
                ("load_balancers", name, "certificate", "arn"),
                f"must be a certificate of {region} (aws:region); received one of {found.split(':')[3]}",
            )


def _certificate_form(settings: Settings, name: str) -> Iterator[Fault]:
    certificate = settings.load_balancers[name].certificate
    if certificate is not None and bool(certificate.arn) == bool(certificate.domains):
        yield Fault(("load_balancers", name, "certificate"), "must have exactly one of arn and domains")


def _certificate_zone(settings: Settings, name: str) -> Iterator[Fault]:
    """HTTPS is the only listener gRPC works on (ALB User Guide, "Target groups": protocol version gRPC)."""
    certificate, zone = settings.load_balancers[name].certificate, settings.existing.hosted_zone
    if certificate is not None and certificate.arn:
        return
    path = ("load_balancers", name, "certificate")
    if zone is None:
        yield Fault(
            path,
            "an HTTPS listener needs a certificate: give the arn of one, or existing.hosted_zone, in which a new one "
            "can be validated",
        )
        return
    for domain in certificate.domains if certificate else ():
        if not within(domain.removeprefix("*."), zone.name):
            yield Fault(
                (*path, "domains"),
                f"{domain} is outside the hosted zone {zone.name} (existing.hosted_zone), where it would be validated",
            )


def host_zone(settings: Settings, name: str) -> Iterator[Fault]:
    """Every host gets a record in the zone, and without another certificate a name on one that is validated there."""
    zone = settings.existing.hosted_zone
    if zone is None:
        return
    for host, path in hosts(settings, name).items():
        if not within(host, zone.name):
            yield Fault(
                path,
                f"{host} is outside the hosted zone {zone.name} (existing.hosted_zone), where its record would be "
                "made; choose a host inside it, or leave the zone out and give every load balancer a certificate arn",
            )


def _needed(hosts: Iterable[str], zone: str) -> set[str]:
    """The names of a certificate that is requested for hosts."""
    return {host if host == zone else "*." + host.partition(".")[2] for host in hosts}


def _requested_names(settings: Settings, name: str) -> Iterator[Fault]:
    zone = settings.existing.hosted_zone
    if zone is None or settings.load_balancers[name].certificate is not None:
        return
    needed = _needed(hosts(settings, name), zone.name)
    if len(needed) > MAX_DOMAINS:
        yield Fault(
            ("load_balancers", name),
            f"its hosts need a certificate with {len(needed)} names; ACM takes {MAX_DOMAINS}: spread the services over "
            "several load balancers, or use fewer parent domains",
        )


def _redirect(settings: Settings, name: str) -> Iterator[Fault]:
    """gRPC clients take a redirect for an error (grpc/grpc doc/http-grpc-status-mapping.md)."""
    balancer = settings.load_balancers[name]
    if not balancer.http_redirect:
        return
    path = ("load_balancers", name)
    kinds = {sound(partial(_protocol, workload)) for _, workload in behind(settings, name)}
    if settings.environment.kind == "all" and not kinds & {"http", None}:
        yield Fault(
            (*path, "http_redirect"),
            "no HTTP workload is behind it, and gRPC clients follow no redirect; without it port 80 stays closed",
        )
    if 2 * len(balancer.allow_cidrs) > MAX_GROUP_RULES:
        yield Fault(
            (*path, "allow_cidrs"),
            f"must be at most {MAX_GROUP_RULES // 2} with http_redirect, since each is let in on two ports and a "
            f"security group takes {MAX_GROUP_RULES} rules; received {len(balancer.allow_cidrs)}",
        )


def _protocol(workload: Workload) -> str:
    return f"{workload.protocol}"


def _common_name(settings: Settings, name: str) -> Iterator[Fault]:
    """One name of a requested certificate is its common name."""
    certificate, zone = settings.load_balancers[name].certificate, settings.existing.hosted_zone
    if zone is None or (certificate is not None and certificate.arn):
        return
    path: Path = ("load_balancers", name, "certificate")
    domains = certificate.domains if certificate else ()
    requested = domains or _needed(hosts(settings, name) or [zone.name], zone.name)
    shortest = min(requested, key=lambda domain: (len(domain), domain))
    if len(shortest) > COMMON_NAME:
        yield Fault(
            (*path, "domains") if domains else path,
            f"the first name of a certificate has at most {COMMON_NAME} characters (ACM), and the shortest here, "
            f"{shortest}, has {len(shortest)}; choose shorter hosts, or give a shorter name of the zone beside them "
            "(domains), or the arn of a certificate",
        )


def _host_covered(settings: Settings, name: str) -> Iterator[Fault]:
    certificate = settings.load_balancers[name].certificate
    if certificate is None or not certificate.domains:
        return
    for host, path in hosts(settings, name).items():
        if not any(covers(domain, host) for domain in certificate.domains):
            yield Fault(
                path,
                f"{host} is not covered by load_balancers.{name}.certificate.domains "
                f"({', '.join(certificate.domains)}; a star stands for one label)",
            )


def room(settings: Settings, name: str) -> Iterator[Fault]:
    """How many rules and target groups one load balancer takes."""
    workloads = list(behind(settings, name))
    place = ("load_balancers", name) if name in settings.load_balancers else ("existing", "listeners", name)
    own = settings.load_balancers.get(name)
    owner = own.owner if own else "pulumi"
    rules = sum(sound(partial(_needed_rules, key, each, owner)) or 0 for key, each in workloads)
    if rules > MAX_RULES:
        yield Fault(
            place,
            f"its {len(workloads)} services need {rules} listener rules; AWS allows {MAX_RULES} by default: "
            "spread them over several load balancers",
        )
    canaries = sum(bool(sound(partial(_has_canary, each))) for _, each in workloads)
    if len(workloads) + canaries > MAX_TARGET_GROUPS:
        more = f" and {counted(canaries, 'canary target group')}" if canaries else ""
        yield Fault(
            place,
            f"it has {len(workloads)} services with one target group each{more}; AWS allows {MAX_TARGET_GROUPS}, which "
            "cannot be raised: spread them over several load balancers",
        )


def _needed_rules(name: str, workload: Workload, owner: str) -> int:
    """How many listener rules a workload needs. A controller makes one of every path, or match, and host."""
    found = rules_of(name, workload)
    if owner == "ingress":
        return sum(len(rule.paths) * max(1, len(rule.hosts)) for rule in found)
    if owner == "gateway":
        return sum(len(rule.matches) for rule in route_rules(found))
    return len(found)


def _has_canary(workload: Workload) -> bool:
    return workload.expose.alb is not None and workload.expose.alb.canary is not None


def opened_ports(settings: Settings) -> set[tuple[str, int]]:
    """The ports of pods that each load balancer may reach: one rule each in the nodes' security group.

    The load balancers that the controller makes share a group of its own, and with it their rules (AWS Load Balancer
    Controller, "Security groups").
    """
    return {
        ("" if _controlled(settings, balancer) else balancer, port)
        # An existing listener opens a port in the group of a cluster that this stack makes, and in no other.
        for balancer in (settings.load_balancers if settings.existing.cluster else settings.balancers)
        for _, workload in behind(settings, balancer)
        for port in (workload.port, workload.health.port or workload.port)
    } | {(name, port) for name, balancer in settings.load_balancers.items() for port in balancer.pod_ports}


def _controlled(settings: Settings, balancer: str) -> bool:
    own = settings.load_balancers.get(balancer)
    return own is not None and own.owner != "pulumi"


def _ports(settings: Settings) -> Iterator[Fault]:
    """Each load balancer opens each port of its pods in the nodes' security group, which has one rule of EKS's."""
    opened = opened_ports(settings)
    listed = lattice.weight(settings)
    if len(opened) + listed >= MAX_GROUP_RULES:
        beside = f" and {listed} for the prefix lists of VPC Lattice" if listed else ""
        yield Fault(
            ("services",),
            f"the services use {len(opened)} different ports, counted for each load balancer; a security group takes "
            f"{MAX_GROUP_RULES} rules, one of them EKS's own{beside}: let more services share a port",
        )


def _two_balancers(settings: Settings) -> Iterator[Fault]:
    """A host has one alias record, so one load balancer."""
    if settings.existing.hosted_zone is None:
        return
    owners: dict[str, str] = {}
    for balancer in settings.balancers:
        for host, path in hosts(settings, balancer).items():
            first = owners.setdefault(host, balancer)
            if first != balancer:
                yield Fault(
                    path,
                    f"{host} is served by the load balancers {quoted(first)} and {quoted(balancer)}, but a host has "
                    "one alias record; choose one of them",
                )


def _claims(settings: Settings) -> Iterator[Fault]:
    """Two workloads with the same host and path: one of them would never see a call."""
    for balancer in settings.balancers:
        owners: dict[tuple[str, str, str], str] = {}
        for name, workload in behind(settings, balancer):
            for host, path, asked in sound(partial(_claimed, name, workload)) or ():
                first = owners.setdefault((host, path, asked), name)
                if first != name:
                    yield Fault(
                        ("services", name, "expose", "alb"),
                        f"{host}{path} already belongs to services.{first}; one of the two would never get a call",
                    )


def _claimed(name: str, workload: Workload) -> list[tuple[str, str, str]]:
    """Host, path and conditions of each rule that forwards."""
    alb = workload.expose.alb
    return [
        (f"{host}", path, conditions(rule))
        for rule in (rules_of(name, workload) if alb else ())
        if rule.action == "forward"
        for host in (rule.hosts or ((alb.host,) if alb else ()))
        for path in rule.paths
    ]


def _balancers(settings: Settings) -> Iterator[Fault]:
    """ALB User Guide, "Quotas for your Application Load Balancers": load balancers of a region, unless raised."""
    if len(settings.load_balancers) > MAX_BALANCERS:
        yield Fault(
            ("load_balancers",),
            f"there are {len(settings.load_balancers)}; AWS allows {MAX_BALANCERS} in a region by default",
        )


RULES: Final = (_ports, _two_balancers, _claims, _balancers)
BALANCER_RULES: Final = (
    _certificate_form,
    _certificate_zone,
    host_zone,
    _requested_names,
    _common_name,
    _redirect,
    _host_covered,
    room,
)
