"""Resources from JSON: the steps of `pulumi preview --json`, and exported state (`pulumi stack export`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from policies.engine.decode import Decoder
from policies.engine.resource import Resource

# Steps after which a resource is gone, or that are about the old one of a replacement.
_GONE: Final = frozenset({"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace"})


def from_preview(steps: Iterable[Mapping[str, Any]]) -> list[Resource]:
    """The resources that a previewed change leaves, in the order of the steps, each once."""
    found: dict[str, Resource] = {}
    for step in steps:
        state = step.get("newState")
        if state and step.get("op") not in _GONE:
            found[state["urn"]] = resource(state)
    return list(found.values())


def from_state(deployment: Mapping[str, Any]) -> list[Resource]:
    """The resources of exported state; what waits for its deletion is left out."""
    entries = (deployment.get("deployment") or deployment).get("resources") or ()
    return [resource(each, computed=True) for each in entries if not each.get("delete")]


def resource(state: Mapping[str, Any], *, computed: bool = False) -> Resource:
    """One entry. computed: whether what the provider worked out (ids, ARNs) belongs to the properties."""
    decoder = Decoder()
    properties = decoder.plain(state.get("inputs") or {})
    if computed:
        outputs = state.get("outputs") or {}
        named = decoder.plain({key: outputs[key] for key in ("arn",) if key in outputs})
        own = {"id": state["id"]} if state.get("id") else {}
        if state.get("external"):  # it has no inputs
            own = {**Decoder().plain(outputs), **own}
        properties = {**named, **own, **properties}
    urn = state["urn"]
    return Resource(
        type=state["type"],
        name=urn.rpartition("::")[2],
        urn=urn,
        properties=properties,
        parent=state.get("parent") or "",
        dependencies=tuple(state.get("dependencies") or ()),
        property_dependencies={
            key: tuple(urns or ()) for key, urns in (state.get("propertyDependencies") or {}).items()
        },
        protect=bool(state.get("protect")),
        secrets=tuple(decoder.secrets),
        provider=(state.get("provider") or "").rpartition("::")[0],
        ignored=tuple(state.get("ignoreChanges") or ()),
        read=bool(state.get("external")),
    )
