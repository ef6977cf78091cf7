"""Policy packs to measure against: one with a single empty policy, and ours with few of its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import yaml

from tools import environment

EMPTY: Final = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def nothing(args, report_violation):
    pass


PolicyPack(
    name="empty",
    enforcement_level=EnforcementLevel.ADVISORY,
    policies=[ResourceValidationPolicy(name="nothing", description="Finds nothing.", validate=nothing)],
)
"""
_FEW: Final = """
import sys

sys.path.insert(0, {checkout!r})

from policies.engine.analyzer import serve
from policies.engine.rule import Registry
from policies.rules import REGISTRY

serve(Registry([rule for rule in REGISTRY if rule.id in {ids!r}]))
"""


def empty(root: Path) -> Path:
    """The folder of a pack of the stock SDK with one policy that does nothing."""
    return _written(root / "empty", EMPTY)


def few(root: Path, ids: list[str]) -> Path:
    """The folder of our pack with the rules of some ids alone."""
    return _written(root / "few", _FEW.format(checkout=str(environment.here().checkout), ids=ids))


def _written(folder: Path, program: str) -> Path:
    folder.mkdir(parents=True)
    place = environment.here()
    (folder / ".venv").symlink_to(place.venv.resolve())
    (folder / "__main__.py").write_text(program.lstrip(), encoding="utf-8")
    runtime = {"name": "python", "options": {"virtualenv": ".venv"}}
    text = {"name": folder.name, "version": "1.0.0", "runtime": runtime}
    (folder / "PulumiPolicy.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return folder
