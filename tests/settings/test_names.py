"""Physical names: short, of the right characters, stable, and different for different things."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings import names

TEXT = st.text(max_size=50)
IDENTITY = st.lists(TEXT, max_size=4).map(tuple)


@given(TEXT, IDENTITY, st.integers(min_value=12, max_value=64))
def test_a_name_is_short_and_made_of_letters_digits_and_single_hyphens(
    prefix: str, identity: tuple[str, ...], maximum: int
) -> None:
    name = names.physical(prefix, *identity, maximum=maximum)
    assert len(name) <= maximum
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert not name.startswith("internal-")


@given(TEXT, IDENTITY)
def test_the_same_identity_always_has_the_same_name(prefix: str, identity: tuple[str, ...]) -> None:
    assert names.physical(prefix, *identity) == names.physical(prefix, *identity)


@given(st.lists(st.tuples(TEXT, IDENTITY), min_size=2, max_size=30, unique=True))
def test_distinct_identities_have_distinct_names(things: list[tuple[str, tuple[str, ...]]]) -> None:
    assert len({names.physical(prefix, *identity) for prefix, identity in things}) == len(things)


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    assert names.physical("x", "ab", "c") != names.physical("x", "a", "bc") != names.physical("x", "abc")
    assert names.physical("x") != names.physical("x", "")


def test_five_thousand_workloads_have_five_thousand_names() -> None:
    found = {names.physical("orders-in-a-very-long-environment", str(number)) for number in range(5000)}
    assert len(found) == 5000


def test_a_name_can_be_read_and_never_changes() -> None:
    """A changed name would replace every load balancer and target group of every user."""
    assert names.physical("dev-public", "public", "internet-facing") == "dev-public-gaqazsbfrz"
    assert names.physical("Orders Service!", "50051", "GRPC") == "orders-service-k7w5bhcbq3"


@pytest.mark.parametrize("prefix", ["internal", "internal-orders", "INTERNAL", "internal_x", "-internal-"])
def test_the_prefix_that_aws_keeps_for_itself_is_moved_away(prefix: str) -> None:
    assert names.physical(prefix).startswith("lb-internal-")


def test_there_must_be_room_for_a_name() -> None:
    with pytest.raises(ValueError, match="maximum is 11; a name needs at least 12 characters"):
        names.physical("orders", maximum=11)
