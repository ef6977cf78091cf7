"""Rules of what pods may do in AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from components.settings.model import Settings
from components.settings.wording import Fault, quoted
from components.settings.workload import Workload

# IAM User Guide, "IAM and AWS STS quotas": inline policies of a role together, white space not counted.
MOST_CHARACTERS: Final = 10_240


def policy(workload: Workload) -> dict[str, Any]:
    """The role's own policy as an IAM document; statements in the order of their names."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                # Letters and digits only (IAM User Guide, "IAM JSON policy elements: Sid").
                "Sid": "".join(part.capitalize() for part in key.split("-")),
                "Effect": "Allow",
                "Action": sorted(statement.actions),
                "Resource": sorted(statement.resources),
            }
            for key, statement in sorted(workload.statements.items())
        ],
    }


def _size(settings: Settings, name: str) -> Iterator[Fault]:
    size = len(json.dumps(policy(settings.services[name]), separators=(",", ":")))
    if size > MOST_CHARACTERS:
        yield Fault(
            ("services", name, "statements"),
            f"together they have {size} characters; AWS allows {MOST_CHARACTERS}: make a policy of some of them and "
            "name it under permissions",
        )


def _names(settings: Settings, name: str) -> Iterator[Fault]:
    """IAM User Guide, "IAM JSON policy elements: Sid": unique within a policy."""
    seen: dict[str, str] = {}
    for key in settings.services[name].statements:
        first = seen.setdefault(key.replace("-", "").lower(), key)
        if first != key:
            yield Fault(
                ("services", name, "statements", key),
                f"the same name as {quoted(first)} to IAM, where hyphens do not count; choose another",
            )


RULES: Final = (_size, _names)
