"""The database: one engine, transactions for reading and for writing, and its schema by Alembic.

On SQLite a writing transaction takes the write lock when it begins, not at its first write: two that both read first
could otherwise only fail. Readers never wait for it (write-ahead log).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

_BUSY_SECONDS = 30


class Database:
    """A database by its SQLAlchemy URL, for example sqlite:////var/lib/portal/portal.sqlite."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._reading = self.engine.execution_options(portal_reads=True)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is kept at the end, or not at all when an exception leaves the block."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the database and changes nothing."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to this version, or an earlier one; does nothing where it is."""
        # A fifth of the time that a process takes to load the portal, and runners need none of it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).resolve().parent / "migrations"))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True)  # an error that is logged names no values
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late, see the module
    for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {line}")


def _on_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get("portal_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
