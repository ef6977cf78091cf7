"""For a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.model import OPERATIONS, Finding, Outcome, Status
from checks.problems import printable
from checks.report import words

MARKER = "<!-- grpc-platform checks -->"
"""The first line, by which the comment that is kept current is found again."""
_MOST = 60
_ENTITIES = {char: f"&#{ord(char)};" for char in "&<>|\\`*_~[]!"} | {"@": "@\u200b", "#": "#\u200b"}
_ADDRESS = re.compile(r"(:(?=//)|www(?=\.))([/.])")


def write(outcome: Outcome) -> str:
    """The whole comment."""
    return "\n".join(_lines(outcome)) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield MARKER
    sign = "❌" if outcome.blocks else "✅"
    yield f"### {sign} {_plain(outcome.subject)}: {_plain(words.headline(outcome))}"
    yield ""
    yield words.coverage(outcome)
    for note in outcome.notes:
        yield f"> {_plain(note)}"
    yield from _changes(outcome)
    yield from _table(outcome.with_status(Status.NEW), "New findings")
    yield from _folded(outcome.with_status(Status.UNCHANGED), "Findings that the base branch has too")
    yield from _folded(outcome.with_status(Status.FIXED), "Fixed")


def _changes(outcome: Outcome) -> Iterator[str]:
    if not outcome.changes:
        return
    yield ""
    yield f"**Changes:** {words.tally(outcome)}"
    yield ""
    for operation in OPERATIONS[:2]:
        for change in outcome.changes:
            if change.operation == operation:
                yield f"- **{operation}** {_plain(words.sentence(change).removeprefix(operation).strip())}"


def _table(findings: list[Finding], heading: str) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield f"**{heading}: {len(findings)}**"
    yield ""
    yield "| rule | | where | what | fix |"
    yield "|---|---|---|---|---|"
    for each in findings[:_MOST]:
        place = words.where(each)
        where = f"{_plain(words.subject(each))}{f'<br><code>{_plain(place)}</code>' if place else ''}"
        yield (
            f"| {each.verdict.rule} | {words.level(each)} | {where} | {_plain(words.message(each))} | "
            f"{_plain(words.remedy(each))} |"
        )
    if len(findings) > _MOST:
        yield ""
        yield f"… and {len(findings) - _MOST} more; the other reports have them all."


def _folded(findings: list[Finding], heading: str) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield f"<details><summary>{heading}: {len(findings)}</summary>"
    yield from _table(findings, heading)
    yield ""
    yield "</details>"


def _plain(text: str) -> str:
    """Text that is no markup, whatever names are in it: no link, picture, mention or reference either."""
    marked = "".join(_ENTITIES.get(char, char) for char in printable(text))
    return _ADDRESS.sub(lambda found: f"{found[1]}&#{ord(found[2])};", marked)
