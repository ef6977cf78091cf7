"""The Pulumi CLI as a child process. The only module of the portal that runs it; it never asks it to show secrets.

Its output goes to files, so nothing it says can block it, and it lives on for a moment when its runner dies.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml

from portal import burial
from portal.events import Redactor, tail
from portal.redaction import known
from portal.settings import Target

_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "USER")
_TICK_SECONDS: Final = 0.2
_ENCRYPT_SECONDS: Final = 60
_KEY: Final = "grpc-platform:portal_secret"
_MARK: Final = "PORTAL_COMMAND"
"""The variable by which the processes of a command are known, for they inherit it."""
ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""Where a stack file says how it is encrypted."""
LOCKED: Final = "the stack is currently locked by"
"""How the CLI says that somebody else's update is running (pulumi pkg/backend/diy/lock.go)."""

Secret = TypeVar("Secret")
"""What a secret is known by."""
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


class UnreadableError(Exception):
    """The state of a stack could not be read; the message is the CLI's."""


class Engine:
    """The CLI on one stack. tick: called several times a second while a command runs; what it raises ends the command.

    grace: seconds in which a command that is ended may save what it did. own: called right before each command that
    changes something; what it raises keeps the command from starting.
    """

    def __init__(self, target: Target, program: Path, tick: Tick, grace: float, own: Callable[[], None]) -> None:
        self._target = target
        self._program = program
        self._tick = tick
        self._grace = grace
        self._own = own
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
        return self._change("up", "--yes", "--skip-preview", *_look(look), *self._packs(), *_quiet(log))

    def destroy(self, log: Path) -> Finished:
        """Remove everything."""
        return self._change("destroy", "--yes", "--skip-preview", *_quiet(log))

    def refresh(self, log: Path) -> Finished:
        """Bring the state in line with the cloud; creates that were cut off are dropped from it."""
        return self._change("refresh", "--yes", "--skip-preview", "--clear-pending-creates", *_quiet(log))

    def break_lock(self) -> Finished:
        """Remove the backend's locks. Only for a holder that is proved dead: a living one goes on without it."""
        return self._change("cancel", "--yes")

    def state(self) -> tuple[str, list[str]]:
        """A hash of the state, secrets encrypted, and the operations that were cut off, as `creating <urn>`.

        Raises UnreadableError when the state could not be read: half of it would look like another one.
        """
        exported = self._run("stack", "export")
        if exported.code:
            raise UnreadableError(tail(exported.stderr, 2000) or f"pulumi stack export ended with code {exported.code}")
        deployment = _deployment(exported)
        pending = [f"{each['type']} {each['resource']['urn']}" for each in deployment.get("pending_operations") or ()]
        return hashlib.sha256(exported.stdout.encode()).hexdigest(), pending

    def deployment(self) -> dict[str, Any]:
        """The state, secrets encrypted; empty where there is none."""
        return _deployment(self._run("stack", "export"))

    def outputs(self) -> dict[str, Any]:
        """The outputs of the stack; a secret one is `[secret]`."""
        return self._run("stack", "output", "--json").json()

    def _packs(self) -> list[str]:
        return [part for pack in self._target.packs for part in ("--policy-pack", str(self._program / pack))]

    def _change(self, *args: str) -> Finished:
        self._own()
        return self._run(*args)

    def _run(self, *args: str) -> Finished:
        self._count += 1
        out, err = (self._program.parent / f"cli-{self._count}.{name}" for name in ("out", "err"))
        command = ["pulumi", *args, "--stack", self._target.stack, "--non-interactive", "--color", "never"]
        mark = uuid.uuid4().hex
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=self._program,
                env={**variables(self._target), _MARK: mark},
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
            finally:
                if process.returncode < 0:  # its providers would go on, and nobody would hear of that either
                    burial.end_marked(_MARK, mark)
        self._tick(process)
        return Finished(process.returncode, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace"))


def _deployment(exported: Finished) -> dict[str, Any]:
    found: dict[str, Any] = exported.json().get("deployment") or {}
    return found


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


def document_of(target: Target) -> dict[str, Any]:
    """The stack file that lies beside the program; empty where there is none."""
    file = target.program / target.stack_file
    return (yaml.safe_load(file.read_text("utf-8")) if file.is_file() else None) or {}


def encryption(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a stack file says of its own encryption."""
    return {key: document[key] for key in ENCRYPTION if key in document}


class EncryptionError(Exception):
    """Secrets could not be encrypted; the message says why, without them."""


def encrypt(target: Target, folder: Path, secrets: Mapping[Secret, str]) -> dict[Secret, str]:
    """Secrets as the stack's own encryption writes them into its file. Raises EncryptionError.

    folder: in which a folder of its own is made and taken away. A secret goes by standard input, so it is in no list
    of processes and in no file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = encryption(document_of(target))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        shutil.copy(target.program / "Pulumi.yaml", place)
        file = place / target.stack_file
        file.write_text(yaml.safe_dump(before), encoding="utf-8")
        return {path: _encrypted(target, file, before, secret) for path, secret in secrets.items()}


def _encrypted(target: Target, file: Path, before: Mapping[str, Any], secret: str) -> str:
    command = ["pulumi", "config", "set", "--secret", _KEY, "--stack", target.stack, "--non-interactive"]
    done = subprocess.run(
        command,
        cwd=file.parent,
        env=variables(target),
        input=f"{secret}\n",  # the CLI takes one line end off
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_ENCRYPT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        said = Redactor(known(target)).text(done.stderr.replace(secret, "…"))
        raise EncryptionError(f"the secret could not be encrypted: {tail(said, 500)}")
    document = yaml.safe_load(file.read_text("utf-8"))
    if before != encryption(document):
        raise EncryptionError(f"{file.name} of the program does not say how it is encrypted; run `pulumi stack init`")
    return str(document["config"][_KEY]["secure"])


def _end_and_wait(process: subprocess.Popen[bytes], grace: float) -> None:
    end(process, force=False)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        end(process, force=True)
        process.wait()
