"""The deployer's policies in the docs have the actions of every resource type that the dev stack makes."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from local_cloud.aws.catalogue import KINDS

CHECKOUT = Path(__file__).resolve().parent.parent
FILES = ("deployer-policy.json", "deployer-policy-options.json")
POLICIES: list[dict[str, Any]] = [json.loads((CHECKOUT / "docs" / name).read_text()) for name in FILES]
SNAPSHOT = (CHECKOUT / "tests" / "engine" / "urns.dev.txt").read_text()
TYPES = sorted({found for found in re.findall(r"\$(aws:[^$:]+:[A-Za-z]+)::", SNAPSHOT) if found in KINDS})
PREFIXES = {
    "ACM": "acm",
    "Athena": "athena",
    "CloudWatch": "cloudwatch",
    "CloudWatch Logs": "logs",
    "EC2": "ec2",
    "ECR": "ecr",
    "EKS": "eks",
    "Elastic Load Balancing v2": "elasticloadbalancing",
    "Glue": "glue",
    "IAM": "iam",
    "KMS": "kms",
    "RAM": "ram",
    "Route 53": "route53",
    "SNS": "sns",
    "ServiceDiscovery": "servicediscovery",
    "VPC Lattice": "vpc-lattice",
}

# Updates of properties that the platform never changes: certificate transparency, an address's interface, further
# addresses of a NAT gateway.
NEVER = {"UpdateCertificateOptions", "AssociateAddress", "AssociateNatGatewayAddress"}


def statements() -> list[dict[str, Any]]:
    return [statement for policy in POLICIES for statement in policy["Statement"]]


def allowed() -> list[str]:
    return [action for statement in statements() for action in statement["Action"]]


@pytest.mark.parametrize("token", TYPES)
def test_the_operations_of_every_type_are_allowed(token: str) -> None:
    kind = KINDS[token]
    assert kind.service in PREFIXES, kind.service
    for verb, operation in kind.operations.items():
        if operation in NEVER and verb == "update":
            continue
        action = f"{PREFIXES[kind.service]}:{operation}"
        assert any(fnmatchcase(action, pattern) for pattern in allowed()), action


def test_the_dev_stack_has_types_to_compare() -> None:
    assert len(TYPES) > 25


def test_they_are_policies_that_iam_takes() -> None:
    """IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, white space aside."""
    assert all(len(json.dumps(policy, separators=(",", ":"))) <= 6144 for policy in POLICIES)
    names = [statement["Sid"] for statement in statements()]
    assert len(set(names)) == len(names)
    assert all(
        action == "ec2:Describe*" or "*" not in action
        for action in allowed()
        if not action.startswith(("eks:Describe", "eks:List", "elasticloadbalancing:Describe"))
    )
