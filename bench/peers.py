"""`python -m checks --state` beside checkov: how long each takes, and what each finds.

Both look at the same architecture, the gate at exported state and checkov at the Terraform plan made from it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench import checkov, terraform
from bench.architecture import Architecture, build
from bench.faults import GENERAL_FAULTS, GRPC_FAULTS, SERVICES, Fault, seeded
from bench.turns import Ended, Table, in_turns, medians, run
from tools import environment

SIZES: Final = (1, 50, 500)
_BLOCKED: Final = 1
_NOTHING: Final = "-"


def ours(state: Path) -> Ended:
    """One run of the gate on exported state."""
    command = [sys.executable, "-m", "checks", "--state", str(state), "--format", "json"]
    return run(command, environment.here().checkout, good=(0, _BLOCKED))


def found(output: str) -> list[tuple[str, str]]:
    """Rule and URN of every finding in the gate's JSON."""
    return [(each["rule"], each["urn"]) for each in json.loads(output)["findings"] if each["kind"] == "finding"]


def written(made: Architecture, root: Path, name: str) -> tuple[Path, Path]:
    """The files of an architecture: exported state, and the plan made from it."""
    state = made.state()
    files = root / f"{name}.state.json", root / f"{name}.plan.json"
    for file, document in zip(files, (state, terraform.plan(state)), strict=True):
        file.write_text(json.dumps(document), encoding="utf-8")
    return files


def speed(sizes: Sequence[int], rounds: int, root: Path) -> Table:
    """Wall time and peak memory of both at each number of services."""
    rows, figures = [], {}
    checkov.program()
    for size in sizes:
        state, plan = written(build(size), root, str(size))
        taken = in_turns({"checks": partial(ours, state), "checkov": partial(checkov.scan, plan)}, rounds)
        figures[str(size)] = {name: [each.seconds for each in ended] for name, ended in taken.items()}
        middle = medians(figures[str(size)])
        mib = [f"{max(each.mib for each in ended):.0f}" for ended in taken.values()]
        rows.append(
            (
                str(size),
                str(json.loads(taken["checks"][0].output)["resources"]),
                f"{middle['checks']:.2f} s",
                f"{middle['checkov']:.2f} s",
                f"{middle['checkov'] / middle['checks']:.1f}",
                "/".join(mib),
            )
        )
    header = ("services", "resources", "checks", "checkov", "times faster", "MiB of each")
    title = f"The gate on exported state beside checkov {checkov.VERSION} on the same as a Terraform plan"
    return Table(title, header, rows, figures=figures)


@dataclass(frozen=True)
class Both:
    """What both find on one architecture, each as identity and resource."""

    ours: Counter[tuple[str, str]]
    theirs: Counter[tuple[str, str]]


def _both(made: Architecture, root: Path, name: str) -> Both:
    state, plan = written(made, root, name)
    return Both(Counter(found(ours(state).output)), Counter(checkov.failed(checkov.scan(plan).output)))


def finds(root: Path) -> Table:
    """For each fault what each tool says that it does not say of the same architecture without it."""
    clean = _both(build(SERVICES), root, "clean")
    rows: list[tuple[str, ...]] = []
    for kind, faults in (("gRPC", GRPC_FAULTS), ("general", GENERAL_FAULTS)):
        rows += [_row(kind, fault, clean, root, f"{kind}-{place}") for place, fault in enumerate(faults)]
    notes = [*_counts(rows), *_noise(clean)]
    figures = {"clean": {"checks": _ids(clean.ours), "checkov": _ids(clean.theirs)}, "faults": rows}
    header = ("fault", "kind", "checks", "checkov")
    return Table("What each finds of seeded faults", header, rows, notes, figures, words=len(header))


def _row(kind: str, fault: Fault, clean: Both, root: Path, name: str) -> tuple[str, ...]:
    both = _both(seeded(fault), root, name)
    pairs = ((both.ours, clean.ours), (both.theirs, clean.theirs))
    return (fault.title, kind, *(" ".join(new(now, before)) or _NOTHING for now, before in pairs))


def _ids(counted: Iterable[tuple[str, str]]) -> list[str]:
    return sorted({identity for identity, _ in counted})


def new(now: Iterable[tuple[str, str]], before: Iterable[tuple[str, str]]) -> list[str]:
    """Ids that are new; one that is said of the faultless architecture already says nothing of a fault."""
    return sorted({*_ids(now)} - {*_ids(before)})


def _counts(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = []
    for kind in ("gRPC", "general"):
        own = [row for row in rows if row[1] == kind]
        mine, theirs = (sum(row[place] != _NOTHING for row in own) for place in (2, 3))
        lines.append(f"{kind}: of {len(own)} faults checks finds {mine}, checkov {theirs}")
    return lines


def _noise(clean: Both) -> list[str]:
    told = Counter(identity for identity, _ in clean.theirs.elements())
    listed = ", ".join(f"{count} x {identity}" for identity, count in sorted(told.items())) or "nothing"
    return [f"Without any fault: checks says {sum(clean.ours.values())} things; checkov {told.total()}: {listed}"]
