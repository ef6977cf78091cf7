"""Rules of what exists already: what it replaces, what it needs beside it, and where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from components.settings import shape
from components.settings.model import Settings
from components.settings.wording import Fault, quoted


def _missing(path: tuple[str, ...], also: str) -> Fault:
    return Fault(path, f"missing; must be {shape.expected(shape.at(path))}; or give {also}")


def _network_or_vpc(settings: Settings) -> Iterator[Fault]:
    """A stack makes its network or is told of one."""
    if settings.environment.kind == "services" or settings.existing.vpc is not None:
        return
    if "network" not in settings.model_fields_set:
        yield _missing(("network",), "existing.vpc")
    elif "zones" not in settings.network.model_fields_set:
        yield _missing(("network", "zones"), "existing.vpc instead of network")


def _cluster_or_existing(settings: Settings) -> Iterator[Fault]:
    """A stack makes its cluster or is told of one."""
    if settings.environment.kind == "services" or settings.existing.cluster is not None:
        return
    if "cluster" not in settings.model_fields_set:
        yield _missing(("cluster",), "existing.cluster")
    elif "node_groups" not in settings.cluster.model_fields_set:
        yield _missing(("cluster", "node_groups"), "existing.cluster instead of cluster")


def _both(settings: Settings) -> Iterator[Fault]:
    """What exists is not made as well."""
    if settings.environment.kind == "services":
        return
    for section, existing in (("network", "vpc"), ("cluster", "cluster")):
        if section in settings.model_fields_set and getattr(settings.existing, existing) is not None:
            yield Fault(
                (section,), f"there is existing.{existing}, which nothing here changes; leave one of the two out"
            )


def _needs_vpc(settings: Settings) -> Iterator[Fault]:
    """An existing cluster or listener lies in a VPC that exists too."""
    if settings.existing.vpc is not None:
        return
    if settings.existing.cluster is not None:
        yield Fault(("existing", "cluster"), "lies in a VPC that exists too; give existing.vpc")
    if settings.existing.listeners:
        yield Fault(("existing", "listeners"), "lie in a VPC that exists too; give existing.vpc")


def _twice(settings: Settings) -> Iterator[Fault]:
    """A workload names a load balancer by one key."""
    for name in settings.existing.listeners:
        if name in settings.load_balancers:
            yield Fault(
                ("existing", "listeners", name),
                f"load_balancers has an entry {quoted(name)} too; a workload could not tell them apart: rename one",
            )


def _two_zones(settings: Settings) -> Iterator[Fault]:
    """EKS User Guide, "VPC and subnet requirements"; ALB User Guide, "Subnets for your load balancer": two zones."""
    vpc = settings.existing.vpc
    if vpc is None:
        return
    if len(settings.existing.zones) < 2:
        yield Fault(
            ("existing", "vpc", "subnets"), "must lie in at least two zones: clusters and load balancers need two"
        )
    for name, balancer in settings.load_balancers.items():
        kind = "private" if balancer.scheme == "internal" else "public"
        found = vpc.subnets.private if kind == "private" else vpc.subnets.public
        if len(found) < 2:
            yield Fault(
                ("existing", "vpc", "subnets", kind),
                f"load_balancers.{name} is {balancer.scheme} and needs {kind} subnets in two zones; there are "
                f"{len(found)}",
            )


def regions(settings: Settings, region: str | None) -> Iterator[Fault]:
    """Everything lies in the region of the stack; a service network is shared within a region too."""
    if not isinstance(region, str):
        return
    vpc, network = settings.existing.vpc, settings.existing.service_network
    for kind in ("public", "private") if vpc else ():
        for zone in getattr(vpc.subnets, kind) if vpc else ():
            if zone[:-1] != region:
                yield Fault(("existing", "vpc", "subnets", kind, zone), f"is not in {region} (aws:region)")
    arns: dict[tuple[str, ...], str] = {
        ("existing", "listeners", name, "arn"): each.arn for name, each in settings.existing.listeners.items()
    }
    if network is not None:
        arns["existing", "service_network", "arn"] = network.arn
    for path, arn in arns.items():
        if arn.split(":")[3] != region:
            yield Fault(path, f"must be of {region} (aws:region); received one of {arn.split(':')[3]}")


RULES: Final = (_network_or_vpc, _cluster_or_existing, _both, _needs_vpc, _twice, _two_zones)
