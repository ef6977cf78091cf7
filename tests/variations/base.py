"""The settings that all others are varied from, and what several variations need beside them.

The load balancer `public`, the gRPC workload `orders`, the HTTP workload `web`, the node group `general`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ACCOUNT: Final = "111122223333"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/deployer"
CALLER: Final = f"arn:aws:iam::{ACCOUNT}:role/billing"
ACL: Final = f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/edge/12345678-1234-1234-1234-123456789012"
STORE: Final = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:truststore/partners/0123456789abcdef"
CERTIFICATE: Final = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/12345678-1234-1234-1234-123456789012"
POLICY: Final = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
DIGEST: Final = "sha256:" + "a" * 64
ORDERS: Final = "acme.orders.v1.Orders"
BASE: Final[dict[str, Any]] = {
    "existing": {"hosted_zone": {"id": "Z0123456789ABCDEFGHIJ", "name": "dev.example.com"}},
    "network": {"zones": ["eu-west-1a", "eu-west-1b"]},
    "cluster": {"node_groups": {"general": {"instance_types": ["m7g.large"]}}},
    "load_balancers": {"public": {"scheme": "internet-facing"}},
    "services": {
        "orders": {
            "protocol": "grpc",
            "port": 50051,
            "image": {"uri": "ghcr.io/acme/orders", "tag": "1.4.2"},
            "grpc_services": [ORDERS],
            "expose": {"alb": {"load_balancer": "public", "host": "orders.dev.example.com"}},
        },
        "web": {
            "protocol": "http",
            "port": 8080,
            "image": {"uri": "ghcr.io/acme/web", "tag": "1"},
            "expose": {"alb": {"load_balancer": "public", "host": "web.dev.example.com"}},
        },
    },
}


@dataclass(frozen=True)
class Variation:
    """A setting at a path, and by path what must hold beside it.

    why_not: why a living stack does not get and lose it in a test: what the local cloud has no part of, or what AWS
    refuses on the way.
    """

    path: str
    value: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = ""


def setting(path: str, value: Any, why_not: str = "", /, **given: Any) -> Variation:
    """given: by path, with `__` for the dots."""
    return Variation(path, value, {key.replace("__", "."): each for key, each in given.items()}, why_not)


ELSEWHERE: Final = "exists outside the local cloud"
CREATE_ONLY: Final = "makes a new cluster, which takes everything on it along"
LATTICE_SETTINGS: Final[dict[str, Any]] = {
    "prefix_lists": {"ipv4": "pl-0123456789abcdef0"},
    "share": {"principals": ["444455556666"]},
}
ON_LATTICE: Final = {"allow": [CALLER]}
MESHED: Final = {"lattice": LATTICE_SETTINGS, "services__orders__expose__lattice": ON_LATTICE}
ROUTE: Final = {"services__orders__expose__alb__routes__r": {"headers": {"x-a": ["1"]}}}
HTTP_ROUTE: Final = {"services__web__expose__alb__routes__r": {"headers": {"x-a": ["1"]}}}
REWRITE: Final = {"regex": "^/old", "replace": "/new"}
ADAPTER: Final = {
    "kind": "prometheus",
    "url": "http://prometheus.monitoring",
    "metrics": {"calls": {"series": "calls"}},
}
TAINT: Final = {
    "cluster__node_groups__spare": {"instance_types": ["m7g.large"], "taints": {"gpu": {"effect": "NO_EXECUTE"}}}
}
SPARE: Final = {"cluster__node_groups__spare": {"instance_types": ["m7g.large"]}}
CANARY: Final = {"services__orders__expose__alb__canary": {"tag": "1.5.0"}}
WATCHED: Final[dict[str, Any]] = {"observability": {}}
ACCESS: Final = {"cluster__access__team": {"principal_arn": ROLE, "policy": "view", "namespaces": ["orders"]}}
EXTRA: Final = {"cluster__extra_addons": {"aws-ebs-csi-driver": {"version": "v1.50.0-eksbuild.1"}}}
CLIENT: Final[dict[str, Any]] = {"services__orders__expose": {"client_side": {}}}
CLOUD_MAP: Final = {
    "cloud_map": {"namespace": "acme.internal"},
    "services__orders__expose": {"client_side": {"cloud_map": True}},
}
PUSHED: Final = {"services__orders__image": None}
CHECKED: Final[dict[str, Any]] = {"services__web__expose__alb__target_health": {}}
