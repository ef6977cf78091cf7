"""The EKS kinds."""

from __future__ import annotations

from typing import Final

from local_cloud.aws import eks_access, eks_addons, eks_cluster, eks_nodes
from local_cloud.aws.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (eks_cluster.KIND, eks_nodes.KIND, eks_addons.KIND, *eks_access.KINDS)
