"""All rules of the pack, a file for each part of a family."""

from __future__ import annotations

from typing import Final

from policies.engine.rule import Registry
from policies.rules import (
    clusters,
    controllers,
    cross_checks,
    end_to_end,
    images,
    ingresses,
    lattice,
    lattice_network,
    lattice_routing,
    listeners,
    load_balancer_limits,
    load_balancers,
    network_load_balancers,
    pod_reach,
    probe_ports,
    probes,
    registries,
    rollouts,
    route_backends,
    routes,
    routing,
    service_wiring,
    target_group_settings,
    target_group_uses,
    target_groups,
    values_balancing,
    values_kubernetes,
    wiring,
    workload_settings,
)

REGISTRY: Final = Registry(
    [
        *target_groups.RULES,
        *target_group_settings.RULES,
        *target_group_uses.RULES,
        *listeners.RULES,
        *routing.RULES,
        *load_balancers.RULES,
        *load_balancer_limits.RULES,
        *probes.RULES,
        *end_to_end.RULES,
        *lattice.RULES,
        *registries.RULES,
        *images.RULES,
        *clusters.RULES,
        *pod_reach.RULES,
        *controllers.RULES,
        *network_load_balancers.RULES,
        *cross_checks.RULES,
        *lattice_routing.RULES,
        *lattice_network.RULES,
        *rollouts.RULES,
        *ingresses.RULES,
        *values_balancing.RULES,
        *values_kubernetes.RULES,
        *wiring.RULES,
        *routes.RULES,
        *route_backends.RULES,
        *service_wiring.RULES,
        *probe_ports.RULES,
        *workload_settings.RULES,
    ]
)
