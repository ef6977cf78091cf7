"""The stacks that are changed: local, dev and prod as a first preview shows them."""

from __future__ import annotations

import json

import pytest

from policies.engine import sources
from policies.engine.resource import Resource
from tests.mutation import outcome
from tests.mutation.outcome import Outcome
from tools import copies, environment

STACKS = ("local", "dev", "prod")


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    found = {}
    for name in STACKS:
        program, engine = copies.make(environment.here(), name, tmp_path_factory.mktemp(name))
        result = engine.run("preview", "--json", "--show-sames", "--stack", name, cwd=program)
        found[name] = sources.from_preview(json.loads(result.stdout)["steps"])
    return found


@pytest.fixture(scope="session")
def tried(stacks: dict[str, list[Resource]]) -> Outcome:
    return outcome.run(stacks)
