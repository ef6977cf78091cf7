"""A run's own folder: a copy of the program that nobody else writes to, and the stack file of the run's settings."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from portal.engine import document_of, encryption
from portal.settings import Target

_LEFT_OUT: Final = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "bench", "node_modules", "*.md")


def make(target: Target, folder: Path, settings: Mapping[str, Any]) -> Path:
    """The copy, readable by this user alone; what is in `folder` goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    program = folder / "program"
    shutil.copytree(target.program, program, ignore=_LEFT_OUT)
    if (target.program / ".venv").exists():
        (program / ".venv").symlink_to((target.program / ".venv").resolve())
    configure(target, program, settings, document_of(target))
    return program


def configure(target: Target, program: Path, settings: Mapping[str, Any], document: Mapping[str, Any]) -> None:
    """Write the copy's only stack file. document: the one that says how secrets are encrypted."""
    for file in program.glob("Pulumi.*.y*ml"):
        file.unlink()
    text = yaml.safe_dump({**encryption(document), "config": dict(settings)}, sort_keys=False)
    (program / target.stack_file).write_text(text, encoding="utf-8")


def program_digest(program: Path) -> str:
    """Names the program, its policies and its checks by what is in every file, whatever the folder is called."""
    seen = hashlib.sha256()
    for folder, folders, files in os.walk(program):  # in the order that is set here
        folders[:] = sorted(each for each in folders if each not in (".venv", "__pycache__"))
        for name in sorted(files):
            file = Path(folder, name)
            if file.match("Pulumi.*.yaml"):
                continue
            inside = hashlib.sha256(file.read_bytes()).hexdigest()
            seen.update(f"{file.relative_to(program)}\0{inside}\n".encode())
    return seen.hexdigest()


def settings_digest(target: Target, program: Path) -> str:
    """Names what is in the copy's stack file: settings, and how their secrets are encrypted.

    A secret counts by its encrypted form, so that a changed one is another. The encryption counts because whoever
    exchanges it decides what the same form means, and who can read the state that an apply writes.
    """
    document = yaml.safe_load((program / target.stack_file).read_text("utf-8"))
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
