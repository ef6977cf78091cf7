"""The annotation ``pulumi.com/waitFor``: what the provider waits for in place of its own rule.

``condition=TYPE[=STATUS]``, ``jsonpath={.a.b[0]['c.d/e']}[=VALUE]``, or a JSON list of those (pulumi-kubernetes
provider/pkg/await/condition, provider/pkg/jsonpath). JSONPath is that of RFC 9535, not kubectl's: a name of other
characters than letters, digits and underscores stands in brackets and quotes. Of it the stand-in knows names and
indices.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

ANNOTATION: Final = "pulumi.com/waitFor"
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_QUOTED: Final = r"\['[^'\\]+'\]|\[\"[^\"\\]+\"\]"
_STEP: Final = re.compile(rf"\.({_NAME})|({_QUOTED})|\[(\d+)\]")
_PATH: Final = re.compile(rf"jsonpath=\{{\s*\$?((?:\.{_NAME}|{_QUOTED}|\[\d+\])+)\s*\}}(?:=(.+))?")
_CONDITION: Final = re.compile(r"condition=([^=]+)(?:=(.+))?")


class Unreadable(Exception):  # noqa: N818 (what somebody wrote)
    """An annotation that the provider, or this stand-in, does not understand."""


def wanted(inputs: dict[str, Any]) -> list[str]:
    """The expressions of an object's annotation, [] without it."""
    text = ((inputs.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    if not text:
        return []
    found = json.loads(text) if str(text).lstrip().startswith("[") else [text]
    return [str(each) for each in found]


def met(expression: str, live: dict[str, Any]) -> bool:
    """Whether a live object meets an expression. Raises ``Unreadable`` for one that is not understood."""
    condition = _CONDITION.fullmatch(expression)
    if condition:
        conditions = (live.get("status") or {}).get("conditions") or []
        status = condition[2] or "True"
        return any(each.get("type") == condition[1] and each.get("status") == status for each in conditions)
    path = _PATH.fullmatch(expression)
    if path is None:
        raise Unreadable(f"{ANNOTATION}: the local cloud does not understand {expression!r}")
    found = _select(live, path[1])
    return found is not None if path[2] is None else str(found) == path[2]


def _select(value: Any, path: str) -> Any:
    for plain, quoted, index in _STEP.findall(path):
        name = plain or quoted[2:-2]
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value
