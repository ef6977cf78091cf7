"""What AWS and the provider refuse about listener rules, and how priorities behave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_cloud.plugin import Refused
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import FIXED, Edge, Invalid, Made, World, edge, forward

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/a/0123456789abcdef/0123456789abcdef"
GRPC_ON_HTTP = "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'"


def _paths(*values: str) -> dict[str, Any]:
    return {"pathPattern": {"values": list(values)}}


def _with(*conditions: dict[str, Any], **props: Any) -> Callable[[Edge], object]:
    return lambda stage: stage.world.rule(stage.https, stage.orders, conditions=list(conditions), **props)


def _hundred_rules(stage: Edge) -> object:
    return [stage.world.rule(stage.https, stage.orders, n, f"rule-{n}") for n in range(1, 102)]


def _hundred_groups(stage: Edge) -> object:
    groups = [stage.world.target_group(stage.network, f"g{number}") for number in range(101)]
    for number in range(0, 100, 5):
        stage.world.rule(
            stage.https, groups[0], number + 1, f"rule-{number}", actions=forward(*groups[number : number + 5])
        )
    return stage.world.rule(stage.https, groups[100], 1000, "one-more")


def _gone(stage: Edge) -> object:
    stage.world.drop(stage.https)
    return stage.world.rule(stage.https, stage.orders)


def _other_balancer(stage: Edge) -> object:
    other = stage.world.load_balancer(stage.network, "other")
    listener = stage.world.https(other, stage.certificate, "other-https")
    stage.world.rule(stage.https, stage.orders)
    return stage.world.rule(listener, stage.orders, 20, "second")


def _taken(stage: Edge) -> object:
    stage.world.rule(stage.https, stage.orders, 10, "first")
    return stage.world.rule(stage.https, stage.orders, 10, "second")


CREATES: dict[str, tuple[Callable[[Edge], object], str]] = {
    "plain HTTP before gRPC": (lambda stage: stage.world.rule(stage.http, stage.orders), GRPC_ON_HTTP),
    "one gRPC group among several": (
        lambda stage: stage.world.rule(
            stage.http,
            stage.orders,
            actions=forward(stage.world.target_group(stage.network, "web", protocolVersion="HTTP1"), stage.orders),
        ),
        GRPC_ON_HTTP,
    ),
    "a priority that is taken": (_taken, "PriorityInUse: Priority '10' is currently in use"),
    "the priority of the default rule": (_with(_paths("/a"), priority=99999), "Priority '99999' must be between"),
    "six values": (
        _with(_paths("/a", "/b", "/c", "/d", "/e", "/f")),
        "api error ValidationError: A rule can only have '5' condition values",
    ),
    "six values in several conditions": (
        _with(
            _paths("/a", "/b", "/c"), {"hostHeader": {"values": ["a.example.com", "b.example.com", "c.example.com"]}}
        ),
        "A rule can only have '5' condition values",
    ),
    "six wildcards": (_with(_paths("/*/*/*", "/?/?/?")), "A rule can only have '5' condition wildcards"),
    "two conditions on the path": (
        _with(_paths("/a"), _paths("/b")),
        "A rule can only have one 'path-pattern' condition",
    ),
    "the Host header in a header condition": (
        _with({"httpHeader": {"httpHeaderName": "Host", "values": ["a"]}}),
        "The 'host' header cannot be used in an 'http-header' condition",
    ),
    "a host without a dot": (_with({"hostHeader": {"values": ["orders"]}}), "ValidationError: The host name 'orders'"),
    "a host with a digit behind the last dot": (
        _with({"hostHeader": {"values": ["orders.xn--p1ai"]}}),
        "ValidationError: The host name 'orders.xn--p1ai' is not valid",
    ),
    "an empty condition": (_with({}), "must be set in condition block"),
    "a condition on two things": (
        _with({**_paths("/a"), "hostHeader": {"values": ["a.example.com"]}}),
        "can be set in condition block",
    ),
    "a listener that is gone": (_gone, "ListenerNotFound: Listener"),
    "a target group of another load balancer": (_other_balancer, "TargetGroupAssociationLimit"),
    "a hundred rules already": (_hundred_rules, "TooManyRules"),
    "a hundred target groups already": (_hundred_groups, "TooManyUniqueTargetGroupsPerLoadBalancer"),
}


@pytest.mark.parametrize("case", CREATES)
def test_aws_refuses_a_rule_with(case: str) -> None:
    attempt, said = CREATES[case]
    with pytest.raises(Refused) as caught:
        attempt(edge())
    assert said in str(caught.value)


def test_a_host_may_have_wildcards() -> None:
    stage = edge()
    hosts = {"hostHeader": {"values": ["*.example.com", "a?.Example.com"]}}
    assert stage.world.rule(stage.https, stage.orders, conditions=[hosts])["conditions"] == [hosts]


def _plain_rule(stage: Edge) -> Made:
    return stage.world.rule(stage.http, stage.orders, actions=FIXED)


UPDATES: dict[str, tuple[Callable[[Edge], object], str, str]] = {
    "to forward plain HTTP to gRPC": (
        lambda stage: stage.world.change(_plain_rule(stage), actions=forward(stage.orders)),
        GRPC_ON_HTTP,
        "ModifyRule",
    ),
    "to six values": (
        lambda stage: stage.world.change(_plain_rule(stage), conditions=[_paths("/a", "/b", "/c", "/d", "/e", "/f")]),
        "A rule can only have '5' condition values",
        "ModifyRule",
    ),
    "to a priority that is taken": (
        lambda stage: (
            stage.world.rule(stage.http, stage.orders, 20, "other", actions=FIXED),
            stage.world.change(_plain_rule(stage), priority=20),
        ),
        "Priority '20' is currently in use",
        "SetRulePriorities",
    ),
}


@pytest.mark.parametrize("case", UPDATES)
def test_aws_refuses_a_change(case: str) -> None:
    attempt, said, operation = UPDATES[case]
    with pytest.raises(Refused) as caught:
        attempt(edge())
    assert said in str(caught.value)
    assert operation in str(caught.value)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a priority of 50001": ({"priority": 50001}, '"priority" must be in the range 1-50000 for normal rule'),
    "a priority of 0": ({"priority": 0}, '"priority" must be in the range 1-50000 for normal rule'),
    "a path of 129 characters": (
        {"conditions": [_paths("/" + "x" * 128)]},
        "expected length of conditions[0].pathPattern.values[0] to be in the range (1 - 128)",
    ),
    "a host of 129 characters": (
        {"conditions": [{"hostHeader": {"values": ["x" * 129]}}]},
        "expected length of conditions[0].hostHeader.values[0]",
    ),
    "a header name of 41 characters": (
        {"conditions": [{"httpHeader": {"httpHeaderName": "x" * 41, "values": ["a"]}}]},
        "conditions[0].httpHeader.httpHeaderName",
    ),
    "a redirect without its block": ({"actions": [{"type": "redirect"}]}, 'Attribute "actions[0].redirect" must be'),
    "six target groups": (
        {"actions": [{"type": "forward", "forward": {"targetGroups": [{"arn": ARN}] * 6}}]},
        "actions[0].forward.targetGroups supports no more than 5 item(s)",
    ),
    "three transforms": (
        {"transforms": [{"type": "url-rewrite"}] * 3},
        "Attribute transforms supports no more than 2 item(s), config has 3 declared",
    ),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    props, said = INVALID[case]
    with pytest.raises(Invalid) as caught:
        World().checked(
            kinds.RULE, "rule", {"listenerArn": ARN, "actions": FIXED, "conditions": [_paths("/a")], **props}
        )
    assert said in str(caught.value)


def test_priority_actions_and_conditions_change_in_place_and_the_listener_replaces() -> None:
    stage = edge()
    rule = stage.world.rule(stage.https, stage.orders)
    assert not stage.world.diff(rule, priority=11, actions=FIXED, conditions=[_paths("/b")]).replaces
    assert stage.world.diff(rule, listenerArn=stage.http.id).replaces == ("listenerArn",)
    assert stage.world.change(rule, priority=11)["priority"] == 11


def test_a_rule_without_priority_gets_the_next_and_keeps_it() -> None:
    stage = edge()
    stage.world.rule(stage.https, stage.orders, 41, "first")
    rule = stage.world.rule(stage.https, stage.orders, None, "second")
    assert rule["priority"] == 42
    assert stage.world.change(rule, conditions=[_paths("/b")])["priority"] == 42


def test_a_target_group_says_which_load_balancer_it_is_behind_as_long_as_something_forwards_to_it() -> None:
    stage = edge()
    rule = stage.world.rule(stage.https, stage.orders)
    assert stage.world.live(stage.orders)["loadBalancerArns"] == [stage.balancer.id]
    rule = stage.world.change(rule, actions=FIXED)
    assert stage.world.live(stage.orders)["loadBalancerArns"] == []
    stage.world.change(rule, actions=forward(stage.orders))
    stage.world.drop(rule)
    assert stage.world.live(stage.orders)["loadBalancerArns"] == []


@given(priorities=st.lists(st.integers(1, 50000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_of_any_priorities_just_the_repeated_ones_are_refused(priorities: list[int]) -> None:
    stage = edge()
    made = set()
    for number, priority in enumerate(priorities):
        if priority in made:
            with pytest.raises(Refused, match=f"Priority '{priority}' is currently in use"):
                stage.world.rule(stage.https, stage.orders, priority, f"rule-{number}")
        else:
            stage.world.rule(stage.https, stage.orders, priority, f"rule-{number}")
            made.add(priority)
    rows = stage.world.aws.account.where(kinds.RULE, "listenerArn", stage.https.id)
    assert {row["priority"] for row in rows} == made
