"""The account on top of the store: what kinds see as ``Cloud``."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from local_cloud.aws.kind import Props, Row, Value
from local_cloud.store import Store, now

ACCOUNT: Final = "123456789012"
"""The account number of AWS's own examples."""

PROVIDER: Final = "aws"
"""What the store calls this provider's resources."""


class Account:
    """One account in one region. ``Account(Store(":memory:"))`` is all a test of a kind needs."""

    def __init__(self, store: Store, region: str = "eu-west-1") -> None:
        self.store = store
        self.region = region
        self.account = ACCOUNT

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``, by the region's name."""
        special = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
        return next((name for prefix, name in special.items() if self.region.startswith(f"{prefix}-")), "aws")

    def rows(self, token: str) -> list[Row]:
        """All resources of a type, oldest first."""
        return self.store.rows(PROVIDER, token)

    def get(self, token: str, resource_id: str) -> Row | None:
        """One resource, None when it does not exist."""
        return self.store.get(PROVIDER, token, resource_id)

    def where(self, token: str, path: str, value: Value) -> list[Row]:
        """Resources of a type whose top-level input or output equals a scalar."""
        return self.store.where(PROVIDER, token, path, value)

    def referring(self, value: str, token: str | None = None) -> list[Row]:
        """Resources whose inputs mention this id, name or ARN at any depth, tags left out."""
        return self.store.referring(PROVIDER, value, token)

    def hex(self, length: int) -> str:
        """Random lower-case hex digits."""
        return secrets.token_hex(length)[:length]

    def now(self) -> str:
        """RFC 3339, UTC, whole seconds."""
        return now()

    def patch(self, row: Row, **outputs: Value) -> None:
        """Changes outputs of another resource; its inputs stay."""
        current = self.get(row.token, row.id)
        if current is not None:
            self.store.update(replace(current, outputs={**current.outputs, **outputs}))

    def add(self, token: str, resource_id: str, inputs: Props, outputs: Props) -> Row:
        """Records something that AWS or a controller makes by itself."""
        return self.store.insert(Row(resource_id, token, "", inputs, {**inputs, **outputs}, PROVIDER))

    def remove(self, token: str, resource_id: str) -> None:
        """Takes a resource away behind Pulumi's back; one that is not there is no error."""
        row = self.get(token, resource_id)
        if row is not None:
            self.store.delete(row)

    def notes(self, topic: str, owner: str) -> dict[str, Props]:
        """Facts that are no resources, key -> data."""
        return {key: data for (_, key), data in self.store.notes(topic, owner).items()}

    def note(self, topic: str, owner: str, key: str, data: Props) -> None:
        """Writes one note, over an older one of the same key."""
        self.store.note(topic, owner, key, data)

    def forget(self, topic: str, owner: str, key: str | None = None) -> None:
        """Drops one note, or all of an owner."""
        self.store.forget(topic, owner, key)
