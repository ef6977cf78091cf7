"""What the rules catch of everything that can be wrong with our own stacks: mutants, made mechanically."""

from __future__ import annotations

import os

import pytest

from policies.engine.evaluate import Evaluator
from policies.engine.resource import Resource
from policies.engine.rule import Level
from policies.rules import REGISTRY
from tests.conftest import CHECKOUT
from tests.mutation import outcome
from tests.mutation.outcome import Outcome

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(1800)]

REPORT = CHECKOUT / "docs" / "policy-mutants.md"
# At least this share of what breaks something must be found.
GOAL = 0.99


def test_a_first_preview_of_our_stacks_is_judged_nearly_whole(
    stacks: dict[str, list[Resource]], capsys: pytest.CaptureFixture[str]
) -> None:
    levels = {rule.id: rule.level for rule in REGISTRY}
    for name, resources in stacks.items():
        report = Evaluator(REGISTRY, {}, {}).everything(resources)
        with capsys.disabled():
            print(f"\n{name}: {report.evaluated} of {report.pairs} rule × resource pairs judged at first preview")
        assert report.evaluated >= 0.95 * report.pairs
        assert [each for each in report.not_evaluated if levels[each.rule] is Level.MANDATORY] == []


def test_every_mutant_has_a_row_that_decides_it(tried: Outcome) -> None:
    assert [outcome.named(each) for each in tried.judged if not each.source] == []


def test_nearly_all_that_break_something_are_found(tried: Outcome) -> None:
    missed = [outcome.named(each) for each in tried.missed]
    assert len(tried.breaking) - len(missed) >= GOAL * len(tried.breaking), "\n".join(missed)


def test_no_mandatory_rule_finds_fault_with_a_harmless_one(tried: Outcome) -> None:
    assert [outcome.named(each) for each in tried.alarms] == []


def test_no_rule_breaks_on_a_mutant(tried: Outcome) -> None:
    assert tried.failures == []


def test_the_committed_report_is_what_was_found(tried: Outcome) -> None:
    text = outcome.report(tried)
    if os.environ.get("UPDATE_REPORT"):
        REPORT.write_text(text, encoding="utf-8")
    assert REPORT.read_text(encoding="utf-8") == text, "UPDATE_REPORT=1 .venv/bin/python -m pytest tests/mutation"


def test_the_report_is_the_same_in_whatever_order_the_engine_told_of_the_resources(tried: Outcome) -> None:
    assert outcome.report(Outcome(tried.judged[::-1])) == outcome.report(tried)
