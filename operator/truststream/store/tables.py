"""The tables as they are now; how they came to be is in `migrations`.

Exposures are many, so what repeats in them (namespace, flag, environment, variant) is an arm of its own. Changes to the
schema only add: during a rolling update servers of two versions write at once.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, MetaData, String, Table, UniqueConstraint

from truststream.store.base import MAX_UNIT

metadata: Final = MetaData()

_ROW = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the type is INTEGER."""

arms: Final = Table(
    "arms",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("namespace", String(63), nullable=False),
    Column("flag", String(253), nullable=False),
    Column("environment", String(63), nullable=False),
    Column("variant", String(63), nullable=False),
    UniqueConstraint("namespace", "flag", "environment", "variant", name="arms_names"),
    sqlite_autoincrement=True,
)

exposures: Final = Table(
    "exposures",
    metadata,
    Column("id", _ROW, primary_key=True, autoincrement=True),
    Column("arm", _ROW, ForeignKey("arms.id", name="exposures_arm"), nullable=False),
    Column("window", BigInteger, nullable=False),  # its start, seconds since the epoch
    Column("unit", String(MAX_UNIT), nullable=False),
    Column("at", Double, nullable=False),  # seconds since the epoch
    UniqueConstraint("arm", "window", "unit", name="exposures_once"),
    Index("exposures_of_arm", "arm", "id"),  # readers follow a flag by row number
    Index("exposures_by_time", "at"),  # what is too old is deleted by time
    sqlite_autoincrement=True,
)
