"""Times as they stand in status, and back; nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The inverse of `stamp`; also reads times without fractions."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
