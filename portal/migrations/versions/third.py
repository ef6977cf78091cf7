"""Jobs know which start of the machine their process belongs to; recover runs know why they were forced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns. A runner that works at this moment is told by the clock, as before."""
    op.add_column("jobs", sa.Column("boot", sa.String(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("forced", sa.String(), nullable=False, server_default=""))
