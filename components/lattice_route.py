"""How a workload hangs on the service network: target group policy, route, and the policy that says who may call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes import apiextensions, core, meta

from components import settings
from components.base import Component
from components.lattice_controller import GATEWAY_API, LISTENER
from components.settings import auth_policy, names

POLICY_API = "application-networking.k8s.aws/v1alpha1"
# New pods count as ready once VPC Lattice has them as targets (AWS Gateway API Controller, "Pod readiness gate").
READINESS_GATE = {"application-networking.k8s.aws/pod-readiness-gate-inject": "enabled"}
DOMAIN = "application-networking.k8s.aws/lattice-assigned-domain-name"
# In brackets: the provider reads JSONPath as RFC 9535 has it (pulumi-kubernetes provider/pkg/jsonpath).
_WAIT_FOR_DOMAIN = f"jsonpath={{.metadata.annotations['{DOMAIN}']}}"
_KINDS = {"grpc": "GRPCRoute", "http": "HTTPRoute"}


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The service network as a workload meets it.

    gateway_name, gateway_namespace: of the Gateway. gateway: routes depend on it. controller: the release, before
    which the workload's namespace must be gone. identity: what tells this stack's services from other stacks'.
    """

    auth: str
    gateway_name: str
    gateway_namespace: str
    gateway: pulumi.Resource
    controller: pulumi.Resource
    identity: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Routed:
    """A workload's place in the mesh: `domain` is what clients call, `route` what pods wait for."""

    route: pulumi.Resource
    domain: pulumi.Output[str]


def service_name(name: str, config: settings.Workload, mesh: Mesh) -> str:
    """Physical name of the VPC Lattice service, unique in account and region.

    The controller's own choice is made of the first letters of route and namespace, the same in every stack. Another
    protocol is another route, so another service: two routes of one name would share one.
    """
    return names.physical(f"lattice-{name}", name, config.protocol, *mesh.identity, maximum=40)


def routed(
    owner: Component,
    config: settings.Workload,
    exposure: settings.LatticeExposure,
    mesh: Mesh,
    service: core.v1.Service,
    kubernetes: pulumi.ProviderResource,
) -> Routed:
    """Target group policy, then route, then auth policy.

    The first comes before the target group is made: a changed protocol would replace it (AWS Gateway API Controller,
    docs/api-types/target-group-policy.md).
    """
    target_group = _policy(
        owner,
        "TargetGroupPolicy",
        "target-group-policy",
        service,
        {
            "targetRef": {"group": "", "kind": "Service", "name": service.metadata.name},
            **_target_group(config, exposure),
        },
        owner.child(provider=kubernetes, depends_on=[mesh.controller]),
    )
    kind = _KINDS[config.protocol]
    route: Any = apiextensions.CustomResource(  # outputs are not declared in the SDK
        f"{owner.name}-lattice-route",
        api_version=GATEWAY_API,
        kind=kind,
        metadata=meta.v1.ObjectMetaArgs(
            name=owner.name,
            namespace=service.metadata.namespace,
            annotations={
                "application-networking.k8s.aws/service-name-override": service_name(owner.name, config, mesh),
                "application-networking.k8s.aws/idle-timeout-seconds": str(exposure.idle_timeout),
                "pulumi.com/waitFor": _WAIT_FOR_DOMAIN,
            },
        ),
        spec=_route(config, mesh, service),
        opts=owner.child(provider=kubernetes, depends_on=[mesh.controller, mesh.gateway, target_group]),
    )
    if mesh.auth == "iam":
        _policy(
            owner,
            "IAMAuthPolicy",
            "auth-policy",
            service,
            {
                "targetRef": {"group": "gateway.networking.k8s.io", "kind": kind, "name": owner.name},
                "policy": auth_policy.service_policy(exposure.allow),
            },
            owner.child(provider=kubernetes, depends_on=[mesh.controller, route]),
            wait_for="condition=Accepted",
        )
    return Routed(route=route, domain=route.metadata.apply(_domain))


def _domain(metadata: Any) -> str:
    """Empty while a preview does not know it yet."""
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else metadata.annotations
    return str((annotations or {}).get(DOMAIN, ""))


def _policy(
    owner: Component,
    kind: str,
    suffix: str,
    service: core.v1.Service,
    spec: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    wait_for: str = "",
) -> apiextensions.CustomResource:
    return apiextensions.CustomResource(
        f"{owner.name}-{suffix}",
        api_version=POLICY_API,
        kind=kind,
        metadata=meta.v1.ObjectMetaArgs(
            name=owner.name,
            namespace=service.metadata.namespace,
            annotations={"pulumi.com/waitFor": wait_for} if wait_for else None,
        ),
        spec=dict(spec),
        opts=opts,
    )


def _target_group(config: settings.Workload, exposure: settings.LatticeExposure) -> dict[str, Any]:
    """VPC Lattice cannot check gRPC (user guide, "Health checks"): off, or in HTTP on a port that speaks it.

    The version of the target group itself is the route's affair where that is a GRPCRoute.
    """
    check = exposure.health_check
    version = {} if config.protocol == "grpc" else {"protocolVersion": "HTTP1"}
    if check is None:
        return {"protocol": "HTTP", **version, "healthCheck": {"enabled": False}}
    return {
        "protocol": "HTTP",
        **version,
        "healthCheck": {
            "enabled": True,
            "protocol": "HTTP",
            "protocolVersion": check.version,
            "port": check.port,
            "path": check.path,
            "statusMatch": check.success_codes,
            "intervalSeconds": check.interval,
            "timeoutSeconds": check.timeout,
            "healthyThresholdCount": check.healthy,
            "unhealthyThresholdCount": check.unhealthy,
        },
    }


def _route(config: settings.Workload, mesh: Mesh, service: core.v1.Service) -> dict[str, Any]:
    """A rule for each gRPC service, whose match is one method match (the controller takes one); else one for all."""
    backends = [{"kind": "Service", "name": service.metadata.name, "port": config.port}]
    rules: list[dict[str, Any]] = [{"backendRefs": backends}]
    if config.protocol == "http":
        rules = [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": backends}]
    elif config.grpc_services:
        rules = [
            {"matches": [{"method": {"type": "Exact", "service": each}}], "backendRefs": backends}
            for each in config.grpc_services
        ]
    parent = {"name": mesh.gateway_name, "namespace": mesh.gateway_namespace, "sectionName": LISTENER}
    return {"parentRefs": [parent], "rules": rules}
