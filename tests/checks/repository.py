"""A repository with the program, and a work tree that may differ from its main branch."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import CHECKOUT, MINIMAL

FOLDERS = ("components", "policies", "checks", "local_cloud", "tools")
FILES = ("Pulumi.yaml", "__main__.py", "requirements.lock")


def git(checkout: Path, *args: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], cwd=checkout, check=True, capture_output=True)


def stack_file(checkout: Path, raw: dict[str, Any], name: str = "shop") -> None:
    config = {"aws:region": "eu-west-1", **{f"grpc-platform:{key}": value for key, value in raw.items()}}
    (checkout / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))


def settings(change: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(json.dumps(MINIMAL))
    raw["services"]["web"] = {
        "protocol": "http",
        "port": 8080,
        "image": {"repository": "web", "tag": "1"},
        "expose": {"alb": {"host": "web.dev.example.com"}},
    }
    change(raw)
    return raw


def new(root: Path) -> Path:
    """A repository whose main branch has a sound environment, in a folder with a space in its name."""
    for name in FOLDERS:
        shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in FILES:
        shutil.copy(CHECKOUT / name, root / name)
    (root / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
    (root / ".local-cloud").mkdir()
    (root / ".local-cloud" / "bin").symlink_to((CHECKOUT / ".local-cloud" / "bin").resolve())
    (root / ".gitignore").write_text(".venv\n.local-cloud\n__pycache__\n")
    stack_file(root, settings())
    git(root, "init", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--message", "base")
    return root


@contextmanager
def branch(checkout: Path, name: str) -> Iterator[None]:
    """A branch with what stands in the work tree; main and its files are back afterwards."""
    git(checkout, "checkout", "-b", name)
    git(checkout, "add", ".")
    git(checkout, "commit", "--allow-empty", "--message", name)
    try:
        yield
    finally:
        git(checkout, "checkout", "--force", "main")
        git(checkout, "clean", "--force", "-d")
