"""The one door to the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from .errors import Problem, SettingsError
from .filling import filled
from .model import Settings
from .reading import read, salvage
from .secrecy import Secrecy
from .verify import faults_of
from .wording import Fault

_ORDER: Final = tuple(Settings.model_fields)


def load(
    raw: Mapping[str, object],
    *,
    region: str | None = None,
    secret_paths: Collection[tuple[str, ...]] = (),
    secret_sections: Collection[str] = (),
    namespace: str = "grpc-platform",
) -> Settings:
    """Check the settings of a stack and fill in every default.

    `raw` has one plain value for each section, as the stack file has it. `region` is `aws:region`; without it the zones
    are only compared with one another. `secret_paths` are the paths, section first, whose values are encrypted in the
    stack file: at or below them nothing is printed, and anywhere but at `services.<workload>.secrets.<NAME>` they are a
    problem themselves. `secret_sections` hold secrets at places that are not known: none of their values is printed.
    `namespace` is the project's name, which starts every path.

    Raises SettingsError with all problems at once, in the order of the sections.
    """
    if not isinstance(raw, Mapping):
        raise SettingsError((Problem((), "the settings must be a map of sections", namespace),))
    secrecy = Secrecy(tuple(tuple(map(str, path)) for path in secret_paths), tuple(secret_sections))
    # `services:` with nothing under it is a section left out, not a fault.
    given = {key: value for key, value in raw.items() if value is not None}
    settings, faults = read(given, secrecy)
    misplaced = secrecy.problems(given)
    if misplaced:
        settings = salvage(secrecy.without(given))
    found = [*misplaced, *faults, *faults_of(settings, region)]
    if found:
        raise SettingsError(tuple(_problem(fault, namespace) for fault in sorted(dict.fromkeys(found), key=_place)))
    return filled(settings)


def _problem(fault: Fault, namespace: str) -> Problem:
    path, message = fault
    if path == ("aws:region",):
        return Problem(("region",), message, "aws")
    return Problem(path, message, namespace)


def _place(fault: Fault) -> tuple[int, list[tuple[int, int, str]], str]:
    """Sections in the order of the models, then paths as people sort them."""
    path, message = fault
    section = path[0] if path else ""
    first = _ORDER.index(str(section)) if section in _ORDER else -1
    return first, [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in path], message
