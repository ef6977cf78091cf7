"""Levels, options, waivers and baseline, and what they make of findings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from policies.engine import configuration
from policies.engine.configuration import Configuration, ConfigurationError, did_you_mean
from policies.engine.evaluate import Failure, Finding, NotEvaluated, Report
from policies.engine.rule import Level
from policies.engine.verdict import Judge, Verdict, blocking
from policies.rules import REGISTRY

TODAY = dt.date(2026, 11, 25)
FOUND = Finding("ALB006", "urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::orders", "healthCheck.matcher", "bad")
WAIVER = {"rule": "ALB006", "urn": "*::orders", "reason": "moves next month", "owner": "edge", "expires": "2026-12-31"}


def read(**values: Any) -> Configuration:
    return configuration.read(values, REGISTRY)


def verdicts(chosen: Configuration, report: Report | None = None) -> list[Verdict]:
    judge = Judge(REGISTRY, chosen, TODAY)
    return [*judge.verdicts(report or Report(findings=[FOUND])), *judge.of_exceptions()]


def test_a_level_is_set_for_one_or_for_all_and_the_narrower_wins() -> None:
    chosen = read(all="advisory", ALB006={"enforcementLevel": "mandatory"}, ALB001="disabled")
    levels = {each.id: chosen.level(each) for each in REGISTRY}
    assert (levels["ALB006"], levels["ALB001"], levels["ALB005"]) == (Level.MANDATORY, Level.DISABLED, Level.ADVISORY)


def test_all_switches_no_rule_on_that_is_off_by_default() -> None:
    off = [rule for rule in REGISTRY if rule.level is Level.DISABLED]
    assert off
    assert {read(all="mandatory").level(rule) for rule in off} == {Level.DISABLED}
    assert read(all="mandatory", **{off[0].id: "advisory"}).level(off[0]) is Level.ADVISORY


def test_remediate_is_mandatory_and_may_repair() -> None:
    chosen = read(ALB006="remediate")
    assert chosen.remediate == {"ALB006"}
    assert chosen.levels["ALB006"] is Level.MANDATORY


def test_options_have_their_defaults_and_are_checked() -> None:
    assert read().options["ALB010"] == {"seconds": 30}
    assert read(ALB010={"seconds": 60.0}).options["ALB010"] == {"seconds": 60.0}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(
            ALB06="mandatory",
            ALB001="maybe",
            ALB010={"secnds": 1},
            ALB006={"codes": [200]},
            all={"seconds": 1},
            XST003={"protected": "yes"},
            XST004={
                "waivers": [{**WAIVER, "owner": "", "expires": "soon", "until": "x"}, "no", {**WAIVER, "rule": "X1"}]
            },
        )
    said = "\n".join(refused.value.problems)
    for expected in (
        "there is no rule ALB06; did you mean ALB006?",
        "ALB001.enforcementLevel: must be one of mandatory, advisory, disabled, remediate; received 'maybe'",
        "did you mean seconds?",
        "ALB006.codes: [0] must be from 0 to 99; received 200",
        "all.seconds: only enforcementLevel can be set for all rules",
        "XST003.protected: must be of type boolean; received 'yes'",
        "XST004.waivers[0].until: unknown key",
        "XST004.waivers[0].owner: must be text; received",
        "XST004.waivers[0].expires: must be a day such as 2027-03-31",
        "XST004.waivers[1]: must be a map",
        "XST004.waivers[2].rule: there is no rule X1",
    ):
        assert expected in said


def test_a_finding_blocks_where_its_rule_is_mandatory() -> None:
    assert len(blocking(verdicts(read()))) == 1
    assert blocking(verdicts(read(ALB006="advisory"))) == []


def test_a_waiver_lets_a_finding_pass_until_its_day() -> None:
    (waived,) = verdicts(read(XST004={"waivers": [WAIVER]}))
    assert (waived.kind, waived.blocks) == ("waived", False)
    finding, waiver = verdicts(read(XST004={"waivers": [{**WAIVER, "expires": "2026-11-24"}]}))
    assert finding.blocks
    assert waiver.blocks
    assert "has expired on 2026-11-24" in waiver.message
    last = {**WAIVER, "expires": "2026-11-25"}
    assert [each.kind for each in verdicts(read(XST004={"waivers": [last]}))] == ["waived"]


def test_a_waiver_that_nothing_needs_is_a_violation() -> None:
    other = {**WAIVER, "urn": "*::other"}
    finding, unused = verdicts(read(XST004={"waivers": [other]}))
    assert finding.kind == "finding"
    assert (unused.rule, unused.blocks) == ("XST004", True)
    assert "is not needed" in unused.message


def test_a_baseline_warns_of_what_was_there_before() -> None:
    known = "ALB006 urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::orders healthCheck.matcher"
    (verdict,) = verdicts(read(XST004={"baseline": [known]}))
    assert (verdict.kind, verdict.level, verdict.blocks) == ("known", Level.ADVISORY, False)
    others = [FOUND, Finding(FOUND.rule, FOUND.urn, "protocolVersion", "bad"), Finding("ALB001", FOUND.urn, "", "bad")]
    assert len(blocking(verdicts(read(XST004={"baseline": [known]}), Report(findings=others)))) == 2


def test_an_entry_of_the_baseline_whose_finding_is_gone_warns() -> None:
    gone = "ALB006 urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::gone healthCheck.matcher"
    finding, verdict = verdicts(read(XST004={"baseline": [gone]}))
    assert (finding.blocks, verdict.kind, verdict.blocks) == (True, "baseline", False)
    assert f"its finding is gone; take the line out: {gone}" in verdict.message
    assert [each.kind for each in verdicts(read(ALB006="disabled", XST004={"baseline": [gone]}), Report())] == []


def test_what_could_not_be_looked_at_makes_no_exception_superfluous() -> None:
    blind = Report(not_evaluated=[NotEvaluated(FOUND.rule, FOUND.urn, "healthCheck")])
    known = f"{FOUND.rule} {FOUND.urn} {FOUND.path}"
    found = verdicts(read(XST004={"baseline": [known], "waivers": [WAIVER]}), blind)
    assert [each.kind for each in found] == ["not evaluated"]


def test_what_cannot_be_judged_blocks_where_the_environment_is_protected() -> None:
    blind = Report(not_evaluated=[NotEvaluated("ALB006", "urn:x", "healthCheck.matcher")])
    (open_,) = verdicts(read(), blind)
    (protected,) = verdicts(read(XST003={"protected": True}), blind)
    assert (open_.blocks, protected.blocks) == (False, True)
    assert "not evaluated: healthCheck.matcher is not known yet" in open_.message
    (advisory,) = verdicts(read(ALB006="advisory", XST003={"protected": True}), blind)
    assert not advisory.blocks


def test_a_rule_that_broke_is_no_pass() -> None:
    (verdict,) = verdicts(read(), Report(failures=[Failure("ALB006", "urn:x", "KeyError at x.py:1")]))
    assert verdict.blocks
    assert "the rule itself failed (KeyError at x.py:1)" in verdict.message


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ALB6", "ALB006"), ("alb06", "ALB006"), ("ALB0021", "ALB021"), ("secnds", "seconds"), ("nothing like it", "")],
)
def test_a_name_is_told_from_what_was_typed(typed: str, meant: str) -> None:
    assert did_you_mean(typed, ["ALB036", "ALB006", "ALB021", "seconds"]) == meant
