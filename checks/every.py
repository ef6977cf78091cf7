"""The gate for every environment that a change concerns: python -m checks.every --base origin/main --reports DIR.

For each it writes ENV.sarif, ENV.md and ENV.txt, and prints GitHub's workflow commands. The exit code is the worst one
of `python -m checks ENV`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from checks import console, gate, trees, verdicts, written
from checks.problems import GateError, InputError
from checks.report import FORMATS
from tools import copies, stack_files

_FORMS: Final = {"sarif": "sarif", "markdown": "md", "text": "txt"}
_OWN: Final = re.compile(r"(?:Pulumi\.(?P<stack>.+)\.ya?ml|policies/config/(?!default\.)(?P<pack>.+)\.yaml)")
# What no environment is made of.
_APART: Final = re.compile(r"(?:docs|tests|bench|samples|\.github|\.ci)/.*|.*\.md|LICENSE|\.gitignore", re.DOTALL)


def concerned(checkout: Path, ref: str | None) -> list[str]:
    """The environments that differ from the base branch's: all of them where the program or the pack does.

    A services stack is concerned where its platform stack is. Raises InputError when `ref` is no commit.
    """
    known = copies.stacks(checkout)
    commit = trees.merge_base(checkout, ref)
    if commit is None:
        return known
    found: set[str] = set()
    for file in trees.changed(checkout, commit):
        own = _OWN.fullmatch(file)
        if own:
            found.add(own["stack"] or own["pack"])
        elif not _APART.fullmatch(file):
            return known
    return [name for name in known if name in found or _platform(checkout, name) in found]


def _platform(checkout: Path, name: str) -> str | None:
    try:
        return copies.joins(stack_files.read(copies.stack_file(checkout, name)))
    except stack_files.StackFileError:
        return None


def main(arguments: Sequence[str]) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks.every", description=__doc__.partition("\n")[0])
    parser.add_argument("--base", metavar="REF", help="what to compare with (default: the main branch)")
    parser.add_argument("--reports", type=Path, required=True, metavar="DIR", help="where the reports go")
    asked = parser.parse_args(arguments)
    checkout = Path(__file__).resolve().parent.parent
    try:
        _make(asked.reports)
        names = concerned(checkout, asked.base)
    except InputError as error:
        console.err(str(error))
        return 2
    try:
        if not names:
            console.out("No environment is concerned.\n")
        return max([_one(name, asked.base, asked.reports) for name in names], default=0)
    except (InputError, GateError) as error:  # a report cannot be written
        console.err(str(error))
        return 2 if isinstance(error, InputError) else 3


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--reports {folder}: cannot be made: {error.strerror}") from None


def _one(name: str, ref: str | None, reports: Path) -> int:
    today = dt.datetime.now(tz=dt.UTC).date()
    try:
        outcome = gate.of_environment(name, ref, verdicts.configured([name], None, None), today)
    except (InputError, GateError) as error:
        _told(name, str(error).splitlines(), reports)
        return 2 if isinstance(error, InputError) else 3
    written.files(
        [("--reports", reports / f"{name}.{ending}", FORMATS[form](outcome)) for form, ending in _FORMS.items()]
    )
    console.out(FORMATS["github"](outcome))
    return 1 if outcome.blocks else 0


def _told(name: str, problems: Iterable[str], reports: Path) -> None:
    """What stopped the gate, where the reports would be."""
    lines = [f"{name}: could not be checked", *problems]
    text = "\n".join(lines) + "\n"
    console.err(text)
    quoted = "\n".join(f"    {line}" for line in lines[1:])
    written.files(
        [
            ("--reports", reports / f"{name}.txt", text),
            ("--reports", reports / f"{name}.md", f"### ❌ {lines[0]}\n\n{quoted}\n"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
