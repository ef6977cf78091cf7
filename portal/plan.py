"""What a preview would do, as data and in words, and the digest that an approval is bound to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

_OPERATIONS: Final = {
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "delete": "delete",
    "create": "create",
    "update": "update",
    "import": "import",
}
"""What the steps of a preview come to (pulumi sdk/go/common/apitype, OpType); the others change nothing."""
_DONE: Final = {
    "replace": "replaced",
    "delete": "deleted",
    "create": "created",
    "import": "taken over",
    "update": "changed in place",
}
ORDER: Final = tuple(_DONE)
"""What may happen to a resource, the worst first."""
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"  # marks secrets and assets (sdk/go/common/resource/sig)
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - it marks one and is none
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # a value that is known after the update
_MISSING: Final = object()


def changes(steps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What happens to each resource, once, the worst first; `words` says it in a sentence."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        operation = _OPERATIONS.get(step["op"])
        known = found.get(step["urn"])
        if operation is None or (known is not None and known["operation"] == "replace"):
            continue
        found[step["urn"]] = _change(operation, step)
    return sorted(found.values(), key=lambda each: (ORDER.index(each["operation"]), each["urn"]))


def _change(operation: str, step: Mapping[str, Any]) -> dict[str, Any]:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    change = {
        "operation": operation,
        "urn": step["urn"],
        "type": (new or old).get("type", ""),
        "name": step["urn"].rpartition("::")[2],
        "keys": sorted(step.get("replaceReasons") or step.get("diffReasons") or ()),
        "protect": bool(old.get("protect")),
        "properties": _properties(step, old.get("inputs") or {}, new.get("inputs") or {}) if old and new else [],
    }
    return {**change, "words": _words(change)}


def _properties(step: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, str]]:
    paths = sorted(step.get("detailedDiff") or step.get("diffReasons") or ())
    return [{"path": each, "old": _shown(_at(old, each)), "new": _shown(_at(new, each))} for each in paths]


def _at(value: Any, path: str) -> Any:
    for part in re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)', path):
        key, place, name = part
        if isinstance(value, Mapping) and _SIGNATURE in value:
            return value  # a secret, whatever part of it is asked for
        if place and isinstance(value, list) and int(place) < len(value):
            value = value[int(place)]
        elif isinstance(value, Mapping) and (key or name) in value:
            value = value[key or name]
        else:
            return _MISSING
    return value


def _shown(value: Any) -> str:
    """A value for a page. A secret never is, and neither is anything that has one in it."""
    if value is _MISSING:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    if _SECRET in text or "[secret]" in text:
        return "[secret]"
    return text.replace(_UNKNOWN, "(known after the update)")[:2000]


def _words(change: Mapping[str, Any]) -> str:
    kind = change["type"].rpartition(":")[2] or change["type"]
    text = f"{kind} {change['name']} is {_DONE[change['operation']]}"
    if change["operation"] == "replace":
        text += ": the old one goes and a new one comes"
    if change["keys"]:
        text += f" because of {', '.join(change['keys'])}"
    return f"{text}; it is protected, so Pulumi refuses" if change["protect"] and loses(change) else text


def loses(change: Mapping[str, Any]) -> bool:
    """Whether the resource that is there goes."""
    return change["operation"] in ("replace", "delete")


def headline(found: Sequence[Mapping[str, Any]]) -> str:
    """The counts in a sentence, what is lost first."""
    counts = [(name, sum(each["operation"] == name for each in found)) for name in ORDER]
    return ", ".join(f"{count} {_DONE[name]}" for name, count in counts if count) or "nothing changes"


def digest(steps: Sequence[Mapping[str, Any]], *, with_outputs: bool = False, **named: str) -> str:
    """The name of a plan: what is done to what, from which inputs to which, by which program, policies and settings.

    Names that a provider makes up anew in every preview count as `<urn>.<property>`, wherever they occur, so that two
    previews of the same change agree. named: other things an approval is bound to. with_outputs: for a refresh, whose
    changes are in the outputs.
    """
    changing = sorted((step for step in steps if step["op"] in _OPERATIONS), key=lambda step: (step["urn"], step["op"]))
    text = json.dumps([[_line(step, with_outputs=with_outputs) for step in changing], named], sort_keys=True)
    made_up = dict(pair for step in changing for pair in _made_up(step))
    if made_up:
        longest_first = sorted(made_up, key=len, reverse=True)
        text = re.sub("|".join(map(re.escape, longest_first)), lambda match: made_up[match[0]], text)
    return hashlib.sha256(text.encode()).hexdigest()


def _line(step: Mapping[str, Any], *, with_outputs: bool) -> dict[str, Any]:
    old, new = step.get("oldState") or {}, step.get("newState") or {}
    return {
        "op": step["op"],
        "urn": step["urn"],
        "id": old.get("id", ""),
        "keys": sorted({*(step.get("detailedDiff") or ()), *(step.get("replaceReasons") or ())}),
        "before": old.get("inputs"),  # who approves 7 → 14 has not approved 30 → 14
        "inputs": new.get("inputs"),
        "outputs": new.get("outputs") if with_outputs else None,
    }


def _made_up(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Values of a new resource that are its logical name and random digits (pulumi-aws: 7, Kubernetes: 8)."""
    if step["op"] not in ("create", "create-replacement"):
        return
    pattern = re.compile(rf"{re.escape(step['urn'].rpartition('::')[2])}-[0-9a-f]{{7,8}}")
    for path, value in _leaves((step.get("newState") or {}).get("inputs") or {}, ""):
        if pattern.fullmatch(value):
            yield value, f"<{step['urn']}{path}>"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _leaves(each, f"{path}[{place}]")
