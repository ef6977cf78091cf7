"""Repositories for the workloads' images."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import EACH_ONCE, Says, Section, Text
from .forms import Whole

_LIFECYCLE = "ECR User Guide, Lifecycle policies"
_POLICIES = "ECR User Guide, Private repository policies"
AccountId = Annotated[str, Text(r"[0-9]{12}", 'an account id of 12 digits, in text such as "111122223333"')]
OrganizationId = Annotated[
    str,
    Text(
        r"o-[a-z0-9]{10,32}", "the id of an organization such as o-a1b2c3d4e5 (aws organizations describe-organization)"
    ),
]


class Registry(Section):
    """What holds for the ECR repository of every workload."""

    pull_accounts: Annotated[
        tuple[AccountId, ...],
        Field(max_length=50),
        EACH_ONCE,
        Says("Other AWS accounts that may pull images.", source=_POLICIES),
    ] = ()
    pull_organizations: Annotated[
        tuple[OrganizationId, ...],
        Field(max_length=5),
        EACH_ONCE,
        Says("Organizations whose accounts may all pull images.", source=_POLICIES),
    ] = ()
    untagged_days: Annotated[
        Whole, Field(ge=1, le=3650), Says("Days after which an untagged image goes.", source=_LIFECYCLE)
    ] = 14
    kept_images: Annotated[
        Whole, Field(ge=1, le=10_000), Says("How many of the newest images stay.", source=_LIFECYCLE)
    ] = 100
