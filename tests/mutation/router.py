"""What an Application Load Balancer does with a call, so far as its rules decide it: the judge of changed rules.

It knows nothing of the policy pack. Elastic Load Balancing, Application Load Balancers guide, Listener rules: rules are
tried in order of their priorities; all conditions of a rule must hold, of each one value; `*` stands for any text and
`?` for one character; hosts and header values are compared without regard to case, paths with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policies.engine.resource import Resource
from policies.engine.unknown import Unknown
from policies.rules.tokens import LISTENER_RULE


@dataclass(frozen=True)
class Call:
    """A request as rules see it."""

    host: str = "host.example.com"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


def _matches(pattern: str, text: str, *, case: bool) -> bool:
    form = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(form, text, 0 if case else re.IGNORECASE) is not None


def _holds(condition: Mapping[str, Any], call: Call) -> bool:
    if "pathPattern" in condition:
        return any(_matches(each, call.path, case=True) for each in condition["pathPattern"]["values"])
    if "hostHeader" in condition:
        return any(_matches(each, call.host, case=False) for each in condition["hostHeader"]["values"])
    if "httpHeader" in condition:
        given = call.headers.get(str(condition["httpHeader"].get("httpHeaderName", "")).lower(), "")
        return any(_matches(each, given, case=False) for each in condition["httpHeader"]["values"])
    if "queryStrings" in condition:
        return any(call.query.get(each.get("key", "")) == each["value"] for each in condition["queryStrings"])
    return True


def _sample(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x")


def made_for(rule: Resource) -> Iterator[Call]:
    """Calls that a rule is meant to take, one for each path."""
    host, headers, query, paths = "host.example.com", {}, {}, ["/x"]
    for condition in rule.properties.get("conditions", ()):
        if "pathPattern" in condition:
            paths = [_sample(each) for each in condition["pathPattern"]["values"]]
        if "hostHeader" in condition:
            host = _sample(condition["hostHeader"]["values"][0])
        if "httpHeader" in condition:
            headers[condition["httpHeader"]["httpHeaderName"].lower()] = _sample(condition["httpHeader"]["values"][0])
        for each in condition.get("queryStrings", ()):
            query[each.get("key", "")] = each["value"]
    for path in paths:
        yield Call(host, path, dict(headers), dict(query))


def beside(rule: Resource, resources: Sequence[Resource]) -> list[Resource]:
    """All rules of the same listener."""
    own = rule.property_dependencies.get("listenerArn")
    return [
        each
        for each in resources
        if each.kind == LISTENER_RULE and each.property_dependencies.get("listenerArn") == own
    ]


def routed(call: Call, rules: Sequence[Resource]) -> str:
    """The rule that takes a call."""
    for rule in sorted(rules, key=lambda each: float(each.properties["priority"])):
        if all(_holds(condition, call) for condition in rule.properties.get("conditions", ())):
            return rule.urn
    return "default"


def unchanged(before: Resource, after: Resource, resources: Sequence[Resource]) -> bool:
    """Whether every call that the rules of a listener are made for is still taken by the rule that took it."""
    rules = beside(before, resources)
    if isinstance(after.properties.get("priority"), Unknown):
        return False
    changed = [after if each is before else each for each in rules]
    calls = [call for rule in rules for call in made_for(rule)]
    return all(routed(call, rules) == routed(call, changed) for call in calls)
