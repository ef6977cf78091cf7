"""Trying rules on resources: what they find, what they could not see, and what broke in them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from policies.engine import veil
from policies.engine.forms import Fields
from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.rule import Context, Level, Rule
from policies.engine.unknown import UnknownValueError, stated


@dataclass(frozen=True)
class Finding:
    """What a rule found on a resource, at a path of its properties ("" for the whole)."""

    rule: str
    urn: str
    path: str
    message: str


@dataclass(frozen=True)
class NotEvaluated:
    """A rule that could not be judged on a resource, because the value at `path` is not known yet."""

    rule: str
    urn: str
    path: str


@dataclass(frozen=True)
class Failure:
    """A rule that broke on a resource: its own fault, which counts as not evaluated and stops no other rule."""

    rule: str
    urn: str
    error: str


@dataclass
class Report:
    """The outcome. pairs: how many (rule, resource) were tried."""

    findings: list[Finding] = field(default_factory=list)
    not_evaluated: list[NotEvaluated] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    pairs: int = 0

    @property
    def evaluated(self) -> int:
        """How many pairs were judged."""
        return self.pairs - len(self.not_evaluated) - len(self.failures)

    def add(self, other: Report) -> None:
        """Takes in another report."""
        self.findings += other.findings
        self.not_evaluated += other.not_evaluated
        self.failures += other.failures
        self.pairs += other.pairs


class Evaluator:
    """Rules by kind, so that a resource meets those only that are about it.

    levels: by rule id, as configured. options: by rule id, with defaults in place.
    """

    def __init__(
        self, rules: Iterable[Rule], levels: Mapping[str, Level], options: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._options: dict[str, Mapping[str, Any]] = {}
        self._alone: dict[str, list[Rule]] = {}
        self._together: dict[str, list[Rule]] = {}
        self._forms: dict[str, Fields] = {}
        for rule in rules:
            self._forms.update(rule.forms)
            if levels.get(rule.id, rule.level) is Level.DISABLED:
                continue
            self._options[rule.id] = options.get(rule.id) or _defaults(rule)
            index = self._together if rule.stack else self._alone
            for kind in rule.kinds:
                index.setdefault(kind, []).append(rule)

    def concerns(self, kind: str) -> bool:
        """Whether some rule looks at a kind by itself."""
        return kind in self._alone

    def sound(self, resource: Resource) -> Resource:
        """A resource as rules can rely on it: what `alone` and `together` take."""
        form = self._forms.get(resource.kind)
        sound = resource.sound(form) if form is not None else resource
        if not resource.patch:
            return sound
        return replace(sound, properties={key: stated(each, key) for key, each in sound.properties.items()})

    def alone(self, resource: Resource) -> Report:
        """The rules that look at one resource; none for one that the program only looks up, as it cannot mend it."""
        if resource.read:
            return Report()
        return self._try(self._alone.get(resource.kind, ()), resource, Graph([resource]), veil.over([resource]))

    def together(self, resources: Sequence[Resource]) -> Report:
        """The rules that look at resources beside others.

        The engine sends them in the order in which they came to be, another one in every run; findings do not depend on
        it, also where a rule names the first of several.
        """
        ordered = sorted(resources, key=lambda each: each.urn)
        graph, report, hidden = Graph(ordered), Report(), veil.over(ordered)
        for resource in ordered:
            found = self._together.get(resource.kind)
            if found and not resource.read:
                report.add(self._try(found, resource, graph, hidden))
        return report

    def everything(self, resources: Sequence[Resource]) -> Report:
        """All rules."""
        report, sound = Report(), [self.sound(each) for each in resources]
        for resource in sound:
            if self.concerns(resource.kind):
                report.add(self.alone(resource))
        report.add(self.together(sound))
        return report

    def _try(self, rules: Iterable[Rule], resource: Resource, graph: Graph, hidden: Callable[[str], str]) -> Report:
        report = Report()
        for rule in rules:
            report.pairs += 1
            context = Context(self._options[rule.id], graph)
            try:
                for problem in rule.check(resource, context):
                    report.findings.append(Finding(rule.id, resource.urn, problem.path, hidden(problem.message)))
            except UnknownValueError as unknown:
                report.not_evaluated.append(NotEvaluated(rule.id, resource.urn, unknown.path))
            except Exception as error:  # whatever a rule does wrong is its own failure
                report.failures.append(Failure(rule.id, resource.urn, _where(error)))
        return report


def _defaults(rule: Rule) -> dict[str, Any]:
    return {key: option.default for key, option in rule.options.items()}


def _where(error: Exception) -> str:
    """Kind and place of an error, without its text, which may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    place = f" at {last.filename.rpartition('/')[2]}:{last.lineno}" if last else ""
    return f"{type(error).__name__}{place}"


def by_rule(found: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Findings by rule, in order of ids."""
    groups: dict[str, list[Finding]] = {}
    for each in found:
        groups.setdefault(each.rule, []).append(each)
    yield from sorted(groups.items())
