"""An ECR repository for one workload's images."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.base import Component

UNTAGGED_DAYS = 14
KEPT_IMAGES = 100


@dataclass(frozen=True, kw_only=True)
class RepositoryArgs:
    """Inputs of `Repository`.

    repository_name: ECR's name, lower case, 2-256. protect: refuse deletion by Pulumi, and at ECR while it holds
    images; otherwise its images are deleted with it.
    """

    repository_name: str
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
            f"{name}-lifecycle", repository=repository.name, policy=lifecycle_policy(), opts=self.child()
        )
        self.url = repository.repository_url
        self.repository_name = repository.name
        self.register_outputs({"url": self.url, "repository_name": self.repository_name})


def lifecycle_policy() -> str:
    """Rules as JSON text: untagged images go after 14 days, the newest 100 stay.

    Source: ECR user guide, "Lifecycle policies".
    """
    rules = [
        {
            "rulePriority": 1,
            "description": f"Untagged images go after {UNTAGGED_DAYS} days",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": UNTAGGED_DAYS,
            },
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": f"The newest {KEPT_IMAGES} images stay",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
            "action": {"type": "expire"},
        },
    ]
    return json.dumps({"rules": rules}, sort_keys=True)
