"""What a client of a workload needs: address, gRPC service config, a command to try."""

import json
from collections.abc import Callable
from typing import Any

from components import settings

# VPC Lattice user guide, "SIGv4 authenticated requests": the payload is never part of the signature.
_SIGNING = {"service": "vpc-lattice-svcs", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}

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
    return _http(alb.host) if config.protocol == "http" else _grpc(config, alb.host)


def lattice_client(config: settings.Workload, auth: str, region: str) -> Callable[[str], dict[str, Any] | None]:
    """What makes of the domain name of a workload's VPC Lattice service its client configuration, as plain JSON.

    None as long as there is no domain, which is so in the preview of a new workload. With auth `iam` every call carries
    the headers of a SigV4 signature, described under `signing`; grpcurl and curl send none and are denied.
    """
    signing = {"signing": {**_SIGNING, "region": region}} if auth == "iam" else {}

    def described(domain: str) -> dict[str, Any] | None:
        if not domain:
            return None
        found = _http(domain) if config.protocol == "http" else _grpc(config, domain)
        return {**found, **signing}

    return described


def _http(host: str) -> dict[str, Any]:
    return {"protocol": "http", "url": f"https://{host}", "curl": f"curl https://{host}/"}


def _grpc(config: settings.Workload, host: str) -> dict[str, Any]:
    service = config.grpc_services[0] if config.grpc_services else "package.Service"
    return {
        "protocol": "grpc",
        "target": f"dns:///{host}:443",
        "service_config": json.dumps(service_config(), sort_keys=True),
        "grpcurl": f"grpcurl -proto {_proto_file(service)} -d '{{}}' {host}:443 {service}/METHOD",
    }


def _proto_file(service: str) -> str:
    """The usual file name of a gRPC service; the edge routes no reflection, so grpcurl needs the file."""
    return f"{service.rpartition('.')[2].lower()}.proto"
