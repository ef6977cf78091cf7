"""Files that the gate writes: all of them, each whole, or none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from checks.problems import InputError


def files(texts: Sequence[tuple[str, Path, str]]) -> None:
    """Write files: option that asked for it, name and text of each. Raises InputError, and then none is written.

    What is no file (`/dev/null`, a pipe) stays what it is and is written to last.
    """
    partials: list[tuple[Path, Path]] = []
    streams: list[tuple[str, Path, str]] = []
    try:
        for option, given, text in texts:
            file = _target(option, given)
            if any(file == other for _, other in partials):
                raise InputError(f"{option} {given}: is to be written twice")
            if file.exists() and not file.is_file():
                streams.append((option, file, text))
                continue
            partial = file.with_name(f".{file.name}.partial")
            partials.append((partial, file))
            _put(option, given, partial, text)
        for partial, file in partials:
            partial.replace(file)
        for option, file, text in streams:
            _put(option, file, file, text)
    finally:
        for partial, _ in partials:
            partial.unlink(missing_ok=True)


def _target(option: str, given: Path) -> Path:
    """Where a name leads to: a link stays a link."""
    try:
        file = given.resolve()
        folder = file.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{option} {given}: cannot be written: {error}") from None
    if folder:
        raise InputError(f"{option} {given}: cannot be written: it is a folder")
    return file


def _put(option: str, given: Path, file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{option} {given}: cannot be written: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{option} {given}: cannot be written: {error}") from None
