"""Container repositories: aws:ecr/repository:Repository, aws:ecr/lifecyclePolicy:…, aws:ecr/repositoryPolicy:…"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from local_cloud.aws import plan
from local_cloud.aws.kind import Cloud, Kind, NameRule, Props, Refusal, Row

REPOSITORY: Final = "aws:ecr/repository:Repository"
LIFECYCLE_POLICY: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
REPOSITORY_POLICY: Final = "aws:ecr/repositoryPolicy:RepositoryPolicy"

_PART: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = rf"{_PART}(/{_PART})*"
_MUTABILITY: Final = ("MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")
_STATUSES: Final = ("tagged", "untagged", "any")


def _outputs(cloud: Cloud, name: str, props: Props) -> Props:
    domain = "amazonaws.com.cn" if cloud.partition == "aws-cn" else "amazonaws.com"
    return {
        "arn": f"arn:{cloud.partition}:ecr:{cloud.region}:{cloud.account}:repository/{name}",
        "registryId": cloud.account,
        "repositoryUrl": f"{cloud.account}.dkr.ecr.{cloud.region}.{domain}/{name}",
    }


def _refuse_name(cloud: Cloud, props: Props) -> None:
    """ECR API reference: CreateRepository, repositoryName."""
    name = props["name"]
    prefix = "Invalid parameter at 'repositoryName' failed to satisfy constraint: "
    if not 2 <= len(name) <= 256:
        raise Refusal("InvalidParameterException", f"{prefix}'must be between 2 and 256 characters'")
    if not re.fullmatch(_NAME, name):
        raise Refusal("InvalidParameterException", f"{prefix}'must satisfy regular expression '{_NAME}''")


def _refuse_existing(cloud: Cloud, props: Props) -> None:
    """ECR API reference: CreateRepository, RepositoryAlreadyExistsException."""
    name = props["name"]
    if cloud.get(REPOSITORY, name) is not None:
        message = f"The repository with name '{name}' already exists in the registry with id '{cloud.account}'"
        raise Refusal("RepositoryAlreadyExistsException", message)


def _refuse_delete(cloud: Cloud, row: Row) -> None:
    """ECR API reference: DeleteRepository, RepositoryNotEmptyException."""
    if not row["forceDelete"] and cloud.notes("image", row.id):
        message = (
            f"The repository with name '{row.id}' in registry with id '{cloud.account}' cannot be deleted because it "
            "still contains images"
        )
        raise Refusal("RepositoryNotEmptyException", message)


def _after_delete(cloud: Cloud, row: Row) -> None:
    cloud.forget("image", row.id)
    for token in (LIFECYCLE_POLICY, REPOSITORY_POLICY):
        cloud.remove(token, row.id)


def _policy_id(cloud: Cloud, props: Props) -> str:
    return str(props["repository"])


def _policy_outputs(cloud: Cloud, name: str, props: Props) -> Props:
    return {"registryId": cloud.account}


def _refuse_missing(cloud: Cloud, props: Props) -> None:
    """ECR API reference: RepositoryNotFoundException."""
    name = props["repository"]
    if cloud.get(REPOSITORY, name) is None:
        message = f"The repository with name '{name}' does not exist in the registry with id '{cloud.account}'"
        raise Refusal("RepositoryNotFoundException", message)


def _invalid(reason: str) -> Refusal:
    prefix = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    return Refusal("InvalidParameterException", f"{prefix}'Lifecycle policy validation failure: {reason}'")


def _document(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None


def _refuse_lifecycle(cloud: Cloud, props: Props) -> None:
    """ECR user guide: LifecyclePolicies, lifecycle_policy_parameters; getmoto/moto moto/ecr (some texts)."""
    document = _document(props["policy"])
    rules = document.get("rules") if isinstance(document, dict) else None
    text = props["policy"] if isinstance(props["policy"], str) else json.dumps(props["policy"])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _invalid("Could not map policyString into LifecyclePolicy.")
    if not 100 <= len(text) <= 30720:
        prefix = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        raise Refusal("InvalidParameterException", f"{prefix}'must be between 100 and 30720 characters'")
    if not rules:
        raise _invalid("A lifecycle policy must have at least one rule.")
    for rule in rules:
        _refuse_rule(rule)
    _refuse_priorities(rules)


def _refuse_rule(rule: Props) -> None:
    selection, action = rule.get("selection"), rule.get("action")
    missing = [name for name in ("rulePriority", "selection", "action") if name not in rule]
    if missing:
        raise _invalid(f"object has missing required properties ({json.dumps(missing)})")
    if not isinstance(rule["rulePriority"], int) or rule["rulePriority"] < 1:
        raise _invalid(f"rulePriority must be a whole number of at least 1, got {rule['rulePriority']}")
    if not isinstance(selection, dict) or selection.get("tagStatus") not in _STATUSES:
        raise _invalid(f"tagStatus must be one of {json.dumps(_STATUSES)}")
    if not isinstance(action, dict) or action.get("type") not in ("expire", "transition"):
        raise _invalid('action.type must be one of ["expire", "transition"]')
    listed = [name for name in ("tagPrefixList", "tagPatternList") if selection.get(name)]
    if selection["tagStatus"] == "tagged" and not listed:
        raise _invalid("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
    if selection["tagStatus"] != "tagged" and listed:
        raise _invalid(f"{listed[0]} can only be specified when tagStatus=TAGGED.")
    _refuse_count(selection)


def _refuse_count(selection: Props) -> None:
    kind, number = selection.get("countType"), selection.get("countNumber")
    allowed = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
    if kind not in allowed:
        raise _invalid(f"countType must be one of {json.dumps(allowed)}")
    if not isinstance(number, int) or number < 1:
        raise _invalid(f"countNumber must be a whole number of at least 1, got {number}")
    if kind != "imageCountMoreThan" and selection.get("countUnit") != "days":
        raise _invalid(f"countUnit must be 'days' when countType={kind}")
    if kind == "imageCountMoreThan" and "countUnit" in selection:
        raise _invalid("countUnit cannot be specified when countType=imageCountMoreThan")


def _refuse_priorities(rules: list[Props]) -> None:
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        raise _invalid("rulePriority must be unique within a lifecycle policy")
    statuses = [rule["selection"]["tagStatus"] for rule in rules]
    if statuses.count("untagged") > 1:
        raise _invalid("Only one rule can select Untagged images per storage class.")
    last = max(priorities)
    if any(rule["selection"]["tagStatus"] == "any" and rule["rulePriority"] != last for rule in rules):
        raise _invalid("Rule for tagStatus=ANY must have the lowest priority per storage class")


def _refuse_policy(cloud: Cloud, props: Props) -> None:
    """ECR API reference: SetRepositoryPolicy, policyText."""
    document = _document(props["policy"])
    text = props["policy"] if isinstance(props["policy"], str) else json.dumps(props["policy"])
    prefix = "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
    if len(text) > 10240:
        raise Refusal("InvalidParameterException", f"{prefix}'must be at most 10240 characters'")
    if not isinstance(document, dict) or "Statement" not in document:
        raise Refusal("InvalidParameterException", f"{prefix}'Invalid repository policy provided'")


def _refuse_policy_update(cloud: Cloud, row: Row, props: Props) -> None:
    _refuse_policy(cloud, props)


KINDS: Final = (
    Kind(
        token=REPOSITORY,
        service="ECR",
        thing="ECR Repository",
        operations={"create": "CreateRepository", "update": "PutImageTagMutability", "delete": "DeleteRepository"},
        create_only=frozenset({"name", "encryptionConfigurations"}),
        source="CloudFormation schema AWS::ECR::Repository; terraform-provider-aws internal/service/ecr/repository.go",
        computed=frozenset({"arn", "registryId", "repositoryUrl"}),
        identify=lambda cloud, props: str(props["name"]),
        outputs=_outputs,
        name=NameRule(),  # pulumi-aws does not lower-case it: upper case fails at the API
        defaults={"imageTagMutability": "MUTABLE"},
        checks=(
            plan.one_of("imageTagMutability", *_MUTABILITY),
            plan.one_of("encryptionConfigurations.encryptionType", "AES256", "KMS", "KMS_DSSE"),
            plan.items("imageTagMutabilityExclusionFilters", 0, 5),
        ),
        refuse_create=(_refuse_name, _refuse_existing),
        refuse_delete=(_refuse_delete,),
        after_delete=(_after_delete,),
    ),
    Kind(
        token=LIFECYCLE_POLICY,
        service="ECR",
        thing="ECR Lifecycle Policy",
        operations={
            "create": "PutLifecyclePolicy",
            "update": "PutLifecyclePolicy",
            "delete": "DeleteLifecyclePolicy",
        },
        create_only=frozenset({"repository", "policy"}),
        source="terraform-provider-aws internal/service/ecr/lifecycle_policy.go",
        computed=frozenset({"registryId"}),
        identify=_policy_id,
        outputs=_policy_outputs,
        json=frozenset({"policy"}),
        deletes_first=True,
        refuse_create=(_refuse_missing, _refuse_lifecycle),
    ),
    Kind(
        token=REPOSITORY_POLICY,
        service="ECR",
        thing="ECR Repository Policy",
        operations=dict.fromkeys(("create", "update"), "SetRepositoryPolicy") | {"delete": "DeleteRepositoryPolicy"},
        create_only=frozenset({"repository"}),
        source="terraform-provider-aws internal/service/ecr/repository_policy.go",
        computed=frozenset({"registryId"}),
        identify=_policy_id,
        outputs=_policy_outputs,
        json=frozenset({"policy"}),
        refuse_create=(_refuse_missing, _refuse_policy),
        refuse_update=(_refuse_policy_update,),
    ),
)
