"""Load balancers that the AWS Load Balancer Controller makes of Kubernetes objects: what both ways have in common.

The objects say everything each time, since the controller sets attributes and never unsets them (AWS Load Balancer
Controller, Ingress annotations: "load-balancer-attributes").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Protocol

import pulumi
import pulumi_aws as aws
from pulumi_kubernetes import core, meta

from components import crds, pods, settings
from components.base import Component
from components.settings import names
from components.track import Track

_BUNDLES = ("gateway-api", "load-balancer-gateway")


@dataclass(frozen=True, kw_only=True)
class ControlledArgs:
    """Inputs of `IngressLoadBalancer` and `GatewayLoadBalancer`.

    config: its entry in the settings. identity: what the VPC's identity is decided by. subnet_ids: two zones or more,
    of the scheme's kind. certificate_arn: an issued certificate in the same region. controller: what must be on the
    cluster before, and gone from it after: the controller's release and the definitions of its kinds. protect: Pulumi
    refuses to delete what the load balancer is made of, before AWS's own protection would leave it half taken apart.
    """

    config: settings.LoadBalancer
    identity: tuple[str, ...]
    subnet_ids: Sequence[pulumi.Input[str]]
    certificate_arn: pulumi.Input[str]
    kubernetes: pulumi.ProviderResource
    controller: Sequence[pulumi.Resource]
    depends_on: Sequence[pulumi.Resource] = ()
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exposed:
    """A workload as it is put on such a load balancer.

    namespace: name of the Kubernetes one. services: its Kubernetes Services by version, named `track.name(name)`.
    """

    name: str
    _: KW_ONLY
    namespace: pulumi.Input[str]
    config: settings.Workload
    alb: settings.Alb
    services: Mapping[Track, core.v1.Service]

    @property
    def weights(self) -> dict[str, int]:
        """Per cent of the calls by Service."""
        canary = self.alb.canary.weight if self.alb.canary else 0
        return {track.name(self.name): canary if track.canary else 100 - canary for track in self.services}


class ControlledEdge(Protocol):
    """The load balancer as a workload meets it."""

    def expose(self, owner: Component, exposed: Exposed) -> list[pulumi.Resource]:
        """The objects that lead to a workload; once they are there its pods are targets from their first moment."""


def physical_name(key: str, args: ControlledArgs) -> str:
    """Name of the class, and of every object of one load balancer: new exactly when the load balancer must be new.

    A new one is then made beside the old one, whose address the status of the same object would go on telling.
    """
    config = args.config
    identity = (key, config.scheme, str(config.generation), *args.identity)
    return names.physical(f"{pulumi.get_stack()}-{key}", *identity, maximum=40)


def home(owner: Component, args: ControlledArgs) -> core.v1.Namespace:
    """The namespace of the load balancer's own objects, whose name no workload can have."""
    prefix = f"aws-load-balancer-{pulumi.get_stack()}-{owner.name}"
    return core.v1.Namespace(
        f"{owner.name}-namespace",
        metadata=meta.v1.ObjectMetaArgs(
            name=names.physical(prefix, pulumi.get_project(), args.config.owner, maximum=63), labels=pods.stack_labels()
        ),
        # After the controller, and so deleted before it: what is inside holds a finalizer only the controller removes.
        opts=owner.child(provider=args.kubernetes, depends_on=args.controller, protect=args.protect or None),
    )


def balancer_attributes(config: settings.LoadBalancer) -> list[dict[str, str]]:
    """Attributes of the load balancer (ELB API: LoadBalancerAttribute), by key."""
    headers = config.headers
    found: dict[str, Any] = {
        "client_keep_alive.seconds": config.client_keep_alive,
        "deletion_protection.enabled": config.deletion_protection,
        "idle_timeout.timeout_seconds": config.idle_timeout,
        "routing.http.desync_mitigation_mode": config.desync_mitigation,
        # gRPC metadata keys may hold `_` and `.`; dropping such headers loses them silently.
        "routing.http.drop_invalid_header_fields.enabled": headers.drop_invalid,
        "routing.http.preserve_host_header.enabled": headers.preserve_host,
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": headers.tls_version_and_cipher,
        "routing.http.xff_client_port.enabled": headers.client_port,
        "routing.http.xff_header_processing.mode": headers.forwarded_for,
        # Off means HTTP/1.1 to clients, which no gRPC client speaks.
        "routing.http2.enabled": True,
        "zonal_shift.config.enabled": config.zonal_shift,
    }
    return pairs(found)


def target_attributes(config: settings.Workload, alb: settings.Alb) -> dict[str, str]:
    """Attributes of a workload's target groups (ELB API: TargetGroupAttribute)."""
    found: dict[str, Any] = {
        "deregistration_delay.timeout_seconds": pods.deregistration_delay(config.drain),
        "load_balancing.algorithm.type": alb.algorithm,
        "slow_start.duration_seconds": alb.slow_start,
    }
    if alb.algorithm == "weighted_random":
        found["load_balancing.algorithm.anomaly_mitigation"] = "on" if alb.anomaly_mitigation else "off"
    if config.protocol == "http":
        found["stickiness.enabled"] = alb.stickiness is not None
    if alb.stickiness is not None:
        kind = alb.stickiness.type
        found["stickiness.type"] = kind
        found[f"stickiness.{kind}.duration_seconds"] = alb.stickiness.duration
        if alb.stickiness.cookie is not None:
            found["stickiness.app_cookie.cookie_name"] = alb.stickiness.cookie
    return {key: _text(value) for key, value in found.items()}


def pairs(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """A list of keys and values, sorted by key, as the controller's kinds want it."""
    return [{"key": key, "value": _text(value)} for key, value in sorted(values.items())]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def health_port(config: settings.Workload) -> str:
    """The port that health checks go to, as both kinds of object write it."""
    port = config.health.port
    return "traffic-port" if port in {None, config.port} else str(port)


def record(
    owner: Component, host: str, zone: settings.HostedZone, *, dns_name: pulumi.Input[str], protect: bool
) -> aws.route53.Record:
    """The host's CNAME. An alias would need the load balancer's hosted zone id, which no object's status tells.

    An alias that was there before gives way in one batch (terraform-provider-aws internal/service/route53/record.go).
    """
    return aws.route53.Record(
        f"record-{host}",
        zone_id=zone.id,
        name=host,
        type="CNAME",
        ttl=60,
        records=[dns_name],
        opts=owner.child(protect=protect or None),
    )


def require(config: settings.Settings) -> None:
    """Stop where a gateway is asked for and the definitions of its kinds are not here: pulumi.RunError."""
    if _gateways(config):
        crds.require(*_BUNDLES, mode="load_balancers with owner gateway")


def bundles(config: settings.Settings) -> tuple[str, ...]:
    """Keys of the definitions that the cluster needs before any controller starts, which then looks for them."""
    return _BUNDLES if _gateways(config) else ()


def _gateways(config: settings.Settings) -> bool:
    return any(each.owner == "gateway" for each in config.load_balancers.values())
