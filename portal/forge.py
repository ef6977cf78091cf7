"""The settings repository of an environment whose source of truth is git, in a bare repository of the run's own.

Git runs with arguments, without a shell, a work tree, hooks or anybody's configuration, so that nothing in the
repository or on this machine changes what is done or runs anything.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from portal.events import Redactor, tail
from portal.redaction import in_address, signs_in
from portal.settings import GitSource

_SECONDS: Final = 120
_SAFE: Final = ("core.hooksPath=/dev/null", "protocol.ext.allow=never", "gc.auto=0", "credential.helper=")
_MAIN: Final = "refs/portal/main"


class ForgeError(Exception):
    """The repository cannot be used now: it is not reached, or what lies in it is no stack file."""


class Repository:
    """What was in the settings repository at the last `fetch`. Every method raises ForgeError; it shows no secret."""

    def __init__(self, source: GitSource, file: str, folder: Path) -> None:
        self._source, self._file, self._folder = source, file, folder
        user = signs_in(source.repository)
        self._user = f"{user}@" if user else ""
        self._redactor = Redactor([*source.variables.values(), *in_address(source.repository)])
        folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", ".")

    def fetch(self, run_id: int) -> tuple[str, str]:
        """The commits of the main branch and of the run's branch; empty for a branch that is not there."""
        wanted = {_MAIN: self._source.branch, f"refs/portal/run-{run_id}": branch(run_id)}
        listed = self._git("ls-remote", "--end-of-options", self._source.repository, "refs/heads/*")
        there = {line.partition("\t")[2]: line.partition("\t")[0] for line in listed.splitlines()}
        found = [there.get(f"refs/heads/{name}", "") for name in wanted.values()]
        specs = [
            f"+refs/heads/{name}:{ref}" for (ref, name), commit in zip(wanted.items(), found, strict=True) if commit
        ]
        if not found[0]:
            raise ForgeError(f"the settings repository has no branch {self._source.branch}")
        self._git("fetch", "--quiet", "--no-tags", "--end-of-options", self._source.repository, *specs)
        main = self._git("rev-parse", "--verify", "--end-of-options", _MAIN)
        return main, found[1]

    def settings(self, commit: str) -> dict[str, Any]:
        """The `config` in the stack file of a commit."""
        return _config(self.document(commit), f"{self._file} at {commit[:12]}")

    def tree(self, commit: str) -> str:
        """Git's name of everything in a commit."""
        return self._git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")

    def holds(self, commit: str, inside: str) -> bool:
        """Whether the history of `inside` has a commit in it."""
        done = self._run("merge-base", "--is-ancestor", commit, inside)
        return done.returncode == 0

    def propose(self, run_id: int, base: str, settings: Mapping[str, Any], author: str, message: str) -> str:
        """A commit on a branch of the run, with these settings and everything else as it is at `base`; its name."""
        document = {**self.document(base), "config": dict(settings)}
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        blob = self._git("hash-object", "-w", "--stdin", given=text)
        index = {"GIT_INDEX_FILE": str(self._folder / "index")}
        self._git("read-tree", base, variables=index)
        self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{self._file}", variables=index)
        tree = self._git("write-tree", variables=index)
        who = _plain(author)
        names = {
            "GIT_AUTHOR_NAME": who,
            "GIT_AUTHOR_EMAIL": f"{who}@portal.invalid" if "@" not in who else who,
            "GIT_COMMITTER_NAME": "grpc-platform portal",
            "GIT_COMMITTER_EMAIL": "portal@portal.invalid",
        }
        commit = self._git("commit-tree", tree, "-p", base, "-F", "-", given=message, variables=names)
        self._push(f"{commit}:refs/heads/{branch(run_id)}")
        return commit

    def forward(self, commit: str) -> None:
        """Move the main branch on to a commit; the repository refuses where that is not forward."""
        self._push(f"{commit}:refs/heads/{self._source.branch}")

    def _push(self, what: str) -> None:
        self._git("push", "--quiet", "--no-verify", "--end-of-options", self._source.repository, what)

    def document(self, commit: str) -> dict[str, Any]:
        """The stack file of a commit."""
        where = f"{self._file} at {commit[:12]}"
        try:
            found = yaml.safe_load(self._git("cat-file", "blob", f"{commit}:{self._file}"))
        except yaml.YAMLError as error:
            raise ForgeError(f"{where} is no YAML: {str(error).replace(chr(10), ' ')[:500]}") from error
        if not isinstance(found, dict):
            raise ForgeError(f"{where} is no stack file")
        return found

    def _git(self, *arguments: str, given: str = "", variables: Mapping[str, str] | None = None) -> str:
        done = self._run(*arguments, given=given, variables=variables)
        if done.returncode:
            raise ForgeError(f"git {arguments[0]}: {self._plain(done.stderr) or f'exit code {done.returncode}'}")
        return done.stdout.strip() if arguments[0] != "cat-file" else done.stdout

    def _run(
        self, *arguments: str, given: str = "", variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return _git(self._folder, arguments, {**self._source.variables, **(variables or {})}, given)
        except (OSError, subprocess.TimeoutExpired) as error:
            # Without its cause: a command that took too long is printed with all its arguments.
            raise ForgeError(f"git {arguments[0]}: {self._plain(str(error))}") from None

    def _plain(self, said: str) -> str:
        """What git said, at its end, without the secrets of the address and of the variables."""
        text = said.replace(self._user, "[secret]@") if self._user else said
        return tail(self._redactor.text(text), 500)


def _git(
    folder: Path, arguments: Sequence[str], variables: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    options = [part for each in _SAFE for part in ("-c", each)]
    alone = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LANG": "C"}
    return subprocess.run(
        ["git", *options, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **alone, **variables},
        input=given,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )


def program_tree(program: Path) -> str:
    """Git's name of the last commit's files of a program; empty where it does not lie in git."""
    try:
        done = _git(program, ["rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD:./"], {})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def branch(run_id: int) -> str:
    """The branch that a run proposes its settings on."""
    return f"portal/run-{run_id}"


def _config(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    found = document.get("config", {})
    if not isinstance(found, dict):
        raise ForgeError(f"`config` in {where} holds no settings")
    return found


def _plain(name: str) -> str:
    """A name that git takes: without what it uses to mark the e-mail address, and without line ends."""
    return "".join(each for each in name if each.isprintable() and each not in "<>").strip() or "somebody"
