"""ECR001 to ECR005, ECR008: repositories of container images."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, flag
from policies.engine.rule import (
    ADVISORY,
    CRITICAL,
    DISABLED,
    HIGH,
    LOW,
    MANDATORY,
    MEDIUM,
    Context,
    Example,
    Option,
    Problem,
    Rule,
)
from policies.engine.unknown import known
from policies.rules.documents import open_to_all
from policies.rules.load_balancers import PRODUCTION, is_production
from policies.rules.relations import attached

REPOSITORY: Final = "aws:ecr:Repository"
_SCANNING: Final = "aws:ecr:RegistryScanningConfiguration"
_LIFECYCLE: Final = "aws:ecr:LifecyclePolicy"
_GUIDE: Final = "Amazon ECR user guide"
_SCANNED: Final = "imageScanningConfiguration.scanOnPush"


def repository(**properties: Any) -> Mapping[str, Any]:
    """A repository that every rule is content with, but for what is given; None takes a property away."""
    usual = {
        "name": "acme/orders",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        **properties,
    }
    return {
        "type": "aws:ecr/repository:Repository",
        "properties": {key: value for key, value in usual.items() if value is not None},
    }


def scanned(resource: Resource, graph: Graph) -> bool:
    """Whether images of a repository are scanned when they are pushed, by its own setting or the registry's.

    Enhanced scanning asks the registry's filters alone; basic scanning takes either.
    """
    asked = flag(known(resource.get(_SCANNED)), default=False)
    configurations = list(graph.of(_SCANNING))
    if any(_matches(known(resource.get("name")), each) for each in configurations):
        return True
    return asked and not any(str(known(each.get("scanType"))).upper() == "ENHANCED" for each in configurations)


def _matches(name: Any, configuration: Resource) -> bool:
    """Whether a rule of the registry has a repository's images scanned. A filter without a star is part of a name."""
    for path, _ in configuration.items("rules"):
        if str(known(configuration.get(f"{path}.scanFrequency"))).upper() == "MANUAL":
            continue
        for place, _ in configuration.items(f"{path}.repositoryFilters"):
            text = str(known(configuration.get(f"{place}.filter")))
            form = ".*".join(map(re.escape, text.split("*")))
            if re.fullmatch(form if "*" in text else f".*{form}.*", str(name)):
                return True
    return False


def _scanning(resource: Resource, context: Context) -> Iterator[Problem]:
    if not context.options["elsewhere"] and not scanned(resource, context.graph):
        yield Problem(_SCANNED, "is off, and no scanning rule of the registry takes this repository")


def _registry(text: str, frequency: str = "SCAN_ON_PUSH", kind: str = "BASIC") -> Mapping[str, Any]:
    filters = [{"filter": text, "filterType": "WILDCARD"}]
    return {
        "type": "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration",
        "properties": {
            "scanType": kind,
            "rules": [{"scanFrequency": frequency, "repositoryFilters": filters}],
        },
    }


def _bad(title: str, **properties: Any) -> Example:
    return Example(title, {"orders": repository(**properties)}, about=("orders",))


_GOOD: Final = Example("as it should be", {"orders": repository()})
_UNSCANNED: Final = repository(name="unscanned/orders", imageScanningConfiguration=None)

