"""One stack that walks through random valid settings by successive updates, and goes down clean."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.conftest import new_world
from tests.variations.fuzz import Walk, WalkError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

STEPS = 15


def test_a_stack_walks_through_random_settings_and_goes_down_clean(tmp_path: Path) -> None:
    # Always the same walk here, so that a change is judged by what it changes; `make fuzz` looks for new ones.
    seed = int(os.environ.get("WALK_SEED", "101"))
    walk = Walk(new_world(tmp_path), Random(seed), print)  # noqa: S311 - repeatable by its seed
    try:
        walk.go(STEPS)
        walk.down()
    except WalkError as error:
        error.add_note(f"again: make fuzz n={STEPS} seed={seed}")
        raise
