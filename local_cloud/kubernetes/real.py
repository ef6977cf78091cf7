"""One cluster of the local cloud on a real API server: what the rows of the store say is written there as well.

The store stays the source of truth: it knows what exists and under which URN. Here objects go to the API server by
server-side apply before the row is committed, so admission and defaulting are real and a refusal stops the operation.
No controller manager runs there; what controllers do as far as others wait for it (endpoints, status, finalizers,
emptying a namespace) is done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from local_cloud.kubernetes import custom_kinds, kinds
from local_cloud.kubernetes.api_server import AnswerError, Object, Resource, Server
from local_cloud.kubernetes.charts import known
from local_cloud.kubernetes.cluster import BINDING, CLUSTER, RELEASE, Cluster, defined_before
from local_cloud.kubernetes.controllers import endpoints
from local_cloud.kubernetes.crd_schemas import CUSTOM
from local_cloud.kubernetes.live import FIELD_MANAGER
from local_cloud.kubernetes.objects import (
    OWN,
    clean,
    drifted_inputs,
    essence,
    forced,
    identity,
    managed,
    manifest,
    place,
    shown,
)
from local_cloud.plugin import Refused
from local_cloud.store import Row, Store
from local_cloud.values import Failure, has_unknown

CONTROLLERS: Final = "local-cloud"
"""Field manager of what this module writes in the place of a controller."""
_TOPIC: Final = "api-server"
_SCRATCH: Final = "kube-public"
"""A namespace that always exists: dry runs of objects whose own namespace does not exist yet go there."""
_SLICE: Final = ("discovery.k8s.io/v1", "EndpointSlice")
_SERVICE: Final = "kubernetes:core/v1:Service"  # a type token


class Real:
    """The API server behind one cluster."""

    def __init__(self, server: Server, cluster: Cluster) -> None:
        self.server = server
        self._cluster = cluster
        self._published: dict[str, Object] = {}

    @classmethod
    def of(cls, server: Server, cluster: Cluster) -> Real | None:
        """The API server for a cluster; None when it serves another one, which still exists.

        The first cluster takes it. A second cluster of the same local cloud is judged by the schemas alone.
        """
        store = cluster.store
        with store.transaction():
            for data in store.notes(_TOPIC, "cluster").values():
                if data["server"] != cluster.server and store.where("aws", CLUSTER, "endpoint", data["server"]):
                    return None
            store.note(_TOPIC, "cluster", "served", {"server": cluster.server})
        return cls(server, cluster)

    # What the provider's methods need

    def judge(self, api: str, kind: str, inputs: Mapping[str, Any], *, in_place: bool) -> list[Failure]:
        """What admission says to a manifest, by a dry run that changes nothing.

        ``in_place``: against the object as it is; otherwise, and while its namespace does not exist, as a new object
        in another namespace. Nothing is said of a manifest with unknown values or of a kind not served yet.
        """
        if has_unknown(inputs):
            return []
        resource = self.server.find(api, kind)
        if resource is None:
            return []
        wanted = manifest(inputs)
        if resource.namespaced and not (in_place and self._has_namespace(place(wanted)[0])):
            wanted["metadata"] = {**wanted["metadata"], "namespace": _SCRATCH}
        elif not resource.namespaced and not in_place:
            return []
        try:
            self.server.apply(resource, wanted, manager=FIELD_MANAGER, force=True, dry_run=True)
        except AnswerError as error:
            return [Failure(path, said) for path, said in error.causes] or [Failure("", str(error))]
        return []

    def create(self, api: str, kind: str, inputs: Mapping[str, Any], modelled: Mapping[str, Any]) -> Object:
        """A new object; its outputs. Raises ``Refused`` in the API server's words."""
        subject = identity(inputs)
        resource = self._resource(api, kind, subject)
        namespace, name = place(inputs)
        try:
            there = self.server.get(resource, namespace, name)
            if there is not None and not managed(there):
                raise Refused(f'{_failed(subject)}{resource.plural} "{name}" already exists')
            return self._write(resource, inputs, modelled)
        except AnswerError as error:
            raise Refused(f"{_failed(subject)}{error}") from None

    def update(self, api: str, kind: str, inputs: Mapping[str, Any], modelled: Mapping[str, Any]) -> Object:
        """A changed object; its outputs."""
        subject = identity(inputs)
        try:
            return self._write(self._resource(api, kind, subject), inputs, modelled)
        except AnswerError as error:
            raise Refused(f"{_not_updated(subject)}{error}") from None

    def rehearse(self, api: str, kind: str, inputs: Mapping[str, Any]) -> None:
        """What the API server says to a change, in a preview."""
        resource = self.server.find(api, kind)
        if resource is None or has_unknown(inputs):
            return
        try:
            self.server.apply(resource, manifest(inputs), manager=FIELD_MANAGER, force=forced(inputs), dry_run=True)
        except AnswerError as error:
            raise Refused(f"{_not_updated(identity(inputs))}{error}") from None

    def patch(self, api: str, kind: str, urn: str, inputs: Mapping[str, Any]) -> None:
        """A ``...Patch`` resource on an object that is there; EKS's own objects, which are not, take none."""
        resource = self.server.find(api, kind)
        if resource is None or self.server.get(resource, *place(inputs)) is None:
            return
        try:
            self.server.apply(resource, manifest(inputs), manager=_patcher(urn), force=forced(inputs))
        except AnswerError as error:
            raise Refused(f"{_not_updated(identity(inputs))}{error}") from None

    def read(self, api: str, kind: str, row: Row) -> tuple[Object, Object] | None:
        """Inputs and outputs of an object as it is now; None when it is gone.

        What somebody changed shows in the inputs too, so that a refresh reports it and the next update undoes it.
        """
        resource = self.server.find(api, kind)
        there = self.server.get(resource, *place(row.inputs)) if resource else None
        if there is None:
            return None
        before, now = essence(row.outputs), essence(there)
        if all(before.get(key) == value for key, value in now.items()):
            return row.inputs, row.outputs
        return drifted_inputs(row.inputs, before, now), {**row.outputs, **shown(there)}

    def remove(self, row: Row, api: str, kind: str, *, patch: bool) -> None:
        """Deletes an object in the background; a namespace with everything in it; a patch's hold on its object."""
        resource = self.server.find(api, kind)
        if resource is None:
            return
        namespace, name = place(row.inputs)
        if patch:
            if self.server.get(resource, namespace, name) is not None:
                bare = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace or None}}
                self.server.apply(resource, clean(bare), manager=_patcher(row.urn))
        elif kind == "Namespace":
            self.server.empty(name)
        else:
            self.server.delete(resource, namespace, name)
            if kind == "Service":
                self._withdraw(namespace, name)

    def install(self, inputs: Mapping[str, Any]) -> None:
        """The custom kinds of a chart, as far as they have a schema here; its other objects are not rendered.

        Before them those that the cluster is said to have from the start, which controllers look for.
        """
        chart = known(inputs.get("chart"))
        own = chart.custom_kinds if chart is not None and inputs.get("skipCrds") is not True else frozenset()
        self._define([*(each for each in sorted(CUSTOM) if defined_before(each[0])), *sorted(own)])

    def settle(self, namespace: str) -> None:
        """The endpoints of every Service in a namespace, as the endpoint slice controller would write them."""
        for service in self._cluster.inside(_SERVICE, namespace):
            if not (service.inputs.get("spec") or {}).get("selector"):
                continue
            name = str(service.inputs["metadata"]["name"])
            wanted = _slice(namespace, name, endpoints(self._cluster, namespace, service))
            if self._published.get(f"{namespace}/{name}") != wanted:
                resource = self._resource(*_SLICE, name)
                self.server.apply(resource, wanted, manager=CONTROLLERS, force=True)
                self._published[f"{namespace}/{name}"] = wanted

    # Agreement with the store

    def reconcile_once(self) -> None:
        """``reconcile``, the first time since the API server was started."""
        store = self._cluster.store
        before = store.notes(_TOPIC, "reconciled").get(("reconciled", self._cluster.key))
        if before is None or before["started"] != self.server.started:
            self.reconcile()
            store.note(_TOPIC, "reconciled", self._cluster.key, {"started": self.server.started})

    def reconcile(self) -> None:
        """Makes the API server agree with the rows: what is missing there is written, what has no row is deleted.

        After a lost or restored data folder, a kill between the two writes, or `reset`. What somebody changed in an
        object stays, for a refresh to show.
        """
        rows = self._cluster.store.rows(self._cluster.key)
        for row in rows:
            if row.token == RELEASE:
                self.install(row.inputs)
        self._drop_unknown(rows)
        for row in sorted(rows, key=_rank):
            api, kind, patch = kinds.of_token(row.token)
            if row.token == RELEASE or patch:
                continue
            resource = self._resource(api, kind, row.id)
            if self.server.get(resource, *place(row.inputs)) is None:
                try:
                    written = self._write(resource, row.inputs, row.outputs)
                    self._cluster.store.update(replace(row, outputs=written))
                except AnswerError as error:
                    raise Refused(f"{_failed(row.id)}{error}") from None
        for namespace in {place(row.inputs)[0] for row in rows if row.token == _SERVICE}:
            self.settle(namespace)

    def _drop_unknown(self, rows: Iterable[Row]) -> None:
        known = {(*_family(*kinds.of_token(row.token)[:2]), row.id) for row in rows if row.token != RELEASE}
        found = []
        for resource in self.server.resources():
            if not {"list", "delete", "patch"} <= resource.verbs or resource.kind == custom_kinds.KIND:
                continue
            family = _family(resource.api, resource.kind)
            found += [
                (resource, each["metadata"])
                for each in self.server.listed(resource)
                if managed(each) and (*family, identity(each)) not in known
            ]
        for resource, metadata in sorted(found, key=lambda each: each[0].kind == "Namespace"):
            if resource.kind == "Namespace":
                self.server.empty(metadata["name"])
            else:
                self.server.delete(resource, metadata.get("namespace") or "", metadata["name"])

    # Steps

    def _resource(self, api: str, kind: str, subject: str) -> Resource:
        found = self.server.find(api, kind)
        if found is None and (api, kind) in CUSTOM and self._cluster.serves(api, kind):
            self._define([(api, kind)])
            found = self.server.find(api, kind)
        if found is None:
            raise Refused(f'{_failed(subject)}no matches for kind "{kind}" in version "{api}"')
        return found

    def _define(self, wanted: Iterable[tuple[str, str]]) -> None:
        given = list(wanted)
        definition = self.server.wait_for(custom_kinds.API, custom_kinds.KIND)
        for each in custom_kinds.definitions(given, self._cluster.version()):
            self.server.apply(definition, each, manager=CONTROLLERS, force=True)
        for api, kind in given:
            if (api, kind) in CUSTOM:
                self.server.wait_for(api, kind)

    def _write(self, resource: Resource, inputs: Mapping[str, Any], modelled: Mapping[str, Any]) -> Object:
        found = self.server.apply(resource, manifest(inputs), manager=FIELD_MANAGER, force=forced(inputs))
        if resource.kind == custom_kinds.KIND:
            spec = found["spec"]
            served = [each["name"] for each in spec["versions"] if each.get("served")]
            for version in served:
                self.server.wait_for(f"{spec['group']}/{version}", spec["names"]["kind"])
        status = _status(resource, found, modelled)
        if status:
            namespace, name = place(inputs)
            body = {"status": status}
            found = self.server.merge(resource, namespace, name, body, subresource="status", manager=CONTROLLERS)
        own = {key: modelled[key] for key in OWN if key in modelled}
        return {**inputs, **shown(found), **own}

    def _has_namespace(self, name: str) -> bool:
        return self.server.call("GET", f"/api/v1/namespaces/{name}") is not None

    def _withdraw(self, namespace: str, service: str) -> None:
        resource = self.server.find(*_SLICE)
        if resource is not None:
            self.server.delete(resource, namespace, service)
        self._published.pop(f"{namespace}/{service}", None)


