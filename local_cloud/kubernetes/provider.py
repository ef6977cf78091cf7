"""The stand-in for pulumi-resource-kubernetes: the engine's calls, carried out on a cluster of the local cloud."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from local_cloud import process
from local_cloud.kubernetes import admission, awaiting, kinds, release, schemas
from local_cloud.kubernetes.cluster import BINDING, NAMESPACE, RELEASE, Cluster, Unreachable, server_of
from local_cloud.kubernetes.controllers import FINALIZER, controller_trouble, drop_targets, register_targets
from local_cloud.kubernetes.difference import changes, difference
from local_cloud.kubernetes.lattice import reconcile as lattice
from local_cloud.kubernetes.lbc import reconcile
from local_cloud.kubernetes.live import live, outgoing
from local_cloud.kubernetes.manifests import validate
from local_cloud.kubernetes.mirror import Mirror
from local_cloud.kubernetes.naming import filled
from local_cloud.plugin import Call, Difference, Plugin, Refused
from local_cloud.store import Row, Store, home
from local_cloud.values import UNKNOWN, Failure, Props

if TYPE_CHECKING:
    from local_cloud.kubernetes.real import Real

_TARGET_KINDS: Final = frozenset(
    {
        "Service",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Pod",
        "HorizontalPodAutoscaler",
        "TargetGroupBinding",
    }
)
_UNREACHABLE: Final = (
    'configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource '
    'from Pulumi state by '
    'rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)  # fmt: skip


class Kubernetes(Plugin):
    """One provider process: it talks to the one cluster its kubeconfig names."""

    package = "kubernetes"

    def __init__(self, store: Store | None = None) -> None:
        self.version = version("pulumi_kubernetes")
        self.store: Store = store or Store()
        self.cluster = Cluster(self.store, "")
        self._config: Props = {}
        self._mirror = Mirror(home() if store is None else None)

    # The provider's own configuration

    def diff_config(self, call: Call) -> Difference:
        """Another active cluster replaces the provider and all on it, unless clusterIdentifier says it is the same."""
        old, new = call.old_inputs, call.news
        detailed = {path.split(".")[0]: how for path, how in changes(old, new) if path != "version"}
        identifiers = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        replaces: list[str] = []
        if any(identifiers):
            replaces += ["clusterIdentifier"] if identifiers[0] != identifiers[1] else []
        elif _moved(old, new):
            replaces += [name for name in ("kubeconfig", "context", "cluster") if name in detailed]
        marked = {path: f"{how}-replace" if path in replaces else how for path, how in detailed.items()}
        return Difference(marked, tuple(replaces))

    def configure(self, config: Props) -> None:
        """Finds the cluster's address; whether it answers shows when it is needed."""
        self._config = config
        self.cluster = Cluster(self.store, str(_active(config).get("server") or ""))

    def _on(self, option: str, variable: str = "") -> bool:
        return str(self._config.get(option) or os.environ.get(variable, "")).lower() == "true"

    def _mutable(self) -> frozenset[str]:
        options = {"ConfigMap": "enableConfigMapMutable", "Secret": "enableSecretMutable"}
        return frozenset(kind for kind, option in options.items() if self._on(option))

    # Resources

    def check(self, call: Call) -> tuple[Props, Iterable[Failure]]:
        """Fills in what the provider does and validates strictly against the cluster's version."""
        if call.olds:
            self.store.name_oldest(call.urn)
        orphan = self.store.orphan(call.urn) if not call.olds else None
        left = orphan.inputs if orphan else None
        namespace = str(self._config.get("namespace") or "default")
        if call.type == RELEASE:
            return release.checked(call, namespace, left)
        api, kind, patch = _kind(call.type)
        inputs, failures = filled(call, api, kind, namespace, left)
        if patch and not ((call.news.get("metadata") or {}).get("name")):
            failures = [Failure("metadata.name", f"a {kind}Patch must name the object it patches")]
        problems = validate(inputs, self.cluster.version(), partial=patch)
        failures += (_failure(problem) for problem in problems)
        real = self._real()
        if real is not None and not failures and not patch:
            change = difference(api, kind, call.olds, inputs, mutable=self._mutable(), patch=patch)
            failures = real.judge(api, kind, inputs, in_place=not (call.olds and change.replaces))
        return inputs, failures

    def diff(self, call: Call) -> Difference:
        """In place, or by replacement; refused for a custom resource whose immutable fields nobody has looked up."""
        self._named(call)
        if call.type == RELEASE:
            return release.difference(call.old_inputs, call.news, dict(changes(call.old_inputs, call.news)))
        api, kind, patch = _kind(call.type)
        found = difference(api, kind, call.old_inputs, call.news, mutable=self._mutable(), patch=patch)
        if (
            found.detailed
            and not schemas.built_in(api, kind, self.cluster.version())
            and (api, kind) not in kinds.REPLACING
        ):
            raise Refused(f"replacement behaviour unknown: the local cloud has no table row for {api} {kind}")
        return found

    def create(self, call: Call) -> tuple[str, Props]:
        """Writes the object, or adopts what a killed engine left behind under this URN."""
        if call.preview:
            return "", release.previewed(call.news) if call.type == RELEASE else call.news
        self.cluster.row()
        self._real()
        with self.store.transaction():
            row = self._installed(call) if call.type == RELEASE else self._created(call)
        process.die_after("create", call.urn)
        _, kind, patch = _kind(call.type)
        if kind == "Service" and not patch:
            self._await_endpoints(row)
        return row.id, outgoing(kind, row.outputs)

    def read(self, call: Call) -> tuple[str, Props, Props]:
        """The live object, for refresh and import; an empty id when it is gone."""
        try:
            self.cluster.row()
        except Unreachable:
            if self._on("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"):
                return "", {}, {}
            raise
        row = self._named(call)
        if row is None:
            return "", {}, {}
        api, kind, patch = _kind(call.type)
        real = self._real()
        found = real.read(api, kind, row) if real and call.type != RELEASE and not patch else (row.inputs, row.outputs)
        if found is None:
            self.store.delete(row)  # somebody deleted it on the API server
            return "", {}, {}
        return row.id, found[0], outgoing(kind, found[1])

    def update(self, call: Call) -> Props:
        """Changes the object in place."""
        if call.preview:
            if call.type == RELEASE:
                return release.previewed(call.news)
            self._rehearse(call)
            return {**call.olds, **call.news}
        self.cluster.row()
        row = self._named(call)
        kind = _kind(call.type)[1]
        if row is None:
            raise Refused(
                f"update of resource {call.id} failed because the Kubernetes API server reported that it does not exist"
            )
        self._real()
        with self.store.transaction():
            changed = self._upgraded(row, call) if call.type == RELEASE else self._changed(row, call)
        process.die_after("update", call.urn)
        return outgoing(kind, changed.outputs)

    def delete(self, call: Call) -> None:
        """Removes the object; one that is gone already is a success, one a finalizer holds is a time-out."""
        try:
            self.cluster.row()
        except Unreachable:
            if self._on("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"):
                return
            raise Refused(_UNREACHABLE) from None
        row = self._named(call)
        if row is not None:
            self._real()
            with self.store.transaction():
                self._deleted(row)
            process.die_after("delete", call.urn)
        elif call.type == RELEASE:
            raise Refused("release: not found")

    # Steps

    def _named(self, call: Call) -> Row | None:
        row = self.cluster.get(call.type, call.id)
        if row is not None and row.urn != call.urn:
            self.store.rename(row, call.urn)
        if row is not None:
            self.store.name(row)
        return row

    def _created(self, call: Call) -> Row:
        api, kind, patch = _kind(call.type)
        inputs, namespace = call.news, _namespace(call.news)
        identity = _identity(inputs)
        token = call.type
        self._make_room(call, identity)
        real = self._real()
        if patch:
            if real is not None:
                real.patch(api, kind, call.urn, inputs)
            return self.store.insert(Row(identity, token, call.urn, inputs, live(kind, api, inputs), self.cluster.key))
        existing = self.cluster.get(token, identity)
        if existing is not None:
            raise Refused(_exists(identity, kind))
        admission.refuse_create(self.cluster, api, kind, namespace, inputs)
        awaiting.refuse_unready(self.cluster, kind, namespace, inputs)
        outputs = live(kind, api, inputs)
        if real is not None:
            outputs = real.create(api, kind, inputs, outputs)
        row = self.store.insert(Row(identity, token, call.urn, inputs, outputs, self.cluster.key))
        self._settle(kind, namespace)
        return self._reconciled(kind, row)

    def _reconciled(self, kind: str, row: Row) -> Row:
        """What the load balancer controller makes of a written object, awaited as the provider does."""
        reconcile.written(self.cluster, row.token)
        lattice.written(self.cluster, row.token, _namespace(row.inputs))
        awaiting.refuse_unmet(self.cluster, kind, row)
        return self.cluster.get(row.token, row.id) or row

    def _await_endpoints(self, row: Row) -> None:
        try:
            awaiting.refuse_without_endpoints(self.cluster, _namespace(row.inputs), row.inputs)
        except Refused:
            self._forget(row)
            raise

    def _make_room(self, call: Call, identity: str) -> None:
        """Takes away what a killed engine left under this URN, so that creating it again adopts it."""
        orphan = self.store.orphan(call.urn)
        if orphan is not None and orphan.token == call.type and orphan.provider == self.cluster.key:
            if orphan.id == identity:
                self.store.delete(orphan)  # what a real API server holds of it is applied anew
            else:
                self._forget(orphan)

    def _installed(self, call: Call) -> Row:
        inputs = call.news
        identity = f"{inputs['namespace']}/{inputs['name']}"
        self._make_room(call, identity)
        release.refuse(self.cluster, inputs, new=True)
        real = self._real()
        if real is not None:
            real.install(inputs)
        row = self.store.insert(
            Row(identity, RELEASE, call.urn, inputs, release.outputs(inputs, None), self.cluster.key)
        )
        reconcile.written(self.cluster, RELEASE)
        lattice.written(self.cluster, RELEASE)
        return row

    def _upgraded(self, row: Row, call: Call) -> Row:
        release.refuse(self.cluster, call.news, new=False)
        changed = replace(row, inputs=call.news, outputs=release.outputs(call.news, row), named=True)
        self.store.update(changed)
        reconcile.written(self.cluster, RELEASE)
        lattice.written(self.cluster, RELEASE)
        return changed

    def _changed(self, row: Row, call: Call) -> Row:
        api, kind, patch = _kind(call.type)
        namespace = _namespace(call.news)
        if not patch:
            admission.refuse_update(self.cluster, kind, row, call.news)
            awaiting.refuse_unready(self.cluster, kind, namespace, call.news)
        outputs = live(kind, api, call.news, row.outputs)
        real = self._real()
        if real is not None and patch:
            real.patch(api, kind, call.urn, call.news)
        elif real is not None:
            outputs = real.update(api, kind, call.news, outputs)
        changed = replace(row, inputs=call.news, outputs=outputs, named=True)
        self.store.update(changed)
        self._settle(kind, namespace)
        return changed if patch else self._reconciled(kind, changed)

    def _deleted(self, row: Row) -> None:
        if row.token == NAMESPACE:
            for each in sorted(self.cluster.everything_in(row.id), key=reconcile.patience):
                self._deleted(each)
        if row.token == BINDING:
            trouble = controller_trouble(self.cluster)
            if trouble is not None:
                raise Refused(
                    f"timed out waiting for the condition: finalizers might be preventing deletion of {row.id} "
                    f"({FINALIZER}); {trouble}"
                )
            drop_targets(self.cluster, row)
        reconcile.released(self.cluster, row)
        lattice.released(self.cluster, row)
        self._forget(row)
        if row.token not in {RELEASE, NAMESPACE}:
            self._settle(_kind(row.token)[1], _namespace(row.inputs))
            reconcile.written(self.cluster, row.token)
            lattice.written(self.cluster, row.token, _namespace(row.inputs))

    def _settle(self, kind: str, namespace: str) -> None:
        if kind in _TARGET_KINDS:
            register_targets(self.cluster, namespace)
            real = self._real()
            if real is not None and self.cluster.has_namespace(namespace):
                real.settle(namespace)

    def _forget(self, row: Row) -> None:
        """Takes an object out of the store and off a real API server."""
        api, kind, patch = _kind(row.token)
        real = self._real()
        if real is not None and row.token != RELEASE:
            real.remove(row, api, kind, patch=patch)
        self.store.delete(row)

    def _rehearse(self, call: Call) -> None:
        api, kind, patch = _kind(call.type)
        real = self._real()
        if real is not None and not patch:
            real.rehearse(api, kind, call.news)

    def _real(self) -> Real | None:
        """The real API server behind the cluster, None where the schemas judge alone.

        The first call may write, so it must not come from within a transaction.
        """
        return self._mirror.of(self.cluster)


