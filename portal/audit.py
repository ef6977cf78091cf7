"""The audit: rows that can only be added, each sealed with the hash of the one before."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.tables import Audit, now

START: Final = "0" * 64
"""What the first row carries as the hash before it."""


@dataclass(frozen=True)
class Actor:
    """Who asks. groups: as the sign-in gave them. A timer's name begins with `system:`.

    scopes: what the token that speaks for somebody may be used for; None for people themselves. token: its number and
    its name, which every row of the audit tells.
    """

    name: str
    groups: tuple[str, ...] = ()
    request_id: str = ""
    address: str = ""
    scopes: tuple[str, ...] | None = None
    token: tuple[str, str] | None = None


class BrokenChainError(Exception):
    """The audit is not as it was written; the message names the first row that is wrong."""


def append(session: Session, actor: Actor, action: str, about: str, **details: Any) -> Audit:
    """Add a row in the caller's transaction: it is there exactly when what it tells of is."""
    if actor.token is not None:
        details["token"] = dict(zip(("id", "name"), actor.token, strict=True))
    last = session.execute(select(Audit.seq, Audit.hash).order_by(Audit.seq.desc()).limit(1)).one_or_none()
    row = Audit(
        seq=last.seq + 1 if last else 1,
        at=now(),
        actor=actor.name,
        action=action,
        about=about,
        details=details,
        request_id=actor.request_id,
        address=actor.address,
        previous=last.hash if last else START,
    )
    row.hash = _hash(plain(row))
    session.add(row)
    session.flush()
    return row


def plain(row: Audit) -> dict[str, Any]:
    """A row as data, with its hashes if it has them."""
    return {
        "seq": row.seq,
        "at": row.at.astimezone(dt.UTC).isoformat(),
        "actor": row.actor,
        "action": row.action,
        "about": row.about,
        "details": row.details,
        "request_id": row.request_id,
        "address": row.address,
        "previous": row.previous,
        "hash": row.hash,
    }


def _hash(row: dict[str, Any]) -> str:
    kept = {key: value for key, value in row.items() if key != "hash"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def export(session: Session) -> Iterator[str]:
    """Every row as a line of JSON, the oldest first."""
    for row in session.scalars(select(Audit).order_by(Audit.seq).execution_options(yield_per=500)):
        yield json.dumps(plain(row), sort_keys=True)


def verify(lines: Iterable[str], head: str | None = None) -> int:
    """How many rows an export has. Raises BrokenChainError for one changed, moved, added or taken out.

    head: the hash of the last row, noted elsewhere; without it, rows cut off at the end cannot be noticed.
    """
    previous, count = START, 0
    for count, line in enumerate(lines, start=1):
        row = json.loads(line)
        if row["seq"] != count or row["previous"] != previous:
            raise BrokenChainError(f"row {count} does not follow the one before it")
        if _hash(row) != row["hash"]:
            raise BrokenChainError(f"row {count} is not as it was written")
        previous = row["hash"]
    if head is not None and head != previous:
        raise BrokenChainError(f"row {count} is not the last one that was written")
    return count
