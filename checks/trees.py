"""The base branch's files beside the work tree's, taken out of git."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from checks.problems import GateError, InputError

_GENERATED = ("schema.json", ".pyc")
_DEFAULTS = ("origin/main", "main", "origin/master", "master")


def merge_base(checkout: Path, ref: str | None) -> str | None:
    """The commit at which the work tree left `ref`, by default the main branch; None outside git or without one.

    Raises InputError when `ref` is given and is no commit.
    """
    for candidate in (ref,) if ref else _DEFAULTS:
        found = _git(checkout, "merge-base", "--end-of-options", candidate, "HEAD")
        if found is not None:
            return found.strip()
    if ref and _git(checkout, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"):
        raise InputError(f"--base {ref}: has no commit in common with this branch here{unshallow(checkout)}")
    if ref:
        branch = ref.removeprefix("origin/")
        raise InputError(f"--base {ref}: there is no such commit here; fetch it first (git fetch origin {branch})")
    return None


def unshallow(checkout: Path) -> str:
    """What to do where the history is cut short; "" where it is not."""
    shallow = (_git(checkout, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
    return "; the clone is shallow: git fetch --unshallow" if shallow else ""


def extract(checkout: Path, commit: str, folder: Path) -> None:
    """Write the files of a commit into a new folder. Raises GateError when git cannot."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        cwd=checkout,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise GateError(f"git archive {commit[:12]}: {archive.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter=_inside)  # noqa: S202 - the filter is of `data`


def _inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """A link that leads out of the tree is no part of it, and left out."""
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:
        return None


def changed(checkout: Path, commit: str) -> list[str]:
    """The files that differ between a commit and the work tree, new ones too."""
    found = _git(checkout, "diff", "--name-only", "--no-renames", "-z", commit) or ""
    fresh = _git(checkout, "ls-files", "--others", "--exclude-standard", "-z") or ""
    return sorted({name for name in (found + fresh).split("\0") if name})


def differ(one: Path, other: Path) -> bool:
    """Whether two files, or what people wrote in two folders, differ; what is missing is an empty folder."""
    return _contents(one) != _contents(other)


def _contents(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {"": path.read_bytes()}
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if _is_written(file)}


def _is_written(file: Path) -> bool:
    return file.is_file() and not file.name.endswith(_GENERATED)


def _git(checkout: Path, *args: str) -> str | None:
    try:
        found = subprocess.run(
            ["git", *args],
            cwd=checkout,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",  # names of files are bytes
            check=False,
        )
    except OSError:
        return None
    return found.stdout if found.returncode == 0 else None
