"""The listener rules of a workload as matches of a GRPCRoute or HTTPRoute.

The load balancer controller makes one listener rule of every match (AWS Load Balancer Controller, "L7 Gateway").
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .rules import Rule

# Gateway API, GRPCRouteSpec and HTTPRouteSpec: rules of a route, matches of a rule, matches of a route, header and
# query matches of a match.
MAX_RULES: Final = 16
MAX_MATCHES: Final = 64
MAX_ALL_MATCHES: Final = 127
MAX_CONDITIONS: Final = 16


@dataclass(frozen=True)
class Match:
    """One path pattern, with the value that each header and each key of the query must have."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class RouteRule:
    """A rule of a route: what matches, and whether it is forwarded or denied."""

    matches: tuple[Match, ...]
    denies: bool


def route_rules(rules: Sequence[Rule]) -> tuple[RouteRule, ...]:
    """The rules of a route. Those without conditions that do the same are one: the controller sorts matches itself.

    It tries longer paths first and of equal ones that with more headers, whatever their order here (Gateway API,
    GRPCRouteRule and HTTPRouteRule, "precedence").
    """
    conditional = [RouteRule(tuple(_matches(rule)), rule.action == "deny") for rule in rules if rule.conditional]
    plain = {
        denies: tuple(
            match
            for rule in rules
            if not rule.conditional and (rule.action == "deny") is denies
            for match in _matches(rule)
        )
        for denies in (True, False)
    }
    return (*conditional, *(RouteRule(matches, denies) for denies, matches in plain.items() if matches))


def _matches(rule: Rule) -> list[Match]:
    """A match has one value of each header, so that several values are several matches."""
    return [
        Match(path, headers, query)
        for path in rule.paths
        for headers in _each(rule.headers)
        for query in _each(rule.query)
    ]


def _each(values: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, str], ...]]:
    names = sorted(values)
    return [tuple(zip(names, chosen, strict=True)) for chosen in itertools.product(*(values[name] for name in names))]
