"""What AWS and the provider refuse about target groups, gRPC first of all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_cloud.plugin import Refused
from local_cloud.values import UNKNOWN
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, World, edge

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "an HTTP status as gRPC code": (
        {"healthCheck": {"matcher": "200"}},
        "api error ValidationError: Health check matcher GRPC code '200' must be within '0-99' inclusive",
    ),
    "a range of gRPC codes that ends beyond 99": (
        {"healthCheck": {"matcher": "0-100"}},
        "Health check matcher GRPC code '100' must be within '0-99' inclusive",
    ),
    "words as gRPC code": ({"healthCheck": {"matcher": "OK"}}, "Health check matcher GRPC code 'OK'"),
    "a gRPC code as HTTP status": (
        {"protocolVersion": "HTTP1", "healthCheck": {"matcher": "0"}},
        "Health check matcher HTTP code '0' must be within '200-499' inclusive",
    ),
    "a gRPC code where the version is not sent": (
        {"protocol": "TCP", "healthCheck": {"matcher": "0"}},
        "Health check matcher HTTP code cannot be empty",
    ),
    "gRPC to a load balancer as target": (
        {"targetType": "alb"},
        "Target type 'alb' is not supported with a target group with the protocol-version 'GRPC'",
    ),
    "HTTP/2 to a load balancer as target": (
        {"targetType": "alb", "protocolVersion": "HTTP2"},
        "Target type 'alb' is not supported with a target group with the protocol-version 'HTTP2'",
    ),
    "a timeout as long as the interval": (
        {"healthCheck": {"interval": 10, "timeout": 10}},
        "Health check timeout '10' must be smaller than the interval '10'",
    ),
    "an interval as short as the default timeout": (
        {"healthCheck": {"interval": 5}},
        "Health check timeout '5' must be smaller than the interval '5'",
    ),
    "a timeout over the interval on TCP": (
        {"protocol": "TCP", "protocolVersion": None, "healthCheck": {"protocol": "TCP", "interval": 10, "timeout": 11}},
        "Health check timeout '11' must be smaller than or equal to the interval '10'",
    ),
    "no health check": (
        {"healthCheck": {"enabled": False}},
        "Health checks cannot be disabled for a target group with the target-type 'ip'",
    ),
    "slow start with least outstanding requests": (
        {"slowStart": 30, "loadBalancingAlgorithmType": "least_outstanding_requests"},
        "You cannot enable both slow start and least outstanding requests algorithm on a target group",
    ),
    "slow start with weighted random": (
        {"slowStart": 30, "loadBalancingAlgorithmType": "weighted_random"},
        "You cannot enable both slow start and weighted random algorithm on a target group",
    ),
    "anomaly mitigation with round robin": (
        {"loadBalancingAnomalyMitigation": "on"},
        "You cannot enable anomaly mitigation without the weighted random algorithm",
    ),
    "stickiness without cross-zone balancing": (
        {"stickiness": {"type": "lb_cookie"}, "loadBalancingCrossZoneEnabled": "false"},
        "You cannot enable stickiness while cross-zone load balancing is off",
    ),
    "a VPC that does not exist": ({"vpcId": "vpc-0"}, "The VPC ID 'vpc-0' is not found"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses_a_target_group_with(case: str) -> None:
    props, said = REFUSALS[case]
    world = World()
    network = world.network()
    with pytest.raises(Refused) as caught:
        world.target_group(network, **props)
    assert said in str(caught.value)


@pytest.mark.parametrize("case", [case for case in REFUSALS if "healthCheck" in REFUSALS[case][0]])
def test_aws_refuses_the_same_health_check_on_an_update(case: str) -> None:
    props, said = REFUSALS[case]
    world = World()
    group = world.target_group(world.network(), **{**props, "healthCheck": None})
    with pytest.raises(Refused) as caught:
        world.change(group, healthCheck=props["healthCheck"])
    assert said in str(caught.value)
    assert "ModifyTargetGroup," in str(caught.value)


@pytest.mark.parametrize("case", ["slow start with weighted random", "anomaly mitigation with round robin"])
def test_aws_refuses_the_same_attributes_on_an_update(case: str) -> None:
    props, said = REFUSALS[case]
    world = World()
    with pytest.raises(Refused) as caught:
        world.change(world.target_group(world.network()), **props)
    assert said in str(caught.value)
    assert "ModifyTargetGroupAttributes" in str(caught.value)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a version that does not exist": (
        {"protocolVersion": "GRPCS"},
        'expected protocolVersion to be one of ["GRPC" "HTTP1" "HTTP2"], got GRPCS',
    ),
    "an interval of 4": ({"healthCheck": {"interval": 4}}, "healthCheck.interval to be in the range (5 - 300), got 4"),
    "an interval of 301": ({"healthCheck": {"interval": 301}}, "healthCheck.interval to be in the range (5 - 300)"),
    "a timeout of 1": ({"healthCheck": {"timeout": 1}}, "healthCheck.timeout to be in the range (2 - 120), got 1"),
    "a timeout of 121": ({"healthCheck": {"timeout": 121}}, "healthCheck.timeout to be in the range (2 - 120)"),
    "one healthy answer": ({"healthCheck": {"healthyThreshold": 1}}, "healthyThreshold to be in the range (2 - 10)"),
    "eleven failures": ({"healthCheck": {"unhealthyThreshold": 11}}, "unhealthyThreshold to be in the range (2 - 10)"),
    "a path without slash": ({"healthCheck": {"path": "x"}}, 'value of healthCheck.path must begin with "/"'),
    "a health port of 0": ({"healthCheck": {"port": "0"}}, '"healthCheck.port" must be "traffic-port" or a number'),
    "a TCP check with matcher": (
        {"protocol": "TCP", "healthCheck": {"protocol": "TCP", "matcher": "0"}},
        '"healthCheck.matcher" cannot be specified when "healthCheck.protocol" is "TCP"',
    ),
    "a TCP check of an HTTP group": (
        {"healthCheck": {"protocol": "TCP"}},
        '"healthCheck.protocol" cannot have value "TCP" when "protocol" is "HTTP"',
    ),
    "no port": ({"port": None}, 'Attribute "port" must be specified when "targetType" is "ip"'),
    "port 65536": ({"port": 65536}, "expected port to be in the range (1 - 65535), got 65536"),
    "a slow start of 29 seconds": ({"slowStart": 29}, "expected slowStart to be in the range (0 - 0) or (30 - 900)"),
    "a drain over an hour": ({"deregistrationDelay": 3601}, "deregistrationDelay to be in the range (0 - 3600)"),
    "an unknown algorithm": (
        {"loadBalancingAlgorithmType": "fair"},
        "expected loadBalancingAlgorithmType to be one of",
    ),
    "a name of 33 characters": ({"name": "x" * 33}, '"name" cannot be longer than 32 characters'),
    "a dot in the name": ({"name": "a.b"}, 'only alphanumeric characters and hyphens allowed in "name"'),
}


@pytest.mark.parametrize("case", INVALID)
def test_the_provider_finds_at_plan(case: str) -> None:
    props, said = INVALID[case]
    known = {"port": 50051, "protocol": "HTTP", "protocolVersion": "GRPC", "targetType": "ip", "vpcId": "vpc-1"}
    with pytest.raises(Invalid) as caught:
        World().checked(kinds.TARGET_GROUP, "orders", {**known, **props})
    assert said in str(caught.value)


def test_a_logical_name_that_leaves_no_room_for_the_suffix_has_no_name_at_all() -> None:
    with pytest.raises(Refused, match="plus 7 random chars is longer than maximum length 32"):
        World().checked(kinds.TARGET_GROUP, "x" * 25, {"port": 1, "protocol": "HTTP", "vpcId": "vpc-1"})


def test_a_name_that_is_taken_is_refused() -> None:
    world = World()
    network = world.network()
    world.target_group(network, "first", name="orders")
    with pytest.raises(Refused, match=r"ELBv2 Target Group \(orders\) already exists"):
        world.target_group(network, "second", name="orders")


def test_lower_case_reaches_aws_in_upper_case() -> None:
    world = World()
    group = world.target_group(world.network(), protocolVersion="grpc")
    assert group["protocolVersion"] == "GRPC"
    assert group["healthCheck"]["matcher"] == "12"
    assert group["healthCheck"]["path"] == "/AWS.ALB/healthcheck"


def test_the_version_is_dropped_for_other_protocols_than_http() -> None:
    world = World()
    group = world.target_group(world.network(), protocol="TCP")
    assert group["protocolVersion"] == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"port": 50052},
        {"protocol": "HTTPS"},
        {"protocolVersion": "HTTP2"},
        {"targetType": "instance"},
        {"vpcId": "vpc-9"},
        {"ipAddressType": "ipv6"},
        {"targetControlPort": 3000},
    ],
    ids=lambda changes: str(next(iter(changes))),
)
def test_create_only_properties_replace_and_the_new_one_comes_first(changes: dict[str, Any]) -> None:
    world = World()
    difference = world.diff(world.target_group(world.network()), **changes)
    assert difference.replaces == tuple(changes)
    assert not difference.delete_first


def test_a_name_of_the_users_own_makes_the_old_one_go_first_which_a_rule_forbids() -> None:
    stage = edge()
    group = stage.world.target_group(stage.network, "named", name="orders")
    stage.world.rule(stage.https, group)
    assert stage.world.diff(group, port=50052).delete_first
    with pytest.raises(Refused, match="is currently in use by a listener or a rule"):
        stage.world.replace(group, port=50052)


def test_a_replacement_beside_the_old_one_has_another_name() -> None:
    world = World()
    old = world.target_group(world.network())
    new = world.replace(old, port=50052)
    assert new["name"] != old["name"]
    assert world.row(old) is None


@pytest.mark.parametrize("user", ["default action", "rule", "weighted rule"])
def test_a_target_group_in_use_cannot_be_deleted(user: str) -> None:
    stage = edge()
    world = stage.world
    if user == "default action":
        holder = world.https(
            stage.balancer, stage.certificate, "more", port=8443, defaultActions=kinds.forward(stage.orders)
        )
    else:
        canary = world.target_group(stage.network, "canary")
        groups = [stage.orders, canary] if user == "weighted rule" else [stage.orders]
        holder = world.rule(stage.https, stage.orders, actions=kinds.forward(*groups))
    with pytest.raises(Refused, match=r"ResourceInUse: Target group '.*' is currently in use by a listener or a rule"):
        world.drop(stage.orders)
    world.drop(holder)
    world.drop(stage.orders)


def test_a_preview_knows_what_is_given_of_a_health_check_and_no_more() -> None:
    props = {"port": 1, "protocol": "HTTP", "vpcId": "vpc-1", "healthCheck": {"path": "/a.B/C", "interval": 15}}
    check = World().preview(kinds.TARGET_GROUP, "orders", **props)["healthCheck"]
    assert (check["path"], check["interval"], check["healthyThreshold"]) == ("/a.B/C", 15, 3)
    assert check["matcher"] is UNKNOWN
    assert check["timeout"] is UNKNOWN


@given(low=st.integers(0, 120), high=st.integers(0, 120))
@settings(max_examples=50, deadline=None)
def test_every_range_of_grpc_codes_passes_exactly_when_it_lies_within_0_to_99(low: int, high: int) -> None:
    world = World()
    network = world.network("a")
    props = {"healthCheck": {"matcher": f"{low}-{high}"}}
    if max(low, high) <= 99:
        assert world.target_group(network, **props)["healthCheck"]["matcher"] == f"{low}-{high}"
    else:
        with pytest.raises(Refused, match="must be within '0-99' inclusive"):
            world.target_group(network, **props)


TARGETS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a public address": (
        {},
        {"targetId": "8.8.8.8"},
        "InvalidTarget: The IP address '8.8.8.8' is not in the target group",
    ),
    "no address": ({}, {"targetId": "pod-1"}, "The IP address 'pod-1' is not a valid IPv4 or IPv6 address"),
    "no instance": ({"targetType": "instance"}, {"targetId": "10.0.0.4"}, "Instance ID '10.0.0.4' is not valid"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_aws_refuses_as_a_target(case: str) -> None:
    group_props, props, said = TARGETS[case]
    world = World()
    group = world.target_group(world.network(), **group_props)
    with pytest.raises(Refused) as caught:
        world.make(kinds.ATTACHMENT, "target", targetGroupArn=group.id, **props)
    assert said in str(caught.value)


def test_an_attachment_to_a_group_that_is_gone_is_refused() -> None:
    arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/gone/0123456789abcdef"
    with pytest.raises(Refused, match=r"TargetGroupNotFound: Target groups '.*gone.*' not found"):
        World().make(kinds.ATTACHMENT, "target", targetGroupArn=arn, targetId="10.0.0.4")


def test_an_attached_target_is_registered_until_it_goes() -> None:
    world = World()
    group = world.target_group(world.network())
    target = world.make(kinds.ATTACHMENT, "target", targetGroupArn=group.id, targetId="10.0.0.4")
    assert list(world.aws.account.notes("target", group.id)) == ["10.0.0.4:50051"]
    world.drop(target)
    assert not world.aws.account.notes("target", group.id)


def test_the_parallel_token_of_pulumi_aws_is_the_same_type() -> None:
    stage = edge()
    given = {"port": 50051, "protocol": "HTTP", "protocolVersion": "GRPC", "vpcId": stage.network.vpc.id}
    group = stage.world.make("aws:alb/targetGroup:TargetGroup", "other", **given)
    rule = stage.world.rule(stage.https, group)
    assert stage.world.diff(group, port=50052).replaces == ("port",)
    with pytest.raises(Refused, match="is currently in use by a listener or a rule"):
        stage.world.drop(group)
    stage.world.drop(rule)
    stage.world.drop(group)
    assert stage.world.aws.account.get(kinds.TARGET_GROUP, group.id) is None
