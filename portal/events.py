"""The engine's event log: what of it is kept, in a form that pages and clients can rely on, without secrets.

The log is read as JSON lines and not through the Automation API: that one drops the events about policies, the
severity and the result (pulumi 3.272 events.py), and swallows the exceptions of whoever listens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

LARGEST: Final = 64 * 1024
"""Longest event that is kept whole, in bytes of JSON."""
MOST: Final = 50_000
"""Most events that are kept of a run."""
MOST_TOLD: Final = 1000
"""So many more may be the runner's own: how a run ended is known though its engine said too much."""
_SHORTEST_SECRET: Final = 8
_MARKUP: Final = re.compile(r"<\{%[^{}]{0,40}%\}>|\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def tail(text: str, most: int) -> str:
    """The end of a text, from a word's begin: of half a secret nobody would know that it is one."""
    text = text.strip()
    return text if len(text) <= most else (text[-most:].split(maxsplit=1)[1:] or [""])[0]


class Redactor:
    """Takes known secrets out of texts: a second net, for the engine hides the secrets it knows of.

    hidden: takes out those that nobody here knows in clear.
    """

    def __init__(self, secrets: Iterable[str], hidden: Callable[[str], str] = str) -> None:
        self._hidden = hidden
        found = sorted({each for each in secrets if len(each) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None

    def text(self, text: str) -> str:
        """A text without them and without what a terminal would act on."""
        plain = self._hidden(_MARKUP.sub("", text))
        return self._pattern.sub("[secret]", plain) if self._pattern else plain

    def data(self, value: Any) -> Any:
        """A copy of data in which every text is such a text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.data(each) for key, each in value.items()}
        return [self.data(each) for each in value] if isinstance(value, list) else value


class Tail:
    """Reads the lines that an event log has got since the last look; a half-written line waits for its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0

    def read(self) -> Iterator[dict[str, Any]]:
        """The new events, as the engine wrote them."""
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._at)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)


def kept(event: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Type and data of an event worth keeping; None for the others."""
    if policy := event.get("policyEvent"):
        return "policy", {
            "rule": policy.get("policyName", ""),
            "pack": policy.get("policyPackName", ""),
            "urn": policy.get("resourceUrn", ""),
            "level": policy.get("enforcementLevel", ""),
            "message": policy.get("message", ""),
        }
    if summary := event.get("summaryEvent"):
        return "summary", {
            "changes": summary.get("resourceChanges") or {},
            "packs": summary.get("PolicyPacks") or summary.get("policyPacks") or {},
            "seconds": summary.get("durationSeconds", 0),
            "result": summary.get("result", ""),
        }
    if diagnostic := event.get("diagnosticEvent"):
        wanted = diagnostic.get("severity") in ("warning", "error", "info#err") and not diagnostic.get("ephemeral")
        said = {key: diagnostic.get(key, "") for key in ("severity", "message", "urn")}
        return ("diagnostic", said) if wanted else None
    return _of_resource(event)


def _of_resource(event: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    for key, type_ in (("resourcePreEvent", "begins"), ("resOutputsEvent", "done"), ("resOpFailedEvent", "failed")):
        if key in event:
            about = event[key]["metadata"]
            if about["op"] in ("same", "read") and type_ != "failed":
                return None
            planned = {"planned": True} if event[key].get("planning") else {}
            return type_, {"op": about["op"], "urn": about["urn"], "type": about["type"], **planned}
    return None


def capped(data: dict[str, Any]) -> dict[str, Any]:
    """An event small enough to keep: the longest texts are cut."""
    if len(json.dumps(data)) <= LARGEST:
        return data
    return {
        key: f"{each[:2000]} …" if isinstance(each, str) and len(each) > 2000 else each for key, each in data.items()
    }
