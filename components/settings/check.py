"""Checks settings for other programs: `python -m components.settings.check`, a stack file as JSON on standard input.

Prints `{"problems": [{"path", "where", "message"}]}`: everything that is wrong, in the words of `pulumi preview`.
path: keys below `config`, list positions as text. where: as one types it. An encrypted value (`{secure: …}`) counts as
some text that may not be shown. The exit code is 0 whatever was found, 2 for input that is no such JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

from .errors import Problem, SettingsError
from .load import load
from .schema import NAMESPACE
from .secrecy import encrypted

_REGION: Final = "aws:region"


def check(config: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the `config` of a stack file."""
    prefix = f"{NAMESPACE}:"
    sections = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    region = config.get(_REGION)
    found: list[Problem] = []
    if not isinstance(region, str) or not region:
        found.append(Problem(("region",), "missing; for example eu-west-1", "aws"))
    try:
        load(
            {key: _readable(value) for key, value in sections.items()},
            region=region if isinstance(region, str) and region else None,
            secret_paths=tuple((key, *path) for key, value in sections.items() for path in encrypted(value)),
        )
    except SettingsError as error:
        found += error.problems
    return found


def _readable(value: Any) -> Any:
    """With text in place of what is encrypted."""
    if isinstance(value, Mapping):
        return "" if set(value) == {"secure"} else {key: _readable(each) for key, each in value.items()}
    return [_readable(each) for each in value] if isinstance(value, list) else value


def _plain(problem: Problem) -> dict[str, Any]:
    first, *rest = (*map(str, problem.path), "")[: max(1, len(problem.path))]
    path = [f"{problem.namespace}:{first}", *rest] if problem.path else []
    return {"path": path, "where": problem.where, "message": problem.message}


def main() -> int:
    """The command."""
    try:
        config = json.load(sys.stdin)["config"]
        found = check(config)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        sys.stderr.write('give {"config": {…}} as JSON on standard input\n')
        return 2
    json.dump({"problems": [_plain(each) for each in found]}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
