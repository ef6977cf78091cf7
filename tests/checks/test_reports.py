"""The forms of a report: valid, complete, and safe whatever names are in it."""

from __future__ import annotations

import datetime as dt
import json
import xml.etree.ElementTree as ET

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema

from checks.model import Change, Finding, Outcome, Place, Status, compared
from checks.report import FORMATS
from policies.engine.rule import Level
from policies.engine.verdict import Verdict
from policies.engine.waivers import Waiver

URN = "urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::"
EVIL = "<script>|`@team`\n::error::x\x00%0A"


def finding(
    name: str = "orders", status: Status = Status.NEW, kind: str = "finding", message: str = "is bad"
) -> Finding:
    verdict = Verdict("ALB006", Level.MANDATORY, f"{URN}{name}", "healthCheck.matcher", message, kind)
    return Finding(verdict, status, Place("Pulumi.dev.yaml", 12))


@pytest.fixture
def outcome() -> Outcome:
    changes = [
        Change("update", f"{URN}a", "aws:lb/targetGroup:TargetGroup", ("tags",)),
        Change("replace", f"{URN}b", "aws:lb/targetGroup:TargetGroup", ("port",), protect=True),
        Change("delete", f"{URN}c", "aws:lb/targetGroup:TargetGroup"),
    ]
    findings = [
        finding(),
        finding("old", Status.UNCHANGED),
        finding("gone", Status.FIXED),
        finding("blind", kind="not evaluated", message="not evaluated: healthCheck.matcher is not known yet"),
        finding(EVIL, message=EVIL),
    ]
    return Outcome("dev", changes, findings, ["a note"], 10, 20, 19, 5, protected=[changes[1]])


def test_what_is_lost_comes_first(outcome: Outcome) -> None:
    text = FORMATS["text"](outcome)
    assert text.startswith("dev: blocked: 1 protected resource would be lost (b)\nnote: a note\n")
    parts = (
        "replace b (TargetGroup) because port cannot change in place (protected: Pulumi will refuse)",
        "delete c",
        "New findings: 3",
        "Findings that the base branch has too: 1",
    )
    assert tuple(sorted(parts, key=text.index)) == parts
    assert "update a" not in text
    assert "19 of 20 pairs evaluated (95.0 %)" in text


def test_markdown_has_no_markup_of_others(outcome: Outcome) -> None:
    text = FORMATS["markdown"](outcome)
    assert text.startswith("<!-- grpc-platform checks -->\n### ❌ dev: blocked")
    assert "<script>" not in text
    assert "@team" not in text
    assert "<details><summary>Fixed: 1</summary>" in text
    assert all(row.count(" | ") == 4 for row in text.splitlines() if row.startswith("| ALB006"))


LINKS = r"![a](https://example.com/a.png) [b](//c) www.example.com shop#77 \\| **c** __d__ ~e~"


def test_no_name_is_a_link_a_picture_or_a_reference() -> None:
    place = Place("a`|b.yaml", 3)
    bad = finding(LINKS, message=LINKS)
    text = FORMATS["markdown"](Outcome("dev", findings=[Finding(bad.verdict, place=place)]))
    (row,) = [line for line in text.splitlines() if line.startswith("| ALB006")]
    assert not [each for each in ("](", "://", "www.", "#77", "**", "__", "`", "\\", "~") if each in row]
    assert row.count("|") == 6
    (run,) = json.loads(FORMATS["sarif"](Outcome("dev", findings=[bad])))["runs"]
    assert "](" not in run["results"][0]["message"]["text"]


@pytest.mark.parametrize("form", list(FORMATS))
def test_no_name_reaches_the_terminal_or_breaks_the_form(form: str) -> None:
    evil = "a\x1b[31m\n::error::b"
    waiver = Waiver("ALB006", "*", evil, evil, dt.date(2027, 3, 31))
    waived = Finding(Verdict("ALB006", Level.MANDATORY, f"{URN}{evil}", evil, evil, "waived", waiver))
    change = Change("replace", f"{URN}{evil}", f"aws:lb:{evil}", (evil,))
    text = FORMATS[form](Outcome(evil, [change], [waived, finding(evil)], [evil]))
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith("::error::b")]
    if form == "junit":
        assert ET.fromstring(text).tag == "testsuite"  # noqa: S314 - our own text


def test_json_says_everything(outcome: Outcome) -> None:
    document = json.loads(FORMATS["json"](outcome))
    assert document["blocks"] is True
    assert [each["status"] for each in document["findings"]].count("fixed") == 1
    assert document["findings"][0]["file"] == "Pulumi.dev.yaml"
    assert {each["operation"] for each in document["changes"]} == {"update", "replace", "delete"}


def test_sarif_points_at_lines_and_knows_the_base(outcome: Outcome) -> None:
    document = json.loads(FORMATS["sarif"](outcome))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 12
    assert sorted({each["baselineState"] for each in run["results"]}) == ["new", "unchanged"]


def test_sarif_is_what_its_schema_says(outcome: Outcome) -> None:
    log = StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(FORMATS["sarif"](outcome))
    assert len(log.runs[0].results or ()) == 4
    broken = FORMATS["sarif"](outcome).replace('"startLine": 12', '"startLine": 0').replace('"results"', '"result"')
    with pytest.raises(ValidationError):
        StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(broken)


def test_what_is_settled_is_no_alert_of_code_scanning() -> None:
    waiver = Waiver("ALB006", "*", "moves", "edge", dt.date(2027, 3, 31))
    verdict = Verdict("ALB006", Level.MANDATORY, URN, "", "bad", "waived", waiver)
    found = [Finding(verdict), finding("known", kind="known"), finding("gone", Status.FIXED), finding("open")]
    (run,) = json.loads(FORMATS["sarif"](Outcome("dev", findings=found)))["runs"]
    assert [each["message"]["text"] for each in run["results"]] == ["open healthCheck.matcher: is bad"]


def test_a_file_name_is_an_address_in_sarif() -> None:
    found = Finding(Verdict("ALB006", Level.MANDATORY, URN, "", "bad"), place=Place("k8s/a b#1.yaml", 3))
    (run,) = json.loads(FORMATS["sarif"](Outcome("k8s", findings=[found])))["runs"]
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "k8s/a%20b%231.yaml"


def test_junit_skips_what_could_not_be_evaluated() -> None:
    blind = finding("blind", kind="not evaluated", message="not evaluated: x is not known yet")
    open_ = Finding(Verdict("ALB006", Level.ADVISORY, URN, "x", blind.verdict.message, "not evaluated"))
    suite = ET.fromstring(FORMATS["junit"](Outcome("dev", findings=[open_])))  # noqa: S314 - our own text
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    suite = ET.fromstring(FORMATS["junit"](Outcome("dev", findings=[finding(EVIL, message=EVIL)])))  # noqa: S314 - ours
    assert suite.get("failures") == "1"


def test_no_name_ends_a_workflow_command(outcome: Outcome) -> None:
    lines = FORMATS["github"](outcome).splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert any("file=Pulumi.dev.yaml,line=12" in line for line in lines)
    assert not any("old" in line.partition("::")[2].partition("::")[2] for line in lines)


def test_findings_are_told_apart_by_rule_resource_and_path() -> None:
    found = compared([finding("a"), finding("b", message="was other")], [finding("b"), finding("c")])
    assert {each.verdict.urn.rpartition("::")[2]: each.status for each in found} == {
        "a": Status.FIXED,
        "b": Status.UNCHANGED,
        "c": Status.NEW,
    }
