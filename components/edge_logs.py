"""Logs of a load balancer in S3, and the bucket for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import settings
from components.base import Component

# ALB user guide: "Enable access logs": the service that writes them, and the only encryption it can write under is
# SSE-S3, which every bucket has by default (S3 user guide: "Setting default server-side encryption").
WRITER = "logdelivery.elasticloadbalancing.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class LogTarget:
    """Where logs go. ready: what must exist before AWS accepts the bucket."""

    bucket: pulumi.Input[str]
    ready: Sequence[pulumi.Resource] = ()


def log_target(
    owner: Component,
    logs: settings.Logs | None,
    existing: str | None,
    account_id: pulumi.Input[str],
    *,
    protect: bool,
    tags: Mapping[str, str],
) -> LogTarget | None:
    """The bucket for the logs, made unless one is there already; None without logs.

    account_id: AWS account of the load balancer, from an output, so that nothing is looked up.
    """
    if logs is None:
        return None
    if existing is not None:
        return LogTarget(bucket=existing)
    bucket = aws.s3.Bucket(
        f"{owner.name}-logs",
        # S3 deletes no bucket with objects in it; logs of an unprotected environment go with it.
        force_destroy=not protect,
        tags=dict(tags),
        opts=owner.child(protect=protect or None),
    )
    closed = aws.s3.BucketPublicAccessBlock(
        f"{owner.name}-logs-public-access-block",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=owner.child(),
    )
    _lifecycle(owner, logs, bucket)
    policy = aws.s3.BucketPolicy(
        f"{owner.name}-logs-policy",
        bucket=bucket.id,
        policy=pulumi.Output.json_dumps(_policy(bucket.arn, account_id)),
        # One after the other: S3 refuses two changes of a bucket's access at once ("OperationAborted").
        opts=owner.child(depends_on=[closed]),
    )
    return LogTarget(bucket=bucket.id, ready=[policy])


def _lifecycle(owner: Component, logs: settings.Logs, bucket: aws.s3.Bucket) -> None:
    aws.s3.BucketLifecycleConfiguration(
        f"{owner.name}-logs-lifecycle",
        bucket=bucket.id,
        rules=[
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="expire",
                status="Enabled",
                filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=logs.retention),
                abort_incomplete_multipart_upload=(
                    aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(days_after_initiation=7)
                ),
            )
        ],
        opts=owner.child(),
    )


def _policy(bucket_arn: pulumi.Input[str], account_id: pulumi.Input[str]) -> dict[str, Any]:
    """Elastic Load Balancing may write under each prefix; nobody may come without TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LogDelivery",
                "Effect": "Allow",
                "Principal": {"Service": WRITER},
                "Action": "s3:PutObject",
                "Resource": pulumi.Output.format("{0}/*/AWSLogs/{1}/*", bucket_arn, account_id),
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket_arn, pulumi.Output.format("{0}/*", bucket_arn)],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def log_inputs(name: str, logs: settings.Logs | None, target: LogTarget | None) -> dict[str, Any]:
    """The inputs of the load balancer. Said even when off: the provider ignores that a block is gone.

    Each kind has a prefix of its own, below the load balancer's, so that one bucket serves several.
    """
    bucket = target.bucket if target else ""
    kinds: dict[str, tuple[bool, str, Any]] = {
        "access_logs": (bool(logs and logs.access), "access", aws.lb.LoadBalancerAccessLogsArgs),
        "connection_logs": (bool(logs and logs.connections), "connections", aws.lb.LoadBalancerConnectionLogsArgs),
        "health_check_logs": (
            bool(logs and logs.health_checks),
            "health-checks",
            aws.lb.LoadBalancerHealthCheckLogsArgs,
        ),
    }
    return {
        key: args(enabled=True, bucket=bucket, prefix=f"{name}/{kind}") if on else args(enabled=False, bucket="")
        for key, (on, kind, args) in kinds.items()
    }
