"""SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as code scanning takes it."""

from __future__ import annotations

import json
from typing import Any, Final

from checks.model import Finding, Outcome, Status, ordered
from checks.report import words
from policies.engine.evaluate import Finding as Found
from policies.engine.rule import Level, Rule, Severity
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
_STATES: Final = {Status.NEW: "new", Status.UNCHANGED: "unchanged", Status.FIXED: "absent"}


def write(outcome: Outcome) -> str:
    """The outcome as one run."""
    findings = ordered(outcome.findings)
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
        "message": {"text": f"{words.subject(finding)}: {words.message(finding)}"},
        "baselineState": _STATES[finding.status],
        "partialFingerprints": {"finding/v1": key_of(Found(verdict.rule, verdict.urn, verdict.path, ""))},
        "locations": [_location(finding)],
    }
    if verdict.kind == "waived" and verdict.waiver:
        found["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": f"{verdict.waiver.owner}: {verdict.waiver.reason}",
            }
        ]
    return found


def _location(finding: Finding) -> dict[str, Any]:
    logical = {"fullyQualifiedName": finding.verdict.urn or finding.verdict.rule, "kind": "resource"}
    place = finding.place
    physical = {
        "artifactLocation": {"uri": place.file if place else "Pulumi.yaml"},
        "region": {"startLine": place.line if place else 1},
    }
    return {"physicalLocation": physical, "logicalLocations": [logical]}
