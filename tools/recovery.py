"""Bring the state of a killed run in line with what it left in the local cloud.

A CLI that is killed between a provider's answer and its own note of it leaves the resource in the cloud and a pending
operation in the state. `pulumi up` then only warns (pulumi/pkg/resource/deploy/deployment_executor.go), carries the
note along for ever, and `pulumi destroy` never hears of the resource. On the local cloud both sides can be read, so
the state is completed from the cloud.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.engine import LocalEngine

_SIGNATURE = "4dabf18193072939515e22adb298388d"  # marks secrets and assets in a state (sdk/go/common/resource/sig)
Exists = Callable[[str], "Iterable[tuple[str, Mapping[str, Any]]]"]
"""The resources of a URN in the cloud: id and outputs, oldest first."""


@dataclass
class Settled:
    """What has been done about pending operations, by URN."""

    taken_over: list[str] = field(default_factory=list)
    """Created in the cloud, now in the state."""
    left_to_create: list[str] = field(default_factory=list)
    """A half-made replacement: the next create takes it over."""
    to_delete: list[str] = field(default_factory=list)
    """A half-made replacement, marked for deletion."""
    dropped: list[str] = field(default_factory=list)
    """Never came to be, or an update or delete that is simply done again."""

    def __str__(self) -> str:
        """One sentence, empty when nothing was pending."""
        parts = [
            (self.taken_over, "taken over from the cloud"),
            (self.left_to_create, "left to the next create"),
            (self.to_delete, "marked for deletion"),
            (self.dropped, "to be done again"),
        ]
        said = ", ".join(f"{len(urns)} {text}" for urns, text in parts if urns)
        return f"Interrupted operations settled: {said}." if said else ""


def settle(deployment: dict[str, Any], exists: Exists, *, destroying: bool) -> Settled:
    """Resolve the pending operations of an exported deployment in place."""
    settled = Settled()
    resources: list[dict[str, Any]] = deployment.setdefault("resources", [])
    for operation in deployment.pop("pending_operations", None) or []:
        resource = operation["resource"]
        urn = resource["urn"]
        known = {other.get("id") for other in resources if other["urn"] == urn}
        found = [(key, outputs) for key, outputs in exists(urn) if key not in known]
        if operation["type"] != "creating" or not found:
            settled.dropped.append(urn)
        elif not known:
            resources.append(_completed(resource, *found[-1]))
            settled.taken_over.append(urn)
        elif destroying:
            resources.append({**_completed(resource, *found[-1]), "delete": True})
            settled.to_delete.append(urn)
        else:
            settled.left_to_create.append(urn)
    return settled


def _completed(resource: Mapping[str, Any], key: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    # The cloud keeps plain text; whatever the program called a secret stays encrypted as the engine wrote it.
    secret = {name: value for name, value in (resource.get("inputs") or {}).items() if _SIGNATURE in json.dumps(value)}
    return {**resource, "id": key, "outputs": {**outputs, **secret}}


def mend(state: Path, checkpoint: Path) -> list[str]:
    """Undo half-written files of a file:// backend; what was done, a line each.

    The backend replaces a file in one step, but writes the attributes beside it (`.attrs`, optional) in place, and
    then fails on a half-written one: "failed to load checkpoint: EOF" (gocloud.dev/blob/fileblob). A checkpoint that
    is cut short is replaced by its `.bak`, the state one step earlier: that step is still noted there as pending.
    """
    done = []
    for attributes in state.rglob("*.attrs"):
        if not _is_json(attributes):
            attributes.unlink()
            done.append(f"Half-written {attributes.name} removed.")
    backup = checkpoint.with_name(f"{checkpoint.name}.bak")
    if checkpoint.is_file() and not _is_json(checkpoint) and _is_json(backup):
        shutil.copyfile(backup, checkpoint)
        done.append(f"Half-written {checkpoint.name} replaced by the state one step earlier.")
    for left in checkpoint.parent.glob(f"{checkpoint.name}.*.tmp"):
        left.unlink()
    return done


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def has_pending(checkpoint: Path) -> bool:
    """Whether a state file in the local backend notes pending operations."""
    try:
        content = json.loads(checkpoint.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    latest = (content.get("checkpoint") or {}).get("latest") or {}
    return bool(latest.get("pending_operations"))


def repair(engine: LocalEngine, cwd: Path, stack: str, exists: Exists, *, destroying: bool) -> Settled:
    """Settle the pending operations of a stack in the backend."""
    exported = engine.run("stack", "export", "--stack", stack, cwd=cwd).json()
    settled = settle(exported["deployment"], exists, destroying=destroying)
    with tempfile.TemporaryDirectory(prefix="grpc-platform-") as folder:
        file = Path(folder, "state.json")
        file.write_text(json.dumps(exported), encoding="utf-8")
        engine.run("stack", "import", "--stack", stack, "--file", str(file), cwd=cwd)
    return settled
