"""Rules between settings: what is well formed by itself and still cannot work.

A rule is a generator of faults about some part of the settings. Each is tried by itself; one that meets a value with an
error of its own is left out, the others still speak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from components.settings.broken import UnsettledError, sound
from components.settings.model import Settings
from components.settings.verify import (
    addons,
    balancers,
    client_side,
    cloud_map,
    cluster,
    edge,
    environment,
    existing,
    health,
    images,
    lattice,
    listeners,
    network,
    observability,
    owners,
    permissions,
    routes,
    spreading,
    stacks,
    workloads,
)
from components.settings.wording import Fault

Rule = Callable[[], Iterable[Fault]]
_OVERALL: Final = (
    *environment.RULES,
    *stacks.RULES,
    *existing.RULES,
    *network.RULES,
    *cluster.RULES,
    *addons.RULES,
    *balancers.RULES,
    *lattice.RULES,
    *cloud_map.RULES,
    *observability.RULES,
)
_REGIONAL: Final = (
    *(environment.zones, balancers.regions, existing.regions, network.china, lattice.lists),
    *(observability.topics, edge.regions),
)
_WORKLOAD_RULES: Final = (
    *workloads.RULES,
    *client_side.RULES,
    *cloud_map.WORKLOAD_RULES,
    *permissions.RULES,
    *observability.WORKLOAD_RULES,
    *health.RULES,
    *images.RULES,
    *routes.RULES,
    *lattice.WORKLOAD_RULES,
    *spreading.RULES,
    *owners.WORKLOAD_RULES,
)


def faults_of(settings: Settings, region: str | None) -> list[Fault]:
    """Every fault between settings; `region` is `aws:region` or None when it is not known."""
    return [fault for rule in _rules(settings, region) for fault in _tried(rule)]


def _tried(rule: Rule) -> Iterator[Fault]:
    try:
        yield from rule()
    except UnsettledError:
        return


def _rules(settings: Settings, region: str | None) -> Iterator[Rule]:
    for whole in _REGIONAL:
        yield partial(whole, settings, region)
    for overall in _OVERALL:
        yield partial(overall, settings)
    yield from _of_entries(settings)


def _of_entries(settings: Settings) -> Iterator[Rule]:
    for name in sound(lambda: list(settings.cluster.node_groups)) or ():
        for of_group in cluster.GROUP_RULES:
            yield partial(of_group, settings, name)
    for name in sound(lambda: list(settings.load_balancers)) or ():
        for of_balancer in (*balancers.BALANCER_RULES, *edge.BALANCER_RULES, *owners.BALANCER_RULES):
            yield partial(of_balancer, settings, name)
    for name in sound(lambda: list(settings.existing.listeners)) or ():
        for of_listener in listeners.RULES:
            yield partial(of_listener, settings, name)
    for name in sound(lambda: list(settings.services)) or ():
        for of_workload in _WORKLOAD_RULES:
            yield partial(of_workload, settings, name)
