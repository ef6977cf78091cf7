"""The comment on a pull request, from the reports of another run: python3 -m checks.comment DIR [--trusted].

Only the standard library: it runs before anything is set up, in a workflow that may write. A report from a fork is
data of somebody unknown: it is quoted, so that no link, picture or name in it does anything.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

MARKER: Final = "<!-- grpc-platform checks -->"
"""The first line, by which the comment that is kept current is found again."""
_MOST_FILES: Final = 20
_MOST: Final = 60_000
"""GitHub takes 65,536 characters."""
_LONGEST_RUN: Final = 20
"""Backticks in a row; more would make the fence longer than the report."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def text(folder: Path, *, trusted: bool) -> str:
    """The whole comment."""
    lines = [MARKER, "", *_reports(folder, trusted=trusted)]
    whole = "\n".join(lines)
    if len(lines) == 2:
        whole += "No environment is concerned, or the check did not come that far: its log says more."
    return whole + "\n"


def _reports(folder: Path, *, trusted: bool) -> Iterator[str]:
    found = sorted(each for each in folder.glob("*.md" if trusted else "*.txt") if _is_report(each))
    share = _MOST // max(1, min(len(found), _MOST_FILES))
    for file in found[:_MOST_FILES]:
        with file.open(encoding="utf-8", errors="replace") as opened:
            content = opened.read(share + 1)
        cut = content[:share].replace(MARKER, "").strip()
        yield cut if trusted else _quoted(file.stem, cut)
        if len(content) > share:
            yield "" if cut.count("<details>") == cut.count("</details>") else "\n</details>\n"
            yield "… the rest is in the reports of the run."
        yield ""


def _is_report(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and _NAME.fullmatch(file.name) is not None


def _quoted(name: str, content: str) -> str:
    """A block of code that nothing inside can end."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    if longest > _LONGEST_RUN:
        content, longest = content.replace("`", "'"), 0
    fence = "`" * max(3, longest + 1)
    printable = "".join(char if char.isprintable() or char == "\n" else " " for char in content)
    return f"**`{name}`**\n\n{fence}text\n{printable}\n{fence}"


def main(arguments: Sequence[str]) -> int:
    """Print the comment; the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m checks.comment", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--trusted", action="store_true", help="the reports are our own: take their markup as it is")
    asked = parser.parse_args(arguments)
    sys.stdout.write(text(asked.folder, trusted=asked.trusted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
