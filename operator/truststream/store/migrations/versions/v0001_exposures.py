"""Arms, and who was given them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ROW = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "arms",
        sa.Column("id", _ROW, primary_key=True, autoincrement=True),
        sa.Column("namespace", sa.String(63), nullable=False),
        sa.Column("flag", sa.String(253), nullable=False),
        sa.Column("environment", sa.String(63), nullable=False),
        sa.Column("variant", sa.String(63), nullable=False),
        sa.UniqueConstraint("namespace", "flag", "environment", "variant", name="arms_names"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "exposures",
        sa.Column("id", _ROW, primary_key=True, autoincrement=True),
        sa.Column("arm", _ROW, sa.ForeignKey("arms.id", name="exposures_arm"), nullable=False),
        sa.Column("window", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.String(512), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.UniqueConstraint("arm", "window", "unit", name="exposures_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("exposures_of_arm", "exposures", ["arm", "id"])
    op.create_index("exposures_by_time", "exposures", ["at"])