ECR001: Final = Rule(
    id="ECR001",
    title="Images are scanned when they are pushed",
    severity=HIGH,
    level=MANDATORY,
    kinds=(REPOSITORY,),
    check=_scanning,
    stack=True,
    why="Otherwise nobody hears of a known hole in a library until somebody uses it.",
    remedy="Set imageScanningConfiguration.scanOnPush to true, or give the registry a scanning rule that takes it.",
    source=f"{_GUIDE}: Filters to choose which repositories are scanned",
    options={
        "elsewhere": Option(
            {
                "type": "boolean",
                "default": False,
                "description": "Whether a registry scanning configuration outside the program takes all repositories.",
            }
        )
    },
    bad=(
        _bad("by default", name="unscanned/a", imageScanningConfiguration=None),
        _bad("off", name="unscanned/b", imageScanningConfiguration={"scanOnPush": False}),
        Example(
            "beside a rule of the registry for others",
            {"orders": _UNSCANNED, "registry": _registry("prod-*")},
            about=("orders",),
        ),
        Example(
            "a rule that waits for somebody to ask",
            {"orders": _UNSCANNED, "registry": _registry("unscanned", frequency="MANUAL")},
            about=("orders",),
        ),
    ),
    good=(
        _GOOD,
        Example("by the registry", {"orders": repository(imageScanningConfiguration=None), "all": _registry("*")}),
        Example(
            "by the registry, for part of a name",
            {"orders": repository(imageScanningConfiguration=None), "some": _registry("acme", kind="ENHANCED")},
        ),
    ),
)


def immutable(resource: Resource) -> bool:
    """Whether the tags of a repository stay what they are, but for exclusions."""
    return str(known(resource.get("imageTagMutability", "MUTABLE"))).upper().startswith("IMMUTABLE")


def _immutable(resource: Resource, _: Context) -> Iterator[Problem]:
    if not immutable(resource):
        yield Problem("imageTagMutability", f"must be IMMUTABLE; received {resource.shown('imageTagMutability')}")


ECR002: Final = Rule(
    id="ECR002",
    title="Tags of images stay what they are",
    severity=MEDIUM,
    level=MANDATORY,
    kinds=(REPOSITORY,),
    check=_immutable,
    why="A tag that moves deploys something else than was tested, and a roll-back brings back nothing.",
    remedy="Set imageTagMutability to IMMUTABLE.",
    source=f"{_GUIDE}: Preventing image tags from being overwritten",
    fix=lambda resource, context: {"imageTagMutability": "IMMUTABLE"} if any(_immutable(resource, context)) else {},
    bad=(
        _bad("by default", imageTagMutability=None),
        _bad("said", imageTagMutability="MUTABLE"),
        _bad("but for some", imageTagMutability="MUTABLE_WITH_EXCLUSION"),
    ),
    good=(
        _GOOD,
        Example("with exclusions", {"orders": repository(imageTagMutability="IMMUTABLE_WITH_EXCLUSION")}),
    ),
)


def _encrypted(resource: Resource, _: Context) -> Iterator[Problem]:
    paths = [path for path, _ in resource.items("encryptionConfigurations")]
    kinds = [str(known(resource.get(f"{path}.encryptionType"))) for path in paths]
    if not any(kind.startswith("KMS") for kind in kinds):
        yield Problem("encryptionConfigurations", "names no key of KMS: images are encrypted with a key of S3's")


_KEYED: Final = [{"encryptionType": "KMS"}]

ECR003: Final = Rule(
    id="ECR003",
    title="Images are encrypted with a key of KMS",
    severity=MEDIUM,
    level=DISABLED,
    kinds=(REPOSITORY,),
    check=_encrypted,
    why=(
        "Some rule books ask for a key whose use is on record and can be taken away. Off by default: images are "
        "encrypted anyway, and the key is chosen when a repository is made, so that a new one loses its images."
    ),
    remedy="Set encryptionConfigurations to a list of one with encryptionType KMS. It makes a new repository.",
    source=f"{_GUIDE}: Encryption at rest",
    replaces=True,
    bad=(_bad("by default"), _bad("said", encryptionConfigurations=[{"encryptionType": "AES256"}])),
    good=(
        Example("AWS's key for ECR", {"orders": repository(encryptionConfigurations=_KEYED)}),
        Example("two layers", {"orders": repository(encryptionConfigurations=[{"encryptionType": "KMS_DSSE"}])}),
    ),
)


def _expiring(resource: Resource, context: Context) -> Iterator[Problem]:
    if not attached(resource, context.graph, "repository", _LIFECYCLE):
        yield Problem("", "has no lifecycle policy: every image stays, and is paid for")


