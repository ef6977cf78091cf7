"""Which findings a waiver is about."""

from __future__ import annotations

import datetime as dt

import pytest

from policies.engine.evaluate import Finding
from policies.engine.waivers import Waiver

GROUP = "urn:pulumi:dev::shop::aws:lb/targetGroup:TargetGroup::"


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ('*::orders["a"]', 'orders["a"]', True),
        ("*::orders[[]*", 'orders["a"]', False),
        ("*::orders[ab]", "ordersa", False),
        ("*::orders-?", "orders-1", True),
        ("*::Orders-?", "orders-1", False),
    ],
)
def test_a_pattern_has_two_signs_and_a_bracket_is_none(pattern: str, name: str, covered: bool) -> None:
    waiver = Waiver("ALB006", pattern, "moves", "edge", dt.date(2027, 3, 31))
    assert waiver.covers(Finding("ALB006", f"{GROUP}{name}", "port", "bad")) is covered
