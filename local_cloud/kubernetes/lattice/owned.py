"""What the controller has made for one route: creates, changes and deletes that AWS may refuse like anybody's.

Remembered in notes (topic ``lattice``, owner: cluster and route), as the controller does by tags.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from local_cloud.aws import catalogue
from local_cloud.aws import vpclattice_common as aws
from local_cloud.aws.account import Account
from local_cloud.aws.kind import Kind
from local_cloud.kubernetes.cluster import Cluster
from local_cloud.store import Row

Props = dict[str, Any]
TOPIC: Final = "lattice"
# Dependants first.
_ORDER: Final = (
    *(aws.RULE, aws.LISTENER, aws.SERVICE_ASSOCIATION, aws.AUTH_POLICY),
    *(aws.LATTICE_SERVICE, aws.TARGET_GROUP),
)


def account_of(cluster: Cluster) -> Account:
    """The account the cluster is in."""
    return Account(cluster.store, str(cluster.row()["arn"]).split(":")[3])


class Owned:
    """The resources of one route, by key. Every method raises ``Refusal`` with AWS's words."""

    def __init__(self, cluster: Cluster, route: str) -> None:
        self.account = account_of(cluster)
        self._owner = f"{cluster.key}|{route}"
        self._known = self.account.notes(TOPIC, self._owner)
        self._wanted: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._known)

    def one(self, token: str) -> Row | None:
        """The first resource of a type, None when there is none."""
        return next(iter(self.keyed(token).values()), None)

    def keyed(self, token: str) -> dict[str, Row]:
        """The resources of a type by the key they were made under."""
        ids = {note: str(known["id"]) for note, known in self._known.items() if known["token"] == token}
        rows = {note.removeprefix(f"{token}|"): self.account.get(token, each) for note, each in ids.items()}
        return {key: row for key, row in rows.items() if row is not None}

    def ensure(self, key: str, token: str, props: Props) -> Row:
        """The resource of a key, with these properties."""
        note = f"{token}|{key}"
        self._wanted.append(note)
        known, kind = self._known.get(note), catalogue.KINDS[token]
        row = self.account.get(token, str(known["id"])) if known else None
        if row is None:
            row = self._create(kind, props)
        elif row.inputs != props:
            row = self._update(kind, row, props)
        self._known[note] = {"token": token, "id": row.id}
        self.account.note(TOPIC, self._owner, note, self._known[note])
        return row

    def keep(self, token: str) -> None:
        """Resources of this type are another object's affair."""
        self._wanted += [note for note, known in self._known.items() if known["token"] == token]

    def prune(self) -> None:
        """Deletes what nobody wanted since this was made, dependants first."""
        unwanted = [note for note in self._known if note not in self._wanted]
        for token in _ORDER:
            for note in unwanted:
                if self._known[note]["token"] == token:
                    self._delete(catalogue.KINDS[token], str(self._known[note]["id"]))
        for note in unwanted:
            del self._known[note]
            self.account.forget(TOPIC, self._owner, note)

    def drop(self, token: str) -> None:
        """Deletes the resources of one type."""
        self._wanted = [note for note, known in self._known.items() if known["token"] != token]
        self.prune()

    def _create(self, kind: Kind, props: Props) -> Row:
        for refuse in kind.refuse_create:
            refuse(self.account, props)
        identity = kind.identify(self.account, props)
        row = self.account.add(kind.token, identity, props, {**props, **kind.outputs(self.account, identity, props)})
        for effect in kind.after_create:
            effect(self.account, row)
        return row

    def _update(self, kind: Kind, row: Row, props: Props) -> Row:
        for refuse in kind.refuse_update:
            refuse(self.account, row, props)
        outputs = {**row.outputs, **props, **kind.outputs(self.account, row.id, props)}
        changed = replace(row, inputs=props, outputs=outputs)
        self.account.store.update(changed)
        return changed

    def _delete(self, kind: Kind, identity: str) -> None:
        row = self.account.get(kind.token, identity)
        if row is None:
            return
        for refuse in kind.refuse_delete:
            refuse(self.account, row)
        self.account.store.delete(row)
        for effect in kind.after_delete:
            effect(self.account, row)
