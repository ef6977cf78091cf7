"""Run the real Pulumi CLI on a local cloud of its own in any folder.

Used by the commands for throw-away copies and by the tests:

    engine = LocalEngine.create(tmp_path / "cloud", throw_away=True)
    engine.run("stack", "init", "dev", cwd=project)
    engine.run("up", "--yes", cwd=project)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import environment

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class EngineError(RuntimeError):
    """A CLI command ended with a failure; `result` holds what it printed."""

    def __init__(self, result: Result) -> None:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-40:])
        super().__init__(f"`pulumi {shlex.join(result.args)}` ended with exit code {result.code}:\n{tail}")
        self.result = result


@dataclass(frozen=True)
class Result:
    """What a CLI command printed and how it ended."""

    args: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        """Both streams without colours."""
        return _COLOUR.sub("", self.stdout + self.stderr)

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.stdout)

    def check(self) -> Result:
        """The result itself, or EngineError when the command failed."""
        if self.code:
            raise EngineError(self)
        return self

    def check_failed(self) -> str:
        """All that was printed, when the command failed; AssertionError when it did not."""
        if not self.code:
            raise AssertionError(f"`pulumi {shlex.join(self.args)}` should have failed:\n{self.text}")
        return self.text


@dataclass(frozen=True)
class LocalEngine:
    """A Pulumi home, a file:// backend and a cloud store under `root`, and the environment that selects them."""

    root: Path
    env: Mapping[str, str]

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        throw_away: bool = False,
        install: Callable[[Path], None] | None = None,
        bin_folder: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> LocalEngine:
        """Make the folders and install the plugins.

        `throw_away` turns the state write after every step off: many times faster on large stacks, but a killed
        run leaves no state, so never for a stack anybody keeps. `install` puts plugins into the given PULUMI_HOME
        (default: the local providers); `bin_folder` holds the CLI (default: the one of this checkout).
        """
        home = root / "home"
        home.mkdir(parents=True, exist_ok=True)
        (root / "state").mkdir(exist_ok=True)
        (install or install_plugins)(home)
        env = environment.process_environment(root, bin_folder or environment.here().bin)
        if throw_away:
            env |= {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
        return cls(root, {**env, **(extra or {})})

    @classmethod
    def of_checkout(cls) -> LocalEngine:
        """The local cloud of this checkout, as `make up` uses it; set-up has made it."""
        place = environment.here()
        return cls(place.root, environment.process_environment(place.root, place.bin))

    @property
    def store(self) -> Path:
        """The SQLite file of what exists on this local cloud."""
        return self.root / "cloud.sqlite"

    def run(
        self, *args: str, cwd: Path, check: bool = True, timeout: float = 900, env: Mapping[str, str] | None = None
    ) -> Result:
        """Run `pulumi <args>` to its end, not interactive and without colours; EngineError on failure if `check`.

        `timeout` is in seconds; when it passes, the CLI and its plugins are killed and TimeoutExpired is raised.
        """
        started = time.monotonic()
        process = self.start(*args, cwd=cwd, env=env)
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except BaseException:
            kill_group(process)
            raise
        result = Result(args, process.returncode, stdout, stderr, time.monotonic() - started)
        return result.check() if check else result

    def start(self, *args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `pulumi <args>` in a process group of its own, with both streams piped."""
        return subprocess.Popen(
            ["pulumi", *_quiet(args)],  # found on the PATH of `env`, where set-up put the chosen CLI
            cwd=cwd,
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def show(self, *args: str, cwd: Path, env: Mapping[str, str] | None = None) -> int:
        """Run `pulumi <args>` with its output going where ours goes; the exit code.

        Ctrl-C reaches the CLI, which then ends its update in order; we wait for it.
        """
        flags = () if sys.stdout.isatty() else ("--non-interactive",)
        colour = "never" if os.environ.get("NO_COLOR") or not sys.stdout.isatty() else "auto"
        sys.stdout.flush()
        before = signal.signal(signal.SIGINT, lambda *_: None)  # a function, unlike SIG_IGN, is not inherited
        try:
            process = subprocess.Popen(
                ["pulumi", *args, *flags, "--color", colour],
                cwd=cwd,
                env={**self.env, **(env or {})},
            )
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)

    def export(self, cwd: Path, stack: str | None = None) -> dict[str, Any]:
        """The deployment of a stack: resources and pending operations."""
        selected = ("--stack", stack) if stack else ()
        exported = self.run("stack", "export", *selected, cwd=cwd).json()
        deployment = exported["deployment"]
        if not isinstance(deployment, dict):
            raise TypeError(f"`pulumi stack export` printed no deployment: {deployment!r}")
        return deployment


def _quiet(args: Sequence[str]) -> list[str]:
    return [*args, "--non-interactive", "--color", "never"]


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill -9 the process group of a process from `LocalEngine.start` and collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def install_plugins(home: Path) -> None:
    """Put this checkout's local providers into a PULUMI_HOME."""
    from local_cloud import plugins  # noqa: PLC0415 - not needed, and not importable, before set-up

    place = environment.here()
    plugins.install(home, place.python, place.checkout)
