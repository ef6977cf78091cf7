"""The pack on the real engine: previews with our pack, with few of its rules, and with an empty one, in turns.

Two programs: one that only registers an architecture, where the engine asks no provider and next to nothing but the
pack is left to wait for, and the platform's own, whose resources the local cloud's providers check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bench import measure, packs, programs
from bench.architecture import build, services_for
from bench.measure import Run
from bench.rules import few
from bench.turns import Table, in_turns, medians
from policies.rules import REGISTRY
from tools import environment

RESOURCES: Final = 1500
_PER_WORKLOAD: Final = 10
_AROUND: Final = 60
"""About what the platform registers beside its workloads: network, cluster, load balancers (bench/bare)."""
_EMPTY: Final = "one empty policy"


def previews(resources: int, rounds: int, root: Path) -> list[Table]:
    """Both programs with about so many resources."""
    chosen = _packs(root)
    file = root / "architecture.json"
    steps = build(services_for(resources)).preview()
    file.write_text(json.dumps(steps), encoding="utf-8")
    alone = programs.registering(file, root / "registered")
    whole = programs.make(
        "platform", max(1, (resources - _AROUND) // _PER_WORKLOAD), root / "platform", throw_away=True
    )
    return [
        _compared(f"Preview of {len(steps)} resources, no provider asked", alone, chosen, rounds),
        _compared("Preview of the platform on the local cloud", whole, chosen, rounds),
    ]


def _packs(root: Path) -> dict[str, Path | None]:
    ids = [rule.id for rule in few(tuple(REGISTRY))]
    return {
        "no pack": None,
        _EMPTY: packs.empty(root),
        f"{len(ids)} of our rules": packs.few(root, ids),
        f"all {len(REGISTRY)} rules": environment.here().checkout / "policies",
    }


def _compared(title: str, program: programs.Program, chosen: Mapping[str, Path | None], rounds: int) -> Table:
    """One table: wall times, their ratios to the empty pack's, and peak memory of all processes."""
    runs = {name: partial(_preview, program, folder) for name, folder in chosen.items()}
    found = in_turns(runs, rounds)
    middle = medians({name: [run.seconds for run in each] for name, each in found.items()})
    rows = [
        (
            name,
            f"{middle[name]:.2f} s",
            f"{middle[name] / middle[_EMPTY]:.2f}",
            f"{max(run.total_mib for run in found[name]):.0f}",
        )
        for name in chosen
    ]
    resources = sum(found[_EMPTY][0].types.values())
    return Table(
        f"{title} ({resources} resources of providers)",
        ("pack", "time", "ratio", "all MiB"),
        rows,
        figures={name: [run.seconds for run in each] for name, each in found.items()},
    )


def _preview(program: programs.Program, folder: Path | None) -> Run:
    """One preview. Raises RuntimeError when the pack did not run, or another did."""
    flags = () if folder is None else ("--policy-pack", str(folder))
    run = measure.run(program, "preview", flags)
    if len(run.packs) != len(flags) // 2:
        raise RuntimeError(f"{program.name}: the packs that ran are {sorted(run.packs)}, asked for was {folder}")
    return run
