"""Alarms and dashboards."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import EACH_ONCE, Says, Section, Text
from .forms import Arn, Flag, Whole

_METRICS = "ALB User Guide, CloudWatch metrics"
TopicArn = Annotated[
    str,
    Text(
        rf"{Arn}:sns:[a-z0-9-]+:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}",
        "the ARN of an SNS topic such as arn:aws:sns:eu-west-1:111122223333:on-call (not a FIFO topic)",
    ),
]
Percent = Annotated[int, Field(ge=1, le=100, strict=True)]


class Thresholds(Section):
    """Beyond what an alarm goes off."""

    latency: Annotated[
        Whole,
        Field(ge=1, le=600000),
        Says(
            "Milliseconds in which 99 of 100 answers of a workload begin. Of a stream it is the time to the first "
            "response header.",
            source=f"{_METRICS}, TargetResponseTime",
        ),
    ] = 1000
    target_errors: Annotated[
        Percent,
        Says(
            "Per cent of a workload's answers with an HTTP status from 500. A gRPC server's own errors are not among "
            "them: they have HTTP status 200.",
            source=f"{_METRICS}, HTTPCode_Target_5XX_Count",
        ),
    ] = 1
    balancer_errors: Annotated[
        Percent,
        Says(
            "Per cent of calls that a load balancer answers with 500 to 599 itself.",
            source=f"{_METRICS}, HTTPCode_ELB_5XX_Count",
        ),
    ] = 1
    refused_calls: Annotated[
        Percent,
        Says(
            "Per cent of calls that a load balancer refuses with 400 to 499 itself, 464 among them.",
            source=f"{_METRICS}, HTTPCode_ELB_4XX_Count",
        ),
    ] = 5
    least_calls: Annotated[
        Whole, Field(ge=1, le=1000000), Says("Calls in a minute below which percentages count as 0.")
    ] = 20
    minutes: Annotated[
        Whole,
        Field(ge=1, le=60),
        Says("Minutes an alarm looks at; it goes off when three fifths of them are beyond the threshold."),
    ] = 5


class AccessLogs(Section):
    """Where the load balancers write their access logs."""

    bucket: Annotated[
        Annotated[
            str, Text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket of 3 to 63 characters", maximum=63)
        ],
        Says("Bucket of the logs.", source="Amazon S3 User Guide, Bucket naming rules"),
    ]
    prefix: Annotated[
        Annotated[
            str,
            Text(
                r"(?!/)(?!.*AWSLogs)[A-Za-z0-9!_.*'()/-]*(?<!/)",
                "a prefix without a slash at either end and without AWSLogs",
                maximum=200,
            ),
        ],
        Says("Prefix of the logs in the bucket.", source="ALB User Guide, Access logs, Access log files"),
    ] = ""


class Observability(Section):
    """Alarms for load balancers and workloads, a dashboard for each load balancer, and saved queries."""

    thresholds: Annotated[Thresholds, Says("Beyond what an alarm goes off.")] = Field(default_factory=Thresholds)
    topic_arns: Annotated[
        tuple[TopicArn, ...],
        Field(max_length=5),
        EACH_ONCE,
        Says(
            "SNS topics that are told when an alarm goes off and when it is over.",
            source="CloudWatch API Reference, PutMetricAlarm",
        ),
    ] = ()
    create_topic: Annotated[
        Flag, Says("Whether the stack makes a topic of its own as well; people subscribe to it by themselves.")
    ] = False
    dashboards: Annotated[Flag, Says("Whether each load balancer gets a dashboard.")] = True
    access_logs: Annotated[
        AccessLogs | None,
        Says(
            "Access logs in S3 that exist already: Athena gets a table of them and saved queries, among them who got a "
            "464.",
            default="no table and no queries",
        ),
    ] = None


class WorkloadThresholds(Section):
    """Thresholds of one workload instead of those of `observability.thresholds`."""

    latency: Annotated[
        Annotated[int, Field(ge=1, le=600000, strict=True)] | None,
        Says("Milliseconds in which 99 of 100 answers begin.", default="`observability.thresholds.latency`"),
    ] = None
    target_errors: Annotated[
        Percent | None,
        Says("Per cent of answers with an HTTP status from 500.", default="`observability.thresholds.target_errors`"),
    ] = None
