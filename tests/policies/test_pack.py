"""The pack on the real engine: every rule fails one preview and passes another, in two runs for all of them."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from policies.engine.rule import Level
from tests.conftest import CHECKOUT, MINIMAL, World, new_world
from tools import copies, environment

from .conftest import RULES, judged, resources

pytestmark = pytest.mark.engine

PACK = CHECKOUT / "policies"


# Rules that are off by default are on for their examples. With SOFT, rules about one resource let it pass, for the
# engine asks about the whole stack only then.
EVERY = {rule.id: "advisory" for rule in RULES if rule.level is Level.DISABLED}
SOFT = {**EVERY, **{rule.id: "advisory" for rule in RULES if not rule.stack}}


def violations(
    world: World, log: Path, levels: dict[str, str], pack: Path = PACK, **env: str
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a preview with the pack, and its policy events."""
    config = log.with_suffix(".json")
    config.write_text(json.dumps(levels))
    result = world.engine.run(
        *("preview", "--stack", world.stack, "--policy-pack", str(pack), "--policy-pack-config", str(config)),
        *("--event-log", str(log)),
        cwd=world.program,
        check=False,
        env={"PULUMI_DEBUG_COMMANDS": "true", "CHECKOUT": str(CHECKOUT), **env},
    )
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return result.code, [event["policyEvent"] for event in events if "policyEvent" in event]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    program = (CHECKOUT / "tests" / "policies" / "program.py").read_text(encoding="utf-8")
    return new_world(tmp_path_factory.mktemp("pack"), program)


def about(event: dict[str, Any]) -> tuple[str, str]:
    """Rule and logical name that an event is about."""
    return event["policyName"], event.get("resourceUrn", "").rpartition("::")[2]


def expected(*, stack: bool) -> set[tuple[str, str]]:
    return {
        (rule.id, f"{rule.id}-{place}-{name}")
        for rule in RULES
        for place, example in enumerate(rule.bad)
        for name in example.about
        if rule.stack is stack
    }


@pytest.fixture(scope="module")
def refused(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[dict[str, Any]]]:
    """What a preview of every bad example says, at the levels that rules have by default."""
    return violations(world, tmp_path_factory.mktemp("refused") / "events", EVERY, EXAMPLES="bad")


def test_every_bad_example_of_one_resource_is_found_by_its_rule(refused: tuple[int, list[dict[str, Any]]]) -> None:
    code, events = refused
    assert code != 0
    missed = expected(stack=False) - {about(event) for event in events}
    assert missed == set()


def test_every_bad_example_of_several_resources_is_found_by_its_rule(world: World, tmp_path: Path) -> None:
    code, events = violations(world, tmp_path / "events", SOFT, EXAMPLES="bad")
    assert code != 0
    missed = expected(stack=True) - {about(event) for event in events}
    assert missed == set()


def test_no_good_example_is_found_by_its_rule_and_in_process_the_findings_are_the_same(
    world: World, tmp_path: Path
) -> None:
    _, events = violations(world, tmp_path / "events", EVERY, EXAMPLES="good")
    own = [event for event in events if about(event)[1].startswith(f"{event['policyName']}-")]
    assert own == []
    for rule in RULES:
        for example in rule.good:
            assert judged(rule, resources(example)).findings == []


def test_an_event_says_what_why_and_what_to_do(refused: tuple[int, list[dict[str, Any]]]) -> None:
    event = next(each for each in refused[1] if about(each) == ("ALB006", "ALB006-0-orders"))
    assert event["enforcementLevel"] == "mandatory"
    assert event["message"].splitlines()[0] == "The matcher of a gRPC target group means SERVING"
    assert "healthCheck.matcher: missing, which means 12 (UNIMPLEMENTED): any server passes" in event["message"]
    assert 'Fix: Set healthCheck.matcher to "0"' in event["message"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = new_world(tmp_path_factory.mktemp("platform"))
    world.configure(MINIMAL)
    return world


def test_our_own_platform_passes(platform: World, tmp_path: Path) -> None:
    code, events = violations(platform, tmp_path / "events", {})
    assert code == 0
    assert [event for event in events if event["enforcementLevel"] == "mandatory"] == []


@pytest.mark.parametrize(
    "name", ["dev", pytest.param("local", marks=pytest.mark.slow), pytest.param("prod", marks=pytest.mark.slow)]
)
def test_our_own_stacks_pass_without_a_finding_of_any_level(name: str, tmp_path: Path) -> None:
    program, engine = copies.make(environment.here(), name, tmp_path)
    _, events = violations(World(program, engine, name), tmp_path / "events", {})
    assert [(*about(event), event["message"]) for event in events] == []


def test_a_configuration_that_is_wrong_stops_the_preview_with_all_of_it(platform: World, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ALB6": "mandatory", "XST004": {"waivers": [{"rule": "ALB006"}]}}))
    result = platform.run("preview", "--policy-pack", str(PACK), "--policy-pack-config", str(config), check=False)
    assert result.code != 0
    assert "there is no rule ALB6" in result.text
    assert "XST004.waivers[0].expires: must be a day such as 2027-03-31" in result.text


@pytest.mark.slow
def test_all_switches_no_rule_on_that_is_off_by_default(world: World, tmp_path: Path) -> None:
    _, events = violations(world, tmp_path / "events", {"all": "advisory"}, EXAMPLES="bad")
    found = {event["policyName"] for event in events}
    assert {rule.id for rule in RULES} - found == {rule.id for rule in RULES if rule.level is Level.DISABLED}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of its own, whose configuration files a test may write."""
    folder = tmp_path / "policies"
    shutil.copytree(PACK, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to((CHECKOUT / ".venv").resolve())
    return folder


@pytest.mark.slow
def test_the_engine_goes_by_the_files_of_the_environment_and_by_the_command_line_over_them(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, pack: Path
) -> None:
    world = new_world(tmp_path_factory.mktemp("configured"))
    raw = deepcopy(MINIMAL)
    raw["services"]["orders"]["health"] = {"success_codes": "0,12"}
    world.configure(raw)
    ours = pack / "config" / f"{world.stack}.yaml"

    def levels(given: dict[str, str]) -> tuple[bool, list[tuple[str, str]]]:
        code, events = violations(world, tmp_path / "events", given, pack)
        return code == 0, [(each["policyName"], each["enforcementLevel"]) for each in events]

    ours.write_text("ALB006: advisory\n")
    assert levels({}) == (True, [("ALB006", "advisory")])
    assert levels({"ALB006": "mandatory"}) == (False, [("ALB006", "mandatory")])
    (pack / "config" / "known.txt").write_text(
        "ALB006 urn:pulumi:test::grpc-platform::grpc-platform:index:Platform$grpc-platform:index:Workload$"
        "aws:lb/targetGroup:TargetGroup::orders-target-group healthCheck.matcher\n"
    )
    ours.write_text("XST004: {baseline_file: known.txt}\n")
    assert levels({}) == (True, [("ALB006", "advisory")])
    ours.write_text("ALB010:\n  secnds: 1\nALB6: advisory\n")
    result = world.run("preview", "--policy-pack", str(pack), check=False)
    assert result.code != 0
    assert "policies/config/test.yaml:2: ALB010.secnds: there is no option secnds; did you mean seconds?" in result.text
    assert "policies/config/test.yaml:3: ALB6: there is no rule ALB6; did you mean ALB006?" in result.text
