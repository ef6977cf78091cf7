"""The gate: the base branch up on a throw-away local cloud, the work tree previewed on that state."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks import base, settings_errors, verdicts
from checks.base import Asked
from checks.lines import Lines
from checks.model import Change, Finding, Outcome, Place, compared
from checks.problems import GateError, InputError
from policies.engine import files, sources
from policies.engine.configuration import Configuration
from policies.engine.evaluate import Report
from policies.engine.resource import Resource
from policies.rules import REGISTRY
from tools import copies, stack_files
from tools.engine import LocalEngine
from tools.environment import Environment

# What a step of a preview does to a resource (pulumi sdk/go/common/apitype, OpType).
_OPERATIONS = {
    "replace": "replace",
    "create-replacement": "replace",
    "delete": "delete",
    "create": "create",
    "update": "update",
}
# How the engine refuses (pulumi pkg/resource/deploy, step.go and step_generator.go).
_PROTECTED = re.compile(r"unable to (?:replace|delete) resource \S+ .*as it is currently marked for protection")


def of_environment(environment: str, ref: str | None, chosen: Configuration, today: dt.date) -> Outcome:
    """The outcome for an environment of this checkout, in a folder that is gone afterwards; see `check`."""
    checkout = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory(prefix="grpc-platform-checks-", ignore_cleanup_errors=True) as folder:
        return check(Asked(checkout, environment, ref, chosen, today, _say), Path(folder))


def _say(text: str) -> None:
    sys.stderr.write(f"{text} …\n")
    sys.stderr.flush()


def check(asked: Asked, folder: Path) -> Outcome:
    """The outcome. Raises InputError for an unknown environment, GateError when the head does not preview."""
    notes: list[str] = []
    place = Environment(asked.checkout)
    try:
        copies.stack_file(asked.checkout, asked.environment)
    except copies.UnknownEnvironmentError as error:
        raise InputError(str(error)) from None
    wrong = list(settings_errors.faults(copies.stack_file(asked.checkout, asked.environment)))
    wrong += files.strays(copies.stacks(asked.checkout), asked.checkout / "policies" / "config", asked.checkout)
    if wrong:
        raise InputError(wrong)
    before = base.up(asked, place, folder, notes)
    copy, engine = before if before is not None else base.none(asked, place, folder / "head")
    steps = preview(asked, copy, engine)
    resources = sources.from_preview(steps)
    old = _old(steps)
    chosen = _protected_as_said(asked)
    lines = Lines(
        copies.stack_file(asked.checkout, asked.environment),
        copies.stack_file(asked.checkout, asked.environment).name,
    )
    findings, report = _judged(resources, chosen, asked.today, lines)
    if before is not None:
        findings = compared(_judged(old, chosen, asked.today, lines)[0], findings)
    changes = list(_changes(steps, lines, resources, old))
    return Outcome(
        subject=asked.environment,
        changes=changes,
        findings=findings,
        notes=notes,
        resources=len(resources),
        pairs=report.pairs,
        evaluated=report.evaluated,
        rules=len(REGISTRY),
        protected=[each for each in changes if each.protect and each.operation in ("replace", "delete")],
    )


def preview(asked: Asked, copy: Path, engine: LocalEngine) -> list[dict[str, Any]]:
    """The steps of a preview, also of one that protection alone has stopped. Raises GateError without any."""
    asked.say(f"{asked.environment} is previewed")
    result = engine.run("preview", "--json", "--show-sames", "--stack", asked.environment, cwd=copy, check=False)
    try:
        document = json.loads(result.stdout)
    except json.JSONDecodeError:
        document = None
    document = document if isinstance(document, dict) else {}
    steps = document.get("steps")
    # Without a step there is not even the stack itself: nothing was previewed, so nothing is right with it.
    if not isinstance(steps, list) or not steps or (result.code and not only_protected(document)):
        raise GateError(f"{asked.environment} does not preview:\n{_said(document) or result.text.strip()}")
    return steps


def only_protected(document: Mapping[str, Any]) -> bool:
    """Whether nothing but protection of something that would be lost stood in the way of a preview.

    Then that is a finding and no fault of the tool. By the engine's own words and by a step of it: any error may have
    the word "protect" in it, and a preview that stopped at one has not shown everything.
    """
    errors = [each.get("message", "") for each in document.get("diagnostics") or () if each.get("severity") == "error"]
    told = [each for each in errors if "preview failed" not in each]
    lost = any(
        (step.get("oldState") or {}).get("protect") and _OPERATIONS.get(step["op"]) in ("replace", "delete")
        for step in document.get("steps") or ()
    )
    return lost and bool(told) and all(_PROTECTED.search(" ".join(each.split())) for each in told)


def _said(document: Mapping[str, Any]) -> str:
    return "\n".join(str(each.get("message", "")).strip() for each in document.get("diagnostics") or ())


def _old(steps: Sequence[Mapping[str, Any]]) -> list[Resource]:
    found = {
        step["oldState"]["urn"]: sources.resource(step["oldState"], computed=True)
        for step in steps
        if step.get("oldState")
    }
    return list(found.values())


def _protected_as_said(asked: Asked) -> Configuration:
    """Where the environment is protected a mandatory rule that cannot be judged blocks."""
    document = stack_files.read(copies.stack_file(asked.checkout, asked.environment))
    config = document.get("config")
    section = config.get("grpc-platform:environment") if isinstance(config, dict) else None
    if isinstance(section, dict) and section.get("protected") is True:
        return replace(asked.chosen, protected=True)
    return asked.chosen


def _judged(
    resources: Sequence[Resource], chosen: Configuration, today: dt.date, lines: Lines
) -> tuple[list[Finding], Report]:
    parents = {each.urn: each for each in resources}
    return verdicts.judged(resources, chosen, today, lambda each: lines.of(each, parents))


def _changes(
    steps: Sequence[Mapping[str, Any]], lines: Lines, resources: Sequence[Resource], old: Sequence[Resource]
) -> Iterator[Change]:
    """What happens to each resource, once: a replacement is a step of its own among its parts."""
    by_urn = {**{each.urn: each for each in old}, **{each.urn: each for each in resources}}
    found: dict[str, Change] = {}
    for step in steps:
        operation = _OPERATIONS.get(step["op"])
        urn = step["urn"]
        state = step.get("newState") or step.get("oldState") or {}
        if operation is None or not state.get("custom", True) or (urn in found and found[urn].operation == "replace"):
            continue
        keys = step.get("replaceReasons") or step.get("diffReasons") or ()
        guarded = bool((step.get("oldState") or {}).get("protect"))
        place: Place | None = lines.of(by_urn[urn], by_urn) if urn in by_urn else None
        found[urn] = Change(operation, urn, state.get("type", ""), tuple(keys), guarded, place)
    yield from found.values()
