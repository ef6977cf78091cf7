"""CloudWatch Logs: log group.

Create-only properties and retention periods: terraform-provider-aws internal/service/logs/group.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from local_cloud.aws import kms
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row, latest

LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"

_RETENTION: Final = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_CLASSES: Final = ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")


def _values(props: Props) -> Iterable[Failure]:
    days, group_class = props.get("retentionInDays"), props.get("logGroupClass")
    if isinstance(days, int) and days not in _RETENTION:
        allowed = " ".join(str(number) for number in _RETENTION)
        yield Failure("retentionInDays", f"expected retentionInDays to be one of [{allowed}], got {days}")
    if isinstance(group_class, str) and group_class not in _CLASSES:
        yield Failure("logGroupClass", f'expected logGroupClass to be one of {list(_CLASSES)}, got "{group_class}"')


def _taken(cloud: Cloud, props: Props) -> None:
    """moto logs/models.py; typical for /aws/eks/NAME/cluster, which EKS makes when it is first."""
    if cloud.get(LOG_GROUP, str(props["name"])) is not None:
        raise Refusal("ResourceAlreadyExistsException", "The specified log group already exists")


def _key_exists(cloud: Cloud, *given: Row | Props) -> None:
    """CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs using AWS KMS"."""
    props = latest(given)
    key = props.get("kmsKeyId")
    if key and kms.find_key(cloud, str(key)) is None:
        message = f"The specified KMS key does not exist or is not allowed to be used with '{props['name']}'"
        raise Refusal("InvalidParameterException", message)


def _protected(cloud: Cloud, row: Row) -> None:
    """CloudWatch Logs API reference: PutLogGroupDeletionProtection."""
    if row["deletionProtectionEnabled"]:
        message = "Log group cannot be deleted because deletion protection is enabled"
        raise Refusal("ValidationException", message)


KINDS: Final = (
    Kind(
        token=LOG_GROUP,
        service="CloudWatch Logs",
        thing="CloudWatch Logs Log Group",
        operations={"create": "CreateLogGroup", "update": "PutRetentionPolicy", "delete": "DeleteLogGroup"},
        create_only=frozenset({"name", "namePrefix", "logGroupClass"}),
        source="terraform-provider-aws internal/service/logs/group.go",
        computed=frozenset({"name", "logGroupClass", "deletionProtectionEnabled"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=lambda cloud, name, props: {
            "arn": f"arn:{cloud.partition}:logs:{cloud.region}:{cloud.account}:log-group:{name}",
            "logGroupClass": props.get("logGroupClass", "STANDARD"),
            "deletionProtectionEnabled": props.get("deletionProtectionEnabled", False),
        },
        name=NameRule(
            pattern=r"[.\-_/#A-Za-z0-9]{1,512}",
            said="invalid value for name ({}): it must have 1 to 512 letters, digits or any of . - _ / #",
        ),
        defaults={"retentionInDays": 0, "skipDestroy": False},
        checks=(_values,),
        refuse_create=(_taken, _key_exists),
        refuse_update=(_key_exists,),
        refuse_delete=(_protected,),
    ),
)
