"""Helm releases: charts that the engine does not look into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from policies.engine.graph import Graph, Space
from policies.engine.resource import Resource
from policies.engine.unknown import UnknownValueError, known

RELEASE: Final = "helm.sh:Release"
LBC_CHART: Final = "aws-load-balancer-controller"
LATTICE_CHART: Final = "aws-gateway-controller-chart"


def chart(release: Resource) -> str:
    """The name of a chart without where it comes from."""
    return str(known(release.get("chart", ""))).rstrip("/").rpartition("/")[2]


def values(release: Resource) -> Mapping[str, Any]:
    """The values of a release. Raises UnknownValueError where they stand in files, or are not known."""
    if release.get("valueYamlFiles") is not None:
        raise UnknownValueError(f"{release.name}: valueYamlFiles")
    given = known(release.get("values"))
    return given if isinstance(given, Mapping) else {}


def version(text: Any) -> tuple[int, int] | None:
    """The first two numbers of a version; None where it is none."""
    found = re.match(r"v?(\d+)\.(\d+)", str(known(text)))
    return (int(found[1]), int(found[2])) if found else None


def namespace(release: Resource, graph: Graph) -> Space:
    """The namespace that a release is installed into."""
    return graph.namespace_at(release, "namespace")


def release(chart: str = LBC_CHART, *, made_of: Any = None, **properties: Any) -> Mapping[str, Any]:
    """A release in kube-system, but for what is given; None takes a property away."""
    usual = {"chart": chart, "name": chart, "namespace": "kube-system", "version": "3.5.0", "values": {}, **properties}
    given = {
        "type": "kubernetes:helm.sh/v3:Release",
        "properties": {key: value for key, value in usual.items() if value is not None},
    }
    return {**given, "made_of": made_of} if made_of else given
