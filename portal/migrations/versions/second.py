"""Environments know their end, their drift and their outputs; runs know where in git they come from."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import portal.tables

revision = "0002"
down_revision = "0001"


def _documents() -> list[sa.Column[Any]]:
    return [sa.Column("marks", sa.JSON(), nullable=False, server_default="{}")]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False, server_default="") for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), nullable=False, server_default="0") for name in names]


def _moments(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, portal.tables.Utc(), nullable=True) for name in names]


def _answers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()) for name in names]


def upgrade() -> None:
    """Add the columns. An environment that was applied before counts from its first update that changed something."""
    outputs = sa.Column("outputs", sa.JSON(), nullable=False, server_default="{}")
    environments: list[sa.Column[Any]] = [
        *_documents(),
        outputs,
        *_moments("since", "drift_seen", "drift_asked"),
        *_numbers("ttl_hours", "warned", "drift"),
    ]
    runs: list[sa.Column[Any]] = [
        *_documents(),
        *_answers("repairs", "automatic"),
        *_texts("commit", "base", "program_tree", "settings_tree"),
    ]
    # Not in a batch: that would make the table anew, and others point to it.
    for table, columns in (("environments", environments), ("runs", runs)):
        for column in columns:
            op.add_column(table, column)
    op.execute(
        "UPDATE environments SET since = (SELECT MIN(runs.created) FROM runs WHERE runs.environment = environments.name"
        " AND runs.kind = 'update' AND runs.state IN ('succeeded', 'failed', 'cancelled', 'interrupted'))"
        " WHERE settings_version > 0 OR needs_recovery"
    )
