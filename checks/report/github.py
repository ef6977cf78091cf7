"""Workflow commands of GitHub Actions, which show at the line of the pull request."""

from __future__ import annotations

from checks.model import Outcome, Status, ordered
from checks.problems import printable
from checks.report import words


def write(outcome: Outcome) -> str:
    """A command for each finding that is new, and one for the verdict."""
    lines = [
        f"::{'error' if each.blocks else 'warning'} {_properties(each.place, each.verdict.rule)}::"
        + _value(f"{words.subject(each)}: {words.message(each)} Fix: {words.remedy(each)}")
        for each in ordered(outcome.findings)
        if each.status is Status.NEW and each.verdict.kind not in ("waived", "known")
    ]
    lines += [
        f"::warning title=change::{_value(words.sentence(change))}"
        for change in outcome.changes
        if change.operation in ("replace", "delete")
    ]
    lines.append(f"::notice title=checks::{_value(f'{outcome.subject}: {words.headline(outcome)}')}")
    return "\n".join(lines) + "\n"


def _properties(place: object, title: str) -> str:
    found = {"title": title}
    file, line = getattr(place, "file", None), getattr(place, "line", None)
    if file:
        found |= {"file": file, "line": str(line)}
    return ",".join(f"{key}={_value(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in found.items())


def _value(text: str) -> str:
    """Text that ends no command (GitHub Actions toolkit, "command")."""
    return printable(text).replace("%", "%25")
