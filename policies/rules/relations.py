"""Which resources are attached to another: policies to repositories, subscriptions to networks, rules to groups."""

from __future__ import annotations

from policies.engine.graph import Graph
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, is_unknown


def attached(owner: Resource, graph: Graph, path: str, *kinds: str) -> list[Resource]:
    """The resources of some kinds whose `path` names `owner` by id, ARN or name, or was made of it.

    Raises UnknownValueError where there is none, and one may be whose value is not known nor made of anything.
    """
    found = [each for each in graph.users(owner, *kinds) if names(each, path, owner, graph)]
    if found:
        return found
    found = [each for each in graph.of(*kinds) if names(each, path, owner, graph)]
    for each in graph.of(*kinds) if not found else ():
        if is_unknown(each.get(path)) and not each.property_dependencies.get(path.partition(".")[0]):
            raise UnknownValueError(f"{each.name}: {path}")
    return found


def names(resource: Resource, path: str, owner: Resource, graph: Graph) -> bool:
    """Whether what stands at `path` is surely `owner`: its id, ARN or name, or made of it alone among its kind."""
    value = resource.get(path)
    if value is None:
        return False
    if not is_unknown(value):
        own = owner.get("name")
        if graph.by_identity(str(value)) is owner or (isinstance(own, str) and value == own):
            return True
    return graph.made_of(resource, path, owner.kind) == [owner]


def one_of(resource: Resource, path: str, graph: Graph, *kinds: str) -> Resource | None:
    """What the id or ARN at `path` names, as `Graph.referred`; in state also what it was made of."""
    found = graph.referred(resource, path, *kinds)
    if found is None and resource.get(path) is not None:
        made = graph.made_of(resource, path, *kinds)
        return made[0] if len(made) == 1 else None
    return found
