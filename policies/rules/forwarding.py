"""Where listeners and their rules lead: the target groups behind their actions, and what stands before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, is_unknown, known
from policies.rules.tokens import LISTENER, LISTENER_RULE, LOAD_BALANCER, TARGET_GROUP

ACTIONS: Final[Mapping[str, str]] = {LISTENER: "defaultActions", LISTENER_RULE: "actions"}


def actions(resource: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The actions of a listener or rule, each with its path."""
    for path, action in resource.items(ACTIONS[resource.kind]):
        yield path, known(action)


def named(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Every place of a target group's ARN in the actions, with what stands there."""
    for path, action in actions(resource):
        if action.get("targetGroupArn") is not None:
            yield f"{path}.targetGroupArn", action["targetGroupArn"]
        forward = action.get("forward") or {}
        for place, each in enumerate(forward.get("targetGroups") or ()):
            if each.get("arn") is not None:
                yield f"{path}.forward.targetGroups[{place}].arn", each["arn"]


def targets(resource: Resource, graph: Graph) -> list[Resource]:
    """The target groups that a listener or rule forwards to, as far as they are in the program.

    Raises UnknownValueError where an ARN is not known and nothing says what it was made of.
    """
    found: dict[str, Resource] = {}
    made_of = graph.made_of(resource, ACTIONS[resource.kind], TARGET_GROUP)
    for path, arn in named(resource):
        if is_unknown(arn):
            if not made_of:
                raise UnknownValueError(f"{resource.name}: {path}")
            found |= {each.urn: each for each in made_of}
        else:
            group = graph.by_identity(str(arn))
            if group is not None and group.kind == TARGET_GROUP:
                found[group.urn] = group
    return list(found.values())


def listener_of(rule: Resource, graph: Graph) -> Resource | None:
    """The listener that a rule is on; None where it is none of the program's."""
    return rule if rule.kind == LISTENER else graph.referred(rule, "listenerArn", LISTENER)


def balancer_of(resource: Resource, graph: Graph) -> Resource | None:
    """The load balancer of a listener or rule; None where it is none of the program's."""
    listener = listener_of(resource, graph)
    return graph.referred(listener, "loadBalancerArn", LOAD_BALANCER) if listener is not None else None
