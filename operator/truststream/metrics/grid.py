"""Where blocks lie in time, and how long they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.metrics.counters import Floats, Target

_STEP: Final = 5.0  # a length that the source chooses is a multiple of it, and at least it
_JITTER: Final = 0.02  # by so much an interval may differ from the one that was configured
_SLACK: Final = 1e-6  # times are floats


@dataclass(frozen=True, slots=True)
class Grid:
    """Blocks `first` to `first + count - 1` of the length."""

    length: float
    first: int
    count: int

    @property
    def start(self) -> float:
        """Of the first block."""
        return self.first * self.length

    def places(self, times: Floats) -> NDArray[np.int64]:
        """In which block each time lies; outside 0..count-1 for one that lies in none."""
        return np.ceil(times / self.length).astype(np.int64) - 1 - self.first


def length_for(interval: float) -> float:
    """Two scrapes a block and more: with fewer, blocks without any would come by chance."""
    return _STEP * max(1, math.ceil(2 * interval * (1 - _JITTER) / _STEP))


def grid(length: float, since: float, until: float) -> Grid:
    """Blocks that lie wholly in (since, until]."""
    first, end = math.ceil(since / length - _SLACK), math.floor(until / length + _SLACK)
    return Grid(length, first, max(0, end - first))


def clip(found: Grid, complete: float) -> Grid:
    """The blocks that are complete."""
    if not math.isfinite(complete):
        return Grid(found.length, found.first, 0)
    end = math.floor(complete / found.length + _SLACK)
    return Grid(found.length, found.first, max(0, min(found.count, end - found.first)))


def unit(target: Target) -> str:
    """The identity of what was scraped, as one text."""
    return "/".join(part for part in target if part) or "unknown"
