"""What the pods of a workload may do in AWS."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import EACH_ONCE, Says, Section, Text
from .forms import Arn

PolicyArn = Annotated[
    str,
    Text(
        rf"{Arn}:iam::(?:aws|[0-9]{{12}}):policy/[A-Za-z0-9+=,.@_/-]+",
        "the ARN of an IAM policy such as arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        maximum=300,
    ),
]
Action = Annotated[
    str,
    Text(
        r"[a-z0-9-]+:[A-Za-z0-9]*[A-Za-z0-9*]",
        "an action of one service such as s3:GetObject or s3:Get* (never * for all services)",
        maximum=128,
    ),
]
Resource = Annotated[
    str,
    Text(
        rf"\*|{Arn}:[\x21-\x7e]+",
        'the ARN of what the actions are about such as arn:aws:s3:::acme-orders/*, or "*"',
        maximum=1600,
    ),
]


class Statement(Section):
    """One statement of the role's own policy: the actions it allows, and on what."""

    actions: Annotated[tuple[Action, ...], Field(min_length=1), EACH_ONCE, Says("Actions that are allowed.")]
    resources: Annotated[
        tuple[Resource, ...],
        Field(min_length=1),
        EACH_ONCE,
        Says("What they are allowed on.", source="IAM User Guide, IAM JSON policy elements: Resource"),
    ]
