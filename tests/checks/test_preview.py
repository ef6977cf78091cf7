"""What a preview that ended badly counts for: only what the engine itself refuses is a finding."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks import gate
from checks.base import Asked
from checks.problems import GateError
from tools.engine import LocalEngine

from .conftest import URN

REFUSED = f'unable to replace resource "{URN}"\nas it is currently marked for protection. To unprotect the resource, …'
TRACEBACK = 'Program failed with an unhandled exception:\n  protect=settings.protected\nKeyError: "currently protected"'
LOST = {"op": "replace", "urn": URN, "oldState": {"urn": URN, "protect": True}}
KEPT = {"op": "same", "urn": URN, "oldState": {"urn": URN, "protect": True}}


def errors(*messages: str) -> list[dict[str, str]]:
    return [{"severity": "error", "message": each} for each in messages]


@pytest.mark.parametrize(
    ("messages", "steps", "only"),
    [
        ((REFUSED, "preview failed"), [LOST], True),
        ((TRACEBACK, "preview failed"), [LOST], False),
        ((REFUSED, TRACEBACK), [LOST], False),
        ((REFUSED,), [KEPT], False),
        ((), [LOST], False),
    ],
)
def test_only_a_refusal_of_the_engine_is_no_fault(messages: tuple[str, ...], steps: list[Any], only: bool) -> None:
    assert gate.only_protected({"diagnostics": errors(*messages), "steps": steps}) is only


@pytest.mark.parametrize("printed", ["", "warning: something\n{}", '{"steps": []}', "[]", '{"steps": 1}'])
def test_a_preview_that_shows_nothing_passes_nothing(printed: str) -> None:
    ended = SimpleNamespace(code=0, stdout=printed, text="what it said")
    engine = cast("LocalEngine", SimpleNamespace(run=lambda *_, **__: ended))
    asked = cast("Asked", SimpleNamespace(environment="shop", say=lambda _: None))
    with pytest.raises(GateError, match="shop does not preview:\nwhat it said"):
        gate.preview(asked, Path(), engine)


def test_a_preview_that_shows_something_is_its_steps() -> None:
    ended = SimpleNamespace(code=0, stdout=json.dumps({"steps": [KEPT]}), text="")
    engine = cast("LocalEngine", SimpleNamespace(run=lambda *_, **__: ended))
    asked = cast("Asked", SimpleNamespace(environment="shop", say=lambda _: None))
    assert gate.preview(asked, Path(), engine) == [KEPT]
