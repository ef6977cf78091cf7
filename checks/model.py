"""What the gate finds out: changes, verdicts, and where in the stack's files they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from policies.engine.rule import Level
from policies.engine.verdict import Verdict

# The worst first: reviewers read from the top.
OPERATIONS: Final = ("replace", "delete", "create", "update")


@dataclass(frozen=True)
class Place:
    """A line of a file, 1 for the first; the path is relative to the checkout."""

    file: str
    line: int


@dataclass(frozen=True)
class Change:
    """What happens to one resource. keys: the properties that cause it. protect: whether Pulumi would refuse it."""

    operation: str
    urn: str
    type: str
    keys: tuple[str, ...] = ()
    protect: bool = False
    place: Place | None = None

    @property
    def name(self) -> str:
        """Logical name."""
        return self.urn.rpartition("::")[2]


class Status(Enum):
    """How a finding stands to the base branch."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FIXED = "fixed"


@dataclass(frozen=True)
class Finding:
    """A verdict of the pack with its status and its place."""

    verdict: Verdict
    status: Status = Status.NEW
    place: Place | None = None

    @property
    def blocks(self) -> bool:
        """Whether it stands against the change."""
        return self.verdict.blocks and self.status is not Status.FIXED


@dataclass(frozen=True)
class Outcome:
    """Everything the gate says. subject: what was looked at. notes: what a reader must know about how it was done."""

    subject: str
    changes: Sequence[Change] = ()
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    resources: int = 0
    pairs: int = 0
    evaluated: int = 0
    rules: int = 0
    protected: Sequence[Change] = field(default=())

    @property
    def blocks(self) -> bool:
        """Whether the change must not go on."""
        return bool(self.protected) or any(each.blocks for each in self.findings)

    def with_status(self, status: Status) -> list[Finding]:
        """Findings of a status, those that block first."""
        return [each for each in ordered(self.findings) if each.status is status]


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Blocking ones first, then by rule and resource."""
    return sorted(
        findings,
        key=lambda each: (
            not each.blocks,
            each.verdict.level is not Level.MANDATORY,
            each.verdict.rule,
            each.verdict.urn,
            each.verdict.path,
        ),
    )


def compared(base: Sequence[Finding], head: Sequence[Finding]) -> list[Finding]:
    """Findings of the head with their status, and those of the base that are gone."""

    def key(finding: Finding) -> tuple[str, ...]:
        verdict = finding.verdict
        return verdict.rule, verdict.urn, verdict.path, verdict.kind, "" if verdict.urn else verdict.message

    before, after = {key(each) for each in base}, {key(each) for each in head}
    found = [
        Finding(each.verdict, Status.UNCHANGED if key(each) in before else Status.NEW, each.place) for each in head
    ]
    return found + [Finding(each.verdict, Status.FIXED, each.place) for each in base if key(each) not in after]
