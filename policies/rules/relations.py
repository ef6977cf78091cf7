"""Which resources are attached to another: policies to repositories, subscriptions to networks, rules to groups."""

from __future__ import annotations

from typing import NamedTuple

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
    held = graph.once(_Held)
    found = [each for each in held.candidates(owner, path, kinds) if names(each, path, owner, graph)]
    if not found and (blind := held.blind(path, kinds)):
        raise UnknownValueError(blind)
    return found


class _Table(NamedTuple):
    """Resources by what they hold at a path, those made of something inside a component, and why one is not known."""

    by_value: dict[str, list[Resource]]
    inside: list[Resource]
    blind: str


class _Held:
    """What resources hold at some paths, looked up once for all owners."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tables: dict[tuple[str, tuple[str, ...]], _Table] = {}

    def candidates(self, owner: Resource, path: str, kinds: tuple[str, ...]) -> list[Resource]:
        """Those that may name an owner, beside those of which the graph knows that they use it."""
        table = self._table(path, kinds)
        values = {value for key in ("id", "arn", "name") if isinstance(value := owner.get(key), str)}
        found = {each.urn: each for value in values for each in table.by_value.get(value, ())}
        found |= {each.urn: each for each in table.inside}
        return [found[urn] for urn in sorted(found)]

    def blind(self, path: str, kinds: tuple[str, ...]) -> str:
        """Why it cannot be told of one of them what it is attached to; "" where it can."""
        return self._table(path, kinds).blind

    def _table(self, path: str, kinds: tuple[str, ...]) -> _Table:
        if (path, kinds) not in self._tables:
            self._tables[path, kinds] = self._look(path, kinds)
        return self._tables[path, kinds]

    def _look(self, path: str, kinds: tuple[str, ...]) -> _Table:
        by_value: dict[str, list[Resource]] = {}
        inside: list[Resource] = []
        blind = ""
        for each in self._graph.of(*kinds):
            value, made_of = each.get(path), each.property_dependencies.get(path.partition(".")[0], ())
            if not is_unknown(value):
                by_value.setdefault(str(value), []).append(each)
            elif not made_of:
                blind = blind or f"{each.name}: {path}"
            if any(self._graph.is_parent(urn) for urn in made_of):
                inside.append(each)
        return _Table(by_value, inside, blind)


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
