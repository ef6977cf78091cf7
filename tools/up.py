"""`make up`: the whole platform on the local cloud of this checkout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools import cluster, environment, locks, recovery, report
from tools.engine import EngineError, LocalEngine

UNREACHABLE = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
"""With it the Kubernetes provider forgets objects whose cluster is gone (pulumi-kubernetes: provider.go)."""


def say(text: str) -> None:
    """A line for the user, before what the CLI prints next."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def progress_flags() -> tuple[str, ...]:
    """Flags for a tidy log where nobody watches the progress display."""
    return () if sys.stdout.isatty() else ("--suppress-progress",)


def exists(engine: LocalEngine) -> recovery.Exists:
    """Look-up of the resources of a URN in the cloud of an engine."""
    from local_cloud.store import Store  # noqa: PLC0415 - keeps `--help` quick

    store = Store(engine.store)

    def look(urn: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return [(row.id, row.outputs) for row in store.by_urn(urn)]

    return look


def make_ready(place: environment.Environment, engine: LocalEngine, stack: str, *, destroying: bool) -> bool:
    """Clear away what a killed run left behind; whether the stack can be worked on now."""
    if not locks.release(place, stack, engine.env["PULUMI_BACKEND_URL"], say):
        return False
    for line in recovery.mend(place.state, place.checkpoint(stack)):
        say(line)
    if recovery.has_pending(place.checkpoint(stack)):
        say(str(recovery.repair(engine, place.checkout, stack, exists(engine), destroying=destroying)))
    return True


def ensure_stack(place: environment.Environment, engine: LocalEngine, stack: str) -> None:
    """Make and select the stack in the local backend unless it is there."""
    if not place.checkpoint(stack).is_file():
        engine.run("stack", "select", "--create", stack, cwd=place.checkout)


def main(kind: str | None = None) -> int:
    """Bring the stack up; the exit code. `kind` of cluster: see `cluster`, None for what the last run used."""
    place = environment.here()
    engine = LocalEngine.of_checkout()
    stack = environment.STACK
    problem = cluster.misspelt(kind)
    if problem:
        say(problem)
        return 2
    if not make_ready(place, engine, stack, destroying=False) or not cluster.prepare(place, kind, say):
        return 1
    started = time.monotonic()
    try:
        ensure_stack(place, engine, stack)
        flags = ("--yes", "--skip-preview", "--suppress-outputs", "--stack", stack, *progress_flags())
        if emptied(place, engine, stack):
            say("The local cloud was emptied; what the state still lists is made anew.")
            engine.run("refresh", "--yes", "--skip-preview", "--stack", stack, cwd=place.checkout, env=UNREACHABLE)
        code = engine.show("up", *flags, cwd=place.checkout)
        if code:
            say("\nNot complete. After a correction, or an interruption, `make up` goes on where this run stopped;")
            say("`make down` removes what exists.")
            return 1
        say(f"\n{report.up(engine.export(place.checkout, stack), time.monotonic() - started)}")
        for line in cluster.closing(place):
            say(line)
    except EngineError as error:
        say(str(error))
        return 1
    return 0


def emptied(place: environment.Environment, engine: LocalEngine, stack: str) -> bool:
    """Whether the state lists resources while their cloud holds none: it was reset, or its file deleted."""
    if leftovers(engine.store) or not place.checkpoint(stack).is_file():
        return False
    listed = engine.export(place.checkout, stack).get("resources") or []
    return any(each.get("custom") and each.get("id") for each in listed)


def leftovers(store: Path) -> list[str]:
    """What still exists in a cloud, one line each."""
    if not store.is_file():
        return []
    from local_cloud.store import Store  # noqa: PLC0415

    return [f"{row.token}  {row.id}" for row in Store(store).rows()]
