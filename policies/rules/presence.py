"""Whether what a program does not make may be there all the same."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from policies.engine.graph import Graph, Space
from policies.engine.resource import Resource
from policies.rules.tokens import NAMESPACE, RELEASE

# Components whose objects a first preview does not show, and whose files may say any namespace.
BUNDLES: Final = (
    "helm.sh:Chart",
    "yaml:ConfigFile",
    "yaml:ConfigGroup",
    "kustomize:Directory",
    "kubernetes:yaml:ConfigFile",
    "kubernetes:yaml:ConfigGroup",
    "kubernetes:kustomize:Directory",
    # What has others install things.
    "argoproj.io:Application",
    "argoproj.io:ApplicationSet",
    "helm.toolkit.fluxcd.io:HelmRelease",
    "kustomize.toolkit.fluxcd.io:Kustomization",
)


def is_filled(space: Space, graph: Graph) -> bool:
    """Whether a chart or a file of the program may put objects into a namespace that the program does not name."""
    if any(graph.namespace_at(each, "namespace") == space for each in graph.of(RELEASE)):
        return True
    return any(each.get("namespace", space.name) == space.name for each in graph.of(*BUNDLES))


def is_made_here(space: Space, graph: Graph) -> bool:
    """Whether a namespace is the program's own."""
    made = (each for each in graph.of(NAMESPACE) if graph.cluster_of(each) == space.cluster)
    return any(space.name == each.urn or each.get("metadata.name") == space.name for each in made)


def may_be_elsewhere(near: Resource, graph: Graph, *kinds: str) -> bool:
    """Whether an object of some kinds in `near`'s namespace may be made by something else than this program.

    So it is where the program makes none of these kinds there, patches some of others, or installs a chart there.
    """
    space = graph.namespace_of(near)
    made = [each.patch for each in graph.inside(space, *kinds)]
    return not made or any(made) or is_filled(space, graph)


def is_nearly(name: str, others: Iterable[str]) -> bool:
    """Whether a name is one of some others, or so near to it that it was probably meant."""
    return bool(difflib.get_close_matches(name, list(others), 1, cutoff=0.7))
