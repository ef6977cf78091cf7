"""Migrations, the audit's chain, and that two who change the same run do not overwrite each other."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from portal import audit
from portal.database import Database
from portal.states import State
from portal.tables import Audit, Base, Environment, Run
from portal.transitions import transition

from .conftest import ANN, BOB, add


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    database.migrate()  # a second time: nothing to do
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_the_first_schema_is_what_it_was(tmp_path: Path) -> None:
    """Databases have it, so it does not change: what is to be another way is another migration."""
    database = Database(f"sqlite:///{tmp_path / 'first.sqlite'}")
    database.migrate("0001")
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, sql FROM sqlite_master ORDER BY rowid")).all()
    database.close()
    made = "\n".join(" ".join(f"{each.type} {each.name} {each.sql or ''}".split()) for each in rows)
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == "d913b62e8569fb9a"


def lead(database: Database, run: Run, new: State) -> None:
    with database.write() as session:
        session.add(run)
        transition(session, run, new, ANN)


def test_two_who_read_the_same_run_cannot_both_change_it(database: Database) -> None:
    number = add(database, State.AWAITING_APPROVAL)
    with database.read() as early:
        run = early.get_one(Run, number)
    with database.write() as session:
        transition(session, session.get_one(Run, number), State.DISCARDED, BOB)
    with pytest.raises(StaleDataError):
        lead(database, run, State.STALE)
    with database.read() as session:
        assert session.get_one(Run, number).state is State.DISCARDED


@pytest.fixture
def lines(database: Database) -> list[str]:
    add(database, State.AWAITING_APPROVAL)
    add(database, State.PREVIEWING)
    with database.read() as session:
        return list(audit.export(session))


@pytest.mark.parametrize(
    "key", ["at", "actor", "action", "about", "details", "request_id", "address", "hash", "previous"]
)
def test_a_changed_row_is_noticed(lines: list[str], key: str) -> None:
    assert audit.verify(lines) == 3
    row = json.loads(lines[1])
    lines[1] = json.dumps({**row, key: "other"})
    with pytest.raises(audit.BrokenChainError, match="row 2"):
        audit.verify(lines)


def test_a_row_taken_out_moved_or_cut_off_is_noticed(lines: list[str]) -> None:
    head = json.loads(lines[-1])["hash"]
    assert audit.verify(lines, head) == 3
    for wrong in ([lines[0], lines[2]], [lines[1], lines[0], lines[2]], lines[1:], lines[:-1], []):
        with pytest.raises(audit.BrokenChainError):
            audit.verify(wrong, head)


def test_the_database_refuses_to_change_the_audit(database: Database, lines: list[str]) -> None:
    for statement in (update(Audit).values(actor="eve"), delete(Audit)):
        with pytest.raises(IntegrityError, match="the audit only grows"), database.write() as session:
            session.execute(statement)
    with database.read() as session:
        assert list(audit.export(session)) == lines


def lead_and_fail(database: Database, number: int) -> None:
    with database.write() as session:
        transition(session, session.get_one(Run, number), State.CANCELLED, ANN)
        raise RuntimeError


def test_what_fails_leaves_no_audit(database: Database) -> None:
    number = add(database)
    with pytest.raises(RuntimeError):
        lead_and_fail(database, number)
    with database.read() as session:
        assert list(audit.export(session)) == []
        assert session.get_one(Run, number).state is State.QUEUED


def test_an_older_database_keeps_its_rows(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite'}")
    database.migrate("0001")
    with database.engine.begin() as connection:
        for name, settings_version in (("dev", 1), ("new", 0)):
            connection.execute(
                text(
                    "INSERT INTO environments (name, owner, approvals, self_approval, destroy_protected, settings,"
                    " settings_version, locked_by, locked_reason, needs_recovery, version)"
                    " VALUES (:name, 'shop', 1, 0, 0, '{\"a\": 1}', :version, '', '', 0, 1)"
                ),
                {"name": name, "version": settings_version},
            )
        connection.execute(
            text(
                "INSERT INTO runs (id, environment, kind, state, requester, settings, settings_version, plan_digest,"
                " state_hash, changes, verdict, reason, cancel_requested, force_requested, created, changed, version)"
                " VALUES (1, 'dev', 'update', 'succeeded', 'ann', '{}', 0, 'd', '', '[]', '{}', '', 0, 0,"
                " '2030-01-01 00:00:00.000000', '2030-01-01 00:00:00.000000', 1)"
            )
        )
    database.migrate()
    with database.write() as session:
        dev, new = (session.get_one(Environment, name) for name in ("dev", "new"))
        assert (dev.settings, dev.outputs, dev.drift, dev.ttl_hours) == ({"a": 1}, {}, 0, 0)
        assert (dev.since, new.since) == (dt.datetime(2030, 1, 1, tzinfo=dt.UTC), None)
        run = session.get_one(Run, 1)
        assert (run.where, run.commit, run.automatic, run.marks) == (dev, "", False, {})
    database.close()
