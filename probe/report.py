"""The steps for people and for programs."""

import json
from collections.abc import Sequence
from typing import Any

from probe.model import Options, Outcome, Step

MARKS = {Outcome.OK: "ok     ", Outcome.NOTE: "note   ", Outcome.PROBLEM: "PROBLEM", Outcome.SKIPPED: "-      "}


def line(step: Step) -> str:
    """A step as a line, what to do on lines of its own."""
    advice = "".join(f"\n{'':23}> {each}" for each in step.advice if step.outcome is not Outcome.SKIPPED)
    return f"{MARKS[step.outcome]} {step.name:<13}  {printable(step.text)}{advice}"


def printable(text: str) -> str:
    """Text from a peer, without anything that would move a terminal's cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def summary(steps: Sequence[Step], *, unreachable: bool) -> str:
    """The last line."""
    if unreachable:
        return "Not reached."
    problems = [step.name for step in steps if step.outcome is Outcome.PROBLEM]
    if problems:
        return f"{len(problems)} problem{'s' if len(problems) > 1 else ''}: {', '.join(dict.fromkeys(problems))}."
    return "No problem found."


def document(options: Options, steps: Sequence[Step], *, unreachable: bool) -> dict[str, Any]:
    """Everything, as JSON. `outcome`: ok, problem or unreachable."""
    problems = any(step.outcome is Outcome.PROBLEM for step in steps)
    return {
        "target": f"{options.host}:{options.port}",
        "outcome": "unreachable" if unreachable else "problem" if problems else "ok",
        "steps": [
            {
                "name": step.name,
                "outcome": step.outcome.value,
                "text": step.text,
                "advice": list(step.advice),
                "facts": dict(step.facts),
            }
            for step in steps
        ],
    }


def dumped(found: dict[str, Any]) -> str:
    """The document as text."""
    return json.dumps(found, indent=2, ensure_ascii=False)
