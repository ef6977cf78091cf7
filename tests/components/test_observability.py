"""Alarms, dashboards and saved queries, from settings to inputs."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from components import access_log_queries, settings
from components.metrics import BALANCER_ERRORS, TARGET_ERRORS
from components.platform import Platform as Component
from tests.conftest import REGION

Platform = Callable[..., Any]
Raw = dict[str, Any]

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
TOPIC = "aws:sns/topic:Topic"
QUERY = "aws:athena/namedQuery:NamedQuery"
TABLE = "aws:glue/catalogTable:CatalogTable"
BALANCER = "app/public-load-balancer/50dc6c495c0c9188"
GROUP = "targetgroup/orders-target-group/73e2d6bc24d8a067"


def test_without_the_section_there_is_nothing(platform: Platform, minimal: Raw) -> None:
    seen = platform(minimal)
    assert not [each for each in seen.all if each.type in {ALARM, DASHBOARD, TOPIC, QUERY, TABLE}]


def test_an_empty_section_watches_load_balancers_and_workloads(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    seen = platform(minimal)
    assert seen.names(ALARM) == [
        "load-balancer-public-balancer-errors",
        "load-balancer-public-refused-calls",
        "orders-latency",
        "orders-no-healthy-pods",
        "orders-target-errors",
        "orders-unhealthy-pods",
    ]
    assert all("name" not in each.inputs for each in seen.of(ALARM))
    assert not seen.of(TOPIC)
    assert not seen.of(QUERY)


def test_missing_data_means_no_calls_or_no_pods(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    missing = {each.name: each.inputs["treatMissingData"] for each in platform(minimal).of(ALARM)}
    assert missing.pop("orders-no-healthy-pods") == "breaching"
    assert set(missing.values()) == {"notBreaching"}


def test_an_alarm_of_a_workload_is_measured_at_its_target_group(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {"thresholds": {"minutes": 10, "latency": 250}}
    seen = platform(minimal)
    alarm = seen.one(ALARM, "orders-latency").inputs
    assert alarm["dimensions"] == {"LoadBalancer": BALANCER, "TargetGroup": GROUP}
    assert (alarm["metricName"], alarm["extendedStatistic"]) == ("TargetResponseTime", "p99")
    assert "statistic" not in alarm
    assert alarm["threshold"] == 0.25
    assert (alarm["evaluationPeriods"], alarm["datapointsToAlarm"]) == (10, 6)
    healthy = seen.one(ALARM, "orders-no-healthy-pods").inputs
    assert (healthy["comparisonOperator"], healthy["threshold"]) == ("LessThanThreshold", 1)


def test_a_share_has_one_answer_and_sums_beneath_it(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {"thresholds": {"refused_calls": 7, "least_calls": 50}}
    alarm = platform(minimal).one(ALARM, "load-balancer-public-refused-calls").inputs
    queries = {each["id"]: each for each in alarm["metricQueries"]}
    assert [each["id"] for each in alarm["metricQueries"] if each.get("returnData")] == ["share"]
    assert queries["bad"]["metric"]["metricName"] == "HTTPCode_ELB_4XX_Count"
    assert queries["bad"]["metric"]["dimensions"] == {"LoadBalancer": BALANCER}
    assert ">= 50" in queries["share"]["expression"]
    assert alarm["threshold"] == 7


@pytest.mark.parametrize(("share", "bad", "calls", "expected"), [
    (TARGET_ERRORS, 5, 100, 5.0),
    (BALANCER_ERRORS, 100, 0, 100.0),
    (BALANCER_ERRORS, 25, 75, 25.0),
    (BALANCER_ERRORS, 9, 0, 0),
    (TARGET_ERRORS, 9, 9, 0),
])  # fmt: skip
def test_the_expression_is_the_share_of_bad_calls(share: Any, bad: int, calls: int, expected: float) -> None:
    """The metric math, read as Python: calls that a load balancer answers itself are not among those it counts."""
    text = re.sub(r"FILL\((\w+),0\)", r"\1", share.expression(10))
    condition, value, otherwise = re.fullmatch(r"IF\((.*), (.*), (.*)\)", text).groups()  # type: ignore[union-attr]
    known = {"bad": bad, "calls": calls}
    assert eval(value if eval(condition, known) else otherwise, known) == expected  # noqa: S307 - our own text


def test_a_workload_has_thresholds_of_its_own(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    minimal["services"]["orders"]["alarms"] = {"latency": 4000, "target_errors": 9}
    seen = platform(minimal)
    assert seen.one(ALARM, "orders-latency").inputs["threshold"] == 4.0
    assert seen.one(ALARM, "orders-target-errors").inputs["threshold"] == 9


def test_every_alarm_tells_every_topic_both_ways(platform: Platform, minimal: Raw) -> None:
    arn = "arn:aws:sns:eu-west-1:111122223333:on-call"
    minimal["observability"] = {"topic_arns": [arn], "create_topic": True}
    seen = platform(minimal)
    told = [arn, "arn:aws:aws:sns/topic:Topic:observability-topic"]
    assert all(each.inputs["alarmActions"] == each.inputs["okActions"] == told for each in seen.of(ALARM))
    assert "kmsMasterKeyId" not in seen.one(TOPIC).inputs


def test_a_first_roll_out_rings_nothing(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    seen = platform(minimal)
    deployment = seen.one("kubernetes:apps/v1:Deployment").urn
    assert all(deployment in each.depends_on for each in seen.of(ALARM) if each.name.startswith("orders-"))


def test_a_workload_without_image_or_load_balancer_has_no_alarm(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    del minimal["services"]["orders"]["image"]
    minimal["services"]["inner"] = {"protocol": "http", "port": 80, "image": {"uri": "ghcr.io/acme/inner", "tag": "1"}}
    seen = platform(minimal)
    assert all(each.name.startswith("load-balancer-") for each in seen.of(ALARM))
    assert "orders: calls" in seen.one(DASHBOARD).inputs["dashboardBody"]


def test_a_load_balancer_has_a_dashboard_of_its_workloads(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {}
    minimal["load_balancers"]["second"] = {"scheme": "internal"}
    minimal["services"]["orders"]["expose"]["alb"]["load_balancer"] = "public"
    seen = platform(minimal)
    names = {each.inputs["dashboardName"] for each in seen.of(DASHBOARD)}
    assert names == {"grpc-platform-test-public", "grpc-platform-test-second"}
    body = json.loads(seen.one(DASHBOARD, "observability-dashboard-public").inputs["dashboardBody"])
    graphs = [each for each in body["widgets"] if each["type"] == "metric"]
    assert len(graphs) == 8
    assert {each["properties"]["region"] for each in graphs} == {REGION}
    pods = next(each for each in graphs if each["properties"]["title"] == "orders: pods")
    metric = pods["properties"]["metrics"][0]
    assert metric[:6] == ["AWS/ApplicationELB", "HealthyHostCount", "LoadBalancer", BALANCER, "TargetGroup", GROUP]
    assert all(each["x"] + each["width"] <= 24 for each in body["widgets"])
    minimal["observability"] = {"dashboards": False}
    assert not platform(minimal).of(DASHBOARD)


def test_a_full_load_balancer_fits_one_dashboard() -> None:
    from components.dashboard import body
    from components.metrics import Place

    places = {f"w{number:03}": Place("app/x/1", f"targetgroup/{'x' * 32}/{number:016}") for number in range(100)}
    text = body(REGION, "full", Place("app/x/1"), places)
    widgets = json.loads(text)["widgets"]
    assert len(widgets) <= 500
    assert sum(len(each["properties"].get("metrics", [])) for each in widgets) <= 2500


def test_outputs_name_topic_and_dashboards(register: Callable[..., Any], minimal: Raw) -> None:
    found: dict[str, Any] = {}
    minimal["observability"] = {"create_topic": True}
    loaded = settings.load(minimal, region=REGION)
    register(lambda: found.update(Component("platform", loaded, region=REGION).outputs))
    assert found["observability"]["dashboards"] == {"public": "grpc-platform-test-public"}
    assert found["observability"]["topic_arn"] is not None


LINE = (
    "h2 2026-07-02T22:23:00.186641Z app/public/50dc6c495c0c9188 10.0.1.252:48160 - -1 -1 -1 464 - 0 0 "
    '"GET https://orders.dev.example.com:443/acme.orders.v1.Orders/Get HTTP/1.1" "curl/8.1 (x; \\x22y\\x22)" '
    "ECDHE-RSA-AES128-GCM-SHA256 TLSv1.3 "
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders/73e2d6bc24d8a067 "
    '"Root=1-58337262-36d228ad5d99923122bbe354" "orders.dev.example.com" "session-reused" '
    '1 2026-07-02T22:22:48.364000Z "forward" "-" "-" "-" "-" "-" "-"'
)


@pytest.mark.parametrize("end", ["", " TID_dc57cebed65b444ebc8177bb698fe166", ' TID_1 "-" "-" "-"'])
def test_the_table_reads_a_line_of_an_access_log(end: str) -> None:
    match = re.fullmatch(access_log_queries.LINE, LINE + end)
    assert match is not None
    found = dict(zip(access_log_queries.COLUMNS, match.groups(), strict=True))
    assert found["elb_status_code"] == "464"
    assert found["request"].startswith("GET https://orders")
    assert found["domain_name"] == "orders.dev.example.com"
    assert found["target_group_arn"].endswith("73e2d6bc24d8a067")
    assert found["actions_executed"] == "forward"


def test_saved_queries_read_columns_that_the_table_has(platform: Platform, minimal: Raw) -> None:
    minimal["observability"] = {"access_logs": {"bucket": "acme-logs", "prefix": "alb/dev"}}
    seen = platform(minimal)
    table = seen.one(TABLE).inputs
    named = {each["name"] for each in table["storageDescriptor"]["columns"]} | {"day"}
    words = {"as", "and", "or", "in", "by", "desc", "interval", "day"}
    assert sorted(each.inputs["name"] for each in seen.of(QUERY)) == ["test: 464", "test: closed", "test: errors"]
    for query in seen.of(QUERY):
        text = re.sub(r"'[^']*'", "", query.inputs["query"])
        used = set(re.findall(r"\b[a-z][a-z_]*\b(?!\s*\()", text)) - words - set(re.findall(r"AS (\w+)", text))
        assert used - {"access_logs", "current_date"} <= named
        assert "day >=" in text
    folder = "s3://acme-logs/alb/dev/AWSLogs/"
    assert table["storageDescriptor"]["location"].startswith(folder)
    assert table["storageDescriptor"]["location"].endswith(f"/elasticloadbalancing/{REGION}/")
    assert table["parameters"]["storage.location.template"].endswith("/${day}")


def test_the_folder_of_logs_without_a_prefix() -> None:
    logs = settings.AccessLogs(bucket="acme-logs")
    found = access_log_queries.location(logs, "123456789012", REGION)
    assert found == "s3://acme-logs/AWSLogs/123456789012/elasticloadbalancing/eu-west-1/"
