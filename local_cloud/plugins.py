"""Installs the stand-ins as plug-ins of the Pulumi engine.

The engine runs ``$PULUMI_HOME/plugins/resource-NAME-vVERSION/pulumi-resource-NAME`` when the program asks for that
version, so a ``PULUMI_HOME`` of its own carries the stand-ins and leaves the user's real plug-ins alone.
"""

from __future__ import annotations

import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Final

PACKAGES: Final = ("aws", "eks", "kubernetes")
"""Pulumi packages that have a stand-in, ``local_cloud.<package>``."""


def folder(home: Path, package: str) -> Path:
    """Where the engine looks for a package's plug-in: the version is that of the installed Python SDK."""
    return home / "plugins" / f"resource-{package}-v{version(f'pulumi-{package}')}"


def install(home: Path, python: Path, checkout: Path) -> None:
    """Writes one script per package below ``home`` (a PULUMI_HOME); running it again changes nothing.

    ``python``: the interpreter with the dependencies; ``checkout``: the folder that holds ``local_cloud``. Also reads
    the SDK's types once, so that the first preview need not.
    """
    for package in PACKAGES:
        target = folder(home, package) / f"pulumi-resource-{package}"
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (
            "#!/bin/sh\n"
            f"export PYTHONPATH={shlex.quote(str(checkout))}\n"
            f'exec {shlex.quote(str(python))} -m local_cloud.{package} "$@"\n'
        )
        if not target.is_file() or target.read_text() != text:
            partial = target.with_suffix(".new")
            partial.write_text(text)
            partial.chmod(0o755)
            partial.replace(target)
    _read_types()


def _read_types() -> None:
    from local_cloud import schema  # noqa: PLC0415 (only here)
    from local_cloud.aws import catalogue  # noqa: PLC0415

    schema.load("pulumi_aws", catalogue.KINDS)
