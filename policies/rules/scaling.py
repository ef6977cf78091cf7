"""How many pods a workload has at least, and what decides it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policies.engine.graph import Graph
from policies.engine.resource import Resource, number
from policies.engine.unknown import known
from policies.rules.tokens import AUTOSCALER, DAEMON_SET, WORKLOADS

# KEDA's, which makes an autoscaler of its own.
_SCALED_OBJECT: Final = "keda.sh:ScaledObject"
# Where each says the fewest, and what holds where it says nothing (Kubernetes API reference; KEDA, ScaledObject).
_FEWEST: Final = {AUTOSCALER: ("spec.minReplicas", 1), _SCALED_OBJECT: ("spec.minReplicaCount", 0)}


def autoscalers(workload: Resource, graph: Graph) -> list[Resource]:
    """The autoscalers of a workload."""
    return graph.leading(workload, _scaled, *_FEWEST)


def fewest(workload: Resource, graph: Graph) -> float | None:
    """The fewest pods of a workload; None where nodes decide, or what is said is no number."""
    if workload.kind == DAEMON_SET:
        return None
    found = [number(known(each.get(*_FEWEST[each.kind]))) for each in autoscalers(workload, graph)]
    if found:
        return max((each for each in found if each is not None), default=None)
    return number(known(workload.get("spec.replicas", 1)))


def _scaled(autoscaler: Resource, graph: Graph) -> Iterable[Resource]:
    wanted = known(autoscaler.get("spec.scaleTargetRef.kind", "Deployment"))
    kinds = [kind for kind in WORKLOADS if kind.endswith(f":{wanted}")]
    found = graph.object(autoscaler, "spec.scaleTargetRef.name", *kinds) if kinds else None
    return [found] if found is not None else []
