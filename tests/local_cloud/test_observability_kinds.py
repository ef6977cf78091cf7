"""What CloudWatch, SNS, Cloud Map and Glue refuse, in their words, and what they take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.aws.athena import DATABASE, QUERY, TABLE
from local_cloud.aws.cloudwatch import ALARM, DASHBOARD, TOPIC
from local_cloud.aws.service_discovery import INSTANCES, NAMESPACE, SERVICE
from local_cloud.plugin import Refused
from tests.local_cloud.edge_world import VPC, Invalid, Made, World

CLASSIC: dict[str, Any] = {
    "namespace": "AWS/ApplicationELB", "metricName": "RequestCount", "period": 60, "statistic": "Sum",
    "comparisonOperator": "GreaterThanThreshold", "threshold": 1, "evaluationPeriods": 5, "datapointsToAlarm": 3,
}  # fmt: skip
MATH: dict[str, Any] = {"comparisonOperator": "GreaterThanThreshold", "threshold": 1, "evaluationPeriods": 1}


def queries(expression: str = "m1 * 2", *answers: bool) -> list[dict[str, Any]]:
    first, second = answers or (True, False)
    metric = {"namespace": "AWS/ApplicationELB", "metricName": "RequestCount", "period": 60, "stat": "Sum"}
    return [
        {"id": "e1", "expression": expression, "returnData": first},
        {"id": "m1", "metric": metric, "returnData": second},
    ]


def body(*widgets: Any) -> str:
    return json.dumps({"widgets": list(widgets)})


def namespace(world: World, name: str = "namespace") -> Made:
    vpc = world.make(VPC, f"{name}-vpc", cidrBlock="10.0.0.0/16")
    return world.make(NAMESPACE, name, name="grpc.internal", vpc=vpc.id)


def service(world: World, made: Made, logical: str = "service", **props: Any) -> Made:
    dns = {"namespaceId": made.id, "dnsRecords": [{"type": "A", "ttl": 15}]}
    return world.make(SERVICE, logical, **{"name": "orders", "dnsConfig": dns, **props})


def twice(world: World) -> None:
    made = namespace(world)
    world.make(NAMESPACE, "again", name="grpc.internal", vpc=made["vpc"])


def same_name(world: World) -> None:
    made = namespace(world)
    service(world, made)
    service(world, made, "other", name="Orders")


REFUSALS: dict[str, tuple[Callable[[World], object], str]] = {
    "more datapoints than periods": (
        lambda w: w.make(ALARM, "a", **CLASSIC | {"datapointsToAlarm": 6}),
        "PutMetricAlarm, .*ValidationError: DatapointsToAlarm must be less than or equal to EvaluationPeriods",
    ),
    "two answers": (
        lambda w: w.make(ALARM, "a", **MATH, metricQueries=queries("m1", True, True)),
        "ValidationError: Exactly one element of the metrics list should return data.",
    ),
    "expression of a metric that is not there": (
        lambda w: w.make(ALARM, "a", **MATH, metricQueries=queries("m2 * 2")),
        "ValidationError: Invalid metrics list",
    ),
    "topic of another region": (
        lambda w: w.make(ALARM, "a", **CLASSIC, alarmActions=["arn:aws:sns:us-east-1:123456789012:x"]),
        "ValidationError: Invalid region us-east-1 specified. Only eu-west-1 is supported.",
    ),
    "dashboard without widgets": (
        lambda w: w.make(DASHBOARD, "d", dashboardName="d", dashboardBody="{}"),
        "PutDashboard, .*InvalidParameterInput: The dashboard body is invalid, there are 1 validation errors",
    ),
    "widget without a region": (
        lambda w: w.make(DASHBOARD, "d", dashboardName="d", dashboardBody=body({"type": "metric", "properties": {}})),
        "should have required property 'region'",
    ),
    "dashboard that is too full": (
        lambda w: w.make(
            DASHBOARD, "d", dashboardName="d", dashboardBody=body(*[{"type": "text", "properties": {}}] * 501)
        ),
        "Should NOT have more than 500 items",
    ),
    "topic of a taken name": (
        lambda w: [w.make(TOPIC, name, name="alarms") for name in "ab"],
        "InvalidParameter: .*Topic already exists",
    ),
    "namespace of a taken name": (twice, "CONFLICTING_DOMAIN_EXISTS: The VPC vpc-.* has already been associated"),
    "namespace in no VPC": (
        lambda w: w.make(NAMESPACE, "n", name="grpc.internal", vpc="vpc-none"),
        "InvalidInput: The VPC vpc-none in region eu-west-1",
    ),
    "service in no namespace": (
        lambda w: w.make(SERVICE, "s", name="orders", namespaceId="ns-none"),
        "NamespaceNotFound: ns-none",
    ),
    "service of a taken name": (same_name, "ServiceAlreadyExists"),
    "database of a taken name": (
        lambda w: [w.make(DATABASE, name, name="logs") for name in "ab"],
        "AlreadyExistsException: Database already exists.",
    ),
    "table in no database": (
        lambda w: w.make(TABLE, "t", name="logs", databaseName="none"),
        "EntityNotFoundException: Database none not found.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses(case: str) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert re.search(said, str(caught.value))


@pytest.mark.parametrize(
    ("token", "props", "reason"),
    [
        (ALARM, CLASSIC | {"period": 90}, "must be 10, 20, 30, or a multiple of 60, got 90"),
        (ALARM, CLASSIC | {"extendedStatistic": "p99"}, "conflicts with extendedStatistic"),
        (ALARM, CLASSIC | {"metricQueries": queries()}, "conflicts with metric_query"),
        (ALARM, CLASSIC | {"statistic": None}, "One of `statistic` or `extended_statistic` must be set"),
        (ALARM, CLASSIC | {"treatMissingData": "fine"}, "expected treatMissingData to be one of"),
        (ALARM, CLASSIC | {"okActions": ["arn:aws:sns:eu-west-1:123456789012:x"] * 6}, r"no more than 5 item\(s\)"),
        (DASHBOARD, {"dashboardName": "a b", "dashboardBody": body()}, "letters, digits"),
        (TOPIC, {"name": "a b"}, "topic names must be made up of only"),
        (DATABASE, {"name": "Logs"}, "uppercase characters cannot be used"),
    ],
)
def test_the_provider_objects_before_anything_is_created(token: str, props: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        World().checked(token, "new", {key: value for key, value in props.items() if value is not None})


def test_what_is_sound_is_taken_and_changed_in_place() -> None:
    world = World()
    alarm = world.make(ALARM, "alarm", **CLASSIC)
    assert alarm["arn"].endswith(f":alarm:{alarm.id}")
    assert alarm.id.startswith("alarm-")
    assert world.change(alarm, threshold=2)["threshold"] == 2
    assert world.make(ALARM, "math", **MATH, metricQueries=queries())["treatMissingData"] == "missing"
    topic = world.make(TOPIC, "topic")
    assert topic.id == topic["arn"]
    dashboard = world.make(DASHBOARD, "d", dashboardName="d", dashboardBody=body())
    assert world.diff(dashboard, dashboardName="e").replaces == ("dashboardName",)


def test_a_saved_query_is_never_changed_only_replaced() -> None:
    world = World()
    world.make(DATABASE, "logs", name="logs")
    query = world.make(QUERY, "query", name="464", database="logs", query="SELECT 1")
    assert query["workgroup"] == "primary"
    assert world.diff(query, query="SELECT 2").replaces == ("query",)


def test_a_namespace_goes_after_its_services_and_they_after_their_instances() -> None:
    world = World()
    made = namespace(world)
    held = service(world, made)
    world.aws.account.note(INSTANCES, held.id, "10.0.0.1", {})
    with pytest.raises(Refused, match="ResourceInUse: Namespace has associated services; delete the services before"):
        world.drop(made)
    with pytest.raises(Refused, match="ResourceInUse: Service contains registered instances; delete the instances"):
        world.drop(held)
    world.drop(world.change(held, forceDestroy=True))
    world.drop(made)
    assert world.row(made) is None


def test_tables_go_with_their_database() -> None:
    world = World()
    database = world.make(DATABASE, "logs", name="logs")
    table = world.make(TABLE, "table", name="access_logs", databaseName="logs")
    world.drop(database)
    assert world.row(table) is None
