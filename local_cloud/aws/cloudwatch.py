"""CloudWatch alarms and dashboards, and the SNS topics that alarms tell.

Create-only properties: terraform-provider-aws internal/service/cloudwatch and sns; limits: CloudWatch API reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from local_cloud.aws import plan
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row, latest

ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD: Final = "aws:cloudwatch/dashboard:Dashboard"
TOPIC: Final = "aws:sns/topic:Topic"

_COMPARISONS: Final = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
)
_STATISTICS: Final = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_MISSING: Final = ("breaching", "notBreaching", "ignore", "missing")
_ACTIONS: Final = ("alarmActions", "okActions", "insufficientDataActions")
_ONE: Final = ("metricName", "namespace", "period", "statistic", "extendedStatistic", "dimensions")
MOST_WIDGETS: Final = 500


def _one_form(props: Props) -> Iterable[Failure]:
    """metric_alarm.go: an alarm is of one metric, which then has one statistic, or of metric queries."""
    if plan.given(props, "metricQueries"):
        for name in _ONE:
            if plan.given(props, name):
                reason = f'Conflicting configuration arguments: "{name}": conflicts with metric_query'
                yield Failure(name, reason)
    elif plan.given(props, "metricName") and not (
        plan.given(props, "statistic") or plan.given(props, "extendedStatistic")
    ):
        yield Failure(
            "statistic", "One of `statistic` or `extended_statistic` must be set for a cloudwatch metric alarm"
        )


def _periods(props: Props) -> Iterable[Failure]:
    """CloudWatch API reference: PutMetricAlarm, Period."""
    for where in ("period", "metricQueries.metric.period"):
        for path, value in plan.at(props, where):
            if plan.is_number(value) and value not in (10, 20, 30) and (value < 60 or value % 60):
                yield Failure(path, f'"{path}" must be 10, 20, 30, or a multiple of 60, got {value}')


def _datapoints(cloud: Cloud, *given: Row | Props) -> None:
    """hashicorp/terraform#24070."""
    props = latest(given)
    if int(props.get("datapointsToAlarm") or 0) > int(props.get("evaluationPeriods") or 0):
        message = "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
        raise Refusal("ValidationError", message)


def _one_answer(cloud: Cloud, *given: Row | Props) -> None:
    """hashicorp/terraform-provider-aws#29894."""
    queries = latest(given).get("metricQueries") or []
    if queries and sum(bool(query.get("returnData")) for query in queries) != 1:
        raise Refusal("ValidationError", "Exactly one element of the metrics list should return data.")


def _expressions(cloud: Cloud, *given: Row | Props) -> None:
    """hashicorp/terraform-provider-aws#19567: an expression names a query that is not there, or an id is taken."""
    queries = latest(given).get("metricQueries") or []
    ids = [str(query["id"]) for query in queries]
    named = {
        word for query in queries for word in re.findall(r"\b[a-z][A-Za-z0-9_]*\b", str(query.get("expression") or ""))
    }
    if len(set(ids)) != len(ids) or named - set(ids):
        raise Refusal("ValidationError", "Invalid metrics list")


def _action_arns(cloud: Cloud, *given: Row | Props) -> None:
    """CloudWatch API reference: PutMetricAlarm, AlarmActions. Topics of others are not known here, only their form."""
    props = latest(given)
    for name in _ACTIONS:
        for action in props.get(name) or []:
            parts = str(action).split(":")
            if len(parts) < 6 or parts[0] != "arn":
                raise Refusal("ValidationError", f"Invalid arn syntax: {action}")
            if parts[2] == "sns" and parts[3] != cloud.region:
                message = f"Invalid region {parts[3]} specified. Only {cloud.region} is supported."
                raise Refusal("ValidationError", message)


def _widgets(props: Props) -> list[Any] | None:
    try:
        body = json.loads(str(props["dashboardBody"]))
    except ValueError:
        return None
    widgets = body.get("widgets") if isinstance(body, dict) else None
    return widgets if isinstance(widgets, list) else None


def _body(cloud: Cloud, *given: Row | Props) -> None:
    """CloudWatch API reference: PutDashboard, DashboardInvalidInputError; Dashboard body structure and syntax."""
    widgets = _widgets(latest(given))
    if widgets is None:
        faults = ["Should have required property 'widgets'"]
    else:
        faults = [fault for number, widget in enumerate(widgets) for fault in _widget_faults(number, widget)]
        if len(widgets) > MOST_WIDGETS:
            faults.append(f"Should NOT have more than {MOST_WIDGETS} items")
    if faults:
        message = f"The dashboard body is invalid, there are {len(faults)} validation errors: {json.dumps(faults)}"
        raise Refusal("InvalidParameterInput", message)


