"""The workflows as data, and their commands as GitHub would run them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import CHECKOUT

FOLDER = CHECKOUT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def workflow(name: str) -> dict[str, Any]:
    """A workflow; its key `on`, which YAML 1.1 takes for a truth, is text again."""
    content: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def step(name: str, job: str, title: str) -> dict[str, Any]:
    (found,) = [each for each in workflow(name)["jobs"][job]["steps"] if each.get("name") == title]
    return dict(found)


def run(
    found: Mapping[str, Any], cwd: Path, values: Mapping[str, str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a step's command as the runner does on Linux; `values` are what its expressions stand for."""
    given = {name: EXPRESSION.sub(lambda each: values[each[1]], str(text)) for name, text in found["env"].items()}
    assert not EXPRESSION.search(found["run"]), "an expression in a command is a way to put commands into it"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", found["run"]],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env, **given},
        capture_output=True,
        text=True,
        check=False,
    )
