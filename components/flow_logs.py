"""Flow logs of the VPC: who connected to whom, accepted or refused."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components import iam, settings
from components.base import Component


def flow_log(
    owner: Component,
    config: settings.FlowLogs,
    bucket: str | None,
    *,
    region: str,
    vpc_id: pulumi.Input[str],
    tags: Mapping[str, str],
) -> aws.ec2.FlowLog:
    """The flow log, to a log group of its own or to `bucket`.

    A flow log never changes: another one is made beside it, and two with one configuration and destination do not fit
    ("FlowLogAlreadyExists"), hence the old one goes first.
    """
    destination = _bucket(bucket, region)
    role: aws.iam.Role | None = None
    before: list[pulumi.Resource] = []
    if config.destination == "cloudwatch":
        group = aws.cloudwatch.LogGroup(
            f"{owner.name}-flow-logs",
            name=f"/aws/vpc/{pulumi.get_project()}-{pulumi.get_stack()}/flow-logs",
            retention_in_days=config.retention,
            tags=dict(tags),
            opts=owner.child(),
        )
        role, before = _role(owner, group, tags)
        destination = group.arn
    return aws.ec2.FlowLog(
        f"{owner.name}-flow-log",
        vpc_id=vpc_id,
        traffic_type=config.traffic.upper(),
        log_destination_type="s3" if config.destination == "bucket" else "cloud-watch-logs",
        log_destination=destination,
        iam_role_arn=role.arn if role else None,
        max_aggregation_interval=config.interval,
        tags={**tags, "Name": f"{pulumi.get_stack()}-{owner.name}-flow-log"},
        opts=owner.child(depends_on=before, delete_before_replace=True),
    )


def _bucket(bucket: str | None, region: str) -> pulumi.Input[str] | None:
    return f"arn:{iam.partition(region)}:s3:::{bucket}" if bucket else None


def _role(
    owner: Component, group: aws.cloudwatch.LogGroup, tags: Mapping[str, str]
) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
    """VPC User Guide, "IAM role for publishing flow logs to CloudWatch Logs", on this group alone."""
    role = aws.iam.Role(
        f"{owner.name}-flow-logs-role",
        assume_role_policy=iam.trust("vpc-flow-logs.amazonaws.com"),
        tags=dict(tags),
        opts=owner.child(),
    )
    policy = aws.iam.RolePolicy(
        f"{owner.name}-flow-logs-policy",
        role=role.name,
        policy=group.arn.apply(_policy),
        opts=owner.child(),
    )
    return role, [policy]


def _policy(arn: str) -> str:
    actions = ["CreateLogStream", "PutLogEvents", "DescribeLogStreams"]
    statement = {"Effect": "Allow", "Action": [f"logs:{each}" for each in actions], "Resource": [arn, f"{arn}:*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
