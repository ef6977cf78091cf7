"""Programs that tests compare with, built from a Go module once into the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import progress, provision


def built(source: Path, package: str) -> Path:
    """The program of a package, of the version in `source`/go.mod."""
    name = package.rpartition("/")[2]
    key = provision.digest((source / "go.mod").read_bytes(), (source / "go.sum").read_bytes(), os.uname().machine)
    binary = provision.cache() / name / key / name
    with progress.exclusive(provision.cache() / "locks" / f"{name}.lock"):
        if not binary.is_file():
            go = shutil.which("go")
            if go is None:
                pytest.fail(f"these tests build {name} and need Go on PATH (go.dev/dl)")
            fresh = binary.with_name(f"{name}.partial")
            environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
            subprocess.run([go, "build", "-o", fresh, package], cwd=source, env=environment, check=True)
            fresh.rename(binary)
    return binary
