"""Settings of the portal, from one JSON file that only it can read: the variables of a target may hold credentials."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0)]


class Target(BaseModel):
    """Where an environment's program lies and how the engine reaches its state and its cloud.

    packs: folders of policy packs in the program, all of which must run in every preview. variables: the environment
    of the engine's processes, beside PATH and HOME; the values of those named in `secret_variables` never reach an
    event.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    program: Path
    stack: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,38}$")]
    packs: tuple[str, ...] = ("policies",)
    variables: dict[str, str] = {}
    secret_variables: tuple[str, ...] = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY")


class PortalSettings(BaseModel):
    """heartbeat: between two signs of life of a runner. silence: without one, after which it counts as dead.

    grace: how long an engine that is asked to end may take to save its state. limit: runner processes at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str
    folder: Path
    targets: dict[str, Target]
    heartbeat: Seconds = 5
    silence: Seconds = 60
    grace: Seconds = 600
    limit: Annotated[int, Field(ge=1)] = 2


def load(file: Path) -> PortalSettings:
    """The settings in a file; pydantic's ValidationError names everything that is wrong."""
    return PortalSettings.model_validate_json(file.read_text("utf-8"))
