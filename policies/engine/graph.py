"""How resources hang together.

AWS resources by the URNs a property was made of, and by id or ARN where these are known (an ARN is not, in a first
preview). Kubernetes objects by cluster, kind, namespace and name; where a preview does not know the namespace's name
yet, the Namespace resource that it was made of stands for it. A relation that cannot be told raises UnknownValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar

from policies.engine.indexing import by_identity, grouped, root, texts
from policies.engine.kinds import is_kubernetes
from policies.engine.resource import Resource
from policies.engine.selectors import plain_labels, selects
from policies.engine.unknown import Unknown, UnknownValueError, is_unknown, known

_T = TypeVar("_T")
NAMESPACE: Final = ":Namespace"
_SERVICE: Final = ":Service"
_LABELS: Final = "spec.template.metadata.labels"
_CLUSTER: Final = "aws:eks:Cluster"
_SERVER: Final = re.compile(r"""server["']?\s*:\s*["']?([^\s"',}]+)""")
# By URN of what something leads to, and those of which it cannot be told, with why.
_Table = tuple[dict[str, list[Resource]], list[tuple[Resource, str]]]
# What an object leads to, such as the Services behind an Ingress.
Leads = Callable[[Resource, "Graph"], Iterable[Resource]]
# Where an object is that says no namespace; a Namespace itself is in none.
_NO_NAMESPACE: Final = "default"


class Space(NamedTuple):
    """A namespace. cluster: see `Graph.cluster_of`. name: its name, or the URN of a Namespace whose name is unknown."""

    cluster: str
    name: str


class Graph:
    """Resources with what leads from one to another. Lookups are by index, so that rules stay linear."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = tuple(resources)
        self._clusters: dict[str, str] = {}
        self._remembered: dict[tuple[Callable[[Resource, Graph], Any], str], Any] = {}
        self._used: dict[tuple[str, tuple[str, ...]], list[Resource]] = {}
        self._labels: dict[tuple[str, Space], dict[tuple[str, Any], list[Resource]]] = {}
        self._selected: dict[tuple[str, tuple[str, ...]], list[Resource]] = {}
        self._selecting: dict[tuple[str, tuple[str, ...]], _Table] = {}
        self._whole: dict[Callable[[Graph], Any], Any] = {}
        self._leading: dict[tuple[Leads, str], _Table] = {}

    # Worked out when asked for: the rules about one resource ask for few of them, and have a graph for each.

    @cached_property
    def _by_urn(self) -> dict[str, Resource]:
        return {each.urn: each for each in self.resources}

    @cached_property
    def _by_kind(self) -> dict[str, list[Resource]]:
        return grouped((each.kind, each) for each in self.resources)

    @cached_property
    def _children(self) -> dict[str, list[Resource]]:
        return grouped((each.parent, each) for each in self.resources if each.parent)

    @cached_property
    def _by_identity(self) -> dict[str, Resource]:
        return by_identity(self.resources, self._by_urn)

    @cached_property
    def _places(self) -> dict[str, tuple[Space | None, str | None]]:
        return {each.urn: self._place(each) for each in self.resources if is_kubernetes(each.kind)}

    @cached_property
    def _by_space(self) -> dict[tuple[str, Space], list[Resource]]:
        return grouped(((each.kind, space), each) for each, (space, _) in self._placed() if space is not None)

    @cached_property
    def _spaceless(self) -> dict[tuple[str, str], list[Resource]]:
        """Objects of which the namespace is not known, by kind and cluster."""
        lost = [each for each, (space, _) in self._placed() if space is None]
        return grouped(((each.kind, self.cluster_of(each)), each) for each in lost)

    @cached_property
    def _by_place(self) -> dict[tuple[str, Space, str], list[Resource]]:
        return grouped(
            ((each.kind, space, name), each)
            for each, (space, name) in self._placed()
            if space is not None and name is not None
        )

    @cached_property
    def _lost(self) -> dict[tuple[str, str], list[Resource]]:
        """Objects of which namespace or name is not known, by kind and cluster."""
        return grouped(((each.kind, self.cluster_of(each)), each) for each, place in self._placed() if None in place)

    def _placed(self) -> Iterator[tuple[Resource, tuple[Space | None, str | None]]]:
        return ((each, self._places[each.urn]) for each in self.resources if each.urn in self._places)

    def of(self, *kinds: str) -> Iterator[Resource]:
        """All resources of some kinds."""
        for kind in kinds:
            yield from self._by_kind.get(kind, ())

    def by_urn(self, urn: str) -> Resource | None:
        """The resource of a URN."""
        return self._by_urn.get(urn)

    def by_identity(self, value: str) -> Resource | None:
        """The resource of an id or ARN."""
        return self._by_identity.get(value)

    def made_of(self, resource: Resource, path: str, *kinds: str) -> list[Resource]:
        """The resources of some kinds that a property was made of; a component stands for what it has inside."""
        found: dict[str, Resource] = {}
        waiting = list(resource.property_dependencies.get(root(path), ()))
        seen: set[str] = set()
        while waiting:
            urn = waiting.pop()
            if urn in seen:
                continue
            seen.add(urn)
            each = self._by_urn.get(urn)
            if each is not None and each.kind in kinds:
                found[urn] = each
            elif each is None or ":" not in each.kind or not each.properties:
                waiting += [child.urn for child in self._children.get(urn, ())]
        return [found[urn] for urn in sorted(found)]

    def is_parent(self, urn: str) -> bool:
        """Whether something is inside the component of a URN, or beneath the resource."""
        return urn in self._children

    def referred(self, resource: Resource, path: str, *kinds: str) -> Resource | None:
        """The resource of some kinds that the id or ARN at `path` names.

        None where nothing stands there, or where it names something outside the program. Raises UnknownValueError when
        the value is not known and the property was made of none, or of several.
        """
        value = resource.get(path)
        if value is None:
            return None
        if not is_unknown(value):
            found = self._by_identity.get(str(value))
            return found if found is not None and found.kind in kinds else None
        candidates = self.made_of(resource, path, *kinds)
        if len(candidates) == 1:
            return candidates[0]
        raise UnknownValueError(f"{resource.name}: {path}")

    def users(self, resource: Resource, *kinds: str) -> Sequence[Resource]:
        """The resources of some kinds with a property that was made of this one, or that holds its id or ARN."""
        key = (resource.urn, kinds)
        if key not in self._used:
            self._used[key] = [each for each in self._users.get(resource.urn, ()) if each.kind in kinds]
        return self._used[key]

    def remembered(self, what: Callable[[Resource, Graph], _T], resource: Resource) -> _T:
        """What a function of one resource and its surroundings gives, worked out once for all rules that ask."""
        key = (what, resource.urn)
        if key not in self._remembered:
            self._remembered[key] = what(resource, self)
        found: _T = self._remembered[key]
        return found

    def once(self, what: Callable[[Graph], _T]) -> _T:
        """What a function of all resources gives, worked out once."""
        if what not in self._whole:
            self._whole[what] = what(self)
        found: _T = self._whole[what]
        return found

    # Kubernetes

    def provider(self, resource: Resource) -> Resource | None:
        """The provider of a resource; None where it is not told."""
        return self._by_urn.get(resource.provider)

    def cluster_of(self, resource: Resource) -> str:
        """What the cluster of an object is told apart by, "" for the one that the surroundings say.

        Providers are of one cluster where they were made of one, or say the same API server.
        """
        urn = resource.provider
        if urn not in self._clusters:
            provider = self._by_urn.get(urn)
            ambient = not urn or urn.rpartition("::")[2].startswith("default")
            self._clusters[urn] = "" if ambient else urn if provider is None else self._server(provider)
        return self._clusters[urn]

    def _server(self, provider: Resource) -> str:
        made = self.made_of(provider, "kubeconfig", _CLUSTER)
        if made:
            return " ".join(each.urn for each in made)
        given = [provider.get(key) for key in ("clusterIdentifier", "kubeconfig", "context", "cluster")]
        if any(is_unknown(each) for each in given):
            return " ".join(sorted(provider.property_dependencies.get("kubeconfig", ()))) or provider.urn
        if given[0]:
            return str(given[0])
        servers = set(_SERVER.findall(str(given[1] or "")))
        return servers.pop() if len(servers) == 1 else " ".join(str(each) for each in given[1:] if each)

    def beside(self, near: Resource, *kinds: str) -> Iterator[Resource]:
        """All objects of some kinds in the cluster of another."""
        return (each for each in self.of(*kinds) if self.cluster_of(each) == self.cluster_of(near))

    def namespace_of(self, resource: Resource) -> Space:
        """The namespace of an object. Raises UnknownValueError where it cannot be told."""
        place = self._places.get(resource.urn)
        if place is None or place[0] is None:
            raise UnknownValueError(f"{resource.name}: metadata.namespace")
        return place[0]

    def namespace(self, resource: Resource) -> Resource | None:
        """The Namespace resource an object is in; None where it is none of the program's."""
        key = self.namespace_of(resource)
        if key.name in self._by_urn:
            return self._by_urn[key.name]
        for each in self._by_place.get((NAMESPACE, Space(key.cluster, _NO_NAMESPACE), key.name), ()):
            return each
        for each in self._lost.get((NAMESPACE, key.cluster), ()):
            raise UnknownValueError(f"{each.name}: metadata.name")
        return None

    def object(self, near: Resource, path: str, *kinds: str) -> Resource | None:
        """The object of some kinds in `near`'s namespace whose name stands at `path`; None where there is none.

        Raises UnknownValueError when the name is not known and the property was made of none, or of several.
        """
        name = near.get(path)
        if name is None:
            return None
        if is_unknown(name):
            candidates = self.made_of(near, path, *kinds)
            if len(candidates) == 1:
                return candidates[0]
            raise UnknownValueError(f"{near.name}: {path}")
        return self.named(self.namespace_of(near), str(name), *kinds)

    def named(self, namespace: Space, name: str, *kinds: str) -> Resource | None:
        """The object of some kinds by namespace and name; None where there is none.

        Raises UnknownValueError when it may be one whose name or namespace is not known.
        """
        for kind in kinds:
            for each in self._by_place.get((kind, namespace, name), ()):
                if not each.patch:
                    return each
        for kind in kinds:
            for each in self._lost.get((kind, namespace.cluster), ()):
                space, own = self._places[each.urn]
                if space in (None, namespace) and own in (None, name):
                    raise UnknownValueError(f"{each.name}: metadata")
        return None

    def inside(self, namespace: Space, *kinds: str) -> Iterator[Resource]:
        """All objects of some kinds in a namespace. Raises UnknownValueError when some object's is not known."""
        for kind in kinds:
            for each in self._spaceless.get((kind, namespace.cluster), ()):
                raise UnknownValueError(f"{each.name}: metadata.namespace")
            yield from self._by_space.get((kind, namespace), ())

    def selected(self, service: Resource, *kinds: str) -> list[Resource]:
        """The workloads whose pods a Service, budget or policy selects."""
        key = (service.urn, kinds)
        if key not in self._selected:
            self._selected[key] = self._select(service, kinds)
        return self._selected[key]

    def selecting(self, workload: Resource, kind: str, *kinds: str) -> list[Resource]:
        """The Services (or others of `kind`) that select a workload's pods, `kinds` being what workloads there are.

        Raises UnknownValueError when some other in the namespace may select them too.
        """
        if (kind, kinds) not in self._selecting:
            self._selecting[kind, kinds] = self._reverse(kind, lambda each, graph: graph.selected(each, *kinds))
        return self._found(self._selecting[kind, kinds], workload)

    def leading(self, target: Resource, leads: Leads, *kinds: str) -> list[Resource]:
        """The objects of some kinds that lead to another, `leads` telling what each leads to.

        Worked out once for each function and kind. Raises UnknownValueError when some other in the target's namespace
        may lead to it too.
        """
        found: list[Resource] = []
        for kind in kinds:
            if (leads, kind) not in self._leading:
                self._leading[leads, kind] = self._reverse(kind, leads)
            found += self._found(self._leading[leads, kind], target)
        return found

    def _reverse(self, kind: str, leads: Leads) -> _Table:
        """Who leads to what, and those of whom that cannot be told."""
        table: dict[str, dict[str, Resource]] = {}
        blind: list[tuple[Resource, str]] = []
        for each in self.of(kind):
            try:
                for target in leads(each, self):
                    table.setdefault(target.urn, {})[each.urn] = each
            except UnknownValueError as error:
                blind.append((each, error.path))
        return {urn: list(found.values()) for urn, found in table.items()}, blind

    def _found(self, table: _Table, target: Resource) -> list[Resource]:
        if table[1]:
            space = self.namespace_of(target)
            for other, unknown in table[1]:
                if self.cluster_of(other) == space.cluster and self._places[other.urn][0] in (None, space):
                    raise UnknownValueError(unknown)
        return table[0].get(target.urn, [])

    def _select(self, service: Resource, kinds: tuple[str, ...]) -> list[Resource]:
        selector = known(service.get("spec.selector"))
        # Nothing is selected by an empty selector of a Service, and everything by one of a budget.
        if not isinstance(selector, Mapping) or (not selector and service.kind == _SERVICE):
            return []
        space = self.namespace_of(service)
        labels = plain_labels(selector)
        first = min(labels, default=None)
        return [
            each
            for kind in kinds
            for each in (
                self.inside(space, kind)
                if first is None
                else self._labelled(kind, space).get((first, known(labels[first])), ())
            )
            if selects(selector, each.get(_LABELS) or {})
        ]

    def _labelled(self, kind: str, space: Space) -> dict[tuple[str, Any], list[Resource]]:
        """The workloads of a namespace by each label of their pods."""
        if (kind, space) not in self._labels:
            found: dict[tuple[str, Any], list[Resource]] = {}
            for each in self.inside(space, kind):
                for label, value in known(each.get(_LABELS) or {}).items():
                    found.setdefault((label, known(value)), []).append(each)
            self._labels[kind, space] = found
        return self._labels[kind, space]

    def _place(self, resource: Resource) -> tuple[Space | None, str | None]:
        """Namespace and name; None for what is not known."""
        name = resource.get("metadata.name", "")
        return self._namespace_key(resource), None if is_unknown(name) else str(name)

    def namespace_at(self, resource: Resource, path: str) -> Space:
        """The namespace that stands at a path; the resource's own where nothing stands there."""
        if resource.get(path) is None:
            return self.namespace_of(resource)
        found = self._namespace_key(resource, path)
        if found is None:
            raise UnknownValueError(f"{resource.name}: {path}")
        return found

    def _namespace_key(self, resource: Resource, path: str = "metadata.namespace") -> Space | None:
        cluster, value = self.cluster_of(resource), resource.get(path, self._default(resource))
        if not isinstance(value, Unknown):
            return Space(cluster, str(value))
        urns = resource.property_dependencies.get(root(path), ())
        found = [each for urn in urns if (each := self._by_urn.get(urn)) is not None]
        spaces = [each for each in found if each.kind == NAMESPACE]
        if not spaces:  # taken from an object that is in it
            keys = {self._namespace_key(each) for each in found if is_kubernetes(each.kind) and each is not resource}
            return keys.pop() if len(keys) == 1 else None
        if len(spaces) != 1:
            return None
        own = spaces[0].get("metadata.name")
        return Space(cluster, own if isinstance(own, str) else spaces[0].urn)

    def _default(self, resource: Resource) -> Any:
        """The namespace of what names none: that of its provider."""
        provider = self.provider(resource) if resource.kind != NAMESPACE else None
        return _NO_NAMESPACE if provider is None else provider.get("namespace", _NO_NAMESPACE)

    @cached_property
    def _users(self) -> dict[str, list[Resource]]:
        """Who uses whom, by URN; worked out when asked for, since a rule about one resource never does."""
        found: dict[str, dict[str, Resource]] = {}
        for each in self.resources:
            for urns in each.property_dependencies.values():
                for urn in urns:
                    found.setdefault(urn, {})[each.urn] = each
            for value in texts(each.properties):
                target = self._by_identity.get(value)
                if target is not None and target is not each:
                    found.setdefault(target.urn, {})[each.urn] = each
        return {urn: list(users.values()) for urn, users in found.items()}
