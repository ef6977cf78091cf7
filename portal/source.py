"""What git says of a run: which settings it has, where they are proposed, and whether they may be applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal import requests
from portal.forge import ForgeError, Repository, branch
from portal.settings import GitSource
from portal.states import Kind
from portal.tables import Run


@dataclass(frozen=True)
class Begun:
    """What a run of an environment in git starts from. document: the stack file, for its encryption."""

    settings: dict[str, Any]
    base: str
    commit: str
    tree: str
    document: Mapping[str, Any]


class WaitsError(Exception):
    """What was approved is not merged yet, or the repository cannot say; the run stays approved."""


class MovedError(Exception):
    """What was approved is no longer what the main branch has, or can get; the message says why."""


class Source:
    """The settings repository as one run sees it."""

    def __init__(self, git: GitSource, repository: Repository) -> None:
        self._git, self._repository = git, repository

    def begin(self, run: Run) -> Begun:
        """The settings for a preview; changed ones are proposed on a branch of the run. Raises ForgeError.

        Who gives none gets what the main branch has, and so does every run that is no update. Settings that are given
        are proposed also where they were applied last, for the main branch may have others.
        """
        main, _ = self._repository.fetch(run.id)
        merged = self._repository.settings(main)
        if clear := requests.clear_secret(merged):
            raise ForgeError(
                f"{clear} on {self._git.branch} is a secret in clear: encrypt it, and change it everywhere"
            )
        changed = run.kind is Kind.UPDATE and run.given and run.settings != merged
        if changed and (lost := _taken_back(run.where.settings, merged, run.settings)):
            raise ForgeError(
                f"{self._git.branch} has settings that are not applied yet, and this would take them back: "
                f"{', '.join(lost)}. Preview what is there and apply it first, or ask for exactly what was applied last"
            )
        wanted = run.settings if changed else merged
        commit = main
        if changed:
            who = run.requester
            message = f"Change the settings of {run.environment}\n\nPortal-Run: {run.id}\nRequested-By: {who}\n"
            commit = self._repository.propose(run.id, main, wanted, who, message)
        return Begun(wanted, main, commit, self._repository.tree(commit), self._repository.document(commit))

    def unmerged(self, run: Run) -> str:
        """What is left to do where nothing changes in the cloud; empty when the main branch has the run's settings."""
        if run.commit == run.base:
            return ""
        main = self._git.branch
        return (
            f"the cloud has these settings, and {main} has others: merge {branch(run.id)} so that {main} has them too"
        )

    def current(self, run: Run) -> dict[str, Any]:
        """The stack file that is merged; it says how the settings applied last are encrypted. Raises ForgeError."""
        main, _ = self._repository.fetch(run.id)
        return self._repository.document(main)

    def document(self, commit: str) -> dict[str, Any]:
        """The stack file of a commit. Raises ForgeError."""
        return self._repository.document(commit)

    def demand(self, run: Run) -> str:
        """The merged commit that has exactly what was approved. Raises WaitsError, MovedError.

        Merged is what the main branch has, however it came there: by a merge, a rebase, or one new commit.
        """
        try:
            main, proposed = self._repository.fetch(run.id)
            if not self._repository.holds(run.base, main):
                raise MovedError(f"{self._git.branch} was rewritten since the preview")
            if self._repository.settings(main) == run.settings:
                return main
            merged = self._repository.holds(run.commit, main)
        except ForgeError as error:
            raise WaitsError(f"the settings repository does not say what is merged: {error}") from error
        if merged:
            raise MovedError(f"{self._git.branch} has other settings by now than those that were approved")
        if proposed != run.commit:
            raise MovedError(
                f"{branch(run.id)} was {'changed' if proposed else 'deleted'} by somebody and is not merged"
            )
        if self._git.merge == "people":
            raise WaitsError(f"{branch(run.id)} is not merged into {self._git.branch} yet")
        if main != run.base:
            raise MovedError(f"{self._git.branch} has moved on since the preview, so the branch no longer fits on top")
        return ""

    def merged(self, run: Run, begins: Callable[[], None] | None = None) -> str:
        """As `demand`, after the portal has merged where that is its part. begins: called just before it does."""
        found = self.demand(run)
        if found:
            return found
        if begins is not None:
            begins()
        try:
            self._repository.forward(run.commit)
        except ForgeError as error:
            raise MovedError(f"{branch(run.id)} could not be merged: {error}") from error
        return self.demand(run)


def _taken_back(applied: Mapping[str, Any], merged: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Where others have merged what is not applied yet, and somebody who did not see it would undo it.

    Who wants all that was applied last wants to undo it.
    """
    if applied and wanted == applied:
        return []
    before, now, then = (dict(_leaves(each)) for each in (applied, merged, wanted))
    moved = (path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    return sorted(path for path in moved if path and then.get(path) == before.get(path))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by its path; an empty mapping and a list are values."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, [value]  # in a list: a value that is null is there
