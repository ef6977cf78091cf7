"""The base branch's environment, up on a throw-away local cloud: what the work tree is compared with."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks import trees
from checks.problems import GateError, InputError
from policies.engine.configuration import Configuration
from tools import copies, progress, provision, stack_files
from tools.engine import EngineError, LocalEngine, install_plugins
from tools.environment import Environment

_LOCK = "requirements.lock"
_CONFIGURATION = "policies/config"
# The images of an environment are in its own registry, not in the throw-away one.
_PUSHED = {"LOCAL_CLOUD_IMAGES": "pushed"}
_ALL_NEW = "everything counts as new"


@dataclass(frozen=True)
class Asked:
    """What is to be checked: an environment of a checkout, beside a commit; `say` tells how far it is."""

    checkout: Path
    environment: str
    base: str | None
    chosen: Configuration
    today: dt.date
    say: Callable[[str], None]


def up(asked: Asked, place: Environment, folder: Path, notes: list[str]) -> tuple[Path, LocalEngine] | None:
    """A copy with the work tree's program on the base branch's state, and its engine.

    None, with a note why, where there is no base or where it does not come up. Raises InputError and GateError for
    what is wrong with the work tree.
    """
    commit = trees.merge_base(asked.checkout, asked.base)
    if commit is None:
        notes.append(f"there is no base branch to compare with{trees.unshallow(asked.checkout)}: {_ALL_NEW}")
        return None
    tree = folder / "base"
    trees.extract(asked.checkout, commit, tree)
    if trees.differ(asked.checkout / _CONFIGURATION, tree / _CONFIGURATION):
        notes.append(f"{_CONFIGURATION} differs from the base branch's: levels, waivers or the baseline have changed")
    if asked.environment not in copies.stacks(tree):
        notes.append(f"the base branch has no environment {asked.environment}: {_ALL_NEW}")
        return None
    asked.say(f"base branch ({commit[:12]}) comes up on a throw-away local cloud")
    try:
        venv = _packages(asked, place, tree, folder / "packages")
        _lend(place, tree, venv)
        copy, engine = copies.make(Environment(tree), asked.environment, folder / "run", lambda home: _plug(home, venv))
        engine.run("up", "--yes", "--skip-preview", "--stack", asked.environment, cwd=copy, env=_PUSHED)
    except progress.SetupError as error:
        notes.append(f"the Python environment of the base branch cannot be made ({_last(error)}): {_ALL_NEW}")
        return None
    except (EngineError, copies.UnknownEnvironmentError, stack_files.StackFileError) as error:
        notes.append(f"the base branch does not come up ({_last(error)}): {_ALL_NEW}")
        return None
    _forward(asked, place, copy, engine)
    return copy, engine


def none(asked: Asked, place: Environment, folder: Path) -> tuple[Path, LocalEngine]:
    """A copy of the work tree with an empty stack. Raises InputError and GateError."""
    try:
        return copies.make(place, asked.environment, folder)
    except (copies.UnknownEnvironmentError, stack_files.StackFileError) as error:
        raise InputError(str(error)) from None
    except EngineError as error:
        raise GateError(str(error)) from None


def _forward(asked: Asked, place: Environment, copy: Path, engine: LocalEngine) -> None:
    """The work tree in the place of the base; the platform stack that it joins comes to the work tree's version."""
    try:
        copies.advance(copy, engine, place, asked.environment)
    except (copies.UnknownEnvironmentError, stack_files.StackFileError) as error:
        raise InputError(str(error)) from None
    except EngineError as error:
        raise GateError(
            f"the platform stack that {asked.environment} joins does not come to this branch's version; check that "
            f"environment first:\n{error}"
        ) from None


def _packages(asked: Asked, place: Environment, tree: Path, folder: Path) -> Path:
    """The Python environment that the base branch's program asks for; made when its lock file differs."""
    lock = tree / _LOCK
    if not lock.is_file() or not trees.differ(asked.checkout / _LOCK, lock):
        return place.venv.resolve()
    asked.say(f"{_LOCK} differs: the base branch gets a Python environment of its own")
    return provision.python_environment(lock, folder)


def _lend(place: Environment, tree: Path, venv: Path) -> None:
    """The base runs on the head's tools."""
    (tree / ".venv").symlink_to(venv)
    (tree / ".local-cloud").mkdir()
    (tree / ".local-cloud" / "bin").symlink_to(place.bin.resolve())


def _plug(home: Path, venv: Path) -> None:
    """The local providers, also under the versions of the Pulumi packages in another Python environment."""
    install_plugins(home)
    for installed in list((home / "plugins").glob("resource-*-v*")):
        package = installed.name.removeprefix("resource-").rpartition("-v")[0]
        for version in _versions(venv, package):
            twin = installed.with_name(f"resource-{package}-v{version}")
            if not twin.exists():
                twin.symlink_to(installed)


def _versions(venv: Path, package: str) -> Sequence[str]:
    found = venv.glob(f"lib/python*/site-packages/pulumi_{package}-*.dist-info")
    return [match[1] for each in found if (match := re.search(r"-([^-]+)\.dist-info$", each.name))]


def _last(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return said[-1] if said else "no reason given"
