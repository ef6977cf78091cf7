"""A throw-away copy of the program, ready to preview an environment with no passphrase, credential or network."""

from __future__ import annotations

import difflib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import stack_files
from tools.engine import LocalEngine
from tools.environment import Environment

_IGNORED = shutil.ignore_patterns(".*", "tests", "docs", "bench", "node_modules", "*.md")
_ENCRYPTION = ("encryptionsalt", "encryptedkey", "secretsprovider")
_PLACEHOLDERS = (
    (r"arn$", "arn:aws:iam::111122223333:role/placeholder"),
    (r"(url|uri|endpoint)$", "https://placeholder.invalid/"),
    (r"(email|mail)$", "placeholder@placeholder.invalid"),
    (r"host(name)?$", "placeholder.invalid"),
    (r"access_?key(_?id)?$", "AKIAPLACEHOLDER00000"),
    (r"json$", "{}"),
)
_EXISTING = "grpc-platform:existing"
Path_ = tuple["str | int", ...]


class UnknownEnvironmentError(Exception):
    """There is no stack file of this name; the message names those that exist."""


@dataclass(frozen=True)
class Secret:
    """Where a stack file keeps an encrypted value, and what stands in for it."""

    key: str
    path: Path_
    placeholder: str

    @property
    def argument(self) -> str:
        """For `pulumi config set-all --path --secret`."""
        inner = "".join(f"[{part}]" if isinstance(part, int) else f"[{json.dumps(part)}]" for part in self.path)
        return f"{self.key}{inner}={self.placeholder}"


def placeholder(name: str) -> str:
    """A value for a secret of this name that a check of its form lets pass, and that is plainly no secret."""
    lowered = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((value for pattern, value in _PLACEHOLDERS if re.search(pattern, lowered)), "placeholder")


def secrets(config: Mapping[str, Any]) -> list[Secret]:
    """Every encrypted value of a stack file's `config`."""
    return [
        Secret(key, path, placeholder(str(path[-1] if path else key.rpartition(":")[2])))
        for key, value in config.items()
        for path in _encrypted(value, ())
    ]


def _encrypted(value: Any, path: Path_) -> Iterator[Path_]:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            yield path
            return
        for key, inner in value.items():
            yield from _encrypted(inner, (*path, str(key)))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _encrypted(inner, (*path, place))


