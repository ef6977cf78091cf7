"""The load balancing kinds, and the other tokens pulumi-aws has for them."""

from __future__ import annotations

from typing import Final

from local_cloud.aws import elb_listener, elb_load_balancer, elb_rule, elb_target_group, elb_trust_store
from local_cloud.aws.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    elb_load_balancer.KIND,
    *elb_target_group.KINDS,
    *elb_listener.KINDS,
    *elb_rule.KINDS,
    *elb_trust_store.KINDS,
)

ALIASES: Final = {kind.token.replace("aws:lb/", "aws:alb/", 1): kind for kind in KINDS}
"""Parallel tokens of the same types (pulumi-aws provider/resources.go)."""
