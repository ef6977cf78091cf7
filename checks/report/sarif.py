"""SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as code scanning takes it.

GitHub makes an open alert of every result in a file, suppressed and absent ones too (github/codeql-action, issue
1230). So what is waived, in the baseline or fixed is not in it: an alert closes when its result is no longer there.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Final
from urllib.parse import quote

from checks.model import Finding, Outcome, Status, ordered
from checks.report import words
from policies.engine.evaluate import Finding as Found
from policies.engine.rule import Level, Rule, Severity
from policies.engine.verdict import Verdict
from policies.engine.waivers import fingerprint as key_of
from policies.rules import REGISTRY

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Level.MANDATORY: "error", Level.ADVISORY: "warning", Level.DISABLED: "none"}
# GitHub, "SARIF support for code scanning": how bad a security-severity is.
_SEVERITIES: Final = {
    Severity.CRITICAL: "9.0",
    Severity.HIGH: "7.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
}
_STATES: Final = {Status.NEW: "new", Status.UNCHANGED: "unchanged"}
_ELSEWHERE: Final = "Pulumi.yaml"


def write(outcome: Outcome) -> str:
    """The outcome as one run."""
    findings = [each for each in ordered(outcome.findings) if _is_open(each)]
    identities = sorted({rule.id for rule in REGISTRY} | {each.verdict.rule for each in findings})
    index = {identity: place for place, identity in enumerate(identities)}
    run = {
        "tool": {
            "driver": {
                "name": "grpc-platform checks",
                "version": "1.0.0",
                "rules": [_rule(identity) for identity in identities],
            }
        },
        "automationDetails": {"id": f"grpc-platform/{outcome.subject}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, index) for each in findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _is_open(finding: Finding) -> bool:
    return finding.status is not Status.FIXED and finding.verdict.kind not in ("waived", "known")


def _rule(identity: str) -> dict[str, Any]:
    rule = REGISTRY.get(identity)
    if rule is None:
        return {"id": identity, "name": identity, "shortDescription": {"text": identity}}
    return {
        "id": rule.id,
        "name": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": _help(rule), "markdown": _help(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.level], "enabled": rule.level is not Level.DISABLED},
        "properties": {"tags": ["grpc", rule.family], "security-severity": _SEVERITIES[rule.severity]},
    }


def _help(rule: Rule) -> str:
    return f"{rule.why}\n\n{rule.remedy}\n\n{rule.source}"


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    verdict = finding.verdict
    found: dict[str, Any] = {
        "ruleId": verdict.rule,
        "ruleIndex": index[verdict.rule],
        "level": _LEVELS[verdict.level],
        "message": {"text": _unlinked(f"{words.subject(finding)}: {words.message(finding)}")},
        "baselineState": _STATES[finding.status],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(verdict)},
        "locations": [_location(finding)],
    }
    return found


def _unlinked(text: str) -> str:
    """Text in which no name makes a link (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", "] (")


def _fingerprint(verdict: Verdict) -> str:
    """What code scanning knows a finding by on every run. Left out, it would be the text of the line.

    Many resources come from one line, and a line may move (GitHub, "SARIF support for code scanning").
    """
    key = key_of(Found(verdict.rule, verdict.urn, verdict.path, "")) if verdict.urn else verdict.message
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]


def _location(finding: Finding) -> dict[str, Any]:
    logical = {"fullyQualifiedName": finding.verdict.urn or finding.verdict.rule, "kind": "resource"}
    place = finding.place
    physical = {
        "artifactLocation": {"uri": quote(os.fsencode(place.file if place else _ELSEWHERE))},
        "region": {"startLine": place.line if place else 1},
    }
    return {"physicalLocation": physical, "logicalLocations": [logical]}