def _widget_faults(number: int, widget: Any) -> Iterable[str]:
    where = f"/widgets/{number}"
    if not isinstance(widget, dict) or widget.get("type") not in ("metric", "text", "log", "alarm", "explorer"):
        yield f"{where}/type: should be equal to one of the allowed values"
        return
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        yield f"{where}: should have required property 'properties'"
    elif widget["type"] == "metric" and "region" not in properties:
        yield f"{where}/properties: should have required property 'region'"
    if not 1 <= int(widget.get("width", 6)) <= 24 or not 0 <= int(widget.get("x", 0)) <= 23:
        yield f"{where}: should lie within 24 columns"


def _topic_taken(cloud: Cloud, props: Props) -> None:
    """SNS API reference: CreateTopic returns the topic that is there, unless its attributes differ."""
    if cloud.get(TOPIC, _topic_arn(cloud, props)) is not None:
        message = "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
        raise Refusal("InvalidParameter", message)


def _topic_arn(cloud: Cloud, props: Props) -> str:
    return f"arn:{cloud.partition}:sns:{cloud.region}:{cloud.account}:{props['name']}"


_PUT_ALARM: Final = {"create": "PutMetricAlarm", "update": "PutMetricAlarm", "delete": "DeleteAlarms"}
_PUT_DASHBOARD: Final = {"create": "PutDashboard", "update": "PutDashboard", "delete": "DeleteDashboards"}
_ALARM_REFUSALS: Final = (_datapoints, _one_answer, _expressions, _action_arns)

KINDS: Final = (
    Kind(
        token=ALARM,
        service="CloudWatch",
        thing="CloudWatch Metric Alarm",
        operations=_PUT_ALARM,
        create_only=frozenset({"name"}),
        source="terraform-provider-aws internal/service/cloudwatch/metric_alarm.go",
        computed=frozenset({"arn", "evaluateLowSampleCountPercentiles"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=lambda cloud, name, props: {
            "arn": f"arn:{cloud.partition}:cloudwatch:{cloud.region}:{cloud.account}:alarm:{name}",
            "evaluateLowSampleCountPercentiles": props.get("evaluateLowSampleCountPercentiles", ""),
        },
        name=NameRule(),
        defaults={"actionsEnabled": True, "treatMissingData": "missing"},
        checks=(
            _one_form,
            _periods,
            plan.conflict("statistic", "extendedStatistic"),
            plan.one_of("comparisonOperator", *_COMPARISONS),
            plan.one_of("statistic", *_STATISTICS),
            plan.one_of("treatMissingData", *_MISSING),
            plan.one_of("evaluateLowSampleCountPercentiles", "evaluate", "ignore"),
            plan.between("evaluationPeriods", 1, 2**31),
            plan.between("datapointsToAlarm", 1, 2**31),
            plan.length("alarmDescription", 0, 1024),
            *(plan.items(name, 0, 5) for name in _ACTIONS),
        ),
        refuse_create=_ALARM_REFUSALS,
        refuse_update=_ALARM_REFUSALS,
    ),
    Kind(
        token=DASHBOARD,
        service="CloudWatch",
        thing="CloudWatch Dashboard",
        operations=_PUT_DASHBOARD,
        create_only=frozenset({"dashboardName"}),
        source="terraform-provider-aws internal/service/cloudwatch/dashboard.go",
        computed=frozenset({"dashboardArn"}),
        identify=lambda cloud, props: str(props["dashboardName"]),
        outputs=lambda cloud, name, props: {
            "dashboardArn": f"arn:{cloud.partition}:cloudwatch::{cloud.account}:dashboard/{name}"
        },
        checks=(
            plan.matches(
                "dashboardName", r"[0-9A-Za-z\-_]{1,255}", "invalid value for {path}: letters, digits, - and _ only"
            ),
        ),
        refuse_create=(_body,),
        refuse_update=(_body,),
    ),
    Kind(
        token=TOPIC,
        service="SNS",
        thing="SNS Topic",
        operations={"create": "CreateTopic", "update": "SetTopicAttributes", "delete": "DeleteTopic"},
        create_only=frozenset({"name", "namePrefix", "fifoTopic"}),
        source="terraform-provider-aws internal/service/sns/topic.go",
        computed=frozenset({"arn", "owner", "policy", "signatureVersion", "tracingConfig", "beginningArchiveTime"}),
        identify=_topic_arn,
        outputs=lambda cloud, arn, props: {
            "arn": arn,
            "owner": cloud.account,
            "policy": props.get("policy", ""),
            "signatureVersion": props.get("signatureVersion", 0),
            "tracingConfig": props.get("tracingConfig", ""),
            "beginningArchiveTime": "",
        },
        name=NameRule(
            maximum=80,
            pattern=r"[0-9A-Za-z_-]{1,256}|[0-9A-Za-z_-]{1,251}\.fifo",
            said=(
                "invalid value for name ({}): topic names must be made up of only uppercase and lowercase ASCII "
                "letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long"
            ),
        ),
        defaults={"fifoTopic": False},
        refuse_create=(_topic_taken,),
    ),
)
