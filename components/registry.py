"""An ECR repository for one workload's images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components import iam, settings
from components.base import Component

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@dataclass(frozen=True, kw_only=True)
class RepositoryArgs:
    """Inputs of `Repository`.

    repository_name: ECR's name, lower case, 2-256. config: who may pull, and what is kept. region: for the partition of
    ARNs. protect: refuse deletion by Pulumi, and at ECR while it holds
    images; otherwise its images are deleted with it.
    """

    repository_name: str
    config: settings.Registry
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False


class Repository(Component):
    """Repository with immutable tags, scan on push and a lifecycle: untagged images go, the last ones stay.

    Outputs: `url` (`ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`), `repository_name`.
    """

    type_name = "Repository"

    def __init__(self, name: str, args: RepositoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        repository = aws.ecr.Repository(
            f"{name}-repository",
            name=args.repository_name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            force_delete=not args.protect,
            # A name that is given would make the provider delete first; here that is right (the name is the address
            # of the images), so it is said rather than left to chance.
            tags=dict(args.tags),
            opts=self.child(delete_before_replace=True, protect=args.protect or None),
        )
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle", repository=repository.name, policy=lifecycle_policy(args.config), opts=self.child()
        )
        pulling = pull_policy(args.config, args.region)
        if pulling is not None:
            aws.ecr.RepositoryPolicy(
                f"{name}-pull-policy", repository=repository.name, policy=pulling, opts=self.child()
            )
        self.url = repository.repository_url
        self.repository_name = repository.name
        self.register_outputs({"url": self.url, "repository_name": self.repository_name})


def pull_policy(config: settings.Registry, region: str) -> str | None:
    """Who else may pull, as JSON text; None where nobody may (ECR user guide: "Private repository policy examples")."""
    statements: list[dict[str, Any]] = []
    if config.pull_accounts:
        roots = [f"arn:{iam.partition(region)}:iam::{account}:root" for account in sorted(config.pull_accounts)]
        statements.append({"Sid": "Accounts", "Effect": "Allow", "Principal": {"AWS": roots}, "Action": list(_PULL)})
    if config.pull_organizations:
        within = {"StringEquals": {"aws:PrincipalOrgID": sorted(config.pull_organizations)}}
        whole = {"Sid": "Organizations", "Effect": "Allow", "Principal": "*", "Action": list(_PULL)}
        statements.append({**whole, "Condition": within})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True) if statements else None


def lifecycle_policy(config: settings.Registry) -> str:
    """Rules as JSON text: untagged images go after some days, the newest ones stay.

    Source: ECR user guide, "Lifecycle policies".
    """
    rules = [
        {
            "rulePriority": 1,
            "description": f"Untagged images go after {config.untagged_days} days",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": config.untagged_days,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": f"The newest {config.kept_images} images stay",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": config.kept_images},
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules}, sort_keys=True)
