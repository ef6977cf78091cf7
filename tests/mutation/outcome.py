"""What became of every mutant, and the report that is committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from policies.engine.evaluate import Evaluator
from policies.engine.resource import Resource
from policies.engine.rule import Level
from policies.rules import REGISTRY
from tests.mutation import domains, domains_kubernetes, table, table_kubernetes
from tests.mutation.mutants import Mutant, applied, mutants
from tests.mutation.table import Row

DOMAINS: Final = (*domains.AWS, *domains_kubernetes.KUBERNETES)
ROWS: Final[Mapping[str, Sequence[Row]]] = {**table.ROWS, **table_kubernetes.ROWS}
# Providers check types against their schema, API servers against theirs, before anything is made.
WRONG_TYPE: Final = "Pulumi, Pulumi package schema; Kubernetes API Reference: the schema refuses it"
_LEVELS: Final = {rule.id: rule.level for rule in REGISTRY}


@dataclass
class Judged:
    """A mutant with its verdict. source: what the verdict rests on, "" where no row decides."""

    mutant: Mutant
    harmless: bool
    source: str
    rules: tuple[str, ...]

    @property
    def blocked(self) -> bool:
        """Whether a mandatory rule found it."""
        return any(_LEVELS[each] is Level.MANDATORY for each in self.rules)

    @property
    def caught(self) -> bool:
        """Whether any rule found it."""
        return bool(self.rules)


@dataclass
class Outcome:
    """All of them. failures: rules that broke, with the mutant they broke on."""

    judged: list[Judged] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def breaking(self) -> list[Judged]:
        """Those that break something; one that no row decides counts among them."""
        return [each for each in self.judged if not each.harmless]

    @property
    def missed(self) -> list[Judged]:
        """Breaking ones that no rule found, and all that no row decides."""
        return [each for each in self.breaking if not each.caught or not each.source]

    @property
    def alarms(self) -> list[Judged]:
        """Harmless ones that a mandatory rule found."""
        return [each for each in self.judged if each.harmless and each.blocked]


def decided(mutant: Mutant, stack: Sequence[Resource]) -> tuple[bool, str]:
    """Whether a mutant is harmless, and what that rests on."""
    if mutant.what == "wrong type":
        return False, WRONG_TYPE
    for row in ROWS.get(mutant.domain.kind, ()):
        if row.decides(mutant, stack):
            return row.harmless, row.source
    return False, ""


def run(stacks: Mapping[str, Sequence[Resource]]) -> Outcome:
    """Every mutant of every stack, tried with all rules at the levels they have by default."""
    evaluator, outcome = Evaluator(REGISTRY, {}, {}), Outcome()
    for name, resources in stacks.items():
        for mutant in mutants(name, resources, DOMAINS):
            report = evaluator.everything(applied(mutant, resources))
            outcome.failures += [f"{each.rule} on {_name(mutant)}: {each.error}" for each in report.failures]
            harmless, source = decided(mutant, resources)
            rules = tuple(sorted({each.rule for each in report.findings}))
            outcome.judged.append(Judged(mutant, harmless, source, rules))
    return outcome


def _name(mutant: Mutant) -> str:
    return f"{mutant.stack} {mutant.resource.name} {mutant.concrete} {mutant.change}"


def named(each: Judged) -> str:
    """A mutant in words, for a failed test."""
    rules = ", ".join(each.rules) or "no rule"
    return f"{_name(each.mutant)} ({rules}; {each.source or 'NO ROW'})"


def report(outcome: Outcome) -> str:
    """The report as Markdown, the same for the same stacks and rules."""
    return "\n".join([*_head(outcome), *_rows(outcome), ""])


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)"


def _head(outcome: Outcome) -> Iterator[str]:
    breaking = outcome.breaking
    caught = [each for each in breaking if each.caught]
    blocked = [each for each in breaking if each.blocked]
    yield "# What the rules catch"
    yield ""
    yield "Every property of the stacks local, dev and prod that matters to gRPC was given every value of its enum and"
    yield "both sides of every boundary, taken away, and given values of a wrong type, one at a time. The table in"
    yield "`tests/mutation/` says which of these mutants break something, and on which page that rests. Written by"
    yield "`UPDATE_REPORT=1 .venv/bin/python -m pytest tests/mutation`; do not edit."
    yield ""
    yield f"- Mutants: {len(outcome.judged)}, of which {len(breaking)} break something."
    yield f"- Breaking ones that some rule finds: {_share(len(caught), len(breaking))}."
    yield f"- Breaking ones that a mandatory rule stops: {_share(len(blocked), len(breaking))}; others get a warning."
    harmless = len(outcome.judged) - len(breaking)
    yield f"- Harmless ones that a mandatory rule blocks: {len(outcome.alarms)} of {harmless}."
    yield ""


def _rows(outcome: Outcome) -> Iterator[str]:
    groups: dict[tuple[str, str], dict[tuple[str, bool, str], Counter[str]]] = {}
    for each in outcome.judged:
        key = (each.mutant.domain.kind, each.mutant.domain.path)
        line = (each.mutant.change, each.harmless, each.source)
        found_by = ", ".join(each.rules) or "–"
        groups.setdefault(key, {}).setdefault(line, Counter())[found_by] += 1
    # In the order of the domains: the engine tells of a stack's resources in another order each time.
    places = {(each.kind, each.path): place for place, each in enumerate(DOMAINS)}
    kind = ""
    for (group, path), lines in sorted(groups.items(), key=lambda found: places[found[0]]):
        if group != kind:
            kind = group
            yield f"## {kind}"
            yield ""
        yield f"### `{path}`"
        yield ""
        yield "| Change | Verdict | Found by (mutants) | Rests on |"
        yield "| --- | --- | --- | --- |"
        for (change, harmless, source), rules in sorted(lines.items()):
            found = "; ".join(f"{each} ({count})" for each, count in sorted(rules.items()))
            yield f"| {_cell(change)} | {'harmless' if harmless else 'breaking'} | {found} | {_cell(source)} |"
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
