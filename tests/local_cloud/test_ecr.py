"""What AWS refuses about container repositories and their policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.plugin import Refused
from tests.local_cloud import edge_world as kinds
from tests.local_cloud.edge_world import Invalid, Made, World

DIGEST = "sha256:" + "0" * 64
KEEP: dict[str, Any] = {
    "rulePriority": 1,
    "description": "keep the last thirty images",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30},
    "action": {"type": "expire"},
}
UNTAGGED: dict[str, Any] = {
    "rulePriority": 1,
    "description": "drop what nobody can name",
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
    "action": {"type": "expire"},
}


def _repository(world: World, **props: Any) -> Made:
    return world.make(kinds.REPOSITORY, "orders", **{"name": "dev/orders", **props})


def _lifecycle(*rules: dict[str, Any]) -> Callable[[World], object]:
    def attempt(world: World) -> object:
        repository = _repository(world)
        policy = json.dumps({"rules": list(rules)}, indent=8)
        return world.make(kinds.LIFECYCLE, "policy", repository=repository.id, policy=policy)

    return attempt


def _selecting(**selection: Any) -> Callable[[World], object]:
    return _lifecycle({**KEEP, "selection": {**KEEP["selection"], **selection}})


def _twice(world: World) -> object:
    _repository(world)
    return world.make(kinds.REPOSITORY, "again", name="dev/orders")


def _full(world: World) -> object:
    repository = _repository(world)
    world.aws.account.note("image", repository.id, DIGEST, {"tags": ["1.0"], "pushedAt": "2026-11-22T10:00:00Z"})
    return world.drop(repository)


def _policy(text: str) -> Callable[[World], object]:
    return lambda world: world.make(kinds.REPOSITORY_POLICY, "policy", repository=_repository(world).id, policy=text)


PATTERN = "Invalid parameter at 'repositoryName' failed to satisfy constraint"
FAILURE = "'Lifecycle policy validation failure: "

REFUSALS: dict[str, tuple[Callable[[World], object], str]] = {
    "a name that is taken": (
        _twice,
        "RepositoryAlreadyExistsException: The repository with name 'dev/orders' already exists in",
    ),
    "upper case": (lambda world: _repository(world, name="dev/Orders"), f"{PATTERN}: 'must satisfy regular expression"),
    "two dots": (lambda world: _repository(world, name="dev..orders"), PATTERN),
    "a slash at the end": (lambda world: _repository(world, name="dev/"), PATTERN),
    "one character": (lambda world: _repository(world, name="a"), "must be between 2 and 256 characters"),
    "an upper-case logical name": (lambda world: world.make(kinds.REPOSITORY, "Orders"), PATTERN),
    "deletion with images": (
        _full,
        "RepositoryNotEmptyException: The repository with name 'dev/orders' in registry with id '123456789012'",
    ),
    "a lifecycle policy for no repository": (
        lambda world: world.make(kinds.LIFECYCLE, "policy", repository="none", policy=json.dumps({"rules": [KEEP]})),
        "RepositoryNotFoundException: The repository with name 'none' does not exist",
    ),
    "a repository policy for no repository": (
        lambda world: world.make(kinds.REPOSITORY_POLICY, "policy", repository="none", policy="{}"),
        "RepositoryNotFoundException",
    ),
    "a lifecycle policy that is no JSON": (
        lambda world: world.make(kinds.LIFECYCLE, "policy", repository=_repository(world).id, policy="{" + " " * 100),
        f"{FAILURE}Could not map policyString into LifecyclePolicy.'",
    ),
    "a lifecycle policy of a few characters": (
        lambda world: world.make(kinds.LIFECYCLE, "policy", repository=_repository(world).id, policy='{"rules": []}'),
        "must be between 100 and 30720 characters",
    ),
    "a rule without priority": (
        _lifecycle({key: value for key, value in KEEP.items() if key != "rulePriority"}),
        f'{FAILURE}object has missing required properties (["rulePriority"])',
    ),
    "a priority of zero": (
        _lifecycle({**KEEP, "rulePriority": 0}),
        "rulePriority must be a whole number of at least 1",
    ),
    "one priority twice": (_lifecycle(UNTAGGED, KEEP), "rulePriority must be unique"),
    "two rules for untagged images": (
        _lifecycle(UNTAGGED, {**UNTAGGED, "rulePriority": 2}),
        "Only one rule can select Untagged images per storage class.",
    ),
    "a rule for all images before another": (
        _lifecycle(KEEP, {**UNTAGGED, "rulePriority": 2}),
        "Rule for tagStatus=ANY must have the lowest priority per storage class",
    ),
    "tagged images without tags": (
        _selecting(tagStatus="tagged"),
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
    ),
    "tags for untagged images": (
        _selecting(tagStatus="untagged", tagPrefixList=["v"]),
        "tagPrefixList can only be specified when tagStatus=TAGGED.",
    ),
    "an unknown status": (_selecting(tagStatus="old"), "tagStatus must be one of"),
    "an unknown count": (_selecting(countType="imageSize"), "countType must be one of"),
    "a count of zero": (_selecting(countNumber=0), "countNumber must be a whole number of at least 1, got 0"),
    "days of a number of images": (_selecting(countUnit="days"), "countUnit cannot be specified"),
    "an age without unit": (_selecting(countType="sinceImagePushed"), "countUnit must be 'days'"),
    "an unknown action": (_lifecycle({**KEEP, "action": {"type": "archive"}}), "action.type must be one of"),
    "a repository policy that is no JSON": (_policy("{"), "Invalid repository policy provided"),
    "a repository policy that is too long": (
        _policy(json.dumps({"Statement": "x" * 10240})),
        "at most 10240 characters",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_aws_refuses(case: str) -> None:
    attempt, said = REFUSALS[case]
    with pytest.raises(Refused) as caught:
        attempt(World())
    assert said in str(caught.value)


def test_the_provider_finds_an_unknown_mutability_at_plan() -> None:
    with pytest.raises(Invalid, match='expected imageTagMutability to be one of \\["MUTABLE" "IMMUTABLE"'):
        World().checked(kinds.REPOSITORY, "orders", {"imageTagMutability": "FROZEN"})


def test_a_repository_says_where_images_go() -> None:
    repository = _repository(World())
    assert repository["repositoryUrl"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dev/orders"
    assert repository["arn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/dev/orders"


def test_a_forced_deletion_takes_the_images_along() -> None:
    world = World()
    repository = _repository(world, forceDelete=True)
    world.aws.account.note("image", repository.id, DIGEST, {"tags": []})
    world.drop(repository)
    assert not world.aws.account.notes("image", repository.id)


def test_name_and_encryption_replace_and_the_rest_does_not() -> None:
    world = World()
    repository = _repository(world)
    encryption = [{"encryptionType": "KMS"}]
    assert world.diff(repository, encryptionConfigurations=encryption).replaces == ("encryptionConfigurations",)
    assert world.diff(repository, name="dev/stock").replaces == ("name",)
    assert not world.diff(repository, imageTagMutability="IMMUTABLE", forceDelete=True).replaces


def test_a_lifecycle_policy_has_no_update_and_is_deleted_first() -> None:
    world = World()
    policy = {"rules": [KEEP]}
    made = world.make(kinds.LIFECYCLE, "policy", repository=_repository(world).id, policy=json.dumps(policy))
    difference = world.diff(made, policy=json.dumps({"rules": [{**KEEP, "description": "keep thirty"}]}))
    assert difference.replaces == ("policy",)
    assert difference.delete_first
    assert not world.diff(made, policy=json.dumps(policy, indent=2)).detailed
