"""Input that the gate cannot work with."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """Text in one line, without characters that a terminal or a workflow's log would act on."""
    return "".join(char if char.isprintable() else " " for char in text)


class InputError(Exception):
    """Something the user gave is wrong: a line for each thing, with file, line and cause. Exit code 2."""

    def __init__(self, problems: Iterable[str] | str) -> None:
        self.problems = tuple(map(printable, (problems,) if isinstance(problems, str) else problems))
        super().__init__("\n".join(self.problems))


class GateError(Exception):
    """The gate itself could not do its work: the head does not preview, a tool is missing. Exit code 3."""