def _lifecycle(**properties: Any) -> Mapping[str, Any]:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100}
    rules = [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]
    return {
        "type": "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "properties": {"policy": json.dumps({"rules": rules}), **properties},
    }


ECR004: Final = Rule(
    id="ECR004",
    title="Old images go",
    severity=LOW,
    level=ADVISORY,
    kinds=(REPOSITORY,),
    check=_expiring,
    stack=True,
    why="A repository keeps every image for ever unless told otherwise, and ECR bills them by size.",
    remedy="Give an aws.ecr.LifecyclePolicy for the repository.",
    source=f"{_GUIDE}: Automate the cleanup of images by using lifecycle policies",
    bad=(
        _bad("none", name="endless/a"),
        Example(
            "one of another's",
            {"orders": repository(name="endless/b"), "keep": _lifecycle(repository="others/orders")},
            about=("orders",),
        ),
    ),
    good=(
        Example("by name", {"orders": repository(name="acme/kept"), "keep": _lifecycle(repository="acme/kept")}),
        Example(
            "by what it was made of",
            {"orders": repository(), "keep": {**_lifecycle(), "made_of": {"repository": ("orders",)}}},
        ),
    ),
)


def _permitted(**statement: Any) -> Mapping[str, Any]:
    whole = {"Effect": "Allow", "Action": ["ecr:BatchGetImage"], **statement}
    return {
        "type": "aws:ecr/repositoryPolicy:RepositoryPolicy",
        "properties": {
            "repository": "acme/orders",
            "policy": json.dumps({"Version": "2012-10-17", "Statement": [whole]}),
        },
    }


_ORGANIZATION: Final = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}

ECR005: Final = Rule(
    id="ECR005",
    title="Repositories are not open to every account",
    severity=CRITICAL,
    level=MANDATORY,
    kinds=("aws:ecr:RepositoryPolicy",),
    check=open_to_all,
    why="A star without a condition is every AWS account there is; with push it is everybody's code in your cluster.",
    remedy="Name accounts or roles, or add a condition such as aws:PrincipalOrgID.",
    source=f"{_GUIDE}: Private repository policy examples",
    bad=(
        Example("everybody", {"orders": _permitted(Principal="*")}, about=("orders",)),
        Example("every account", {"orders": _permitted(Principal={"AWS": ["*"]})}, about=("orders",)),
        Example(
            "a list with a star in it",
            {"orders": _permitted(Principal={"AWS": ["arn:aws:iam::111122223333:root", "*"]})},
            about=("orders",),
        ),
    ),
    good=(
        Example(
            "an account, and an organization",
            {
                "orders": _permitted(Principal={"AWS": "arn:aws:iam::111122223333:root"}),
                "all": _permitted(Principal="*", Condition=_ORGANIZATION),
            },
        ),
    ),
)


def _forced(resource: Resource, context: Context) -> Iterator[Problem]:
    if flag(known(resource.get("forceDelete")), default=False) and is_production(resource, context):
        yield Problem("forceDelete", "is true: the repository goes with all its images, also those that run")


_TAGS: Final = {"env": "prod"}

ECR008: Final = Rule(
    id="ECR008",
    title="Repositories of production are not deleted with their images",
    severity=MEDIUM,
    level=ADVISORY,
    kinds=(REPOSITORY,),
    check=_forced,
    why="Pods that move to another node can then pull nothing, and there is nothing to roll back to.",
    remedy="Set forceDelete to false.",
    source="Pulumi Registry, aws.ecr.Repository, forceDelete",
    fix=lambda resource, context: {"forceDelete": False} if any(_forced(resource, context)) else {},
    options={"production": PRODUCTION},
    bad=(_bad("in production", forceDelete=True, tags=_TAGS), _bad("as text", forceDelete="true", tags=_TAGS)),
    good=(
        Example("refused", {"orders": repository(forceDelete=False, tags=_TAGS)}),
        Example("in development", {"orders": repository(forceDelete=True, tags={"env": "dev"})}),
    ),
)

RULES: Final = (ECR001, ECR002, ECR003, ECR004, ECR005, ECR008)
