"""From what rules found to what happens: levels, waivers, baseline, and rules that could not be judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from policies.engine.configuration import NOT_EVALUATED, WAIVERS, Configuration
from policies.engine.evaluate import Finding, NotEvaluated, Report
from policies.engine.rule import Level, Registry
from policies.engine.waivers import Waiver, fingerprint


@dataclass(frozen=True)
class Verdict:
    """One line of the outcome.

    kind: `finding`, `known` (in the baseline), `waived`, `not evaluated`, `failed`, `waiver` (one that is no good) and
    `baseline` (an entry whose finding is gone).
    """

    rule: str
    level: Level
    urn: str
    path: str
    message: str
    kind: str = "finding"
    waiver: Waiver | None = None

    @property
    def blocks(self) -> bool:
        """Whether the change must not go on."""
        return self.level is Level.MANDATORY and self.kind != "waived"


class Judge:
    """Turns reports into verdicts. It remembers which exceptions were of use, over all reports of a run."""

    def __init__(self, registry: Registry, configuration: Configuration, today: dt.date) -> None:
        self._registry = registry
        self._configuration = configuration
        self._today = today
        self._used: set[Waiver] = set()
        self._met: set[str] = set()
        self._blind_spots: list[NotEvaluated] = []

    def verdicts(self, report: Report) -> list[Verdict]:
        """What the findings, the blind spots and the failures of a report come to."""
        found = [self._of_finding(each) for each in report.findings]
        self._blind_spots += report.not_evaluated
        self._blind_spots += [NotEvaluated(each.rule, each.urn, "") for each in report.failures]
        found += [
            Verdict(
                each.rule, self._blind(each.rule), each.urn, each.path, _BLIND.format(path=each.path), _NOT_EVALUATED
            )
            for each in report.not_evaluated
        ]
        found += [
            Verdict(each.rule, self._level(each.rule), each.urn, "", _FAILED.format(error=each.error), "failed")
            for each in report.failures
        ]
        return found

    def of_exceptions(self) -> list[Verdict]:
        """Waivers that are no good, expired or needed by no finding of the run, and entries of the baseline likewise.

        A waiver that nothing needs blocks: somebody answers for it and can take it out. An entry of the baseline only
        warns, or else whoever repairs an old fault would be the one whose change is stopped.
        """
        found = [
            Verdict(WAIVERS, self._level(WAIVERS), "", "", message, "waiver", waiver)
            for waiver in self._configuration.waivers
            if (message := self._trouble(waiver))
        ]
        found += [
            Verdict(WAIVERS, Level.ADVISORY, "", "", _GONE.format(entry=entry), "baseline")
            for entry in sorted(self._configuration.baseline - self._met)
            if not self._unseen(entry)
        ]
        return found

    def _unseen(self, entry: str) -> bool:
        """Whether it cannot be told if the finding of an entry is gone: its rule is off, or could not see."""
        off = self._level(entry.partition(" ")[0]) is Level.DISABLED
        return off or any(entry.startswith(f"{each.rule} {each.urn}") for each in self._blind_spots)

    def _trouble(self, waiver: Waiver) -> str:
        if waiver.expires < self._today:
            return f"{waiver.name} has expired on {waiver.expires}: renew it, or repair what it was for"
        if waiver not in self._used and not any(waiver.covers(each) for each in self._blind_spots):
            return f"{waiver.name} is not needed: nothing it covers was found; take it out"
        return ""

    def _of_finding(self, finding: Finding) -> Verdict:
        level = self._level(finding.rule)
        waiver = next((each for each in self._configuration.waivers if each.covers(finding)), None)
        if waiver is not None:
            self._used.add(waiver)
            if waiver.expires >= self._today:
                return Verdict(finding.rule, level, finding.urn, finding.path, finding.message, "waived", waiver)
        entry = fingerprint(finding)
        if entry in self._configuration.baseline:
            self._met.add(entry)
            return Verdict(finding.rule, Level.ADVISORY, finding.urn, finding.path, finding.message, "known")
        return Verdict(finding.rule, level, finding.urn, finding.path, finding.message)

    def _level(self, identity: str) -> Level:
        rule = self._registry.get(identity)
        return self._configuration.level(rule) if rule else self._configuration.levels.get(identity, Level.MANDATORY)

    def _blind(self, identity: str) -> Level:
        """A mandatory rule that cannot be judged blocks where the environment is protected, and warns elsewhere."""
        level = self._level(identity)
        if level is not Level.MANDATORY or self._configuration.levels.get(NOT_EVALUATED) is Level.DISABLED:
            return Level.ADVISORY
        return Level.MANDATORY if self._configuration.protected else Level.ADVISORY


_NOT_EVALUATED = "not evaluated"
_GONE = "the baseline's entry is not needed, its finding is gone; take the line out: {entry}"
_BLIND = "not evaluated: {path} is not known yet"
_FAILED = "not evaluated: the rule itself failed ({error}); please report it"


def blocking(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those that must not go on."""
    return [each for each in verdicts if each.blocks]
