"""Every rule on its own examples: bad ones are found, good ones pass, and nothing passes unseen."""

from __future__ import annotations

import pytest

from policies.engine.rule import Example, Rule

from .conftest import BAD, GOOD, RULES, blinded, judged, named, resources


@pytest.mark.parametrize(("rule", "example"), BAD, ids=named)
def test_a_bad_example_is_found_where_it_is_bad(rule: Rule, example: Example) -> None:
    report = judged(rule, resources(example))
    assert report.failures == []
    assert report.not_evaluated == []
    assert sorted({each.urn.rpartition("::")[2] for each in report.findings}) == sorted(example.about)
    assert example.about, "a bad example says what it is bad about"


@pytest.mark.parametrize(("rule", "example"), GOOD, ids=named)
def test_a_good_example_passes(rule: Rule, example: Example) -> None:
    report = judged(rule, resources(example))
    assert (report.findings, report.not_evaluated, report.failures) == ([], [], [])
    assert report.pairs, "a good example has something that the rule is about"


@pytest.mark.parametrize(("rule", "example"), BAD, ids=named)
def test_a_bad_example_never_passes_with_a_value_unknown(rule: Rule, example: Example) -> None:
    for where, made in blinded(resources(example)):
        report = judged(rule, made)
        assert report.failures == [], where
        urns = [each.urn for each in report.findings] + [each.urn for each in report.not_evaluated]
        seen = {urn.rpartition("::")[2] for urn in urns}
        assert set(example.about) <= seen, f"passes while {where} is not known"


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_rule_is_complete(rule: Rule) -> None:
    assert rule.bad
    assert rule.good
    for text in (rule.title, rule.why, rule.remedy, rule.source):
        assert text == text.strip()
        assert text
    assert not rule.title.endswith(".")
    assert rule.remedy.endswith((".", "?"))
    for option in rule.options.values():
        assert {"type", "default", "description"} <= set(option.schema)
