"""The platform's components. Names are imported on first use: settings alone need neither Pulumi nor a provider."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Cluster": "cluster",
    "ClusterArgs": "cluster",
    "Discovery": "discovery",
    "DiscoveryArgs": "discovery",
    "ExistingCluster": "existing",
    "ExistingListener": "existing",
    "ExistingNetwork": "existing",
    "ExternalDns": "external_dns",
    "ExternalDnsArgs": "external_dns",
    "LatticeController": "lattice_controller",
    "LatticeControllerArgs": "lattice_controller",
    "LoadBalancer": "load_balancer",
    "LoadBalancerArgs": "load_balancer",
    "LoadBalancerController": "controllers",
    "LoadBalancerControllerArgs": "controllers",
    "MetricsAdapter": "metrics_adapter",
    "MetricsAdapterArgs": "metrics_adapter",
    "Network": "network",
    "NetworkArgs": "network",
    "Observability": "observability",
    "ObservabilityArgs": "observability",
    "Platform": "platform",
    "Repository": "registry",
    "RepositoryArgs": "registry",
    "ServiceNetwork": "lattice",
    "ServiceNetworkArgs": "lattice",
    "Workload": "workload",
    "WorkloadArgs": "workload",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'components' has no attribute {name!r}")
    return getattr(import_module(f"components.{_HOMES[name]}"), name)
