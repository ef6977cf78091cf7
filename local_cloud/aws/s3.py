"""Buckets: aws:s3/bucket:Bucket and its policy, public access block and lifecycle.

A bucket that the local cloud did not make stands for one that exists outside the program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from local_cloud.aws import plan
from local_cloud.aws.kind import Cloud, Kind, NameRule, Props, Refusal, Row, latest

BUCKET: Final = "aws:s3/bucket:Bucket"
POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOG_WRITER: Final = "logdelivery.elasticloadbalancing.amazonaws.com"

_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _outputs(cloud: Cloud, name: str, props: Props) -> Props:
    return {
        "arn": f"arn:{cloud.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{cloud.region}.amazonaws.com",
        "bucketRegion": cloud.region,
    }


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """S3 user guide: bucketnamingrules; S3 API reference: CreateBucket, BucketAlreadyOwnedByYou."""
    name = str(props["bucket"])
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise Refusal("InvalidBucketName", "The specified bucket is not valid.")
    if cloud.get(BUCKET, name) is not None:
        message = "Your previous request to create the named bucket succeeded and you already own it."
        raise Refusal("BucketAlreadyOwnedByYou", message, status=409)


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """getmoto/moto moto/s3: BucketNotEmpty."""
    if row["forceDestroy"] is not True and cloud.notes("object", row.id):
        raise Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty", status=409)


def _after_delete(cloud: Cloud, row: Row) -> None:
    cloud.forget("object", row.id)
    for token in (POLICY, ACCESS_BLOCK, LIFECYCLE):
        cloud.remove(token, row.id)


def _refuse_missing(cloud: Cloud, props: Props) -> None:
    """S3 API reference: NoSuchBucket."""
    if cloud.get(BUCKET, str(props["bucket"])) is None:
        raise Refusal("NoSuchBucket", "The specified bucket does not exist", status=404)


def statements(policy: Any) -> list[Props]:
    """The statements of a policy, none when it is no policy."""
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return []
    found = document.get("Statement") if isinstance(document, dict) else None
    return [found] if isinstance(found, dict) else [each for each in found or () if isinstance(each, dict)]


def _refuse_policy(cloud: Cloud, *given: Row | Props) -> None:
    """S3 API reference: PutBucketPolicy (MalformedPolicy); S3 user guide: access-control-block-public-access."""
    props = latest(given)
    found = statements(props["policy"])
    if not found:
        raise Refusal("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    block = cloud.get(ACCESS_BLOCK, str(props["bucket"]))
    if block is not None and block["blockPublicPolicy"] is True and any(map(_public, found)):
        message = (
            "User is not authorized to perform: s3:PutBucketPolicy because public policies are blocked by the "
            "BlockPublicPolicy block public access setting."
        )
        raise Refusal("AccessDenied", message, status=403)


def _public(statement: Props) -> bool:
    anyone = statement.get("Principal") in ("*", {"AWS": "*"})
    return statement.get("Effect") == "Allow" and anyone and not statement.get("Condition")


def lets_load_balancers_write(cloud: Cloud, bucket: str, prefix: str) -> bool:
    """Whether a bucket takes logs of this account's load balancers (ALB user guide: enable-access-logging)."""
    if cloud.get(BUCKET, bucket) is None:
        return True
    policy = cloud.get(POLICY, bucket)
    path = f"{prefix.strip('/')}/" if prefix else ""
    wanted = f"arn:{cloud.partition}:s3:::{bucket}/{path}AWSLogs/{cloud.account}/elasticloadbalancing/x"
    return policy is not None and any(_lets_write(each, wanted) for each in statements(policy["policy"]))


def _lets_write(statement: Props, wanted: str) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service") if isinstance(principal, dict) else None
    allowed = statement.get("Effect") == "Allow" and LOG_WRITER in _listed(services)
    acts = any(action in ("s3:PutObject", "s3:Put*", "s3:*", "*") for action in _listed(statement.get("Action")))
    return allowed and acts and any(_fits(pattern, wanted) for pattern in _listed(statement.get("Resource")))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value or ()]


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def _part(token: str, thing: str, verbs: tuple[str, str], file: str, *refuse: Callable[..., None], **more: Any) -> Kind:
    """A resource that is a part of its bucket and has its name as id."""
    put, delete = verbs
    return Kind(
        token=token,
        service="S3",
        thing=thing,
        operations={"create": put, "update": put, "delete": delete},
        source=f"terraform-provider-aws internal/service/s3/{file}.go",
        identify=lambda cloud, props: str(props["bucket"]),
        refuse_create=(_refuse_missing, *refuse),
        refuse_update=tuple(refuse),
        **more,
    )


KINDS: Final = (
    Kind(
        token=BUCKET,
        service="S3",
        thing="S3 Bucket",
        operations={"create": "CreateBucket", "update": "PutBucketTagging", "delete": "DeleteBucket"},
        create_only=frozenset({"bucket", "bucketPrefix", "bucketNamespace", "objectLockEnabled"}),
        source="terraform-provider-aws internal/service/s3/bucket.go; CloudFormation schema AWS::S3::Bucket",
        computed=frozenset({"arn", "bucketDomainName", "bucketRegionalDomainName", "bucketRegion", "hostedZoneId"}),
        identify=lambda cloud, props: str(props["bucket"]),
        outputs=_outputs,
        name=NameRule(property="bucket", maximum=63, lower=True),
        defaults={"forceDestroy": False},
        checks=(plan.conflict("bucket", "bucketPrefix"),),
        refuse_create=(_refuse_name,),
        refuse_delete=(_refuse_delete,),
        after_delete=(_after_delete,),
    ),
    _part(
        *(POLICY, "S3 Bucket Policy", ("PutBucketPolicy", "DeleteBucketPolicy"), "bucket_policy", _refuse_policy),
        create_only=frozenset({"bucket"}),
        computed=frozenset(),
        json=frozenset({"policy"}),
    ),
    _part(
        *(ACCESS_BLOCK, "S3 Bucket Public Access Block", ("PutPublicAccessBlock", "DeletePublicAccessBlock")),
        "bucket_public_access_block",
        create_only=frozenset({"bucket"}),
        computed=frozenset(),
        defaults=dict.fromkeys(_BLOCKS, False),
    ),
    _part(
        *(LIFECYCLE, "S3 Bucket Lifecycle Configuration"),
        ("PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
        "bucket_lifecycle_configuration",
        create_only=frozenset({"bucket"}),
        computed=frozenset({"transitionDefaultMinimumObjectSize"}),
        framework=True,
        outputs=lambda cloud, name, props: {
            "transitionDefaultMinimumObjectSize": props.get("transitionDefaultMinimumObjectSize")
            or "all_storage_classes_128K"
        },
        checks=(plan.one_of("rules.status", "Enabled", "Disabled"),),
    ),
)
