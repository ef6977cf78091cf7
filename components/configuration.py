"""From `Pulumi.<stack>.yaml` to settings: the only place that reads Pulumi's configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components import settings

# ECR takes no capital letters, EKS and KMS aliases no dots; 40 leaves room for what is put around it.
_STACK = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")

# `<stack>-<workload>` is a namespace: 63 characters, of which a workload may have 32.
_SERVICES_STACK = 30
# The cluster is called <project>-<stack>: 1 to 100 of these (EKS API Reference: CreateCluster).
_PROJECT = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,58}")

_WITH_SECRETS = "services"


def read(*, existing: Mapping[str, Any] | None = None) -> tuple[settings.Settings, str]:
    """The settings of the selected stack and its AWS region.

    existing: stands for the section of that name, for a stack that joins another one.
    Raises pulumi.RunError with every problem at once, so that the CLI shows them and no traceback.
    """
    project = pulumi.get_project()
    region = pulumi.Config("aws").get("region")
    problems: list[str] = []
    if region is None:
        problems.append("aws:region: missing; for example eu-west-1 (pulumi config set aws:region eu-west-1)")
    sections = _sections(project)
    paths, unplaced = _secrets(project, sections)
    try:
        loaded = settings.load(
            {**sections, **({"existing": existing} if existing is not None else {})},
            region=region,
            secret_paths=paths,
            secret_sections=unplaced,
            namespace=project,
        )
    except settings.SettingsError as error:
        problems.append(str(error))
    problems += _names(project, services=not problems and loaded.environment.kind == "services")
    if problems or region is None:
        raise pulumi.RunError("\n".join([f"the settings of stack {pulumi.get_stack()} cannot work:", *problems]))
    return loaded, region


def _names(project: str, *, services: bool) -> Iterator[str]:
    """What is wrong with the names of stack and project."""
    stack = pulumi.get_stack()
    if not _STACK.fullmatch(stack):
        yield (
            f"stack name {stack}: must be 1 to 40 lower-case letters, digits and hyphens, starting with a letter: it "
            "is part of names at ECR, EKS and KMS"
        )
    elif services and len(stack) > _SERVICES_STACK:
        yield (
            f"stack name {stack}: must have at most {_SERVICES_STACK} characters in a stack of kind services: it "
            "starts the names of namespaces"
        )
    if not _PROJECT.fullmatch(project):
        yield (
            f"project name {project}: must be 1 to 59 letters, digits, hyphens and underscores, starting with a letter "
            "or digit: it is part of the cluster's name at EKS (name in Pulumi.yaml)"
        )


def _sections(project: str) -> dict[str, Any]:
    """Every key of the project's namespace, unknown ones too, so that a misspelt section is an error and not a void."""
    prefix = f"{project}:"
    found = pulumi.runtime.config.CONFIG.get() or pulumi.runtime.config.get_config_env()
    # Pulumi hands a section with nothing under it over as an empty text.
    return {
        key.removeprefix(prefix): _plain(value) if value != "" else None
        for key, value in found.items()
        if key.startswith(prefix)
    }


def _plain(value: Any) -> Any:
    """Structured configuration arrives as JSON text, a plain string as itself."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return value


def _secrets(project: str, sections: Iterable[str]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Paths of secret values, and the section that holds some at places nobody knows.

    The engine names sections with a secret in them wherever they come from: also from another file (`--config-file`) or
    an ESC environment, which are not to be seen here.
    """
    paths = _secret_paths(project, pulumi.get_stack())
    placed = {path[0] for path in paths}
    named = [name for name in sections if pulumi.runtime.config.is_config_secret(f"{project}:{name}")]
    unplaced = [name for name in named if name not in placed]
    if _WITH_SECRETS in unplaced:
        pulumi.log.warn(
            f"Pulumi.{pulumi.get_stack()}.yaml does not say which values of {project}:{_WITH_SECRETS} are secret; "
            "they come from elsewhere (--config-file, ESC): those under services.<workload>.secrets stay secret, any "
            "other is shown in plans and state"
        )
    whole = tuple((name,) for name in unplaced if name != _WITH_SECRETS)
    return paths + whole, tuple(name for name in unplaced if name == _WITH_SECRETS)


def _secret_paths(project: str, stack: str) -> tuple[tuple[str, ...], ...]:
    """Where the stack file says `secure:`. The engine hands over decrypted text and only names the section."""
    file = Path(f"Pulumi.{stack}.yaml")
    try:
        config = dict(yaml.safe_load(file.read_text(encoding="utf-8"))["config"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return ()
    return tuple(
        (section, *path)
        for key, value in config.items()
        if isinstance(key, str) and key.startswith(f"{project}:")
        for section in [key.removeprefix(f"{project}:")]
        for path in settings.encrypted(value)
    )