def readable(value: Any) -> Any:
    """A copy in which no value is encrypted; what was comes back as a placeholder under `secrets`."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return "placeholder"
        return {key: readable(inner) for key, inner in value.items()}
    return [readable(inner) for inner in value] if isinstance(value, list) else value


def stacks(checkout: Path) -> list[str]:
    """Names of the environments that have a stack file."""
    found = (re.fullmatch(r"Pulumi\.(.+)\.ya?ml", file.name) for file in checkout.iterdir())
    return sorted(match[1] for match in found if match and (checkout / match[0]).is_file())


def stack_file(checkout: Path, name: str) -> Path:
    """The stack file of an environment, or UnknownEnvironmentError with the nearest name."""
    known = stacks(checkout)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        listed = ", ".join(known) or "none"
        raise UnknownEnvironmentError(f'no environment "{name}"{hint} (stack files that exist: {listed})')
    return next(file for ending in ("yaml", "yml") if (file := checkout / f"Pulumi.{name}.{ending}").is_file())


def make(
    place: Environment, name: str, folder: Path, install: Callable[[Path], None] | None = None
) -> tuple[Path, LocalEngine]:
    """Copy the program into `folder`, with a backend and a cloud of its own and the stack `name` made.

    Returns the copy and its engine. The stack file of the checkout is read, never written. A services stack reads its
    platform stack's outputs, so that one comes up on the copy's cloud first; UnknownEnvironmentError when it has no
    stack file here. install: puts providers into a PULUMI_HOME, see LocalEngine.create.
    """
    settings = _document(place.checkout, name)
    platform = joins(settings)
    before = _document(place.checkout, _known_platform(place.checkout, platform)) if platform else None
    copy = folder / "program"
    shutil.copytree(place.checkout, copy, ignore=_IGNORED, symlinks=True)
    (copy / ".venv").symlink_to(place.venv.resolve())
    for file in copy.glob("Pulumi.*.y*ml"):
        file.unlink()
    engine = LocalEngine.create(folder / "cloud", throw_away=True, install=install)
    if platform and before is not None:
        _platform(engine, copy, platform, before)
        settings["config"][_EXISTING]["platform_stack"] = platform
    _stack(engine, copy, name, settings)
    return copy, engine


def advance(copy: Path, engine: LocalEngine, place: Environment, name: str) -> None:
    """Put the program and the stack file of another checkout into a copy; backend, cloud and stack stay as they are.

    The platform stack that it joins comes to that checkout's version. Raises UnknownEnvironmentError when it has no
    stack file there, EngineError when it does not come up.
    """
    settings = _document(place.checkout, name)
    platform = joins(settings)
    before = _document(place.checkout, _known_platform(place.checkout, platform)) if platform else None
    kept = {file.name: file.read_bytes() for file in copy.glob("Pulumi.*.y*ml")}
    shutil.rmtree(copy)
    shutil.copytree(place.checkout, copy, ignore=_IGNORED, symlinks=True)
    (copy / ".venv").symlink_to(place.venv.resolve())
    for file in copy.glob("Pulumi.*.y*ml"):
        file.unlink()
    for file_name, content in kept.items():
        (copy / file_name).write_bytes(content)
    if platform and before is not None:
        _platform(engine, copy, platform, before)
        settings["config"][_EXISTING]["platform_stack"] = platform
    _configure(engine, copy, name, settings)


def _document(checkout: Path, name: str) -> dict[str, Any]:
    return stack_files.read(stack_file(checkout, name))


def joins(settings: Mapping[str, Any]) -> str | None:
    """The platform stack that a stack file names, without organization and project; None when it joins none."""
    config = settings.get("config")
    existing = config.get(_EXISTING) if isinstance(config, dict) else None
    name = existing.get("platform_stack") if isinstance(existing, dict) else None
    return name.rpartition("/")[2] if isinstance(name, str) else None


def _known_platform(checkout: Path, name: str) -> str:
    if name not in stacks(checkout):
        raise UnknownEnvironmentError(
            f"its platform stack {name} (existing.platform_stack) has no stack file here, so what it exports is not "
            f"known offline; put Pulumi.{name}.yaml beside the others, or preview against the real stack"
        )
    return name


def _platform(engine: LocalEngine, copy: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Bring a platform stack up, or to another version of it."""
    known = (copy / f"Pulumi.{name}.yaml").is_file()
    (_configure if known else _stack)(engine, copy, name, settings)
    engine.run("up", "--yes", "--skip-preview", "--stack", name, cwd=copy)


def _stack(engine: LocalEngine, copy: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Write a stack file without encrypted values, make the stack, and set placeholders for its secrets."""
    kept = {key: value for key, value in settings.items() if key not in (*_ENCRYPTION, "environment", "config")}
    config = settings["config"]
    target = copy / f"Pulumi.{name}.yaml"
    target.write_text(stack_files.text({**kept, "config": readable(config)}), encoding="utf-8")
    engine.run("stack", "init", name, cwd=copy)
    _set_secrets(engine, copy, name, config)


def _configure(engine: LocalEngine, copy: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Write another stack file of a stack that exists, which keeps its own encryption."""
    target = copy / f"Pulumi.{name}.yaml"
    own = stack_files.read(target)
    encryption = {key: own[key] for key in _ENCRYPTION if key in own}
    kept = {key: value for key, value in settings.items() if key not in (*_ENCRYPTION, "environment", "config")}
    config = settings["config"]
    target.write_text(stack_files.text({**encryption, **kept, "config": readable(config)}), encoding="utf-8")
    _set_secrets(engine, copy, name, config)


def _set_secrets(engine: LocalEngine, copy: Path, name: str, config: Mapping[str, Any]) -> None:
    found = secrets(config)
    if found:
        arguments = [part for one in found for part in ("--secret", one.argument)]
        engine.run("config", "set-all", "--stack", name, "--path", *arguments, cwd=copy)
