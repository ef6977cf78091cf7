"""The rules in process, without an engine: time per resource, how it grows, and which rules take most of it.

What is timed is the pack's whole work on a preview in which no ARN is known: messages of the engine decoded, each
resource analyzed, then the stack. Only the transport is left out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any, Final

from pulumi.runtime.proto import analyzer_pb2 as proto

from bench.architecture import build, services_for
from bench.turns import Table, in_turns, medians, seconds
from policies.engine import sources
from policies.engine.analyzer import Analyzer
from policies.engine.evaluate import Evaluator
from policies.engine.rule import Context, Level, Problem, Registry, Rule
from policies.rules import REGISTRY

SIZES: Final = (1500, 5000, 10000)
FEW: Final = 10
SLOWEST: Final = 10
_US: Final = 1e6


class Messages:
    """What the engine sends about the architecture of about so many resources in a preview."""

    def __init__(self, resources: int) -> None:
        steps = build(services_for(resources)).preview()
        self.each = [_request(step["newState"]) for step in steps]
        self.stack = proto.AnalyzeStackRequest(resources=[_stacked(step["newState"]) for step in steps])

    def __len__(self) -> int:
        return len(self.each)

    def through(self, registry: Registry) -> list[Any]:
        """Takes all messages through a pack; the diagnostics. Raises RuntimeError when a rule failed."""
        pack = Analyzer(registry)
        found = [each for request in self.each for each in pack.Analyze(request, None).diagnostics]
        found += pack.AnalyzeStack(self.stack, None).diagnostics
        if found:
            raise RuntimeError(f"the architecture should have no finding: {found[0].policyName} {found[0].message}")
        return found


def _request(entry: dict[str, Any]) -> Any:
    made = proto.AnalyzeRequest(type=entry["type"], urn=entry["urn"], name=entry["urn"].rpartition("::")[2])
    made.properties.update(entry["inputs"])
    return made


def _stacked(entry: dict[str, Any]) -> Any:
    made = proto.AnalyzerResource(type=entry["type"], urn=entry["urn"], name=entry["urn"].rpartition("::")[2])
    made.properties.update(entry["inputs"])
    made.dependencies.extend(entry["dependencies"])
    for key, urns in entry["propertyDependencies"].items():
        made.propertyDependencies[key].urns.extend(urns)
    return made


def few(rules: Sequence[Rule], count: int = FEW) -> Registry:
    """So many of the rules, spread evenly over all of them; all where there are not so many."""
    return Registry([rules[place * len(rules) // count] for place in range(count)] if count < len(rules) else rules)


def growth(sizes: Sequence[int], rounds: int) -> Table:
    """Time per resource by size, and as a multiple of that of the first size."""
    made = {str(size): Messages(size) for size in sizes}
    taken = in_turns({name: partial(seconds, each.through, REGISTRY) for name, each in made.items()}, rounds)
    each = {name: found / len(made[name]) * _US for name, found in medians(taken).items()}
    base = next(iter(each.values()))
    rows = [
        (f"{len(made[name])}", f"{median(taken[name]):.2f} s", f"{each[name]:.0f} µs", f"{each[name] / base:.2f}")
        for name in made
    ]
    figures = {
        "rules": len(REGISTRY),
        "seconds": taken,
        "resources": {name: len(found) for name, found in made.items()},
    }
    title = f"All {len(REGISTRY)} rules in process (the pack's whole work without the transport)"
    return Table(title, ("resources", "time", "per resource", "growth"), rows, figures=figures)


def slowest(sizes: Sequence[int], rounds: int) -> Table:
    """The rules that take most time at the largest size, and how the time of each per resource grows."""
    smallest, largest = min(sizes), max(sizes)
    spent = {size: _spent(size, rounds) for size in (smallest, largest)}
    order = sorted(spent[largest], key=lambda rule: -spent[largest][rule])[:SLOWEST]
    rows = [
        (
            rule,
            f"{spent[largest][rule] * _US:.1f} µs",
            f"{spent[largest][rule] / (spent[smallest][rule] or spent[largest][rule]):.2f}",
        )
        for rule in order
    ]
    note = (
        f"growth: from about {smallest} to about {largest} resources. What rules share counts for the first that asks."
    )
    figures = {str(size): found for size, found in spent.items()}
    return Table("Slowest rules", ("rule", "per resource", "growth"), rows, (note,), figures)


def _spent(size: int, rounds: int) -> dict[str, float]:
    """Median seconds per resource that each rule takes."""
    resources = sources.from_preview(build(services_for(size)).preview())
    runs: dict[str, list[float]] = {rule.id: [] for rule in REGISTRY}
    for _ in range(rounds):
        clock: dict[str, float] = defaultdict(float)
        levels = {rule.id: Level.ADVISORY for rule in REGISTRY}
        Evaluator([_clocked(rule, clock) for rule in REGISTRY], levels, {}).everything(resources)
        for rule, found in runs.items():
            found.append(clock[rule] / len(resources))
    return medians(runs)


def _clocked(rule: Rule, clock: dict[str, float]) -> Rule:
    def check(resource: Any, context: Context) -> Iterable[Problem]:
        started = time.process_time()
        try:
            return list(rule.check(resource, context))
        finally:
            clock[rule.id] += time.process_time() - started

    return replace(rule, check=check)


def flat(resources: int, rounds: int) -> Table:
    """The pack with a few rules beside the whole."""
    made, rules = Messages(resources), tuple(REGISTRY)
    packs = {"few": few(rules), "all": Registry(rules)}
    taken = in_turns({name: partial(seconds, made.through, pack) for name, pack in packs.items()}, rounds)
    middle = medians(taken)
    rows = [
        (f"{len(packs[name])} rules", f"{middle[name]:.3f} s", f"{middle[name] / middle['few']:.2f}") for name in packs
    ]
    return Table(
        f"Few rules and all, in process, {len(made)} resources", ("pack", "time", "ratio"), rows, figures=taken
    )
