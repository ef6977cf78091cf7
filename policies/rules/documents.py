"""Policy documents of AWS: whom they let in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from policies.engine.resource import Resource
from policies.engine.rule import Context, Problem
from policies.engine.unknown import known


def parsed(text: Any) -> Any:
    """What a JSON text says. Raises ValueError where it is none, or nested too deep to be read."""
    try:
        return json.loads(str(text))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def open_to_all(resource: Resource, _: Context) -> Iterator[Problem]:
    """The statements of a resource's `policy` that let anybody in without a condition."""
    text = known(resource.get("policy"))
    try:
        document = text if isinstance(text, Mapping) else parsed(text)
    except ValueError:
        yield Problem("policy", "is no JSON")
        return
    if not isinstance(document, Mapping):
        yield Problem("policy", "is no policy document")
        return
    statements = known(document.get("Statement")) or []
    for place, each in enumerate(statements if isinstance(statements, list) else [statements]):
        if not isinstance(known(each), Mapping):
            yield Problem("policy", f"statement {place} is no statement")
        elif _is_open(each):
            yield Problem("policy", f"statement {place} lets anybody in, without a condition")


def _is_open(statement: Mapping[str, Any]) -> bool:
    if known(statement.get("Effect")) != "Allow" or not _is_anyone(statement.get("Principal")):
        return False
    return not known(statement.get("Condition"))


def _is_anyone(who: Any) -> bool:
    accounts = known(known(who).get("AWS")) if isinstance(known(who), Mapping) else who
    return "*" in [known(each) for each in accounts] if isinstance(accounts, list) else bool(accounts == "*")
