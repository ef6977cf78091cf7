"""Running greeters, certificates, and the probe's answer as a document."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from probe import __main__ as command
from tests.greeter.conftest import certificate, servers

__all__ = ["certificate", "servers"]


@dataclass(frozen=True)
class Found:
    """What the probe said."""

    code: int
    document: dict[str, Any]

    def step(self, name: str) -> dict[str, Any]:
        found = [step for step in self.document["steps"] if step["name"] == name]
        assert len(found) == 1, f"{len(found)} steps {name}: {[step['name'] for step in self.document['steps']]}"
        return dict(found[0])

    def text(self, name: str) -> str:
        return str(self.step(name)["text"])

    @property
    def outcomes(self) -> dict[str, str]:
        return {step["name"]: step["outcome"] for step in self.document["steps"]}

    @property
    def problems(self) -> list[str]:
        return [name for name, outcome in self.outcomes.items() if outcome == "problem"]


Probe = Callable[..., Found]


@pytest.fixture
def probe(capsys: pytest.CaptureFixture[str]) -> Probe:
    """`probe(target, *options)` runs it and reads its JSON."""

    def run(target: str | int, *options: str) -> Found:
        where = target if isinstance(target, str) else f"127.0.0.1:{target}"
        code = command.main([where, "--json", *options])
        return Found(code, json.loads(capsys.readouterr().out))

    return run
