"""What the pack says of resources, in process: the same rules as on the engine, without one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from checks.model import Finding, Place
from checks.problems import InputError
from policies.engine import baseline, files
from policies.engine.configuration import Configuration, ConfigurationError
from policies.engine.evaluate import Evaluator, Report
from policies.engine.evaluate import Finding as Found
from policies.engine.resource import Resource
from policies.engine.verdict import Judge, Verdict
from policies.engine.waivers import fingerprint
from policies.rules import REGISTRY

Locate = Callable[[Resource], Place | None]


def configured(environments: Iterable[str], extra: Path | None, known: Path | None) -> Configuration:
    """The pack's configuration of some environments, the shared one without any.

    extra: a file that goes over it. known: a baseline file beside whatever the configuration says. Raises InputError
    with all problems.
    """
    chosen = [file for name in environments or [files.SHARED] for file in files.of(name)]
    named = [*dict.fromkeys(chosen), *([extra] if extra else [])]
    try:
        found = files.read(named, REGISTRY, files.FOLDER.parent.parent)
        listed = baseline.read(known) if known else frozenset()
    except ConfigurationError as error:
        raise InputError(error.problems) from None
    except baseline.BaselineError as error:
        raise InputError(f"--baseline: {error}") from None
    return replace(found, baseline=found.baseline | listed)


def judged(
    resources: Sequence[Resource], chosen: Configuration, today: dt.date, locate: Locate
) -> tuple[list[Finding], Report]:
    """Every verdict on the resources, with its place, and the report it rests on."""
    levels = {rule.id: chosen.level(rule) for rule in REGISTRY}
    report = Evaluator(REGISTRY, levels, chosen.options).everything(resources)
    judge = Judge(REGISTRY, chosen, today)
    verdicts = [*judge.verdicts(report), *judge.of_exceptions()]
    by_urn: Mapping[str, Resource] = {each.urn: each for each in resources}
    found = []
    for verdict in verdicts:
        resource = by_urn.get(verdict.urn)
        place = locate(resource) if resource is not None else _stated(verdict)
        found.append(Finding(verdict, place=place))
    return found, report


def _stated(verdict: Verdict) -> Place | None:
    """Where a waiver that is no good stands."""
    return Place(*verdict.waiver.place) if verdict.waiver and verdict.waiver.place else None


def entries(findings: Iterable[Finding], within: Path | None) -> list[str]:
    """What a baseline of these findings has in it; with `within`, a baseline file, only what stands there already.

    What could not be evaluated is no finding, and a waiver is a better answer than a baseline.
    """
    kept = baseline.read(within) if within else None
    found = {
        fingerprint(Found(each.verdict.rule, each.verdict.urn, each.verdict.path, ""))
        for each in findings
        if each.verdict.kind in ("finding", "known")
    }
    return sorted(found if kept is None else found & kept)
