"""What a client of a workload needs: address, gRPC service config, a command to try."""

from __future__ import annotations

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


def balanced_service_config(config: settings.Workload) -> dict[str, Any]:
    """gRPC service config of a workload whose clients see every pod: `round_robin`, health by `Watch`, retry.

    The health name is the readiness probe's: a draining server says NOT_SERVING and gets no new calls, before the name
    service forgets it (grpc/proposal A17). `retryThrottling` bounds retries over all calls of a channel (A6).
    """
    client_side = config.expose.client_side
    if client_side is None:
        raise ValueError("the workload has no expose.client_side")
    retry = client_side.retry
    found: dict[str, Any] = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": config.health.service},
    }
    if retry.attempts > 1:
        policy = {
            "maxAttempts": retry.attempts,
            "initialBackoff": _seconds(retry.initial_backoff),
            "maxBackoff": _seconds(retry.max_backoff),
            "backoffMultiplier": 2,
            "retryableStatusCodes": list(retry.codes),
        }
        found["methodConfig"] = [{"name": [{}], "retryPolicy": policy}]
        # Retries stop when half of the tokens are gone.
        found["retryThrottling"] = {"maxTokens": 2 * retry.budget, "tokenRatio": 0.1}
    return found


def _seconds(milliseconds: int) -> str:
    """A duration as the service config writes it: `0.1s`."""
    return f"{milliseconds / 1000:g}s"


def headless_name(workload: str) -> str:
    """Name of the headless Service, beside the ordinary one."""
    return f"{workload}-headless"


def target(name: str, config: settings.Workload, namespace: str) -> str:
    """Where clients inside the cluster find every pod of workload `name`."""
    return f"dns:///{headless_name(name)}.{namespace}.svc.cluster.local:{config.port}"


def client(
    name: str, config: settings.Workload, *, namespace: str | None = None, cloud_map: str | None = None
) -> dict[str, Any] | None:
    """Client configuration of workload `name` as plain JSON; None when it is not exposed.

    The load balancer's is on top, the pods' own beneath `client_side`. `namespace`: the Kubernetes one, by default the
    workload's name. `cloud_map`: namespace for clients outside the cluster.
    """
    found = {**_behind_alb(config), **_client_side(name, config, namespace or name, cloud_map)}
    return {"protocol": config.protocol, **found} if found else None


def _client_side(name: str, config: settings.Workload, namespace: str, cloud_map: str | None) -> dict[str, Any]:
    client_side = config.expose.client_side
    if client_side is None:
        return {}
    found = {
        "target": target(name, config, namespace),
        "service_config": json.dumps(balanced_service_config(config), sort_keys=True),
        "transport": "plaintext",
    }
    if client_side.cloud_map and cloud_map:
        found["cloud_map_target"] = f"dns:///{name}.{cloud_map}:{config.port}"
    return {"client_side": found}


def _behind_alb(config: settings.Workload) -> dict[str, Any]:
    alb = config.expose.alb
    if alb is None:
        return {}
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
        return {"protocol": config.protocol, **found, **signing}

    return described


def _http(host: str) -> dict[str, Any]:
    return {"url": f"https://{host}", "curl": f"curl https://{host}/"}


def _grpc(config: settings.Workload, host: str) -> dict[str, Any]:
    service = config.grpc_services[0] if config.grpc_services else "package.Service"
    return {
        "target": f"dns:///{host}:443",
        "service_config": json.dumps(service_config(), sort_keys=True),
        "grpcurl": f"grpcurl -proto {_proto_file(service)} -d '{{}}' {host}:443 {service}/METHOD",
    }


def _proto_file(service: str) -> str:
    """The usual file name of a gRPC service; the edge routes no reflection, so grpcurl needs the file."""
    return f"{service.rpartition('.')[2].lower()}.proto"
