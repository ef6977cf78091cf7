"""One entry for every setting that a stack file may have.

The paths are those of `BASE`: the load balancer `public`, the gRPC workload `orders`, the HTTP workload `web`, the node
group `general`. A test compares the table with the schema, so that a new setting cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .base import Variation
from .platform import AROUND, BALANCERS, CLUSTER, ENVIRONMENT, LATTICE, NETWORK, REGISTRY
from .workloads import EXPOSURES, WORKLOADS

ALL: Final[tuple[Variation, ...]] = (
    *ENVIRONMENT,
    *NETWORK,
    *REGISTRY,
    *CLUSTER,
    *BALANCERS,
    *LATTICE,
    *WORKLOADS,
    *EXPOSURES,
    *AROUND,
)
WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "environment.kind": "decides which sections there may be: tests/components/test_stacks.py",
    "environment.services_stacks": "read by services stacks: tests/components/test_stacks.py",
    "existing.hosted_zone.id": "in the base of every test",
    "existing.hosted_zone.name": "in the base of every test",
    **dict.fromkeys(
        (
            "existing.platform_stack",
            *(f"existing.vpc.{key}" for key in ("id", "cidr", "subnets.public", "subnets.private")),
            *(
                f"existing.cluster.{key}"
                for key in (
                    "name",
                    "version",
                    "endpoint",
                    "certificate_authority",
                    "security_group_id",
                    "load_balancer_controller",
                )
            ),
            *(
                f"existing.listeners.*.{key}"
                for key in (
                    "arn",
                    "dns_name",
                    "zone_id",
                    "security_group_id",
                    "pod_ports",
                    "certificate_domains",
                    "priorities.first",
                    "priorities.last",
                )
            ),
            *(f"existing.service_network.{key}" for key in ("arn", "name")),
        ),
        "stands in for a part that is made: tests/components/test_existing.py, test_stacks.py",
    ),
    "load_balancers.*.pod_ports": "kind platform: tests/components/test_stacks.py",
    "cluster.compute": "has one value",
    "cluster.metrics_adapter.kind": "has one value",
    "services.*.expose.lattice.longest_stream": "is compared with what VPC Lattice allows, and changes nothing",
}
