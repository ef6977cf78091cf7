"""Repositories: who may pull, and what is kept."""

import json
from collections.abc import Callable
from typing import Any

POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"

Platform = Callable[..., Any]
Raw = dict[str, Any]


def own(raw: Raw, **registry: Any) -> Raw:
    raw["services"]["orders"]["image"] = {"repository": "orders", "tag": "1"}
    raw["registry"] = registry
    return raw


def test_nobody_else_may_pull_unless_it_is_said(platform: Platform, minimal: Raw) -> None:
    assert platform(own(minimal)).of(POLICY) == []


def test_accounts_and_organizations_may_pull_and_nothing_more(platform: Platform, minimal: Raw) -> None:
    raw = own(minimal, pull_accounts=["444455556666"], pull_organizations=["o-a1b2c3d4e5"])
    accounts, organizations = json.loads(platform(raw).one(POLICY, "orders-pull-policy").inputs["policy"])["Statement"]
    assert accounts["Principal"] == {"AWS": ["arn:aws:iam::444455556666:root"]}
    assert organizations["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": ["o-a1b2c3d4e5"]}}
    assert (
        set(accounts["Action"])
        == set(organizations["Action"])
        == {
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        }
    )


def test_what_is_kept_is_a_choice(platform: Platform, minimal: Raw) -> None:
    rules = json.loads(platform(own(minimal, untagged_days=3, kept_images=10)).one(LIFECYCLE).inputs["policy"])["rules"]
    assert [each["selection"]["countNumber"] for each in rules] == [3, 10]
