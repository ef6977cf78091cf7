"""Runs know whether somebody gave their settings, or wanted what there is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column. What runs before it were given is not known; those that wait are previewed as given."""
    op.add_column("runs", sa.Column("given", sa.Boolean(), nullable=False, server_default=sa.true()))
