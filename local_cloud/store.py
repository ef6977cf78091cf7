"""Everything that exists in the local cloud, in one SQLite file.

Several provider processes use the file at once and any of them may be killed at any moment: each operation is one
transaction (``with store.transaction():``), the journal is a write-ahead log, and writers queue up to 30 s.

All look-ups are indexed: table ``leaf`` holds every scalar of a resource's inputs with its path (tags left out) and the
top-level scalars of its outputs, so 5,000 resources cost a call no more than 50 do.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from local_cloud.values import Props, Value, leaves

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
  seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, token TEXT NOT NULL, id TEXT NOT NULL, urn TEXT NOT NULL,
  inputs TEXT NOT NULL, outputs TEXT NOT NULL, named INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL,
  UNIQUE (provider, token, id));
CREATE INDEX IF NOT EXISTS resource_urn ON resource (urn);
CREATE TABLE IF NOT EXISTS leaf (
  resource INTEGER NOT NULL REFERENCES resource (seq) ON DELETE CASCADE,
  side TEXT NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS leaf_value ON leaf (value, path);
CREATE INDEX IF NOT EXISTS leaf_resource ON leaf (resource);
CREATE TABLE IF NOT EXISTS note (
  topic TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,
  PRIMARY KEY (topic, owner, key)) WITHOUT ROWID;
"""
_COLUMNS = "id, token, urn, inputs, outputs, provider, named, created"
_UNINDEXED = ("tags", "tagsAll", "__defaults")
_LONGEST = 300  # longer texts are documents, which nobody refers to


@dataclass(frozen=True)
class Row:
    """One resource that exists: ``inputs`` as Check left them, ``outputs`` the whole state (inputs included).

    ``urn`` is "" for what AWS or a controller made by itself. ``named``: the engine has named its id in a Diff, Read,
    Update or Delete, or ended by itself after its create, so a later Create with this URN is a replacement, not the
    repetition of a create whose answer got lost.
    """

    id: str
    token: str
    urn: str
    inputs: Props
    outputs: Props
    provider: str = "aws"
    named: bool = False
    created: str = ""

    def __getitem__(self, key: str) -> Value:
        """The live value of a top-level property, None when absent."""
        return self.outputs.get(key, self.inputs.get(key))


def home() -> Path:
    """The folder of the local cloud: ``LOCAL_CLOUD_HOME``, else ``.local-cloud`` in this checkout."""
    given = os.environ.get("LOCAL_CLOUD_HOME")
    return Path(given) if given else Path(__file__).resolve().parent.parent / ".local-cloud"


