"""What is wrong with a stack file before anything is run: each fault with file, line and cause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from checks.lines import Lines
from components.settings import Problem, SettingsError, load
from tools import copies, stack_files

_NAMESPACE: Final = "grpc-platform:"


def faults(file: Path) -> Iterator[str]:
    """A line for each fault of the settings in a stack file; nothing when they load."""
    try:
        document = stack_files.read(file)
    except stack_files.StackFileError as error:
        yield str(error)
        return
    config = document.get("config")
    if not isinstance(config, dict):
        yield f"{file.name}:1: config: missing; must be a map"
        return
    lines = Lines(file, file.name)
    try:
        load(_sections(config), region=config.get("aws:region"), secret_paths=_secrets(config))
    except SettingsError as error:
        for problem in error.problems:
            yield f"{lines.at(_path(problem))}: {problem}"


def _sections(config: dict[str, Any]) -> dict[str, Any]:
    own = {key.removeprefix(_NAMESPACE): value for key, value in config.items() if key.startswith(_NAMESPACE)}
    plain: dict[str, Any] = copies.readable(own)
    return plain


def _secrets(config: dict[str, Any]) -> list[tuple[str, ...]]:
    found = [each for each in copies.secrets(config) if each.key.startswith(_NAMESPACE)]
    return [(each.key.removeprefix(_NAMESPACE), *map(str, each.path)) for each in found]


def _path(problem: Problem) -> tuple[str, ...]:
    return tuple(str(part) for part in problem.path if not isinstance(part, int))
