"""What can be wrong with settings, in the words of the person who typed them.

SettingsError(ValueError)
    .problems: every Problem found, none of them shows a secret

Catch it around `load`:

    try:
        settings = load(raw, region="eu-west-1")
    except SettingsError as error:
        print(error)
"""

from __future__ import annotations

from dataclasses import dataclass

from .wording import Path, rendered


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, as a path of keys and list positions, and what is allowed instead."""

    path: Path
    message: str
    namespace: str = "grpc-platform"

    @property
    def where(self) -> str:
        """The path as it is typed: `grpc-platform:services.orders.port`."""
        return f"{self.namespace}:{rendered(self.path)}" if self.path else self.namespace

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class SettingsError(ValueError):
    """The settings cannot work. Its text has one line for each problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))
