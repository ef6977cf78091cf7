"""Settings of the portal, from one JSON file that only it can read: the variables of a target may hold credentials."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from portal.web_settings import NAME_PATTERN, WebSettings

Seconds = Annotated[float, Field(gt=0)]


class GitSource(BaseModel):
    """The settings repository whose main branch is the truth.

    repository: as git names it. file: the stack file in it, `Pulumi.<stack>.yaml` where none is said. merge: by whom a
    branch is merged, people at the forge or the portal, which only moves the main branch forward. variables: the
    environment of git, for example GIT_SSH_COMMAND.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    repository: Annotated[str, Field(pattern=r"^[^-]")]
    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")] = "main"
    file: Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]*)?$")] = ""
    merge: Literal["people", "portal"] = "people"
    variables: dict[str, str] = {}


class Target(BaseModel):
    """Where an environment's program lies and how the engine reaches its state and its cloud.

    packs: folders of policy packs in the program, all of which must run in every preview. variables: the environment
    of the engine's processes, beside PATH and HOME. secret_variables: those whose values reach no event and no log;
    where it is not given, all but those that only say where something is, see `portal.redaction`. git: where the
    settings come from; without it they are the portal's own, and nothing of them is in git.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: Path
    stack: Annotated[str, Field(pattern=NAME_PATTERN)]
    packs: tuple[str, ...] = ("policies",)
    git: GitSource | None = None
    variables: dict[str, str] = {}
    secret_variables: tuple[str, ...] | None = None

    @property
    def stack_file(self) -> str:
        """The name of the stack's file of settings."""
        return f"Pulumi.{self.stack}.yaml"


class PortalSettings(BaseModel):
    """heartbeat: between two signs of life of a runner. silence: without one, after which it counts as dead.

    grace: how long an engine that is asked to end may take to save its state. limit: runner processes at once.
    night: the hour, in UTC, from which on every environment is looked at for drift, and how many minutes that is spread
    over; None for no looks. web: of the web process, which does not start without.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str
    folder: Path
    targets: dict[str, Target]
    heartbeat: Seconds = 5
    silence: Seconds = 60
    grace: Seconds = 600
    limit: Annotated[int, Field(ge=1)] = 2
    night: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=1, le=1440)]] | None = (2, 180)
    web: WebSettings | None = None


class SettingsError(Exception):
    """A file of settings cannot be used; the message names everything that is wrong with it."""


def load(file: Path) -> PortalSettings:
    """The settings in a file. Raises SettingsError."""
    try:
        return PortalSettings.model_validate_json(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    except ValidationError as error:
        raise refused(file, error, PortalSettings) from error


def refused(file: Path, error: ValidationError, model: type[BaseModel]) -> SettingsError:
    """Everything that is wrong with a file, where, and what was perhaps meant."""
    known = sorted(_names(model))
    return SettingsError("\n".join([f"{file} cannot be used:", *(_told(each, known) for each in error.errors())]))


def asked(description: str, name: str, arguments: list[str]) -> Path:
    """The file of settings, the only argument of a process of the portal; argparse answers `--help` and mistakes."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("settings", metavar="SETTINGS", type=Path, help="the portal's file of settings (JSON)")
    given: Path = parser.parse_args(arguments).settings
    return given


def _told(found: ErrorDetails, known: list[str]) -> str:
    """One thing that is wrong. Values are not shown, for some are secret."""
    path = ".".join(map(str, found["loc"]))
    message = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        message = "there is no such setting"
        near = difflib.get_close_matches(str(found["loc"][-1]), known, 1)
        message += f"; did you mean {near[0]}?" if near else ""
    return f"  {path or 'the file'}: {message}"


def _names(model: type[BaseModel]) -> set[str]:
    """The names of all settings."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= _names(kind)
    return found


def folder_of(chosen: PortalSettings, run_id: int, runner: str) -> Path:
    """A runner's own folder: the next runner of a run may begin while the one before it cleans up."""
    return chosen.folder / f"run-{run_id}-{runner}"
