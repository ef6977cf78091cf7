"""KMS: key and alias.

Create-only properties: terraform-provider-aws internal/service/kms/key.go and alias.go. Codes: botocore's KMS service
model.
"""

from __future__ import annotations

import fnmatch
import uuid
from collections.abc import Iterable
from typing import Final

from local_cloud.aws import iam
from local_cloud.aws.kind import Cloud, Failure, Kind, NameRule, Props, Refusal, Row, latest

KEY: Final = "aws:kms/key:Key"
ALIAS: Final = "aws:kms/alias:Alias"
_PENDING: Final = "kms-pending-deletion"


def _key_id(cloud: Cloud, props: Props) -> str:
    key = str(uuid.UUID(cloud.hex(32), version=4))
    return f"mrk-{key.replace('-', '')}" if props.get("multiRegion") else key


def key_arn(cloud: Cloud, key: str) -> str:
    """The ARN of a key, given its id or ARN."""
    return key if key.startswith("arn:") else f"arn:{cloud.partition}:kms:{cloud.region}:{cloud.account}:key/{key}"


def find_key(cloud: Cloud, key: str) -> Row | None:
    """A key by id or ARN."""
    return cloud.get(KEY, key.rsplit("/", 1)[-1])


def _key_outputs(cloud: Cloud, key: str, props: Props) -> Props:
    root = f'"AWS":"arn:{cloud.partition}:iam::{cloud.account}:root"'
    policy = (
        '{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions",'
        f'"Effect":"Allow","Principal":{{{root}}},"Action":"kms:*","Resource":"*"}}]}}'
    )
    rotates = bool(props.get("enableKeyRotation"))
    return {
        "arn": key_arn(cloud, key),
        "keyId": key,
        "policy": props.get("policy", policy),
        "description": props.get("description", ""),
        "multiRegion": props.get("multiRegion", False),
        "rotationPeriodInDays": props.get("rotationPeriodInDays", 365 if rotates else 0),
    }


def _key_ranges(props: Props) -> Iterable[Failure]:
    for name, low, high in (("deletionWindowInDays", 7, 30), ("rotationPeriodInDays", 90, 2560)):
        value = props.get(name)
        if isinstance(value, int) and not low <= value <= high:
            yield Failure(name, f"expected {name} to be in the range ({low} - {high}), got {value}")
    if "rotationPeriodInDays" in props and not props.get("enableKeyRotation"):
        yield Failure("rotationPeriodInDays", "all of `enableKeyRotation,rotationPeriodInDays` must be specified")


def _lockout(cloud: Cloud, *given: Row | Props) -> None:
    """KMS developer guide, "Default key policy": someone must be able to change the policy later."""
    props = latest(given)
    if not props.get("policy") or props.get("bypassPolicyLockoutSafetyCheck"):
        return
    for statement in iam.statements(props["policy"]):
        actions = statement.get("Action", [])
        patterns = [actions] if isinstance(actions, str) else actions
        allows = any(fnmatch.fnmatchcase("kms:putkeypolicy", str(pattern).lower()) for pattern in patterns)
        if statement.get("Effect") == "Allow" and allows:
            return
    message = "The new key policy will not allow you to update the key policy in the future."
    raise Refusal("MalformedPolicyDocumentException", message)


def _key_gone(cloud: Cloud, row: Row) -> None:
    """A deleted key waits 7 to 30 days; whoever points to it meanwhile is told so."""
    cloud.note(_PENDING, row.id, "", {"days": row["deletionWindowInDays"] or 30})


def _target_exists(cloud: Cloud, *given: Row | Props) -> None:
    """The text is the stem terraform-provider-aws internal/service/kms/key.go looks for."""
    props = latest(given)
    key = str(props["targetKeyId"])
    target = key_arn(cloud, key)
    if cloud.notes(_PENDING, key.rsplit("/", 1)[-1]):
        raise Refusal("KMSInvalidStateException", f"{target} is pending deletion.")
    if find_key(cloud, key) is None:
        raise Refusal("NotFoundException", f"Key '{target}' does not exist")


def _alias_arn(cloud: Cloud, name: str) -> str:
    return f"arn:{cloud.partition}:kms:{cloud.region}:{cloud.account}:{name}"


def _alias_taken(cloud: Cloud, props: Props) -> None:
    """moto kms/responses.py."""
    name = str(props["name"])
    if cloud.get(ALIAS, name) is not None:
        raise Refusal("AlreadyExistsException", f"An alias with the name {_alias_arn(cloud, name)} already exists")


def _alias_reserved(props: Props) -> Iterable[Failure]:
    """KMS API reference: CreateAlias."""
    if str(props.get("name", "")).startswith("alias/aws/"):
        yield Failure("name", "name must not begin with alias/aws/: those names are reserved for AWS managed keys")


KINDS: Final = (
    Kind(
        token=KEY,
        service="KMS",
        thing="KMS Key",
        operations={"create": "CreateKey", "update": "PutKeyPolicy", "delete": "ScheduleKeyDeletion"},
        create_only=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
        source="terraform-provider-aws internal/service/kms/key.go",
        computed=frozenset({"policy", "description", "multiRegion", "rotationPeriodInDays"}),
        identify=_key_id,
        outputs=_key_outputs,
        defaults={
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "keyUsage": "ENCRYPT_DECRYPT",
            "isEnabled": True,
            "enableKeyRotation": False,
            "bypassPolicyLockoutSafetyCheck": False,
        },
        checks=(_key_ranges,),
        refuse_create=(_lockout,),
        refuse_update=(_lockout,),
        after_delete=(_key_gone,),
    ),
    Kind(
        token=ALIAS,
        service="KMS",
        thing="KMS Alias",
        operations={"create": "CreateAlias", "update": "UpdateAlias", "delete": "DeleteAlias"},
        create_only=frozenset({"name", "namePrefix"}),
        source="CloudFormation schema AWS::KMS::Alias",
        computed=frozenset({"name"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=lambda cloud, alias, props: {
            "arn": _alias_arn(cloud, alias),
            "targetKeyArn": key_arn(cloud, str(props["targetKeyId"])),
        },
        name=NameRule(
            maximum=238,
            prefix="alias/",
            pattern=r"alias/[a-zA-Z0-9:/_-]+",
            said="invalid value for name ({}): it must begin with alias/ and be followed by letters, digits or : / _ -",
        ),
        checks=(_alias_reserved,),
        volatile=frozenset({"targetKeyArn"}),
        refuse_create=(_alias_taken, _target_exists),
        refuse_update=(_target_exists,),
    ),
)
