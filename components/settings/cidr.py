"""The address plan of a VPC: where each zone's subnets lie."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_LETTERS: Final = "abcdefgh"


@dataclass(frozen=True)
class ZonePlan:
    """The subnets of one zone, each as an IPv4 network in text (`10.0.32.0/20`)."""

    public: str
    private: str


def plan(cidr: str, zones: Sequence[str]) -> Mapping[str, ZonePlan]:
    """Public and private subnet of every zone in `zones` (names such as `eu-west-1a`).

    The network has eight equal slots, and a zone's letter, a to h, says which one is its own: adding or removing a zone
    moves no address. It still replaces node groups, whose subnets are create-only (CloudFormation,
    AWS::EKS::Nodegroup), and another `cidr` replaces the VPC with everything in it.

    The first half of a slot is the private subnet, where nodes and pods live; the public one, for load balancers and
    NAT gateways, is an eighth of the slot at the start of the second half. The rest is free for later. For a /16 that
    is /20 and /22, for a /20 it is /24 and /26; a load balancer wants at least a /27 with 8 free addresses in each zone
    (ALB User Guide, "Subnets for your load balancer").

    Raises ValueError for a network smaller than /20 or larger than /16, and for a zone that ends in another letter.
    """
    network = ipaddress.IPv4Network(cidr)
    if not 16 <= network.prefixlen <= 20:
        raise ValueError(f"{cidr} has a prefix of /{network.prefixlen}; allowed: /16 to /20")
    slots = list(network.subnets(prefixlen_diff=3))
    return {zone: _halves(slots[_slot(zone)]) for zone in zones}


def _slot(zone: str) -> int:
    if zone[-1:] not in tuple(_LETTERS):
        raise ValueError(f'zone "{zone}" does not end in a letter from a to h')
    return _LETTERS.index(zone[-1])


def _halves(slot: ipaddress.IPv4Network) -> ZonePlan:
    private, rest = slot.subnets(prefixlen_diff=1)
    public = next(rest.subnets(prefixlen_diff=2))
    return ZonePlan(public=str(public), private=str(private))
