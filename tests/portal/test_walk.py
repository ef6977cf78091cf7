"""The walk over everything that can be asked for holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from portal.settings import PortalSettings
from portal.tables import Binding
from portal.worker import Worker

from .site import new_database
from .walk import Walk

ROLES = {"ann": ["requester"], "bob": ["approver"], "cyn": ["requester", "approver"], "ops": ["operator", "admin"]}


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[type[Walk]]:
    template = new_database(f"sqlite:///{tmp_path / 'template.sqlite'}")
    with template.write() as session:
        for name in ("dev", "prod"):
            for who, roles in ROLES.items():
                session.add_all(Binding(environment=name, subject=f"user:{who}", role=role) for role in roles)
    template.close()
    chosen = PortalSettings(database=f"sqlite:///{tmp_path / 'used.sqlite'}", folder=tmp_path / "runs", targets={})
    file = tmp_path / "portal.json"
    file.write_text(chosen.model_dump_json())
    Walk.template, Walk.worker = tmp_path / "template.sqlite", Worker(file)
    yield Walk
    Walk.worker.database.close()


def go(walk: type[Walk], examples: int, steps: int = 50, **options: Any) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        **options,
    )
    run_state_machine_as_test(walk, settings=chosen)


def test_the_rules_hold_whatever_is_asked_for_and_whoever_dies(walk: type[Walk]) -> None:
    go(walk, 6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_rules_hold_on_long_walks(walk: type[Walk]) -> None:
    go(walk, 40, 80)
