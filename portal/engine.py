"""The Pulumi CLI as a child process. The only module of the portal that runs it; it never asks it to show secrets.

Its output goes to files, so nothing it says can block it, and it lives on for a moment when its runner dies.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from portal.settings import Target

_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "USER")
_TICK_SECONDS: Final = 0.2
_ENCRYPT_SECONDS: Final = 60
ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""What a stack file says of its encryption."""
LOCKED: Final = "the stack is currently locked by"
"""How the CLI says that somebody else's update is running (pulumi pkg/backend/diy/lock.go)."""

Tick = Callable[["subprocess.Popen[bytes]"], None]


@dataclass(frozen=True)
class Finished:
    """How a command ended. stdout and stderr: all it printed."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> dict[str, Any]:
        """Standard output as a JSON object, an empty one where it is none."""
        try:
            found = json.loads(self.stdout)
        except json.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}


class Engine:
    """The CLI on one stack. tick: called several times a second while a command runs; what it raises ends the command.

    grace: seconds in which a command that is ended may save what it did.
    """

    def __init__(self, target: Target, program: Path, tick: Tick, grace: float) -> None:
        self._target = target
        self._program = program
        self._tick = tick
        self._grace = grace
        self._count = 0

    def preview(self, log: Path, *, look: bool = False) -> Finished:
        """What an update would do, with all policy packs. look: at the cloud first, not at the state alone."""
        return self._run("preview", "--json", "--show-sames", *_look(look), *self._packs(), "--event-log", str(log))

    def preview_destroy(self, log: Path) -> Finished:
        """What a destroy would do."""
        return self._run("destroy", "--preview-only", "--json", "--event-log", str(log))

    def preview_refresh(self, log: Path) -> Finished:
        """How the cloud differs from the state."""
        return self._run("refresh", "--preview-only", "--json", "--event-log", str(log))

    def up(self, log: Path, *, look: bool = False) -> Finished:
        """Update, with all policy packs: they stop what the preview could not know. look: as in `preview`."""
        return self._run("up", "--yes", "--skip-preview", *_look(look), *self._packs(), *_quiet(log))

    def destroy(self, log: Path) -> Finished:
        """Remove everything."""
        return self._run("destroy", "--yes", "--skip-preview", *_quiet(log))

    def refresh(self, log: Path) -> Finished:
        """Bring the state in line with the cloud; creates that were cut off are dropped from it."""
        return self._run("refresh", "--yes", "--skip-preview", "--clear-pending-creates", *_quiet(log))

    def break_lock(self) -> Finished:
        """Remove the backend's locks. Only for a holder that is proved dead: a living one goes on without it."""
        return self._run("cancel", "--yes")

    def state(self) -> tuple[str, list[str]]:
        """A hash of the state, secrets encrypted, and the operations that were cut off, as `creating <urn>`."""
        exported = self._run("stack", "export")
        deployment = exported.json().get("deployment") or {}
        pending = [f"{each['type']} {each['resource']['urn']}" for each in deployment.get("pending_operations") or ()]
        return hashlib.sha256(exported.stdout.encode()).hexdigest(), pending

    def outputs(self) -> dict[str, Any]:
        """The outputs of the stack; a secret one is `[secret]`."""
        return self._run("stack", "output", "--json").json()

    def _packs(self) -> list[str]:
        return [part for pack in self._target.packs for part in ("--policy-pack", str(self._program / pack))]

    def _run(self, *args: str) -> Finished:
        self._count += 1
        out, err = (self._program.parent / f"cli-{self._count}.{name}" for name in ("out", "err"))
        command = ["pulumi", *args, "--stack", self._target.stack, "--non-interactive", "--color", "never"]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=self._program,
                env=variables(self._target),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            try:
                while process.poll() is None:
                    self._tick(process)
                    time.sleep(_TICK_SECONDS)
            except BaseException:
                # Nobody would hear of what it goes on to do.
                _end_and_wait(process, self._grace)
                raise
        self._tick(process)
        return Finished(process.returncode, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace"))


class EncryptionError(Exception):
    """The engine could not encrypt a secret; the message does not have it."""


def encrypt(target: Target, folder: Path, values: Sequence[str]) -> list[str]:
    """The ciphertext of each value, as the stack encrypts. Raises EncryptionError.

    folder: a private one, for a project without a program. A value goes in by standard input, never as an argument.
    """
    own = target.program / f"Pulumi.{target.stack}.yaml"
    before = (yaml.safe_load(own.read_text("utf-8")) if own.is_file() else None) or {}
    kept = {name: value for name, value in before.items() if name in ENCRYPTION}
    file = folder / own.name
    file.write_text(yaml.safe_dump(kept), encoding="utf-8")
    (folder / "Pulumi.yaml").write_bytes((target.program / "Pulumi.yaml").read_bytes())
    command = ["pulumi", "config", "set", "--secret", "--stack", target.stack, "--non-interactive", "--color", "never"]
    for place, value in enumerate(values):
        done = subprocess.run(
            [*command, "--", f"portal:s{place}"],
            cwd=folder,
            env=variables(target),
            input=f"{value}\n".encode(),  # the CLI takes one line end off
            capture_output=True,
            timeout=_ENCRYPT_SECONDS,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").replace(value, "[secret]").strip()
            raise EncryptionError(f"the secret could not be encrypted: {said[-500:]}")
    after = yaml.safe_load(file.read_text("utf-8"))
    if {name: value for name, value in after.items() if name in ENCRYPTION} != kept:
        raise EncryptionError(f"{own.name} does not say how secrets are encrypted; encrypt one with the CLI first")
    return [after["config"][f"portal:s{place}"]["secure"] for place in range(len(values))]


def _look(wanted: bool) -> Sequence[str]:  # noqa: FBT001 - it is a flag's value
    return ("--refresh",) if wanted else ()


def _quiet(log: Path) -> Sequence[str]:
    return "--suppress-outputs", "--suppress-progress", "--event-log", str(log)


def variables(target: Target) -> dict[str, str]:
    """The environment of the CLI: the target's own, and of the portal's only what every program needs."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # --event-log is one of the commands for debugging.
    return {**kept, **target.variables, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_SKIP_UPDATE_CHECK": "true"}


def end(process: subprocess.Popen[bytes], *, force: bool) -> None:
    """Ask the CLI to end: it finishes the operations under way, saves the state and frees its lock.

    force: it gets the signal that it cannot ignore.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGKILL if force else signal.SIGTERM)


def _end_and_wait(process: subprocess.Popen[bytes], grace: float) -> None:
    end(process, force=False)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        end(process, force=True)
        process.wait()
