"""A settings repository as a forge keeps it, bare, and somebody's clone of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from portal.forge import branch


class Forge:
    """file: the stack file. document: what it says beside its settings. config: the first of them."""

    def __init__(self, folder: Path, file: str, document: Mapping[str, Any], config: Any) -> None:
        self.bare, self.clone, self.file, self._document = folder / "bare.git", folder / "clone", file, document
        self.git("init", "-q", "--bare", "-b", "main", str(self.bare), where=folder)
        self.git("clone", "-q", str(self.bare), str(self.clone), where=folder)
        self.git("checkout", "-q", "-b", "main")
        (self.clone / "README").write_text("other")
        self.write(config)

    def git(self, *arguments: str, where: Path | None = None) -> str:
        who = {f"GIT_{role}_{part}": "carl@x" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **who}
        return subprocess.run(
            ["git", *arguments], cwd=where or self.clone, env=env, capture_output=True, text=True, check=True
        ).stdout.strip()

    def write(self, config: Any, file: str = "", text: str = "") -> str:
        """A commit on main as it is in the clone, whatever main is at the forge; its name."""
        (self.clone / (file or self.file)).write_text(text or yaml.safe_dump({**self._document, "config": config}))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "by hand")
        self.git("push", "-q", "--force", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def pull(self) -> str:
        """Bring the clone to what main is at the forge; its name."""
        self.git("fetch", "-q", "--prune")
        self.git("reset", "-q", "--hard", "origin/main")
        return self.git("rev-parse", "HEAD")

    def at(self, name: str) -> str:
        """The commit of a branch at the forge; empty where there is none."""
        return self.git("ls-remote", "origin", f"refs/heads/{name}").partition("\t")[0]

    def config(self, commit: str) -> Any:
        """The settings in a commit."""
        self.git("fetch", "-q")
        return yaml.safe_load(self.git("show", f"{commit}:{self.file}"))["config"]

    def merge(self, number: int, *how: str) -> None:
        """Merge what a run proposes, as people do."""
        self.git("fetch", "-q")
        self.git("merge", "-q", *how, f"origin/{branch(number)}")
        if "--squash" in how:
            self.git("commit", "-q", "-m", "squashed")
        self.git("push", "-q", "origin", "HEAD:main")
