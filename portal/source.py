"""What git says of a run: which settings it has, where they are proposed, and whether they may be applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

        Who asks for no change gets what the main branch has, and so does every run that is no update.
        """
        main, _ = self._repository.fetch(run.id)
        merged = self._repository.settings(main)
        if clear := requests.clear_secret(merged):
            raise ForgeError(
                f"{clear} on {self._git.branch} is a secret in clear: encrypt it, and change it everywhere"
            )
        changed = run.kind is Kind.UPDATE and run.settings not in (run.where.settings, merged)
        wanted = run.settings if changed else merged
        commit = main
        if changed:
            who = run.requester
            message = f"Change the settings of {run.environment}\n\nPortal-Run: {run.id}\nRequested-By: {who}\n"
            commit = self._repository.propose(run.id, main, wanted, who, message)
        return Begun(wanted, main, commit, self._repository.tree(commit), self._repository.document(commit))

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
