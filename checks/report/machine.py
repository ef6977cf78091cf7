"""JSON, for whoever goes on with it."""

from __future__ import annotations

import json
from typing import Any

from checks.model import Change, Finding, Outcome, ordered
from checks.report import words


def document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain data; `version` grows when a key changes its meaning."""
    return {
        "version": 1,
        "subject": outcome.subject,
        "blocks": outcome.blocks,
        "headline": words.headline(outcome),
        "notes": list(outcome.notes),
        "resources": outcome.resources,
        "rules": outcome.rules,
        "pairs": outcome.pairs,
        "evaluated": outcome.evaluated,
        "changes": [_change(each) for each in outcome.changes],
        "findings": [_finding(each) for each in ordered(outcome.findings)],
    }


def write(outcome: Outcome) -> str:
    """The outcome as JSON text."""
    return json.dumps(document(outcome), indent=2, ensure_ascii=False) + "\n"


def _change(change: Change) -> dict[str, Any]:
    return {
        "operation": change.operation,
        "urn": change.urn,
        "type": change.type,
        "keys": list(change.keys),
        "protect": change.protect,
        **_place(change),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    verdict, waiver = finding.verdict, finding.verdict.waiver
    return {
        "rule": verdict.rule,
        "title": words.title(finding),
        "kind": verdict.kind,
        "level": verdict.level.value,
        "blocks": finding.blocks,
        "status": finding.status.value,
        "urn": verdict.urn,
        "path": verdict.path,
        "message": verdict.message,
        "remedy": words.remedy(finding),
        "source": words.source(finding),
        **(
            {"waiver": {"owner": waiver.owner, "reason": waiver.reason, "expires": str(waiver.expires)}}
            if waiver
            else {}
        ),
        **_place(finding),
    }


def _place(about: Change | Finding) -> dict[str, Any]:
    return {"file": about.place.file, "line": about.place.line} if about.place else {}
