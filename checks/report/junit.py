"""JUnit XML: a test case for each rule; what could not be evaluated is skipped, never passed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from checks.model import Finding, Outcome, Status
from checks.problems import printable
from checks.report import words
from policies.rules import REGISTRY


def write(outcome: Outcome) -> str:
    """The outcome as one test suite."""
    by_rule: dict[str, list[Finding]] = {rule.id: [] for rule in REGISTRY}
    for each in outcome.findings:
        if each.status is not Status.FIXED:
            by_rule.setdefault(each.verdict.rule, []).append(each)
    suite = ET.Element("testsuite", name=_clean(f"grpc-platform checks {printable(outcome.subject)}"))
    for identity, findings in sorted(by_rule.items()):
        rule = REGISTRY.get(identity)
        case = ET.SubElement(
            suite,
            "testcase",
            classname=rule.family if rule else identity,
            name=f"{identity} {rule.title if rule else ''}",
        )
        _settle(case, findings)
    suite.set("tests", str(len(by_rule)))
    suite.set("failures", str(len(suite.findall("./testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("./testcase/skipped"))))
    ET.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def _settle(case: ET.Element, findings: Sequence[Finding]) -> None:
    failing = [each for each in findings if each.blocks]
    blind = [each for each in findings if each.verdict.kind in ("not evaluated", "failed") and not each.blocks]
    other = [each for each in findings if each not in failing and each not in blind]
    if failing:
        ET.SubElement(case, "failure", message=_clean(words.message(failing[0]))).text = _text(failing)
    elif blind:
        ET.SubElement(case, "skipped", message=_clean(words.message(blind[0])))
    if other:
        ET.SubElement(case, "system-out").text = _text(other)


def _text(findings: Sequence[Finding]) -> str:
    lines = [f"{words.subject(each)} {words.where(each)}: {words.message(each)}".strip() for each in findings]
    return _clean("\n".join(lines))


def _clean(text: str) -> str:
    """Text without the characters that XML 1.0 has no way to write."""
    return "".join(char if char in "\t\n\r" or " " <= char <= "\ud7ff" or char >= "\ue000" else "�" for char in text)
