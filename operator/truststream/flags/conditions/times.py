"""TimeOfDay, Weekday, Before and After: the present, or a moment that the context names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from truststream.flags.conditions.base import Test, Unfit, getter, is_number, texts
from truststream.flags.evaluation import Context
from truststream.flags.moments import local_moment, moment, zone

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_RANGE: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(([01]\d|2[0-3]):([0-5]\d)|24:00)\Z", re.ASCII)
_DAY: Final = 86_400
_FURTHEST: Final = 60_000_000_000  # seconds, the year 1 to the year 3871: what calendars of all zones have

Moment = Callable[[Context, float], float | None]
Clock = Callable[[float], tuple[int, int]]
"""Weekday (0 is Monday) and second of the day, of a moment."""


def when(field: str | None) -> Moment:
    """The present; or the field's moment: an RFC 3339 text or seconds since the epoch."""
    if field is None:
        return lambda _context, now: now
    get = getter(field)

    def read(context: Context, _now: float) -> float | None:
        value = get(context)
        if is_number(value):
            return value if abs(value) <= _FURTHEST else None
        return moment(value)

    return read


def zone_of(name: str | None) -> tzinfo:
    """UTC where none is named.

    Raises:
        Unfit: there is no such zone.
    """
    try:
        return zone(name or "UTC")
    except ValueError as error:
        raise Unfit("timeZone", str(error)) from error


def _clock(where: tzinfo) -> Clock:
    if where is UTC:
        return lambda at: ((int(at // _DAY) + 3) % 7, int(at % _DAY))  # the epoch began on a Thursday

    def read(at: float) -> tuple[int, int]:
        local = datetime.fromtimestamp(at, where)
        return local.weekday(), local.hour * 3600 + local.minute * 60 + local.second

    return read


def _by_clock(field: str | None, where: tzinfo, holds: Callable[[int, int], bool]) -> Test:
    read, clock = when(field), _clock(where)

    def test(context: Context, now: float) -> bool:
        at = read(context, now)
        if at is None or not abs(at) <= _FURTHEST:
            return False
        try:
            return holds(*clock(at))
        except (ValueError, OverflowError, OSError):  # beyond the years that a calendar has
            return False

    return test


def hours(value: Any) -> tuple[int, int]:
    """Start and end of `09:00-17:00` in seconds of the day; the end is not part of it.

    Raises:
        Unfit: not of that form.
    """
    match = _RANGE.match(value) if isinstance(value, str) else None
    if match is None:
        raise Unfit("value", 'must be two times of day, like "09:00-17:00"')
    start = int(match[1]) * 3600 + int(match[2]) * 60
    end = int(match[4]) * 3600 + int(match[5]) * 60 if match[4] else _DAY
    if start == end:
        raise Unfit("value", "begins when it ends; write 00:00-24:00 for the whole day")
    return start, end


def time_of_day(field: str | None, value: Any, where: tzinfo) -> Test:
    """Between two times of the local day; the second before the first goes over midnight."""
    start, end = hours(value)
    if start < end:
        return _by_clock(field, where, lambda _day, second: start <= second < end)
    return _by_clock(field, where, lambda _day, second: second >= start or second < end)


def weekdays(value: Any) -> frozenset[int]:
    """Days by number, 0 is Monday.

    Raises:
        Unfit: other words than Mon to Sun.
    """
    names = texts(value)
    if unknown := [name for name in names if name not in DAYS]:
        raise Unfit("value", f"{unknown[0]!r} is no day; they are {', '.join(DAYS)}")
    return frozenset(DAYS.index(name) for name in names)


def weekday(field: str | None, value: Any, where: tzinfo) -> Test:
    """On one of the days, where the zone's clock is."""
    days = weekdays(value)
    return _by_clock(field, where, lambda day, _second: day in days)


def point(value: Any, where: tzinfo) -> float:
    """The moment that Before and After compare with.

    Raises:
        Unfit: neither RFC 3339 nor a local time.
    """
    at = local_moment(value, where)
    if at is None:
        raise Unfit("value", "must be a moment like 2026-12-01T09:00:00Z, or 2026-12-01T09:00 with timeZone")
    return at


def before(field: str | None, value: Any, where: tzinfo) -> Test:
    """Earlier than the value."""
    limit, read = point(value, where), when(field)

    def test(context: Context, now: float) -> bool:
        at = read(context, now)
        return at is not None and at < limit

    return test


def after(field: str | None, value: Any, where: tzinfo) -> Test:
    """At the value or later."""
    limit, read = point(value, where), when(field)

    def test(context: Context, now: float) -> bool:
        at = read(context, now)
        return at is not None and at >= limit

    return test
