"""What a stack exports: addresses, client configurations, and who is reached through what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components import clients, settings, stacks

if TYPE_CHECKING:
    from components.platform import Platform

Exposed = Mapping[str, Mapping[str, settings.Workload]]


def outputs(platform: Platform, config: settings.Settings, exposed: Exposed) -> dict[str, Any]:
    """The outputs of a stack; see docs/outputs.md. exposed: workloads by load balancer."""
    services = sorted(config.services.items())
    cloud_map = config.cloud_map.namespace if config.cloud_map else None
    watch = platform.observability
    return {
        **({stacks.OUTPUT: stacks.exported(platform, config)} if config.environment.kind == "platform" else {}),
        "cluster": {
            "name": platform.cluster.cluster_name,
            "version": (config.existing.cluster or config.cluster).version,
        },
        "kubeconfig": platform.cluster.kubeconfig,
        "vpc_id": platform.network.vpc_id,
        "load_balancers": _load_balancers(platform),
        "repositories": {name: each.url for name, each in platform.repositories.items()},
        "endpoints": {name: f"{workload.expose.alb.host}:443" for name, workload in services if workload.expose.alb},
        "clients": {
            name: found
            for name, workload in services
            if (found := clients.client(name, workload, namespace=platform.namespace_of(name), cloud_map=cloud_map))
        },
        "lattice": {},  # filled in once there are workloads
        "topology": _topology(platform, exposed),
        "observability": {
            "topic_arn": watch.topic_arn if watch else None,
            "dashboards": watch.dashboards if watch else {},
        },
    }


def _load_balancers(platform: Platform) -> dict[str, Any]:
    """The controller tells nobody the ARN of what it makes."""
    return {
        **{key: {"arn": each.arn, "dns_name": each.dns_name} for key, each in platform.load_balancers.items()},
        **{key: {"arn": None, "dns_name": each.dns_name} for key, each in platform.controlled.items()},
    }


def _topology(platform: Platform, exposed: Exposed) -> dict[str, Any]:
    """Who is reached through what, as plain data: load balancer → workload → host, gRPC services, pods."""
    return {
        key: {
            name: {
                "host": workload.expose.alb.host if workload.expose.alb else None,
                "grpc_services": list(workload.grpc_services),
                "running": workload.image is not None,
            }
            for name, workload in exposed[key].items()
        }
        for key in sorted((*platform.load_balancers, *platform.controlled))
    }
