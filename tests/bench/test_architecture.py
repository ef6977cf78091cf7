"""The architecture that the benchmarks of the pack look at, and the faults that are seeded into it."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from typing import Any

import pytest

from bench import faults
from bench.architecture import LATTICE, PER_SERVICE, SHARED, UNKNOWN, Architecture, build, services_for
from bench.faults import FAULTS, GRPC_FAULTS, Fault
from policies.engine import sources
from policies.engine.evaluate import Evaluator, Report
from policies.engine.resource import Resource
from policies.rules import REGISTRY


def judged(resources: list[Resource]) -> Report:
    return Evaluator(REGISTRY, {}, {}).everything(resources)


@pytest.mark.parametrize("services", [1, 23, 81])
def test_the_pack_has_nothing_to_say_of_it_in_state_or_preview(services: int) -> None:
    made = build(services)
    for resources in (sources.from_state(made.state()), sources.from_preview(made.preview())):
        report = judged(resources)
        assert (report.findings, report.not_evaluated, report.failures) == ([], [], [])
        assert report.pairs > 20 * services


@pytest.mark.parametrize("resources", [1500, 5000, 10000])
def test_it_is_as_large_as_asked(resources: int) -> None:
    assert abs(len(build(services_for(resources)).entries) - resources) < resources / 50


def as_it_is(_: Architecture) -> None:
    pass


def half_without_lifecycle(made: Architecture) -> None:
    for type_, name in list(made.entries)[::2]:
        if type_ == "aws:ecr/lifecyclePolicy:LifecyclePolicy":
            del made.entries[type_, name]


def misspelled(made: Architecture) -> None:
    for place, each in enumerate(made.entries.values()):
        if each.type == "aws:lb/listenerRule:ListenerRule":
            each.inputs["conditions"][1]["pathPattern"]["values"] = [f"/Shop.Service{place}.V1.Orders/*"]


def calls(services: int, spoil: Callable[[Architecture], None]) -> float:
    """How many functions are called for each resource: a measure that does not depend on the machine's load."""
    made = build(services)
    spoil(made)
    resources = sources.from_preview(made.preview())
    profile = cProfile.Profile()
    profile.runcall(judged, resources)
    return sum(each.callcount for each in profile.getstats()) / len(resources)


@pytest.mark.parametrize("spoil", [as_it_is, half_without_lifecycle, misspelled])
def test_the_work_for_each_resource_does_not_grow_with_their_number(spoil: Callable[[Architecture], None]) -> None:
    assert calls(240, spoil) < 1.1 * calls(40, spoil)


def test_it_consists_of_what_is_shared_and_of_services() -> None:
    assert len(build(1).entries) == SHARED + PER_SERVICE + LATTICE
    assert len(build(2).entries) == SHARED + 2 * PER_SERVICE + LATTICE


def test_every_reference_leads_to_a_resource_before_it() -> None:
    seen: set[str] = set()
    uses = 0
    for step in build(21).preview():
        urns = {urn for urns in step["newState"]["propertyDependencies"].values() for urn in urns}
        assert urns <= seen, step["urn"]
        assert step["urn"] not in seen
        seen.add(step["urn"])
        uses += len(urns)
    assert uses > 100


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]


def test_state_knows_every_value_and_a_preview_no_arn() -> None:
    made = build(11)
    assert UNKNOWN not in leaves(made.state())
    previewed = leaves(made.preview())
    assert UNKNOWN in previewed
    assert not [each for each in previewed if str(each).startswith("arn:aws:elasticloadbalancing:")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_a_fault_changes_the_architecture_and_not_the_next_one(fault: Fault) -> None:
    clean = build(faults.SERVICES).state()
    assert faults.seeded(fault).state() != clean
    assert build(faults.SERVICES).state() == clean


@pytest.mark.parametrize("fault", GRPC_FAULTS, ids=lambda fault: fault.title)
def test_the_pack_finds_every_fault_of_grpc(fault: Fault) -> None:
    report = judged(sources.from_state(faults.seeded(fault).state()))
    assert report.findings
    assert report.failures == []


def test_a_fault_in_a_place_that_does_not_exist_is_a_mistake() -> None:
    entry = Architecture().add("aws:lb/targetGroup:TargetGroup", "orders", {"port": 1})
    with pytest.raises(KeyError):
        faults.change(entry, "healthCheck.matcher", "12")
