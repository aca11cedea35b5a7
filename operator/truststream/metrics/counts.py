"""Counts per interval: which intervals are complete, are these numbers counts, and blocks made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from truststream.canary.observation import ArmReading, Block, Cell, Outcome
from truststream.metrics.answers import NoAnswerError


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals [start + k length, start + (k + 1) length) before `end`, on multiples of `length`; whole seconds."""

    start: int
    end: int
    length: int

    @property
    def starts(self) -> range:
        """Where the intervals begin."""
        return range(self.start, self.end, self.length)

    def parts(self, most: int) -> Iterator[Grid]:
        """The same intervals in requests of at most so many."""
        for start in range(self.start, self.end, most * self.length):
            yield Grid(start, min(self.end, start + most * self.length), self.length)


def complete(since: datetime, until: datetime, length: int, delay: float) -> Grid:
    """The intervals that lie wholly in the window and for which nothing can still come; there may be none."""
    start = math.ceil(since.timestamp() / length) * length
    end = math.floor((until.timestamp() - delay) / length) * length
    return Grid(start, max(start, end), length)


@dataclass(frozen=True, slots=True)
class Counted:
    """One arm: events by the start of their interval. An interval without an entry had none."""

    total: Mapping[int, float] = field(default_factory=dict)
    bad: Mapping[int, float] = field(default_factory=dict)

    def reading(self) -> ArmReading:
        """All intervals together."""
        return ArmReading(requests=math.fsum(self.total.values()), bad=math.fsum(self.bad.values()))

    def cells(self, start: int) -> tuple[Cell, ...]:
        """One cell: these sources do not tell which pod counted."""
        requests, bad = self.total.get(start, 0.0), self.bad.get(start, 0.0)
        return (Cell("", requests, bad),) if requests or bad else ()

    def fault(self, start: int, arm: str) -> str:
        """Why the counts of an interval contradict each other."""
        requests, bad = self.total.get(start, 0.0), self.bad.get(start, 0.0)
        if bad <= requests:
            return ""
        moment = f"{datetime.fromtimestamp(start, UTC):%H:%M:%S} UTC"
        return (
            f"{arm}: {bad:g} bad of {requests:g} requests in the interval from {moment}: "
            "`total` has to count the bad ones, too"
        )


def whole(counts: Mapping[int, float], what: str) -> Mapping[int, float]:
    """The same counts.

    Raises:
        NoAnswerError: one cannot be a number of events. A rate or an average would be taken for fewer events, and
            with that for less evidence, or more, than there is.
    """
    for start, count in counts.items():
        if not math.isfinite(count) or count < 0:
            raise NoAnswerError(Outcome.INVALID, f"{what} gives {count:g} at {start}, which is no number of events")
        if abs(count - round(count)) > 1e-6 * max(1.0, count):
            said = f"{what} gives {count:g} at {start}: a count of events is whole; sum the events, take no rate"
            raise NoAnswerError(Outcome.INVALID, said)
    return counts


def blocks(grid: Grid, canary: Counted, stable: Counted) -> tuple[Block, ...]:
    """Both arms, interval by interval; one that contradicts itself says so."""
    return tuple(
        Block(
            float(start),
            float(start + grid.length),
            canary.cells(start),
            stable.cells(start),
            canary.fault(start, "canary") or stable.fault(start, "stable"),
        )
        for start in grid.starts
    )
