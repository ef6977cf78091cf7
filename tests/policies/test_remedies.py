"""Rules that repair: what they change, and what they leave alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2

from local_cloud.aws import catalogue
from policies.engine.decode import Decoder
from policies.engine.graph import Graph
from policies.engine.remedies import remedied
from policies.engine.resource import Resource
from policies.engine.rule import Context, Example, Rule
from policies.engine.unknown import Unknown
from tests.conftest import CHECKOUT, MINIMAL, World, new_world

from .conftest import BAD, blinded, judged, named, resources

REPAIRS = [(rule, example) for rule, example in BAD if rule.fix is not None]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def wire(value: Any) -> Any:
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: wire(each) for key, each in value.items()}
    return [wire(each) for each in value] if isinstance(value, list) else value


def repaired(rule: Rule, resource: Resource) -> tuple[dict[str, Any], list[Rule]]:
    """The properties as the engine has them after the repair, and who made one."""
    message = struct_pb2.Struct()
    message.update(wire(resource.properties))
    changed, by = remedied(resource, message, [rule], {})
    return json_format.MessageToDict(changed), by


def reached(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def concerned(rule: Rule, example: Example) -> list[Resource]:
    return [each for each in resources(example) if each.name in example.about and each.kind in rule.kinds]


@pytest.mark.parametrize(("rule", "example"), REPAIRS, ids=named)
def test_a_repair_satisfies_its_rule_or_is_not_made(rule: Rule, example: Example) -> None:
    for resource in concerned(rule, example):
        after, by = repaired(rule, resource)
        if by:
            mended = Resource(resource.type, resource.name, resource.urn, Decoder().plain(after))
            assert judged(rule, [mended]).findings == []
        else:
            assert after == wire(resource.properties)


def test_every_rule_that_repairs_repairs_one_of_its_bad_examples() -> None:
    mending = {rule.id for rule, example in REPAIRS for each in concerned(rule, example) if repaired(rule, each)[1]}
    assert mending == {rule.id for rule, _ in REPAIRS}
    assert mending


@pytest.mark.parametrize(("rule", "example"), REPAIRS, ids=named)
def test_a_repair_touches_nothing_that_makes_a_new_resource(rule: Rule, example: Example) -> None:
    assert not rule.replaces
    for resource in concerned(rule, example):
        after, _ = repaired(rule, resource)
        touched = {key for key in after if after[key] != wire(resource.properties).get(key)}
        row = catalogue.KINDS.get(resource.type)
        if row:
            assert not touched & row.create_only
        else:  # of Kubernetes objects: identity and selectors stay
            assert resource.type.startswith("kubernetes:")
            before, mended = wire(resource.properties), after
            for path in (("metadata", "name"), ("metadata", "namespace"), ("spec", "selector"), ("apiVersion",)):
                assert reached(before, path) == reached(mended, path)


@pytest.mark.parametrize(("rule", "example"), REPAIRS, ids=named)
def test_no_unknown_value_is_written_over(rule: Rule, example: Example) -> None:
    for place, original in enumerate(resources(example)):
        for _, made in blinded(resources(example)):
            if made[place].kind in rule.kinds and wire(made[place].properties) != wire(original.properties):
                after, _ = repaired(rule, made[place])
                assert json.dumps(after).count(UNKNOWN) == json.dumps(wire(made[place].properties)).count(UNKNOWN)


@pytest.mark.parametrize(("rule", "example"), REPAIRS, ids=named)
def test_no_secret_is_written_over(rule: Rule, example: Example) -> None:
    assert rule.fix
    options = {key: option.default for key, option in rule.options.items()}
    for resource in concerned(rule, example):
        for path in rule.fix(resource, Context(options, Graph([resource]))):
            steps = path.split(".")
            for depth in range(1, len(steps) + 1):
                message = struct_pb2.Struct()
                message.update(sealed(wire(resource.properties), steps[:depth]))
                decoder = Decoder()
                properties = decoder.struct(message)
                hidden = replace(resource, properties=properties, secrets=tuple(decoder.secrets))
                changed, by = remedied(hidden, message, [rule], {})
                assert decoder.secrets
                assert (changed, by) == (message, [])


def sealed(value: Any, steps: list[str]) -> dict[str, Any]:
    """The value with a secret at the end of a path."""
    key, inner = steps[0], (value or {}).get(steps[0])
    changed = sealed(inner, steps[1:]) if steps[1:] else {SIGNATURE: SECRET, "value": inner or "hush"}
    return {**(value or {}), key: changed}


@pytest.fixture
def faulty(tmp_path: Path) -> World:
    """A platform that is up and whose target group accepts any answer."""
    world = new_world(tmp_path)
    raw = deepcopy(MINIMAL)
    raw["services"]["orders"]["health"] = {"success_codes": "0,12"}
    world.configure(raw)
    world.up()
    return world


def preview(world: World, level: str) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
    """The exit code, the step of the target group, and the policy events."""
    config, log = world.program.parent / "pack.json", world.program.parent / f"{level}.log"
    config.write_text(json.dumps({"ALB006": level}))
    pack = ("--policy-pack", str(CHECKOUT / "policies"), "--policy-pack-config", str(config))
    result = world.engine.run(
        *("preview", "--json", "--show-sames", "--stack", world.stack, *pack, "--event-log", str(log)),
        cwd=world.program,
        check=False,
        env={"PULUMI_DEBUG_COMMANDS": "true"},
    )
    (step,) = [each for each in result.json()["steps"] if each["urn"].endswith("::orders-target-group")]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return result.code, step, events


@pytest.mark.engine
@pytest.mark.slow
def test_the_engine_takes_a_repair_in_place_and_without_it_the_rule_blocks(faulty: World) -> None:
    code, step, events = preview(faulty, "remediate")
    assert (code, step["op"]) == (0, "update")
    assert step["newState"]["inputs"]["healthCheck"]["matcher"] == "0"
    assert [each["policyRemediationEvent"]["policyName"] for each in events if "policyRemediationEvent" in each] == [
        "ALB006"
    ]
    code, step, events = preview(faulty, "mandatory")
    assert code != 0
    assert step["newState"]["inputs"]["healthCheck"]["matcher"] == "0,12"
    found = [each["policyEvent"] for each in events if "policyEvent" in each]
    assert [(each["policyName"], each["enforcementLevel"]) for each in found] == [("ALB006", "mandatory")]
