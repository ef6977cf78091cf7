"""Priorities of listener rules."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.priorities import LAST, MAX_DEPTH, Specificity, assign, width

SPECIFICITIES = st.builds(Specificity, st.integers(min_value=0, max_value=8), st.booleans())
RULES = st.dictionaries(st.text(max_size=12), SPECIFICITIES, max_size=60)


@given(RULES)
def test_every_rule_has_a_priority_of_its_own_that_aws_takes(rules: dict[str, Specificity]) -> None:
    found = assign(rules)
    assert list(found) == list(rules)
    assert len(set(found.values())) == len(rules)
    assert all(1 <= priority <= 50_000 for priority in found.values())


@given(RULES, st.randoms(use_true_random=False))
def test_the_order_in_which_rules_are_written_does_not_matter(rules: dict[str, Specificity], random: object) -> None:
    shuffled = list(rules.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assign(dict(shuffled)) == assign(rules)


@given(RULES)
def test_deeper_paths_come_first_and_with_conditions_before_without(rules: dict[str, Specificity]) -> None:
    found = assign(rules)
    by_priority = sorted(rules, key=found.__getitem__)
    ranks = [(-rules[key].depth, not rules[key].conditions) for key in by_priority]
    assert all(one <= other for one, other in pairwise(ranks))


def place(key: str, specificity: Specificity) -> tuple[Specificity, int]:
    """Where a key goes when nobody else wants the place."""
    return specificity, assign({key: specificity})[key]


@given(RULES, st.text(max_size=12), SPECIFICITIES)
def test_a_new_rule_moves_only_rules_that_collide(rules: dict[str, Specificity], key: str, new: Specificity) -> None:
    before, after = assign(rules), assign(rules | {key: new})
    wanted = [place(each, specificity) for each, specificity in rules.items()]
    for each, specificity in rules.items():
        alone = wanted.count(place(each, specificity)) == 1
        if each != key and alone and place(each, specificity) != place(key, new):
            assert after[each] == before[each]


def colliding(count: int) -> list[str]:
    """Keys that want the same place among the 700 of a deep path."""
    by_place: dict[int, list[str]] = {}
    for number in range(20_000):
        key = f"rule-{number}"
        slot = int.from_bytes(hashlib.sha256(f"0:{key}".encode()).digest()[:8], "big") % 700
        by_place.setdefault(slot, []).append(key)
        if len(by_place[slot]) == count:
            return by_place[slot]
    raise AssertionError("no such keys")


def test_rules_that_want_one_place_all_get_one() -> None:
    keys = colliding(5)
    deep = Specificity(5)
    assert len({place(key, deep) for key in keys}) == 1
    found = assign(dict.fromkeys(keys, deep))
    assert len(set(found.values())) == 5
    assert found[min(keys)] == place(min(keys), deep)[1]


def test_a_full_band_still_gives_every_rule_a_place() -> None:
    found = assign({f"rule-{number}": Specificity(8) for number in range(700)})
    assert sorted(found.values()) == list(range(701, 1_401))


def test_more_rules_than_a_band_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="701 rules of one specificity; at most 700"):
        assign({f"rule-{number}": Specificity(8) for number in range(701)})


@pytest.mark.parametrize("depth", [-1, 9])
def test_a_depth_outside_the_bands_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="allowed: 0 to 8"):
        assign({"rule": Specificity(depth)})


def test_the_bands_fill_the_range_and_never_change() -> None:
    """Another assignment would rewrite every rule of every user, one by one, against its neighbours."""
    assert assign({"a": Specificity(0), "b": Specificity(1), "c": Specificity(2), "d": Specificity(2, True)}) == {
        "a": 48720,
        "b": 35818,
        "c": 17904,
        "d": 12646,
    }


def test_the_bands_together_have_no_more_places_than_a_listener() -> None:
    every = [Specificity(depth, conditions) for depth in range(MAX_DEPTH + 1) for conditions in (True, False)]
    assert sum(map(width, every)) <= LAST == 50_000
    wide = {each: width(each) for each in every if width(each) != 700}
    assert wide == {
        Specificity(0): 4_000,
        Specificity(1): 24_000,
        Specificity(2): 6_000,
        Specificity(2, conditions=True): 6_000,
    }


@pytest.mark.parametrize("conditions", [True, False])
@pytest.mark.parametrize("depth", range(MAX_DEPTH + 1))
def test_no_rule_leaves_the_band_of_its_specificity(depth: int, conditions: bool) -> None:
    """A thousand keys come near both ends of a band; the next band must begin behind the last of them."""
    keys = [f"rule-{number}" for number in range(1_000)]
    here = Specificity(depth, conditions)
    behind = Specificity(depth, False) if conditions else Specificity(max(depth - 1, 0), depth > 0)
    last = max(assign({key: here})[key] for key in keys)
    first = min(assign({key: behind})[key] for key in keys)
    assert here == behind or last < first
    assert last <= LAST


def test_in_a_full_load_balancer_a_new_rule_collides_in_about_one_case_of_three_hundred() -> None:
    service = Specificity(1)
    taken = set(assign({f"service-{number}": service for number in range(84)}).values())
    collisions = sum(place(f"new-{number}", service)[1] in taken for number in range(20_000))
    assert 1 / 400 < collisions / 20_000 < 1 / 240
