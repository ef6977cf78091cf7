"""Writes what is generated from the models: `python -m components.settings schema|docs [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .reference import markdown
from .schema import json_schema

_TOP: Final = Path(__file__).resolve().parents[2]


def schema_text() -> str:
    """The content of settings.schema.json."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


GENERATED: Final[dict[str, tuple[Path, Callable[[], str]]]] = {
    "schema": (_TOP / "settings.schema.json", schema_text),
    "docs": (_TOP / "docs" / "settings.md", markdown),
}


def main(arguments: list[str] | None = None) -> int:
    """Write the named file, or with --check only say whether it is current; without a name, both. 1 when it is not."""
    parser = argparse.ArgumentParser(
        prog="python -m components.settings", description="Generated files of the settings"
    )
    parser.add_argument("what", nargs="?", choices=list(GENERATED), help="one of them; both when left out")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is not current")
    options = parser.parse_args(arguments)
    return max(_make(what, check=options.check) for what in ([options.what] if options.what else GENERATED))


def _make(what: str, *, check: bool) -> int:
    path, make = GENERATED[what]
    text = make()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    if check:
        sys.stderr.write(f"{path.name} is not current; run: python -m components.settings {what}\n")
        return 1
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
