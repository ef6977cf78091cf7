"""The address plan: every zone has its place, and keeps it."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import cidr

LETTERS = "abcdefgh"
ZONES = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=8, unique=True).map(
    lambda letters: [f"eu-west-1{letter}" for letter in letters]
)
NETWORKS = st.tuples(st.integers(min_value=16, max_value=20), st.integers(min_value=0, max_value=2**20 - 1)).map(
    lambda drawn: str(
        ipaddress.IPv4Network((((10 << 24) | (drawn[1] << 4)) >> (32 - drawn[0]) << (32 - drawn[0]), drawn[0]))
    )
)


def subnets(plan: dict[str, cidr.ZonePlan]) -> list[ipaddress.IPv4Network]:
    return [ipaddress.IPv4Network(text) for zone in plan.values() for text in (zone.public, zone.private)]


@given(NETWORKS, ZONES)
def test_subnets_lie_inside_the_vpc_and_apart_from_one_another(network: str, zones: list[str]) -> None:
    found = subnets(dict(cidr.plan(network, zones)))
    assert len(found) == 2 * len(zones)
    assert all(subnet.subnet_of(ipaddress.IPv4Network(network)) for subnet in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


@given(NETWORKS, ZONES, ZONES)
def test_adding_or_removing_a_zone_moves_no_address(network: str, zones: list[str], others: list[str]) -> None:
    before, after = cidr.plan(network, zones), cidr.plan(network, [*others, *zones])
    assert {zone: after[zone] for zone in zones} == dict(before)


@given(NETWORKS, ZONES)
def test_nodes_get_the_larger_part_and_load_balancers_enough(network: str, zones: list[str]) -> None:
    length = ipaddress.IPv4Network(network).prefixlen
    for zone in cidr.plan(network, zones).values():
        assert ipaddress.IPv4Network(zone.private).prefixlen == length + 4
        assert ipaddress.IPv4Network(zone.public).prefixlen == length + 6 <= 27


def test_the_plan_of_a_usual_network_never_changes() -> None:
    """Another plan would replace every subnet, and all that lies in it."""
    assert cidr.plan("10.0.0.0/16", ["eu-west-1a", "eu-west-1b", "eu-west-1h"]) == {
        "eu-west-1a": cidr.ZonePlan(public="10.0.16.0/22", private="10.0.0.0/20"),
        "eu-west-1b": cidr.ZonePlan(public="10.0.48.0/22", private="10.0.32.0/20"),
        "eu-west-1h": cidr.ZonePlan(public="10.0.240.0/22", private="10.0.224.0/20"),
    }


@pytest.mark.parametrize("network", ["10.0.0.0/15", "10.0.0.0/21"])
def test_a_network_of_another_size_is_refused(network: str) -> None:
    with pytest.raises(ValueError, match="allowed: /16 to /20"):
        cidr.plan(network, ["eu-west-1a"])


@pytest.mark.parametrize("zone", ["eu-west-1i", "eu-west-1", ""])
def test_a_zone_without_a_slot_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="does not end in a letter from a to h"):
        cidr.plan("10.0.0.0/16", [zone])
