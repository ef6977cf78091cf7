"""Rules of region, network, tags and protected environments."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from components.settings import cidr
from components.settings.model import Settings
from components.settings.wording import Fault, counted, quoted, shown

# VPC User Guide, "Subnet CIDR blocks": AWS keeps the first four addresses of a subnet and the last one.
_KEPT_BY_AWS: Final = 5
_SMALLEST_WITHOUT_NAT: Final = 17
_OWN_TAGS: Final = "grpc-platform:"
_REGION: Final = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"


def zones(settings: Settings, region: str | None) -> Iterator[Fault]:
    """All zones lie in the region of the stack, or at least in one region."""
    if region is not None and not (isinstance(region, str) and re.fullmatch(_REGION, region)):
        yield Fault(("aws:region",), f"must be an AWS region such as eu-west-1; received {shown(region)}")
        return
    names = settings.network.zones
    if region is None:
        if len({zone[:-1] for zone in names}) > 1:
            yield Fault(("network", "zones"), f"must lie in one region; received {', '.join(names)}")
        return
    for zone in names:
        if zone[:-1] != region:
            yield Fault(
                ("network", "zones"), f"{zone} is not in {region} (aws:region); must be zones such as {region}a"
            )


def _public_nodes(settings: Settings) -> Iterator[Fault]:
    """Without NAT nodes and pods live in the public subnets, the small ones of the address plan."""
    block, names = ipaddress.IPv4Network(settings.network.cidr), settings.network.zones
    if settings.network.nat != "none" or block.prefixlen <= _SMALLEST_WITHOUT_NAT or not names:
        return
    public = ipaddress.IPv4Network(cidr.plan(settings.network.cidr, names[:1])[names[0]].public)
    yield Fault(
        ("network", "nat"),
        f"none puts nodes and pods into the public subnets, and those of a /{block.prefixlen} (network.cidr) have "
        f"{public.num_addresses - _KEPT_BY_AWS} addresses in each zone; choose a network of /16 or /17, with 1019 or "
        "507, or nat: single",
    )


def _open_endpoint(settings: Settings) -> Iterator[Fault]:
    if settings.environment.protected and "0.0.0.0/0" in settings.cluster.public_access_cidrs:
        yield Fault(
            ("cluster", "public_access_cidrs"),
            "0.0.0.0/0 opens the Kubernetes API to the whole internet, which a protected environment does not allow; "
            "name the networks that need it, or none for a private endpoint",
        )


def _few_pods(settings: Settings) -> Iterator[Fault]:
    if not settings.environment.protected:
        return
    for name in settings.services:
        yield from _few_pods_of(settings, name)


def _few_pods_of(settings: Settings, name: str) -> Iterator[Fault]:
    least = settings.services[name].scaling.min
    if least < 2:
        yield Fault(
            ("services", name, "scaling", "min"),
            f"must be at least 2 in a protected environment, so that one pod can be replaced; received {least}",
        )


def _few_nodes(settings: Settings) -> Iterator[Fault]:
    """A zone may fail, so a protected environment has a node in each."""
    if not settings.environment.protected:
        return
    zones_used = len(settings.network.zones or settings.existing.zones)
    if not settings.cluster.node_groups:
        return
    least = sum(group.min for group in settings.cluster.node_groups.values())
    if least < zones_used:
        yield Fault(
            ("cluster", "node_groups"),
            f"the groups have at least {counted(least, 'node')} together (min); a protected environment needs "
            f"{zones_used}, one for each zone",
        )


def _tags(settings: Settings) -> Iterator[Fault]:
    """IAM User Guide, "Tags for IAM resources": the keys of its tags do not differ by case alone."""
    seen: dict[str, str] = {}
    for tag in settings.environment.tags:
        if tag.lower().startswith(_OWN_TAGS):
            yield Fault(
                ("environment", "tags", tag),
                f"tags that start with {_OWN_TAGS} are the platform's own: they name project and stack; choose another",
            )
        first = seen.setdefault(tag.lower(), tag)
        if first != tag:
            yield Fault(
                ("environment", "tags", tag),
                f"the same tag as {quoted(first)} to IAM, where case does not matter; leave one of them out",
            )


RULES: Final = (_tags, _public_nodes, _open_endpoint, _few_pods, _few_nodes)
