"""Random valid settings: each registers under mocks without a complaint, and asks nothing at preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

import pytest
import yaml

from components.settings.shape import root
from tests.conftest import Registrations
from tests.variations.generator import random_settings
from tests.variations.table import WITHOUT_EFFECT

from .test_every_setting import leaves, pattern

Platform = Callable[..., Registrations]


def settled(value: object, path: tuple[str, ...] = ()) -> set[str]:
    """The paths of what is set."""
    if not isinstance(value, dict) or not value:
        return {pattern(".".join(path))}
    return {found for key, inner in value.items() for found in settled(inner, (*path, str(key)))}


def register(platform: Platform, seeds: Iterable[int]) -> set[str]:
    """Registers the settings of each seed; what was set in any of them."""
    seen: set[str] = set()
    for seed in seeds:
        raw = random_settings(Random(seed))  # noqa: S311 - the same ones in every run
        seen |= settled(raw)
        try:
            urns = [each.urn for each in platform(raw).all]
            assert len(urns) == len(set(urns))
            assert len(urns) > 50
        except Exception as error:
            error.add_note(f"seed {seed}:\n{yaml.safe_dump(raw, sort_keys=False)}")
            raise
    return seen


def test_some_random_settings_register(platform: Platform) -> None:
    register(platform, range(500, 512))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # about 0.6 s each on an idle machine
def test_many_random_settings_register_and_have_every_setting_in_them(platform: Platform) -> None:
    seen = register(platform, range(250))
    possible = {leaf for leaf in leaves(root()) if leaf not in WITHOUT_EFFECT}
    missing = sorted(leaf for leaf in possible if not any(each == leaf or each.startswith(f"{leaf}.") for each in seen))
    assert len(missing) <= 0.05 * len(possible), missing
