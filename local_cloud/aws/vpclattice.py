"""The VPC Lattice kinds."""

from __future__ import annotations

from typing import Final

from local_cloud.aws import vpclattice_network, vpclattice_service, vpclattice_target_group
from local_cloud.aws.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    *vpclattice_network.KINDS,
    *vpclattice_service.KINDS,
    *vpclattice_target_group.KINDS,
)
