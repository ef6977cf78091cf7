"""Rules of permissions, metrics, spread, labels and alarms."""

from typing import Any

import pytest

from components.settings.verify.permissions import policy

from .conftest import Desk

METRIC = {"kind": "prometheus", "metrics": {"calls_per_second": {"series": "grpc_server_started_total"}}}


def test_policies_and_statements_make_a_policy_document(desk: Desk) -> None:
    desk.put("services.orders.permissions", ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])
    desk.put(
        "services.orders.statements.write-events",
        {"actions": ["sqs:SendMessage", "sqs:GetQueueUrl"], "resources": ["arn:aws:sqs:eu-west-1:111122223333:events"]},
    )
    assert policy(desk.load().services["orders"])["Statement"] == [
        {
            "Sid": "WriteEvents",
            "Effect": "Allow",
            "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"],
            "Resource": ["arn:aws:sqs:eu-west-1:111122223333:events"],
        }
    ]


@pytest.mark.parametrize("action", ["*", "*:*", "GetObject", "s3:", "S3:GetObject"])
def test_an_action_names_its_service(desk: Desk, action: str) -> None:
    desk.put("services.orders.statements.all", {"actions": [action], "resources": ["*"]})
    (line,) = desk.lines()
    assert line.startswith("services.orders.statements.all.actions[0]: must be an action of one service")


def test_a_permission_is_the_arn_of_a_policy(desk: Desk) -> None:
    (line,) = desk.put("services.orders.permissions", ["arn:aws:iam::111122223333:role/orders"]).lines()
    assert line.startswith("services.orders.permissions[0]: must be the ARN of an IAM policy")


def test_statements_fit_in_the_policy_of_a_role(desk: Desk) -> None:
    long = [f"arn:aws:s3:::{'x' * 60}-{number}" for number in range(130)]
    desk.put("services.orders.statements.read", {"actions": ["s3:GetObject"], "resources": long})
    (line,) = desk.lines()
    assert line.startswith("services.orders.statements: together they have ")
    assert "AWS allows 10240" in line
    assert desk.put("services.orders.statements.read.resources", long[:100]).lines() == []


def test_names_of_statements_differ_in_more_than_hyphens(desk: Desk) -> None:
    statement = {"actions": ["s3:GetObject"], "resources": ["*"]}
    desk.put("services.orders.statements", {"read-all": statement, "readall": statement})
    assert desk.lines() == [
        (
            'services.orders.statements.readall: the same name as "read-all" to IAM, where hyphens do not count; '
            "choose another"
        )
    ]


def test_a_metric_needs_an_adapter_that_declares_it(desk: Desk) -> None:
    path = "services.orders.scaling.metrics.calls_per_second"
    assert desk.put(path, "50").lines() == [
        f"{path}: nothing shows this metric to the autoscaler; declare it in cluster.metrics_adapter"
    ]
    assert desk.put("cluster.metrics_adapter", METRIC).lines() == []
    assert desk.put("services.orders.scaling.metrics", {"call_per_second": "50"}).lines() == [
        (
            'services.orders.scaling.metrics.call_per_second: cluster.metrics_adapter has no metric "call_per_second"; '
            'did you mean "calls_per_second"? (there is: calls_per_second)'
        )
    ]


def test_keda_is_not_there_yet(desk: Desk) -> None:
    (line,) = desk.put("cluster.metrics_adapter", {**METRIC, "kind": "keda"}).lines()
    assert line.startswith("cluster.metrics_adapter.kind: ")
    assert "not available yet" in line


@pytest.mark.parametrize("amount", ["0", "0m", "0.0", "50%", "1e3", "-1"])
def test_a_target_is_a_number_above_zero(desk: Desk, amount: str) -> None:
    desk.put("cluster.metrics_adapter", METRIC)
    (line,) = desk.put("services.orders.scaling.metrics.calls_per_second", amount).lines()
    assert line.startswith(
        'services.orders.scaling.metrics.calls_per_second: must be a number above 0, in text, such as "50"'
    )


@pytest.mark.parametrize("section", ["labels", "annotations"])
@pytest.mark.parametrize("key", ["app.kubernetes.io/name", "grpc-platform/identity", "a b", "-x"])
def test_the_platforms_own_keys_are_refused(desk: Desk, section: str, key: str) -> None:
    (line,) = desk.put(("services", "orders", section, key), "x").lines()
    assert line.startswith(f"services.orders.{section}")
    assert "must be a Kubernetes key" in line
    assert desk.put(("services", "orders", section), {"prometheus.io/scrape": "true"}).lines() == []


def test_topics_are_of_the_region_and_five_at_most(desk: Desk) -> None:
    arns = [f"arn:aws:sns:eu-west-1:111122223333:t{number}" for number in range(5)]
    assert desk.put("observability", {"topic_arns": arns}).lines() == []
    assert desk.put("observability.create_topic", True).lines() == [
        "observability.topic_arns: an alarm tells 5 topics at most, and create_topic makes one; leave one out"
    ]
    desk.put("observability", {"topic_arns": ["arn:aws:sns:us-east-1:111122223333:on-call"]})
    assert desk.lines() == [
        "observability.topic_arns: must be topics of eu-west-1 (aws:region); received one of us-east-1"
    ]


def test_alarms_need_a_load_balancer(desk: Desk) -> None:
    desk.drop("load_balancers.public").drop("services.orders.expose").drop("services.web.expose")
    assert desk.lines() == []
    (line,) = desk.put("observability", {}).lines()
    assert line.startswith("observability: there is no load balancer")


@pytest.mark.parametrize("prefix", ["/logs", "logs/", "logs/AWSLogs"])
def test_a_prefix_is_as_aws_wants_it(desk: Desk, prefix: str) -> None:
    (line,) = desk.put("observability.access_logs", {"bucket": "acme-logs", "prefix": prefix}).lines()
    assert line.startswith("observability.access_logs.prefix: must be a prefix without a slash at either end")
    assert desk.put("observability.access_logs.prefix", "alb/dev").lines() == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("health.startup", 9), ("health.startup", 481), ("spread.zones", "strict"), ("alarms.latency", 0)],
)
def test_options_out_of_range_are_refused(desk: Desk, path: str, value: Any) -> None:
    (line,) = desk.put(f"services.orders.{path}", value).lines()
    assert line.startswith(f"services.orders.{path}: must be ")
