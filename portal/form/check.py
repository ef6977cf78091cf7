"""What the program itself says of settings: its own check, run in its own version by its own Python."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path as File
from typing import Any, Final

from portal.form.fields import Path, Problem
from portal.form.read import with_secrets

_SECONDS: Final = 60
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR")
_STAND_IN: Final = "a new secret"


class CheckError(Exception):
    """Settings could not be checked, which does not mean that they are sound; the message says why."""


def check(checkout: File, settings: Mapping[str, Any], *, pending: Collection[Path] = ()) -> tuple[Problem, ...]:
    """Everything that is wrong with a stack file's `config`, in the words of `pulumi preview`; nothing for sound ones.

    checkout: the environment's program, with its `.venv`; versions differ, so each is asked itself, which takes half a
    second. pending: secrets that will be there once they are encrypted. Raises CheckError.
    """
    asked = with_secrets(settings, dict.fromkeys(pending, _STAND_IN))
    python = checkout / ".venv" / "bin" / "python"
    try:
        done = subprocess.run(
            [str(python), "-m", "components.settings.check"],
            cwd=checkout,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            input=json.dumps({"config": asked}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise CheckError(f"the program's check of settings failed: {done.stderr.strip()[-500:]}")
        found = json.loads(done.stdout)["problems"]
        return tuple(Problem(tuple(map(str, each["path"])), str(each["where"]), str(each["message"])) for each in found)
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError) as error:
        raise CheckError(f"the program cannot check settings: {error}") from error
