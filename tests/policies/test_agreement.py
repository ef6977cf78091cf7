"""The pack on the engine and the rules in process say the same of the same resources, rule by rule.

One preview has it all: our own dev environment with faults put into it, and every bad example of every rule.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from checks import verdicts
from policies.engine import configuration, sources
from policies.engine.rule import Level
from policies.rules import REGISTRY
from tests.conftest import CHECKOUT
from tools import copies, environment

from .conftest import RULES

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900)]

# The engine asks about the whole stack only where no rule about one resource blocks.
SOFT = {rule.id: "advisory" for rule in RULES}
PROGRAM = CHECKOUT / "tests" / "policies"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps of the preview, and its policy events."""
    root = tmp_path_factory.mktemp("agreement")
    program, engine = copies.make(environment.here(), "dev", root)
    own = (program / "__main__.py").read_text(encoding="utf-8")
    parts = [(PROGRAM / name).read_text(encoding="utf-8") for name in ("program.py", "faults.py")]
    (program / "__main__.py").write_text("\n".join([*parts, own]), encoding="utf-8")
    config, log = root / "pack.json", root / "events"
    config.write_text(json.dumps(SOFT))
    pack = ("--policy-pack", str(CHECKOUT / "policies"), "--policy-pack-config", str(config))
    result = engine.run(
        *("preview", "--json", "--show-sames", "--stack", "dev", *pack, "--event-log", str(log)),
        cwd=program,
        env={"PULUMI_DEBUG_COMMANDS": "true", "CHECKOUT": str(CHECKOUT), "EXAMPLES": "bad"},
    )
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return result.json()["steps"], [each["policyEvent"] for each in events if "policyEvent" in each]


Found = dict[str, Counter[tuple[str, str]]]


def on_the_engine(events: list[dict[str, Any]]) -> Found:
    """By rule: URN and what is said of it."""
    found: Found = defaultdict(Counter)
    for event in events:
        found[event["policyName"]][event.get("resourceUrn", ""), event["message"].splitlines()[1]] += 1
    return found


def in_process(steps: list[dict[str, Any]]) -> Found:
    chosen = configuration.read(SOFT, REGISTRY)
    findings, _ = verdicts.judged(sources.from_preview(steps), chosen, dt.date(2026, 11, 25), lambda _: None)
    found: Found = defaultdict(Counter)
    for each in findings:
        verdict = each.verdict
        if verdict.kind == "finding":
            where = f"{verdict.path}: " if verdict.path else ""
            found[verdict.rule][verdict.urn, f"{where}{verdict.message}"] += 1
    return found


def test_both_find_the_same(seen: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    steps, events = seen
    engine, process = on_the_engine(events), in_process(steps)
    apart = {
        rule.id: (engine[rule.id] - process[rule.id], process[rule.id] - engine[rule.id])
        for rule in RULES
        if engine[rule.id] != process[rule.id]
    }
    assert apart == {}
    assert [rule.id for rule in RULES if not engine[rule.id]] == []


def test_the_faults_put_into_our_own_stack_are_found_by_many_rules(
    seen: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    found = on_the_engine(seen[1])
    own = {rule for rule, each in found.items() if any("grpc-platform:index:Platform" in urn for urn, _ in each)}
    assert len(own) >= 12, sorted(own)


def test_a_rule_that_is_off_is_off_on_both(seen: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    off = {rule.id for rule in RULES if rule.level is Level.DISABLED}
    resources = sources.from_preview(seen[0])
    findings, _ = verdicts.judged(resources, configuration.Configuration(), dt.date(2026, 11, 25), lambda _: None)
    assert not {each.verdict.rule for each in findings} & off