def agree(store: Store, server: Server) -> None:
    """Makes a real API server agree with a store: with its first cluster, or with none, which leaves it empty."""
    for row in store.rows("aws", CLUSTER):
        found = Real.of(server, Cluster(store, str(row["endpoint"])))
        if found is not None:
            found.reconcile()
            return
    Real(server, Cluster(store, "")).reconcile()


def _status(resource: Resource, found: Mapping[str, Any], modelled: Mapping[str, Any]) -> Object:
    """What a controller would write into the status by now, {} for nothing."""
    if "status" not in resource.subresources:
        return {}
    generation = found["metadata"].get("generation")
    status = {key: value for key, value in (modelled.get("status") or {}).items() if value not in (None, {}, [])}
    if kinds.token(resource.api, resource.kind) == BINDING or "observedGeneration" in status:
        status["observedGeneration"] = generation
    if status == {"phase": "Active"} or (resource.kind == "Service" and not status.get("loadBalancer")):
        return {}
    return status


def _slice(namespace: str, service: str, found: Iterable[tuple[str, int, str]]) -> Object:
    listed = list(found)
    addresses = sorted({address for address, _, _ in listed})
    ports = [{"name": name, "port": port, "protocol": "TCP"} for port, name in sorted({each[1:] for each in listed})]
    return {
        "apiVersion": _SLICE[0],
        "kind": _SLICE[1],
        "metadata": {
            "name": service,
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": CONTROLLERS,
            },
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        "ports": ports,
    }


def _rank(row: Row) -> int:
    """Namespaces and definitions before what needs them."""
    return 0 if row.token.endswith((":Namespace", f":{custom_kinds.KIND}")) else 1


def _family(api: str, kind: str) -> tuple[str, str]:
    """Group and kind: an object of one version is listed under every version."""
    return api.rpartition("/")[0], kind


def _patcher(urn: str) -> str:
    return f"{FIELD_MANAGER}-{urn.rpartition('::')[2]}"[:128]


def _failed(subject: str) -> str:
    return f"resource {subject} was not successfully created by the Kubernetes API server: "


def _not_updated(subject: str) -> str:
    return f"update of resource {subject} failed because the Kubernetes API server reported: "
