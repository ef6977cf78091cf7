"""What the pack says of resources, in process: the same rules as on the engine, without one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from checks import state
from checks.model import Finding, Place
from checks.problems import InputError
from policies.engine import configuration
from policies.engine.configuration import Configuration, ConfigurationError
from policies.engine.evaluate import Evaluator, Report
from policies.engine.resource import Resource
from policies.engine.verdict import Judge
from policies.rules import REGISTRY

Locate = Callable[[Resource], Place | None]


def configured(file: Path | None) -> Configuration:
    """The pack's configuration, defaults without a file. Raises InputError with all problems."""
    if file is None:
        return Configuration()
    try:
        return configuration.read(state.document_of(file), REGISTRY)
    except ConfigurationError as error:
        raise InputError(f"{file}: {each}" for each in error.problems) from None


def judged(
    resources: Sequence[Resource], chosen: Configuration, today: dt.date, locate: Locate
) -> tuple[list[Finding], Report]:
    """Every verdict on the resources, with its place, and the report it rests on."""
    levels = {rule.id: chosen.level(rule) for rule in REGISTRY}
    report = Evaluator(REGISTRY, levels, chosen.options).everything(resources)
    judge = Judge(REGISTRY, chosen, today)
    verdicts = [*judge.verdicts(report), *judge.of_waivers()]
    by_urn: Mapping[str, Resource] = {each.urn: each for each in resources}
    found = []
    for verdict in verdicts:
        resource = by_urn.get(verdict.urn)
        found.append(Finding(verdict, place=locate(resource) if resource is not None else None))
    return found, report