def _kind(token: str) -> tuple[str, str, bool]:
    """(apiVersion, kind, whether a Patch type) of a type token."""
    return kinds.of_token(token)


def _namespace(inputs: Props) -> str:
    return str(inputs["metadata"].get("namespace") or "")


def _identity(inputs: Props) -> str:
    name, namespace = inputs["metadata"]["name"], _namespace(inputs)
    return f"{namespace}/{name}" if namespace else str(name)


def _exists(identity: str, kind: str) -> str:
    return (
        f"resource {identity} was not successfully created by the Kubernetes API server: {kind.lower()}s "
        f'"{identity.rpartition("/")[2]}" '
        "already exists. If it was renamed, use an alias; to change an object another owner made, use a Patch "
        "resource; to take it over, "
        "import it or set upsertExistingObjects"
    )


def _failure(problem: str) -> Failure:
    path, _, reason = problem.partition(": ")
    return Failure(path, reason)


def _active(config: Props) -> dict[str, Any]:
    kubeconfig = config.get("kubeconfig")
    if not isinstance(kubeconfig, str):
        return {}
    return server_of(kubeconfig, str(config.get("context") or ""), str(config.get("cluster") or ""))


def _moved(old: Props, new: Props) -> bool:
    """Whether the active cluster is another one, or may be."""
    return new.get("kubeconfig") is UNKNOWN or _active(old) != _active(new)
