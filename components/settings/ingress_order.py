"""In which order the load balancer controller tries the Ingresses of one load balancer.

Rules have no priority of their own there: an Ingress has a place in its group (`group.order`, -1000 to 1000, the lowest
first), and its paths are tried one after another (AWS Load Balancer Controller, Ingress annotations: "group.order").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from .priorities import MAX_DEPTH, Specificity
from .rules import Rule, rules_of
from .workload import Workload

_LEVELS: Final = 2 * (MAX_DEPTH + 1)


class Shadow(NamedTuple):
    """A path of one workload that would be tried before a narrower one of another."""

    host: str
    wide: str
    narrow: str


def order(name: str, workload: Workload) -> int:
    """Place of a workload's Ingress, 0 to -323: the narrower its widest rule, and then its narrowest, the sooner.

    It is made of the workload's own rules, so that no other workload moves it.
    """
    levels = [_level(rule.specificity) for rule in rules_of(name, workload)]
    return -(min(levels) * _LEVELS + max(levels)) if levels else 0


def shadows(first: tuple[str, Workload], second: tuple[str, Workload]) -> Iterator[Shadow]:
    """Where rules of `first` would keep narrower ones of `second` from ever being tried."""
    if order(*first) > order(*second):
        return
    for wide in rules_of(*first):
        for narrow in rules_of(*second):
            if wide.specificity >= narrow.specificity:
                continue
            for host in sorted(_hosts(wide, first[1]) & _hosts(narrow, second[1])):
                yield from (
                    Shadow(host, one, other) for one in wide.paths for other in narrow.paths if _overlap(one, other)
                )


def _level(specificity: Specificity) -> int:
    return 2 * specificity.depth + specificity.conditions


def _hosts(rule: Rule, workload: Workload) -> frozenset[str]:
    alb = workload.expose.alb
    return frozenset(rule.hosts or ((alb.host,) if alb else ()))


def _overlap(one: str, other: str) -> bool:
    """Whether some path fits both patterns; a star stands at the end only."""
    for pattern, path in ((one, other), (other, one)):
        if pattern.endswith("*") and path.removesuffix("*").startswith(pattern[:-1]):
            return True
    return one == other
