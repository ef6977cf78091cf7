"""The outcome in the forms that people and machines read. None shows a secret: rules show none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from checks.model import Outcome
from checks.report import github, junit, machine, markdown, sarif, text

FORMATS: Final[dict[str, Callable[[Outcome], str]]] = {
    "text": text.write,
    "markdown": markdown.write,
    "json": machine.write,
    "sarif": sarif.write,
    "junit": junit.write,
    "github": github.write,
}
