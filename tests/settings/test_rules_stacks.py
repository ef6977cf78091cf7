"""Kinds of stack: what each holds, and what keeps services stacks on one platform apart."""

import pytest

from components.settings import priorities

from .conftest import Desk
from .existing_things import everything


@pytest.fixture
def platform(desk: Desk) -> Desk:
    desk.drop("services").put("environment", {"kind": "platform", "services_stacks": {"shop": 1, "billing": 2}})
    return desk.put("load_balancers.public.pod_ports", [50051])


@pytest.fixture
def joining(desk: Desk) -> Desk:
    for section in ("network", "cluster", "load_balancers"):
        desk.drop(section)
    return desk.put("environment.kind", "services").put("existing", {"platform_stack": "platform"})


def test_a_platform_without_services(platform: Desk) -> None:
    assert platform.lines() == []


def test_services_alone_on_a_platform_stack(joining: Desk) -> None:
    assert joining.lines() == []
    assert joining.load().joins
    assert joining.put("existing.platform_stack", "acme/grpc-platform/platform").lines() == []


def test_a_load_balancer_of_the_platform_is_not_known_before_its_outputs_are(joining: Desk) -> None:
    assert joining.put("services.orders.expose.alb.load_balancer", "anything").lines() == []


def test_a_services_stack_has_nothing_of_the_platform(joining: Desk) -> None:
    joining.put("network", {"zones": ["eu-west-1a", "eu-west-1b"]})
    joining.put("load_balancers", {"public": {"scheme": "internal", "certificate": {"domains": ["a.example.com"]}}})
    lines = [line.partition(";")[0] for line in joining.lines() if "belongs to" in line]
    assert lines == ["network: belongs to the platform stack", "load_balancers: belongs to the platform stack"]


def test_a_services_stack_joins_or_is_told_of_vpc_and_cluster(joining: Desk) -> None:
    joining.put("existing", {"hosted_zone": everything()["hosted_zone"]})
    assert joining.lines()[0].startswith("existing: a stack of kind services makes no network and no cluster: give")
    joining.put("existing", everything())
    assert joining.lines() == []
    assert not joining.load().joins


def test_what_the_platform_exports_is_not_said_again(joining: Desk) -> None:
    joining.put("existing", everything() | {"platform_stack": "platform"})
    lines = [line for line in joining.lines() if "comes from existing.platform_stack" in line]
    assert len(lines) == len(everything())


def test_only_a_services_stack_joins(desk: Desk) -> None:
    desk.put("existing.platform_stack", "platform")
    assert desk.lines()[0].startswith("existing.hosted_zone: comes from")
    assert desk.lines()[1] == (
        "existing.platform_stack: only a stack of kind services joins another one, and the kind is all"
    )


def test_a_platform_opens_ports_and_holds_no_services(platform: Desk) -> None:
    platform.drop("load_balancers.public.pod_ports").put("services", {"web": {"protocol": "http", "port": 8080}})
    assert [line.partition(";")[0] for line in platform.lines()] == [
        "load_balancers.public.pod_ports: missing",
        "services: a stack of kind platform has none",
    ]


def test_ports_and_joining_stacks_are_the_platform_kinds(desk: Desk) -> None:
    desk.put("environment.services_stacks", {"shop": 1}).put("load_balancers.public.pod_ports", [50051])
    assert [line.partition(":")[0] for line in desk.lines()] == [
        "environment.services_stacks",
        "load_balancers.public.pod_ports",
    ]


def test_two_stacks_never_have_one_number(platform: Desk) -> None:
    (line,) = platform.put("environment.services_stacks", {"shop": 1, "billing": 1}).lines()
    assert line.startswith('environment.services_stacks.billing: 1 is the number of "shop" already')
    assert platform.put("environment.services_stacks", {"shop": 21}).lines()


def test_two_stacks_never_want_one_namespace(platform: Desk) -> None:
    (line,) = platform.put("environment.services_stacks", {"shop": 1, "shop-eu": 2}).lines()
    assert line.startswith('environment.services_stacks.shop-eu: starts with "shop" and a hyphen')
    assert platform.put("environment.services_stacks", {"shop": 1, "shopeu": 2}).lines() == []


@pytest.mark.parametrize("name", ["Shop", "a" * 31, "1shop"])
def test_a_name_that_could_not_start_a_namespace_is_refused(platform: Desk, name: str) -> None:
    assert platform.put(("environment", "services_stacks"), {name: 1}).lines()


def test_the_runs_of_priorities_share_a_listener_without_a_gap_or_an_overlap() -> None:
    runs = [priorities.slot(number) for number in range(1, priorities.SLOTS + 1)]
    taken = [priority for first, last in runs for priority in range(first, last + 1)]
    assert taken == list(range(1, priorities.LAST + 1))
    rules = {f"rule-{number}": priorities.Specificity(number % 3) for number in range(80)}
    for first, last in runs:
        assert all(first <= each <= last for each in priorities.assign(rules, first=first, last=last).values())


def test_a_run_too_short_for_every_kind_of_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 500"):
        priorities.assign({}, first=1, last=499)
