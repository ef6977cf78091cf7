"""What a client of a workload needs: address, gRPC service config, a command to try."""

import json
from typing import Any

from components import settings

# Every ALB node closes a connection after 10,000 requests with GOAWAY (ALB user guide: "HTTP 000"), and a rollout
# ends connections too: the client sees UNAVAILABLE. It also sees it when a pod dies in the middle of a call (502) or is
# silent past the idle timeout (504), so a method that must not run twice needs a `methodConfig` of its own.
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def service_config() -> dict[str, Any]:
    """gRPC service config (grpc/grpc doc/service_config.md): spread over the load balancer's nodes, retry.

    No health checking by `Watch`: behind an ALB that is a silent stream, which ends at the idle timeout.
    """
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": [{}], "retryPolicy": _RETRY}],
    }


def client(config: settings.Workload) -> dict[str, Any] | None:
    """Client configuration of a workload behind an ALB, as plain JSON; None when it is not exposed."""
    alb = config.expose.alb
    if alb is None:
        return None
    if config.protocol == "http":
        return {"protocol": "http", "url": f"https://{alb.host}", "curl": f"curl https://{alb.host}/"}
    service = config.grpc_services[0] if config.grpc_services else "package.Service"
    return {
        "protocol": "grpc",
        "target": f"dns:///{alb.host}:443",
        "service_config": json.dumps(service_config(), sort_keys=True),
        "grpcurl": f"grpcurl -proto {_proto_file(service)} -d '{{}}' {alb.host}:443 {service}/METHOD",
    }


def _proto_file(service: str) -> str:
    """The usual file name of a gRPC service; the edge routes no reflection, so grpcurl needs the file."""
    return f"{service.rpartition('.')[2].lower()}.proto"
