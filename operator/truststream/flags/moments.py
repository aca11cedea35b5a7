"""Moments and time zones: RFC 3339, local times, and zones from the packaged database, the same on every machine."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

_LONGEST: Final = 64
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d([.]\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?\Z", re.ASCII)
_FIXED: Final = re.compile(r"(Etc/)?(UTC|UCT|GMT|Zulu|Universal|Greenwich|GMT[+-]?\d{1,2})\Z")


@cache
def zone_names() -> frozenset[str]:
    """All that the packaged database knows."""
    listed = (resources.files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(listed) - {"Factory"}


@cache
def zone(name: str) -> tzinfo:
    """A time zone by name.

    Raises:
        ValueError: the database has no such zone.
    """
    if name not in zone_names():
        raise ValueError(f"{name!r} is no time zone; they are named like Europe/Berlin")
    if name == "UTC":
        return UTC
    with (resources.files("tzdata.zoneinfo") / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def is_fixed(name: str) -> bool:
    """Whether the zone's offset never changes."""
    return _FIXED.match(name) is not None


def moment(value: Any) -> float | None:
    """Seconds since the epoch of an RFC 3339 text; None for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST or not _RFC3339.match(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        return None


def local_moment(value: Any, where: tzinfo) -> float | None:
    """As `moment`, and local times without an offset: of a time that occurs twice the first is meant."""
    if not isinstance(value, str) or len(value) > _LONGEST or not _LOCAL.match(value):
        return moment(value)
    try:
        return datetime.fromisoformat(value).replace(tzinfo=where).timestamp()
    except (ValueError, OverflowError):
        return None
