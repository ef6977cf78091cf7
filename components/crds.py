"""Custom resource definitions on the cluster, for the modes whose objects need them: Gateway API, Lattice.

They are the stack's own resources and not a chart's: Helm installs the definitions of a chart once and never updates
them, and removes none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pulumi
import yaml

from components import crd_files
from components.base import Component

VARIABLE: Final = "GRPC_PLATFORM_CRDS"
"""With the value `present` the cluster has all definitions already: another team's, or a stand-in's own."""


def present() -> bool:
    """Whether the cluster is said to have the definitions already."""
    return os.environ.get(VARIABLE) == "present"


def require(*bundles: str, mode: str, top: Path | None = None) -> None:
    """Stops the program before anything is made when definitions are missing.

    bundles: keys of `versions.CRD_BUNDLES`. mode: the setting that needs them, for the message. top: the checkout, by
    default the current folder. Raises pulumi.RunError that names `make crds`; KeyError for an unknown bundle.
    """
    found = [] if present() else crd_files.trouble(top or Path(), bundles)
    if found:
        raise pulumi.RunError(
            "\n".join(
                [
                    f"{mode} needs custom resource definitions that are not here; run: make crds",
                    *(f"  {line}" for line in found),
                    f"Where the cluster has them already, set {VARIABLE}=present.",
                ]
            )
        )


def definitions(
    owner: Component, *bundles: str, kubernetes: pulumi.ProviderResource, top: Path | None = None
) -> list[pulumi.Resource]:
    """The objects of some bundles on the cluster; none when it has them already. Call `require` first.

    They stay when the stack goes: deleting a definition deletes every object of its kind, other people's too, and hangs
    on finalizers whose controller is gone.
    """
    if present():
        return []
    return [
        pulumi.CustomResource(
            f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}",
            f"{manifest['kind'].lower()}-{manifest['metadata']['name']}",
            {key: value for key, value in manifest.items() if key != "status"},
            pulumi.ResourceOptions(parent=owner, provider=kubernetes, retain_on_delete=True),
        )
        for manifest in _manifests(bundles, top or Path())
    ]


def _manifests(bundles: Sequence[str], top: Path) -> Iterator[dict[str, Any]]:
    for file in crd_files.files(bundles):
        text = (top / crd_files.FOLDER / file.key).read_text(encoding="utf-8")
        yield from (each for each in yaml.safe_load_all(text) if each)
