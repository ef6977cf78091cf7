"""Permissions, metrics of one's own, spread, labels, start-up: what they make of a workload."""

import json
from collections.abc import Callable
from typing import Any

from components.identity import attachment_key
from components.metrics_adapter import rule
from components.settings import Metric

Platform = Callable[..., Any]
Raw = dict[str, Any]

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
RELEASE = "kubernetes:helm.sh/v3:Release"
SCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def template(seen: Any) -> Raw:
    found: Raw = seen.one(DEPLOYMENT).inputs["spec"]["template"]
    return found


def test_pods_get_their_role_before_they_start(platform: Platform, minimal: Raw) -> None:
    statement = {"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:111122223333:events"]}
    minimal["services"]["orders"] |= {"permissions": [READ], "statements": {"send": statement}}
    seen = platform(minimal)
    association = seen.one(ASSOCIATION, "orders-identity")
    attachment = seen.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "orders-role-aws/AmazonS3ReadOnlyAccess")
    own = seen.one("aws:iam/rolePolicy:RolePolicy", "orders-role-policy")
    assert attachment.inputs["policyArn"] == READ
    assert json.loads(own.inputs["policy"])["Statement"][0]["Action"] == ["sqs:SendMessage"]
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("orders", "orders")
    trust = json.loads(seen.one("aws:iam/role:Role", "orders-role").inputs["assumeRolePolicy"])
    assert trust["Statement"][0]["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert {attachment.urn, own.urn} <= set(association.depends_on)
    assert {association.urn, attachment.urn, own.urn} <= set(seen.one(DEPLOYMENT).depends_on)


def test_a_role_that_comes_or_goes_makes_new_pods(platform: Platform, minimal: Raw) -> None:
    before = template(platform(minimal))
    minimal["services"]["orders"]["permissions"] = [READ]
    after = template(platform(minimal))
    assert "annotations" not in before["metadata"]
    assert after["metadata"]["annotations"] == {"grpc-platform/identity": "pod-identity"}


def test_without_permissions_there_is_no_role(platform: Platform, minimal: Raw) -> None:
    assert "orders-identity" not in platform(minimal).names(ASSOCIATION)


def test_policies_of_one_name_are_told_apart() -> None:
    arns = (READ, "arn:aws:iam::111122223333:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::111122223333:policy/team/x")
    assert [attachment_key(arn) for arn in arns] == [
        "aws/AmazonS3ReadOnlyAccess",
        "111122223333/AmazonS3ReadOnlyAccess",
        "111122223333/team/x",
    ]


def test_a_declared_metric_scales_a_workload_once_the_adapter_is_there(platform: Platform, minimal: Raw) -> None:
    minimal["cluster"]["metrics_adapter"] = {
        "kind": "prometheus",
        "url": "http://prometheus.monitoring.svc",
        "port": 9090,
        "metrics": {"calls_per_second": {"series": "grpc_server_started_total"}},
    }
    minimal["services"]["orders"]["scaling"] = {"metrics": {"calls_per_second": "50"}}
    seen = platform(minimal)
    release = seen.one(RELEASE, "metrics-adapter-release")
    assert release.inputs["values"]["prometheus"] == {"url": "http://prometheus.monitoring.svc", "port": 9090}
    assert release.urn in seen.one(SCALER).depends_on
    cpu, calls = seen.one(SCALER).inputs["spec"]["metrics"]
    assert cpu["resource"]["name"] == "cpu"
    assert calls["type"] == "Pods"
    assert calls["pods"]["metric"] == {"name": "calls_per_second"}
    assert calls["pods"]["target"] == {"type": "AverageValue", "averageValue": "50"}


def test_no_adapter_unless_it_is_declared(platform: Platform, minimal: Raw) -> None:
    assert platform(minimal).names(RELEASE) == ["load-balancer-controller-release"]


def test_rules_of_the_adapter_read_rates_and_values() -> None:
    rate = rule("calls", Metric(series="grpc_server_started_total", window=60))
    assert rate["seriesQuery"] == 'grpc_server_started_total{namespace!="",pod!=""}'
    assert rate["metricsQuery"] == "sum(rate(<<.Series>>{<<.LabelMatchers>>}[60s])) by (<<.GroupBy>>)"
    value = rule("open", Metric(series="open_streams", kind="value"))
    assert value["metricsQuery"] == "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"


def test_pods_may_be_made_to_spread(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"]["spread"] = {"zones": "required"}
    zone, node = template(platform(minimal))["spec"]["topologySpreadConstraints"]
    assert (zone["whenUnsatisfiable"], zone["matchLabelKeys"]) == ("DoNotSchedule", ["pod-template-hash"])
    assert (node["whenUnsatisfiable"], node.get("matchLabelKeys")) == ("ScheduleAnyway", None)


def test_labels_and_annotations_reach_the_pods_and_no_selector(platform: Platform, minimal: Raw) -> None:
    minimal["services"]["orders"] |= {"labels": {"team": "shop"}, "annotations": {"prometheus.io/scrape": "true"}}
    seen = platform(minimal)
    metadata = template(seen)["metadata"]
    assert metadata["labels"] == {"app.kubernetes.io/name": "orders", "team": "shop"}
    assert metadata["annotations"] == {"prometheus.io/scrape": "true"}
    assert seen.one(DEPLOYMENT).inputs["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "orders"}


def test_a_slow_start_is_waited_for(platform: Platform, minimal: Raw) -> None:
    for seconds in (None, 301):
        if seconds:
            minimal["services"]["orders"]["health"] = {"startup": seconds}
        probe = template(platform(minimal))["spec"]["containers"][0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] == (302 if seconds else 120)
