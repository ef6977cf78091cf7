"""Configuration files of the pack: `config/default.yaml` for every environment, `config/<environment>.yaml` over it.

The pack on the engine, the gate and the check of exported state read the same ones.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from policies.engine import texts
from policies.engine.configuration import Configuration, ConfigurationError, Reading
from policies.engine.lines import UnreadableError, load
from policies.engine.rule import Registry

FOLDER: Final = Path(__file__).resolve().parent.parent / "config"
SHARED: Final = "default"
_ENDING: Final = ".yaml"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")


def of(environment: str, folder: Path = FOLDER) -> list[Path]:
    """The files that an environment has, the shared one first. An environment without a file has that one alone."""
    named = [environment] if _NAME.fullmatch(environment) and environment != SHARED else []
    return [file for name in (SHARED, *named) if (file := folder / f"{name}{_ENDING}").is_file()]


def read(files: Iterable[Path], registry: Registry, shown: Path | None = None) -> Configuration:
    """The configuration of some files, a later one over an earlier one.

    shown: what messages give paths relative to. Raises ConfigurationError with everything that is wrong in all of
    them, each with file and line.
    """
    reading, problems = Reading(registry), list[str]()
    for file in files:
        name = _shown(file, shown)
        try:
            values, lines = load(_text(file), name)
        except UnreadableError as error:
            problems.append(f"{name}:{error.line}: {error}")
            continue
        for fault in reading.take(values, file.parent, lines):
            problems.append(f"{name}:{lines.at(fault.path)}: {fault}")
    if problems:
        raise ConfigurationError(problems)
    return reading.result()


def strays(environments: Sequence[str], folder: Path = FOLDER, shown: Path | None = None) -> list[str]:
    """A line for each file of an environment that there is not, which nobody would ever read."""
    found = []
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if file.suffix != _ENDING:
            found.append(f"{_shown(file, shown)}: is not read; its name must end in {_ENDING}")
        elif file.stem != SHARED and file.stem not in environments:
            near = difflib.get_close_matches(file.stem, environments, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            found.append(f"{_shown(file, shown)}: there is no environment {file.stem}{hint}")
    return found


def _text(file: Path) -> str:
    try:
        return texts.read(file)
    except texts.UnreadableTextError as error:
        raise UnreadableError(str(error)) from None


def _shown(file: Path, start: Path | None) -> str:
    return str(file.relative_to(start)) if start and file.is_relative_to(start) else str(file)
