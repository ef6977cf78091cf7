"""Which line of a stack file a resource comes from.

The parents in a URN are the platform's components, and these are named after the keys of the settings: a workload
`orders` stands under `services`, a load balancer `public` under `load_balancers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from checks.model import Place
from policies.engine.resource import Resource

_PROJECT: Final = "grpc-platform"
# Where the settings of a component stand; {} is its name.
_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Workload": ("services", "{}"),
    "Repository": ("services", "{}"),
    "LoadBalancer": ("load_balancers", "{}"),
    "IngressLoadBalancer": ("load_balancers", "{}"),
    "GatewayLoadBalancer": ("load_balancers", "{}"),
    "ServiceNetwork": ("lattice",),
    "LatticeController": ("lattice",),
    "Network": ("network",),
    "Cluster": ("cluster",),
    "LoadBalancerController": ("cluster",),
    "ExternalDns": ("cluster", "external_dns"),
    "Discovery": ("cloud_map",),
    "Observability": ("observability",),
}


class Lines:
    """The lines of one stack file. `file` is what places are given as."""

    def __init__(self, path: Path, file: str) -> None:
        self._file = file
        self._lines: dict[tuple[str, ...], int] = {}
        try:
            root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, yaml.YAMLError):
            root = None
        if root is not None:
            self._note(root, ())

    def _note(self, node: yaml.Node, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                self._lines[inner] = key.start_mark.line + 1
                self._note(value, inner)

    def of(self, resource: Resource, parents: Mapping[str, Resource]) -> Place | None:
        """The line of the settings that a resource comes from, as near as there is one."""
        current: Resource | None = resource
        while current is not None:
            component = current.type.rpartition(":")[2] if current.type.startswith(f"{_PROJECT}:index:") else ""
            section = _SECTIONS.get(component)
            if section is not None:
                return self._nearest(tuple(part.format(current.name) for part in section))
            current = parents.get(current.parent)
        return self._nearest(())

    def at(self, path: tuple[str, ...]) -> str:
        """`file:line` of a path of the settings, as near as there is one."""
        place = self._nearest(path)
        return f"{self._file}:{place.line}" if place else self._file

    def _nearest(self, path: tuple[str, ...]) -> Place | None:
        whole = ("config", f"{_PROJECT}:{path[0]}", *path[1:]) if path else ("config",)
        while whole:
            if whole in self._lines:
                return Place(self._file, self._lines[whole])
            whole = whole[:-1]
        return None
