"""Every setting that there is changes some resource, or says why it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from components.settings.shape import resolve, root
from tests.conftest import Registrations
from tests.variations.apply import loaded, varied
from tests.variations.base import BASE, Variation
from tests.variations.table import ALL, WITHOUT_EFFECT

Platform = Callable[..., Registrations]
# Keys of maps in the table's paths.
_MAPS = r"(load_balancers|services|node_groups|access|taints|extra_addons|metrics|routes|statements|listeners)"


def leaves(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of all settings, `*` for the keys of a map."""
    node = resolve(node)
    if node.get("properties"):
        for key, inner in node["properties"].items():
            yield from leaves(inner, (*path, key))
        return
    entries = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), None)
    if node.get("type") == "object" and isinstance(entries, dict) and resolve(entries).get("properties"):
        yield from leaves(entries, (*path, "*"))
    else:
        yield ".".join(path)


def pattern(path: str) -> str:
    """A path of the table as the schema has it."""
    return re.sub(rf"(?<![a-z]){_MAPS}\.[^.]+(?=\.)", r"\1.*", path)


def test_the_table_has_every_setting_of_the_schema() -> None:
    known = {pattern(each.path) for each in ALL} | set(WITHOUT_EFFECT)
    schema = set(leaves(root()))
    assert schema - known == set(), "a new setting needs an entry in tests/variations"
    assert known - schema == set()
    assert {pattern(each.path) for each in ALL} & set(WITHOUT_EFFECT) == set()


def registered(seen: Registrations) -> str:
    """All that a program registers, in one text."""
    return json.dumps(
        [
            (each.urn, each.inputs, each.protect, each.delete_before_replace, each.depends_on)
            for each in sorted(seen.all, key=lambda each: each.urn)
        ],
        sort_keys=True,
        default=str,
    )


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    """What settings registered that were tried already."""
    return {}


@pytest.mark.parametrize("variation", ALL, ids=lambda each: each.path)
def test_a_setting_has_an_effect(platform: Platform, known: dict[str, str], variation: Variation) -> None:
    with_it, without = varied(BASE, variation), varied(BASE, variation, whole=False)
    assert loaded(with_it) is not None
    before = without if loaded(without) is not None else BASE
    key = json.dumps(before, sort_keys=True)
    if key not in known:
        known[key] = registered(platform(before))
    assert registered(platform(with_it)) != known[key]
