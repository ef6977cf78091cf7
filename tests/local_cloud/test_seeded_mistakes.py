"""The mistakes that a real API server refuses (test_kubernetes_real.py) are found without one too."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.kubernetes import syntax
from local_cloud.kubernetes.manifests import validate
from tests.local_cloud.seeded_mistakes import GOOD, SEEDED, mistaken


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_manifest_passes(kind: str) -> None:
    assert validate(GOOD[kind], "1.34") == []


@pytest.mark.parametrize(("kind", "path", "value"), [each[1:] for each in SEEDED], ids=[each[0] for each in SEEDED])
def test_a_seeded_mistake_is_found(kind: str, path: str, value: Any) -> None:
    assert validate(mistaken(kind, path, value), "1.34")


@pytest.mark.parametrize(
    "text", ["*/5 * * * *", "0 3 1,15 * 1-5", "0 0 * JAN sun", "@daily", "@every 1h30m", "? * * * *"]
)
def test_schedules_that_cron_takes(text: str) -> None:
    assert syntax.schedule(text) is None


@pytest.mark.parametrize("text", ["* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "a * * * *", "1-2-3 * * * *"])
def test_schedules_that_cron_refuses(text: str) -> None:
    assert syntax.schedule(text)
