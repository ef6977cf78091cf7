"""checkov, from the package index, in an environment of its own that is made once and kept in the user's cache."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.turns import Ended, run
from tools import provision

VERSION: Final = "3.3.30"
_FLAGS: Final = ("--framework", "terraform_plan", "--skip-download", "--compact", "--quiet", "-o", "json")
_FOUND_SOMETHING: Final = 1


class MissingError(Exception):
    """checkov cannot be had; the text says what is needed."""


def folder() -> Path:
    """Where its environment is kept."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return provision.cache() / f"checkov-{VERSION}-python{python}"


def program() -> Path:
    """The checkov program, installed when it is not there yet. Raises MissingError when that fails."""
    home = folder()
    made = home / "bin" / "checkov"
    if made.is_file():
        return made
    try:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True, text=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", f"checkov=={VERSION}"]
        subprocess.run(pip, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise MissingError(
            f"checkov {VERSION} could not be installed ({said[-1] if said else error}). Needed: Python's venv module "
            f"and a package index that pip reaches (its usual settings and variables hold), about 300 MB in {home}"
        ) from None
    return made


def scan(plan: Path) -> Ended:
    """One run of checkov on a plan file, without calls home."""
    return run([str(program()), "-f", plan.name, *_FLAGS], plan.parent, good=(0, _FOUND_SOMETHING))


def failed(output: str) -> Iterator[tuple[str, str]]:
    """Check id and address of the resource of every failed check in checkov's JSON."""
    document: Any = json.loads(output)
    reports: list[Mapping[str, Any]] = document if isinstance(document, list) else [document]
    for report in reports:
        for check in report.get("results", {}).get("failed_checks", ()):
            yield check["check_id"], check["resource"]
