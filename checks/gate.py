"""The gate: the base branch up on a throw-away local cloud, the work tree previewed on that state."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import settings_errors, trees, verdicts
from checks.lines import Lines
from checks.model import Change, Finding, Outcome, Place, compared
from checks.problems import GateError, InputError
from policies.engine import sources
from policies.engine.configuration import Configuration
from policies.engine.evaluate import Report
from policies.engine.resource import Resource
from policies.rules import REGISTRY
from tools import copies, stack_files
from tools.engine import EngineError, LocalEngine
from tools.environment import Environment

# What a step of a preview does to a resource (pulumi sdk/go/common/apitype, OpType).
_OPERATIONS = {
    "replace": "replace",
    "create-replacement": "replace",
    "delete": "delete",
    "create": "create",
    "update": "update",
}
_LOCK = "requirements.lock"
# The images of an environment are in its own registry, not in the throw-away one.
_PUSHED = {"LOCAL_CLOUD_IMAGES": "pushed"}


@dataclass(frozen=True)
class Asked:
    """What is to be checked: an environment of a checkout, beside a commit; `say` tells how far it is."""

    checkout: Path
    environment: str
    base: str | None
    chosen: Configuration
    today: dt.date
    say: Callable[[str], None]


def check(asked: Asked, folder: Path) -> Outcome:
    """The outcome. Raises InputError for an unknown environment, GateError when the head does not preview."""
    notes: list[str] = []
    place = Environment(asked.checkout)
    try:
        copies.stack_file(asked.checkout, asked.environment)
    except copies.UnknownEnvironmentError as error:
        raise InputError(str(error)) from None
    wrong = list(settings_errors.faults(copies.stack_file(asked.checkout, asked.environment)))
    if wrong:
        raise InputError(wrong)
    before = _base(asked, place, folder, notes)
    copy, engine = before if before is not None else _fresh(asked, place, folder / "head")
    steps = _preview(asked, copy, engine)
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


def _base(asked: Asked, place: Environment, folder: Path, notes: list[str]) -> tuple[Path, LocalEngine] | None:
    """The base branch, up; None, with a note why, where there is none or where it does not come up."""
    commit = trees.merge_base(asked.checkout, asked.base)
    if commit is None:
        notes.append("there is no base branch to compare with: everything counts as new")
        return None
    tree = folder / "base"
    trees.extract(asked.checkout, commit, tree)
    if not (tree / f"Pulumi.{asked.environment}.yaml").is_file():
        notes.append(f"the base branch has no environment {asked.environment}: everything counts as new")
        return None
    if _differs(asked.checkout / _LOCK, tree / _LOCK):
        notes.append(f"{_LOCK} differs from the base branch's, which ran on the packages of this one")
    _lend(place, tree)
    asked.say(f"base branch ({commit[:12]}) comes up on a throw-away local cloud")
    try:
        copy, engine = copies.make(Environment(tree), asked.environment, folder / "run")
        engine.run("up", "--yes", "--skip-preview", "--stack", asked.environment, cwd=copy, env=_PUSHED)
        copies.advance(copy, engine, place, asked.environment)
    except (EngineError, copies.UnknownEnvironmentError, stack_files.StackFileError) as error:
        said = str(error).strip().splitlines()
        notes.append(f"the base branch does not come up ({said[-1] if said else 'no reason given'}): all counts as new")
        return None
    return copy, engine


def _fresh(asked: Asked, place: Environment, folder: Path) -> tuple[Path, LocalEngine]:
    try:
        return copies.make(place, asked.environment, folder)
    except copies.UnknownEnvironmentError as error:
        raise InputError(str(error)) from None
    except (EngineError, stack_files.StackFileError) as error:
        raise GateError(str(error)) from None


def _lend(place: Environment, tree: Path) -> None:
    """The base runs on the head's tools, packages and local cloud."""
    (tree / ".venv").symlink_to(place.venv.resolve())
    (tree / ".local-cloud").mkdir()
    (tree / ".local-cloud" / "bin").symlink_to(place.bin.resolve())
    shutil.rmtree(tree / "local_cloud", ignore_errors=True)
    shutil.copytree(place.checkout / "local_cloud", tree / "local_cloud")


def _differs(one: Path, other: Path) -> bool:
    return other.is_file() and one.is_file() and one.read_bytes() != other.read_bytes()


def _preview(asked: Asked, copy: Path, engine: LocalEngine) -> list[dict[str, Any]]:
    asked.say(f"{asked.environment} is previewed")
    result = engine.run("preview", "--json", "--show-sames", "--stack", asked.environment, cwd=copy, check=False)
    try:
        document = json.loads(result.stdout)
    except json.JSONDecodeError:
        document = {}
    steps: list[dict[str, Any]] = document.get("steps") or []
    if result.code and not _only_protected(document):
        raise GateError(f"{asked.environment} does not preview:\n{_said(document) or result.text.strip()}")
    return steps


def _only_protected(document: Mapping[str, Any]) -> bool:
    """Whether nothing but protection stood in the way: then it is a finding, not a fault of the tool."""
    errors = [each.get("message", "") for each in document.get("diagnostics") or () if each.get("severity") == "error"]
    told = [each for each in errors if "preview failed" not in each]
    return bool(told) and all("protect" in each for each in told)


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
        return Configuration(**{**vars(asked.chosen), "protected": True})
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
