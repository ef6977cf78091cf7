"""Rules between settings: what is well formed by itself and still cannot work.

A rule is a generator of faults about some part of the settings. Each is tried by itself; one that meets a value with an
error of its own is left out, the others still speak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from components.settings.broken import UnsettledError, sound
from components.settings.model import Settings
from components.settings.verify import (
    balancers,
    cluster,
    edge,
    environment,
    health,
    images,
    routes,
    spreading,
    workloads,
)
from components.settings.wording import Fault

Rule = Callable[[], Iterable[Fault]]


def faults_of(settings: Settings, region: str | None) -> list[Fault]:
    """Every fault between settings; `region` is `aws:region` or None when it is not known."""
    return [fault for rule in _rules(settings, region) for fault in _tried(rule)]


def _tried(rule: Rule) -> Iterator[Fault]:
    try:
        yield from rule()
    except UnsettledError:
        return


def _rules(settings: Settings, region: str | None) -> Iterator[Rule]:
    for whole in (environment.zones, balancers.regions, edge.regions):
        yield partial(whole, settings, region)
    for overall in (*environment.RULES, *cluster.RULES, *balancers.RULES, *edge.RULES):
        yield partial(overall, settings)
    for name in sound(lambda: list(settings.cluster.node_groups)) or ():
        for of_group in cluster.GROUP_RULES:
            yield partial(of_group, settings, name)
    for name in sound(lambda: list(settings.load_balancers)) or ():
        for of_balancer in (*balancers.BALANCER_RULES, *edge.BALANCER_RULES):
            yield partial(of_balancer, settings, name)
    for name in sound(lambda: list(settings.services)) or ():
        for of_workload in (*workloads.RULES, *health.RULES, *images.RULES, *routes.RULES, *spreading.RULES):
            yield partial(of_workload, settings, name)
