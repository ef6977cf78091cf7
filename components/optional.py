"""What a platform has only where its settings ask for it: from settings to components, None without the section.

Imported where it is made: the provider's modules for it take a part of a second each, which every preview would pay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components import controlled, crds, settings

if TYPE_CHECKING:
    from components.discovery import Discovery
    from components.gateway import GatewayLoadBalancer
    from components.ingress import IngressLoadBalancer
    from components.metrics_adapter import MetricsAdapter
    from components.observability import Observability
    from components.platform import Platform


def definitions(platform: Platform, config: settings.Settings) -> list[pulumi.Resource]:
    """The kinds that routes are of; controllers look for them when they start."""
    bundles = dict.fromkeys([*(["gateway-api"] if config.lattice else []), *controlled.bundles(config)])
    return crds.definitions(platform, *bundles, kubernetes=platform.cluster.kubernetes) if bundles else []


def controlled_balancers(
    platform: Platform, config: settings.Settings, args: Mapping[str, controlled.ControlledArgs]
) -> dict[str, IngressLoadBalancer | GatewayLoadBalancer]:
    """The load balancers that the controller makes, by key."""
    if not args:
        return {}
    from components.gateway import GatewayLoadBalancer  # noqa: PLC0415
    from components.ingress import IngressLoadBalancer  # noqa: PLC0415

    if config.observability is not None:
        pulumi.log.info(
            f"No alarms and no dashboard for {', '.join(sorted(args))}: CloudWatch knows a load balancer by the end of "
            "its ARN, which the controller tells nobody.",
            platform,
        )
    return {
        key: (IngressLoadBalancer if each.config.owner == "ingress" else GatewayLoadBalancer)(
            key, each, platform.child()
        )
        for key, each in sorted(args.items())
    }


def metrics_adapter(platform: Platform, config: settings.Settings) -> MetricsAdapter | None:
    """What shows metrics other than CPU and memory to the autoscalers."""
    declared, cluster = config.cluster.metrics_adapter, platform.cluster
    if declared is None:
        return None
    from components.metrics_adapter import MetricsAdapter, MetricsAdapterArgs  # noqa: PLC0415

    args = MetricsAdapterArgs(config=declared, kubernetes=cluster.kubernetes, depends_on=cluster.ready)
    return MetricsAdapter("metrics-adapter", args, platform.child())


def discovery(
    platform: Platform, config: settings.Settings, *, region: str, tags: Mapping[str, str]
) -> Discovery | None:
    """The namespace in which clients outside the cluster find pods."""
    if config.cloud_map is None:
        return None
    from components.discovery import Discovery, DiscoveryArgs  # noqa: PLC0415

    found = {
        name: workload.port
        for name, workload in config.services.items()
        if workload.expose.client_side is not None and workload.expose.client_side.cloud_map
    }
    cluster = platform.cluster
    args = DiscoveryArgs(
        config=config.cloud_map,
        workloads=found,
        vpc_id=platform.network.vpc_id,
        security_group_id=cluster.security_group_id,
        cluster_name=cluster.cluster_name,
        region=region,
        kubernetes=cluster.kubernetes,
        agent=cluster.addons.get("eks-pod-identity-agent"),
        depends_on=cluster.ready,
        tags=tags,
    )
    return Discovery("discovery", args, platform.child())


def observability(
    platform: Platform, config: settings.Settings, *, region: str, tags: Mapping[str, str]
) -> Observability | None:
    """Alarms, dashboards and saved queries."""
    if config.observability is None:
        return None
    from components.observability import Observability, ObservabilityArgs  # noqa: PLC0415

    args = ObservabilityArgs(
        config=config.observability, load_balancers=platform.load_balancers, region=region, tags=tags
    )
    return Observability("observability", args, platform.child())
