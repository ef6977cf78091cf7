"""`python -m bench [NAME ...]`: benchmarks, all or those named. Ratios within one run are what to read.

  platform  preview and up of the platform beside a bare program that registers the same resources
  rules     all rules of the policy pack in process: time per resource, its growth, the slowest, few rules and all
  engine    previews with the pack, with few of its rules and with an empty one, on the real engine
  ready     the start of the pack beside the import of the SDK
  checkov   the gate on exported state beside checkov on the same as a Terraform plan: time, and what each finds
  portal    its pages beside an apply that 50 people watch while 20 runs wait, and how long an event is on its way

What is compared runs in turns, in alternating order, and the medians are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import packed, peers, platform, portal, ready, rules
from bench.checkov import MissingError
from bench.turns import Table, say

ROUNDS = 5


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--rounds", type=int, help=f"runs of each (default: {ROUNDS}; of platform 3, or 2 from 500 on)")
    parser.add_argument("--sizes", type=int, nargs="+", default=platform.SIZES, help="platform: numbers of workloads")
    parser.add_argument(
        "--resources", type=int, nargs="+", default=rules.SIZES, help="rules: numbers of resources; engine: the first"
    )
    parser.add_argument("--services", type=int, nargs="+", default=peers.SIZES, help="checkov: numbers of services")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page (not of platform)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure too")
    return parser


def _rules(asked: argparse.Namespace, _: Path) -> Iterator[Table]:
    yield rules.growth(asked.resources, asked.rounds or ROUNDS)
    yield rules.slowest(asked.resources, asked.rounds or ROUNDS)
    yield rules.flat(asked.resources[0], asked.rounds or ROUNDS)


def _engine(asked: argparse.Namespace, root: Path) -> Iterator[Table]:
    yield from packed.previews(asked.resources[0], asked.rounds or ROUNDS, root)


def _ready(asked: argparse.Namespace, _: Path) -> Iterator[Table]:
    yield ready.ready(asked.rounds or ROUNDS)


def _checkov(asked: argparse.Namespace, root: Path) -> Iterator[Table]:
    yield peers.speed(asked.services, asked.rounds or ROUNDS, root)
    yield peers.finds(root)


def _portal(_: argparse.Namespace, root: Path) -> Iterator[Table]:
    yield portal.watched(root)


BENCHMARKS: dict[str, Callable[[argparse.Namespace, Path], Iterator[Table]] | None] = {
    "platform": None,
    "rules": _rules,
    "engine": _engine,
    "ready": _ready,
    "checkov": _checkov,
    "portal": _portal,
}


def _run(name: str, asked: argparse.Namespace, root: Path) -> Any:
    """Runs one benchmark, printing its tables; its figures."""
    benchmark = BENCHMARKS[name]
    if benchmark is None:
        return platform.run(asked.sizes, asked.rounds, root)
    figures = {}
    for table in benchmark(asked, root):
        say((table.markdown() if asked.markdown else table.text()) + "\n")
        figures[table.title] = {"header": table.header, "rows": table.rows, "figures": table.figures}
    return figures


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks asked for; the exit code: 0, 1 when one could not be run, 2 for a wrong argument."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)} (there is: {', '.join(BENCHMARKS)})")
    report: dict[str, Any] = {"python": sys.version.split()[0], "system": machine.system(), "cores": os.cpu_count()}
    code = 0
    for name in asked.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="grpc-platform-bench-", ignore_cleanup_errors=True) as folder:
            try:
                report[name] = _run(name, asked, Path(folder))
            except MissingError as error:
                sys.stderr.write(f"{name}: {error}\n")
                code = 1
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
