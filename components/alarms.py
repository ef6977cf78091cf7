"""CloudWatch alarms on load balancers and workloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components import metrics, settings
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What all alarms of a stack share: thresholds, the topics that are told, tags."""

    thresholds: settings.Thresholds
    topics: Sequence[pulumi.Input[str]]
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def datapoints(self) -> int:
        """How many of the minutes must be beyond the threshold: three fifths, one at least."""
        return max(1, self.thresholds.minutes * 3 // 5)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What an alarm is about. name: part of its logical name. place: where it is measured, known once AWS made it."""

    name: str
    place: pulumi.Output[metrics.Place]
    depends_on: Sequence[pulumi.Resource] = ()


def _dimensions(watched: Watched) -> pulumi.Output[dict[str, str]]:
    return watched.place.apply(lambda place: place.dimensions())


def share_alarm(
    owner: Component, key: str, watched: Watched, notice: Notice, share: metrics.Share, *, percent: int, says: str
) -> aws.cloudwatch.MetricAlarm:
    """Goes off when more than `percent` of the calls are bad. No calls are no bad calls."""
    queries = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id="share", expression=share.expression(notice.thresholds.least_calls), label=says, return_data=True
        ),
        *(
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=identifier,
                return_data=False,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace=metrics.NAMESPACE,
                    metric_name=metric,
                    dimensions=_dimensions(watched),
                    period=metrics.PERIOD,
                    stat="Sum",
                ),
            )
            for identifier, metric in (("bad", share.bad), ("calls", share.calls))
        ),
    ]
    return aws.cloudwatch.MetricAlarm(
        f"{watched.name}-{key}",
        alarm_description=f"{pulumi.get_stack()}: {says}",
        metric_queries=queries,
        comparison_operator="GreaterThanThreshold",
        threshold=percent,
        evaluation_periods=notice.thresholds.minutes,
        datapoints_to_alarm=notice.datapoints,
        treat_missing_data="notBreaching",
        alarm_actions=list(notice.topics) or None,
        ok_actions=list(notice.topics) or None,
        tags=dict(notice.tags),
        opts=owner.child(depends_on=watched.depends_on),
    )


@dataclass(frozen=True, kw_only=True)
class Level:
    """A metric and the level it must not pass.

    statistic: such as `Maximum`, or a percentile such as `p99`. missing: what no data means, `breaching` or
    `notBreaching`.
    """

    metric: str
    statistic: str
    comparison: str
    threshold: float
    missing: str = "notBreaching"

    @property
    def percentile(self) -> bool:
        """Whether the statistic is a percentile, which alarms take apart from the others."""
        return self.statistic.startswith("p")


def level_alarm(
    owner: Component, key: str, watched: Watched, notice: Notice, level: Level, *, says: str
) -> aws.cloudwatch.MetricAlarm:
    """Goes off when a metric is beyond a level."""
    return aws.cloudwatch.MetricAlarm(
        f"{watched.name}-{key}",
        alarm_description=f"{pulumi.get_stack()}: {says}",
        namespace=metrics.NAMESPACE,
        metric_name=level.metric,
        dimensions=_dimensions(watched),
        period=metrics.PERIOD,
        statistic=None if level.percentile else level.statistic,
        extended_statistic=level.statistic if level.percentile else None,
        # A percentile of a handful of calls says nothing (CloudWatch user guide: "Percentile-based alarms and low
        # data samples").
        evaluate_low_sample_count_percentiles="ignore" if level.percentile else None,
        comparison_operator=level.comparison,
        threshold=level.threshold,
        evaluation_periods=notice.thresholds.minutes,
        datapoints_to_alarm=notice.datapoints,
        treat_missing_data=level.missing,
        alarm_actions=list(notice.topics) or None,
        ok_actions=list(notice.topics) or None,
        tags=dict(notice.tags),
        opts=owner.child(depends_on=watched.depends_on),
    )


def load_balancer_alarms(owner: Component, watched: Watched, notice: Notice) -> None:
    """What goes wrong before a call reaches a workload."""
    limits, name = notice.thresholds, watched.name
    share_alarm(
        owner,
        "balancer-errors",
        watched,
        notice,
        metrics.BALANCER_ERRORS,
        percent=limits.balancer_errors,
        says=f"load balancer {name} answers over {limits.balancer_errors} % of calls with 5xx itself: pods that end "
        "connections, do not answer in time, or are not there",
    )
    share_alarm(
        owner,
        "refused-calls",
        watched,
        notice,
        metrics.REFUSED_CALLS,
        percent=limits.refused_calls,
        says=f"load balancer {name} refuses over {limits.refused_calls} % of calls with 4xx: 464 is a client that "
        "speaks another protocol version than the target group; the access logs tell",
    )


def workload_alarms(owner: Component, watched: Watched, notice: Notice, config: settings.Workload) -> None:
    """What goes wrong at the pods of one workload, as far as its load balancer sees it."""
    errors = config.alarms.target_errors or notice.thresholds.target_errors
    latency = config.alarms.latency or notice.thresholds.latency
    name = watched.name
    share_alarm(
        owner,
        "target-errors",
        watched,
        notice,
        metrics.TARGET_ERRORS,
        percent=errors,
        says=f"over {errors} % of the answers of {name} have an HTTP status from 500",
    )
    for key, level, says in (
        (
            "latency",
            Level(
                metric="TargetResponseTime",
                statistic="p99",
                comparison="GreaterThanThreshold",
                threshold=latency / 1000,
            ),
            f"1 of 100 answers of {name} takes over {latency} ms to begin",
        ),
        (
            "unhealthy-pods",
            Level(metric="UnHealthyHostCount", statistic="Maximum", comparison="GreaterThanThreshold", threshold=0),
            f"pods of {name} fail the load balancer's health check",
        ),
        (
            "no-healthy-pods",
            # The metric is not reported for a target group without targets, which is what this alarm is about.
            Level(
                metric="HealthyHostCount",
                statistic="Maximum",
                comparison="LessThanThreshold",
                threshold=1,
                missing="breaching",
            ),
            f"{name} has no healthy pod",
        ),
    ):
        level_alarm(owner, key, watched, notice, level, says=says)
