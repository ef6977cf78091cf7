"""`make preview env=dev`: what the program would make of an environment, offline, on a throw-away copy."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools import copies, cost, environment, report, stack_files
from tools.engine import EngineError
from tools.up import progress_flags, say

_STEPS = ("create", "update", "replace", "delete", "read", "import", "same")


def main(name: str) -> int:
    """Preview an environment; the exit code, 1 also when a manifest would be refused, 2 for an unknown environment."""
    place = environment.here()
    with tempfile.TemporaryDirectory(prefix="grpc-platform-preview-") as folder:
        try:
            copy, engine = copies.make(place, name, Path(folder))
        except copies.UnknownEnvironmentError as error:
            say(str(error))
            return 2
        except (EngineError, stack_files.StackFileError) as error:
            say(str(error))
            return 1
        events = Path(folder, "events.json")
        code = engine.show(
            *("preview", "--stack", name, "--suppress-outputs", "--event-log", str(events), *progress_flags()),
            cwd=copy,
            env={"PULUMI_DEBUG_COMMANDS": "true"},  # --event-log exists only with it
        )
        if code:
            return 1
        planned = list(steps(events))
    say("")
    say(report.bold(f"{name}, on an empty stack: {sum(report.is_real(step['type']) for step in planned)} resources"))
    for line in summary(planned):
        say(line)
    for line in cost.lines(
        cost.estimate((step["type"], (step.get("new") or {}).get("inputs") or {}) for step in planned)
    ):
        say(line)
    problems = list(manifest_problems(planned, _version(place, name)))
    for problem in problems:
        say(problem)
    checked = sum(_is_manifest(step) for step in planned)
    say(f"  {checked} Kubernetes manifests checked, {len(problems)} problems. Nothing was created.")
    return 1 if problems else 0


def steps(events: Path) -> Iterator[dict[str, Any]]:
    """The planned steps (StepEventMetadata of the engine) in an event log, each resource once."""
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line).get("resourcePreEvent")
            if event and event["metadata"]["op"] != "same":
                yield event["metadata"]


def summary(planned: list[dict[str, Any]]) -> list[str]:
    """Counts by kind; one block per operation when there is more than one."""
    operations = Counter(step["op"] for step in planned)
    lines = []
    for operation in sorted(operations):
        if len(operations) > 1:
            lines.append(f"  {operation}:")
        lines += report.counted(step["type"] for step in planned if step["op"] == operation)
    return lines


def _is_manifest(step: Mapping[str, Any]) -> bool:
    inputs = (step.get("new") or {}).get("inputs") or {}
    return str(step["type"]).startswith("kubernetes:") and {"apiVersion", "kind"} <= inputs.keys()


def manifest_problems(planned: list[dict[str, Any]], version: str) -> Iterator[str]:
    """What the API server would refuse, a line each: resource, then what is wrong.

    In a preview the engine asks the Kubernetes provider nothing while the cluster's kubeconfig is unknown, so the
    manifests are checked here.
    """
    from local_cloud.kubernetes import manifests  # noqa: PLC0415 - after the preview, whose start it would delay

    for step in planned:
        if _is_manifest(step):
            name = step["urn"].rpartition("::")[2]
            manifest = named(step["new"]["inputs"], name)
            for problem in manifests.validate(manifest, version, partial=step["type"].endswith("Patch")):
                yield f"  {name} ({manifest['kind']}): {problem}"


def named(manifest: Mapping[str, Any], logical: str) -> dict[str, Any]:
    """A manifest with a name like the one the provider would make up (pulumi-kubernetes metadata/naming.go)."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, Mapping):
        metadata = {} if metadata is None else None
    if metadata is None or metadata.get("name") or metadata.get("generateName"):
        return dict(manifest)
    return {**manifest, "metadata": {**metadata, "name": f"{logical}-0a1b2c3d"}}


def _version(place: environment.Environment, name: str) -> str:
    """Kubernetes version of an environment, as `cluster.version` says."""
    settings = stack_files.read(copies.stack_file(place.checkout, name))
    cluster = settings["config"].get(f"{environment.PROJECT}:cluster") or {}
    return str(cluster.get("version", "1.36")) if isinstance(cluster, dict) else "1.36"
