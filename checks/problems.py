"""Input that the gate cannot work with."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(Exception):
    """Something the user gave is wrong: a line for each thing, with file, line and cause. Exit code 2."""

    def __init__(self, problems: Iterable[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class GateError(Exception):
    """The gate itself could not do its work: the head does not preview, a tool is missing. Exit code 3."""
