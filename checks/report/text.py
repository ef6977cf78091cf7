"""For a terminal: what is lost first, then findings: new ones, those the base has too, those that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import OPERATIONS, Finding, Outcome, Status
from checks.problems import printable
from checks.report import words


def write(outcome: Outcome) -> str:
    """The whole report, ending in a line break."""
    return "\n".join(map(printable, _lines(outcome))) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.subject}: {words.headline(outcome)}"
    for note in outcome.notes:
        yield f"note: {note}"
    if outcome.changes:
        yield ""
        yield f"Changes: {words.tally(outcome)}"
        for operation in OPERATIONS[:2]:
            for change in outcome.changes:
                if change.operation == operation:
                    yield f"  {words.sentence(change)}"
    for status, heading in (
        (Status.NEW, "New findings"),
        (Status.UNCHANGED, "Findings that the base branch has too"),
        (Status.FIXED, "Fixed"),
    ):
        found = outcome.with_status(status)
        if found:
            yield ""
            yield f"{heading}: {len(found)}"
            for each in found:
                yield from _finding(each, brief=status is Status.FIXED)
    yield ""
    yield words.coverage(outcome)


def _finding(finding: Finding, *, brief: bool) -> Iterator[str]:
    place = words.where(finding)
    yield f"  {finding.verdict.rule} {words.level(finding)}: {words.title(finding)}"
    yield f"    {words.subject(finding)}{f' ({place})' if place else ''}"
    if brief:
        return
    yield f"    {words.message(finding)}"
    if finding.verdict.kind == "waived" and finding.verdict.waiver:
        waiver = finding.verdict.waiver
        yield f"    waived by {waiver.owner} until {waiver.expires}: {waiver.reason}"
    else:
        yield f"    fix: {words.remedy(finding)}"