def now() -> str:
    """RFC 3339, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """The open file. Safe for the threads of one process; other processes open their own."""

    def __init__(self, path: Path | str | None = None) -> None:
        """Opens or creates the file (``cloud.sqlite`` in ``home()`` unless given; ``:memory:`` for tests)."""
        path = home() / "cloud.sqlite" if path is None else path
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # A cloud knows the secrets it was given, so the file is its user's alone; SQLite's side files inherit it.
            Path(path).touch(mode=0o600)
        self._lock = threading.RLock()
        self._depth = 0
        self._fresh: set[tuple[str, str, str]] = set()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        with self.transaction():
            for statement in _SCHEMA.split(";\n"):
                self._db.execute(statement)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, also when the process is killed; nested ones belong to the outer one."""
        with self._lock:
            if not self._depth:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if not self._depth:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if not self._depth:
                self._db.execute("COMMIT")

    def insert(self, row: Row) -> Row:
        """Adds a resource. Raises KeyError when this provider, token and id exist already."""
        row = replace(row, created=row.created or now())
        documents = (_dump(row.inputs), _dump(row.outputs))
        values = (row.id, row.token, row.urn, *documents, row.provider, row.named, row.created)
        with self.transaction():
            try:
                marks = ", ".join("?" * len(values))
                cursor = self._db.execute(f"INSERT INTO resource ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608
            except sqlite3.IntegrityError:
                raise KeyError(f"{row.token} {row.id} exists already") from None
            self._index(cursor.lastrowid, row)
        self.expect_naming(row)
        return row

    def update(self, row: Row) -> None:
        """Writes inputs and outputs of a resource found by provider, token and id."""
        with self.transaction():
            seq = self._seq(row)
            statement = "UPDATE resource SET inputs = ?, outputs = ? WHERE seq = ?"
            self._db.execute(statement, (_dump(row.inputs), _dump(row.outputs), seq))
            self._db.execute("DELETE FROM leaf WHERE resource = ?", (seq,))
            self._index(seq, row)

    def delete(self, row: Row) -> None:
        """Removes a resource; one that is gone is no error."""
        with self.transaction():
            statement = "DELETE FROM resource WHERE provider = ? AND token = ? AND id = ?"
            self._db.execute(statement, (row.provider, row.token, row.id))

    def get(self, provider: str, token: str, resource_id: str) -> Row | None:
        """One resource, None when it does not exist."""
        return _first(self._select("provider = ? AND token = ? AND id = ?", (provider, token, resource_id)))

    def rows(self, provider: str | None = None, token: str | None = None) -> list[Row]:
        """All resources (of a provider, of a type), oldest first."""
        given = {"provider": provider, "token": token}
        used = {column: value for column, value in given.items() if value is not None}
        return self._select(" AND ".join(f"{column} = ?" for column in used) or "1", tuple(used.values()))

    def by_urn(self, urn: str) -> list[Row]:
        """All resources created under a URN, oldest first."""
        return self._select("urn = ?", (urn,))

    def orphan(self, urn: str) -> Row | None:
        """The resource of this URN whose id the engine never named: what a killed engine left behind."""
        return _first(row for row in self.by_urn(urn) if not row.named)

    def name(self, row: Row) -> None:
        """Records that the engine has named this resource's id."""
        if not row.named:
            statement = "UPDATE resource SET named = 1 WHERE provider = ? AND token = ? AND id = ?"
            with self.transaction():
                self._db.execute(statement, (row.provider, row.token, row.id))

    def expect_naming(self, row: Row) -> None:
        """Lets ``settle`` name this resource (of its own accord for one that this process inserted)."""
        self._fresh.add((row.provider, row.token, row.id))

    def settle(self) -> None:
        """Names all that this process created: the engine has ended by itself, so its state knows them.

        Without it a ``--target-replace`` right after a first ``up`` (Check without old inputs, no Diff, Create) would
        look like the repetition of a create whose answer got lost.
        """
        statement = "UPDATE resource SET named = 1 WHERE provider = ? AND token = ? AND id = ?"
        with self.transaction():
            self._db.executemany(statement, sorted(self._fresh))
        self._fresh.clear()

    def rename(self, row: Row, urn: str) -> None:
        """Records the URN a resource has now (an alias, or an import of what had none)."""
        statement = "UPDATE resource SET urn = ? WHERE provider = ? AND token = ? AND id = ?"
        with self.transaction():
            self._db.execute(statement, (urn, row.provider, row.token, row.id))

    def name_oldest(self, urn: str) -> None:
        """Names the oldest resource of a URN unless one is named.

        For a Check with old inputs: the engine knows a resource of this URN, even where (``--target-replace``) it
        never tells the provider which.
        """
        rows = self.by_urn(urn)
        if rows and not any(row.named for row in rows):
            self.name(rows[0])

    def where(self, provider: str, token: str, path: str, value: Value) -> list[Row]:
        """Resources of a type whose input or output at ``path`` equals a scalar."""
        condition = "+provider = ? AND +token = ? AND seq IN (SELECT resource FROM leaf WHERE value = ? AND path = ?)"
        found = self._select(condition, (provider, token, _text(value), path))
        return [row for row in found if "." in path or "[" in path or row[path] == value]

    def referring(self, provider: str | None, value: str, token: str | None = None) -> list[Row]:
        """Resources whose inputs mention a text anywhere outside their tags."""
        condition = "seq IN (SELECT resource FROM leaf WHERE value = ? AND side = 'input')"
        arguments = [value]
        for column, wanted in (("provider", provider), ("token", token)):
            if wanted is not None:
                condition += f" AND +{column} = ?"  # the + keeps SQLite on the index of values
                arguments.append(wanted)
        return self._select(condition, tuple(arguments))

    def notes(self, topic: str, owner: str | None = None) -> dict[tuple[str, str], Props]:
        """(owner, key) -> data of a topic, or of one owner in it, in the order of owner and key."""
        condition, arguments = ("topic = ?", [topic]) if owner is None else ("topic = ? AND owner = ?", [topic, owner])
        statement = f"SELECT owner, key, data FROM note WHERE {condition} ORDER BY owner, key"  # noqa: S608
        with self._lock:
            return {(whose, key): json.loads(data) for whose, key, data in self._db.execute(statement, arguments)}

    def note(self, topic: str, owner: str, key: str, data: Mapping[str, Value]) -> None:
        """Writes one note, over an older one of the same key."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", (topic, owner, key, _dump(data)))

    def forget(self, topic: str, owner: str, key: str | None = None) -> None:
        """Drops one note, or all of an owner."""
        with self.transaction():
            if key is None:
                self._db.execute("DELETE FROM note WHERE topic = ? AND owner = ?", (topic, owner))
            else:
                self._db.execute("DELETE FROM note WHERE topic = ? AND owner = ? AND key = ?", (topic, owner, key))

    def clear(self) -> None:
        """Empties the cloud."""
        with self.transaction():
            self._db.execute("DELETE FROM resource")
            self._db.execute("DELETE FROM note")

    def _select(self, condition: str, arguments: tuple[str, ...]) -> list[Row]:
        statement = f"SELECT {_COLUMNS} FROM resource WHERE {condition} ORDER BY seq"  # noqa: S608
        with self._lock:
            found = self._db.execute(statement, arguments).fetchall()
        return [Row(i, t, u, json.loads(a), json.loads(b), p, bool(n), c) for i, t, u, a, b, p, n, c in found]

    def _seq(self, row: Row) -> int:
        statement = "SELECT seq FROM resource WHERE provider = ? AND token = ? AND id = ?"
        found = self._db.execute(statement, (row.provider, row.token, row.id)).fetchone()
        if found is None:
            raise KeyError(f"{row.token} {row.id} does not exist")
        return int(found[0])

    def _index(self, seq: int | None, row: Row) -> None:
        kept = {key: value for key, value in row.inputs.items() if key not in _UNINDEXED}
        entries = [(seq, "input", path, _text(value)) for path, value in leaves(kept) if _indexed(value)]
        for key, value in row.outputs.items():
            if key not in kept and key not in _UNINDEXED and _indexed(value):
                entries.append((seq, "output", key, _text(value)))
        self._db.executemany("INSERT INTO leaf VALUES (?, ?, ?, ?)", entries)


def _indexed(value: Value) -> bool:
    return value is not None and not isinstance(value, (dict, list)) and len(_text(value)) <= _LONGEST


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _dump(value: Mapping[str, Value]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _first(rows: Iterable[Row]) -> Row | None:
    return next(iter(rows), None)
