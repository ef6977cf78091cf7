"""The auth policies of VPC Lattice: who may call the service network, and who a workload's service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_BYTES: Final = 10 * 1024
"""VPC Lattice User Guide, "Quotas": size of an auth policy; cannot be raised."""

_ACTION: Final = "vpc-lattice-svcs:Invoke"


def network_policy() -> str:
    """Whoever signs may call; the policy of each service says who that is. Unsigned calls end here.

    One line: the API takes no line breaks (VPC Lattice API Reference, PutAuthPolicy).
    """
    anonymous = {"StringNotEqualsIgnoreCase": {"aws:PrincipalType": "Anonymous"}}
    return _document({"Principal": "*", "Condition": anonymous})


def service_policy(allow: Sequence[str]) -> str:
    """Only these principals may call. Roles stand for their sessions (IAM User Guide, "AWS JSON policy elements")."""
    return _document({"Principal": {"AWS": sorted(allow)}})


def _document(statement: Mapping[str, Any]) -> str:
    whole = {"Effect": "Allow", **statement, "Action": _ACTION, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]}, separators=(",", ":"))
