"""Counts in blocks of time: which blocks are complete, and what each unit counted in each of them.

A block is (k·length, (k+1)·length], seconds since the epoch. A sample's growth belongs to the block of the sample's
time: nothing is interpolated.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.canary.observation import Block, Cell
from truststream.metrics import histograms, latencies
from truststream.metrics.counters import Batch, Floats, Target, timelines
from truststream.metrics.grid import Grid, unit
from truststream.metrics.growth import Growth, Records, Rules, grow, spacing

_GONE: Final = 3  # intervals without a sample
_SLACK: Final = 1e-6  # counters are floats

Faults = dict[int, str]
"""The first fault of a block, by its place on the grid."""


@dataclass(frozen=True, slots=True)
class Grown:
    """What the counters of one arm grew by."""

    total: tuple[Growth, ...] = ()
    bad: tuple[Growth, ...] = ()

    @property
    def open(self) -> set[Target]:
        """Targets that Prometheus' records have to tell about."""
        return {growth.batch.target for growth in (*self.total, *self.bad) if growth.open}


@dataclass(frozen=True, slots=True)
class Counters:
    """The raw counters of one arm: `bad` of a Ratio only."""

    total: tuple[Batch, ...] = ()
    bad: tuple[Batch, ...] = ()

    @property
    def all(self) -> tuple[Batch, ...]:
        """Both."""
        return (*self.total, *self.bad)

    def grown(self, rules: Rules, records: Mapping[Target, Records] | None = None) -> Grown:
        """What they grew by, as far as `records` tell."""
        times, known = timelines(self.all), records or {}
        total, bad = (
            tuple(grow(batch, times[batch.target], rules, known.get(batch.target)) for batch in found)
            for found in (self.total, self.bad)
        )
        return Grown(total, bad)


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm on a grid: cells by block, and the faults of blocks."""

    cells: Mapping[int, tuple[Cell, ...]] = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)
    native: bool = False


def complete_until(arms: Iterable[Counters], reach: float, hint: float) -> float:
    """Up to here nothing can come any more: every target that is still there was scraped at or after it.

    A target whose samples end three of its intervals before the freshest of all is gone. The freshest sample is the
    measure and not the clock: a store that is late as a whole is waited for.
    """
    lasts = [
        (float(times[-1]), spacing(times, float(times[-1]), reach, hint))
        for arm in arms
        for times in timelines(arm.total).values()
    ]
    freshest = max((last for last, _ in lasts), default=-math.inf)
    return min((last for last, interval in lasts if freshest - last <= _GONE * interval), default=-math.inf)


def ratio(grown: Grown, where: Grid) -> Arm:
    """Requests and bad ones of an arm. A unit without a bad series had no errors while it was scraped."""
    faults = _faults((*grown.total, *grown.bad), where)
    requests, bad = _sums(grown.total, where), _sums(grown.bad, where)
    cells: dict[int, list[Cell]] = defaultdict(list)
    for target in sorted({*requests, *bad}):
        nothing = _Sums(np.zeros(where.count), np.zeros(where.count, dtype=bool))
        whole, part = requests.get(target, nothing), bad.get(target, nothing)
        name = unit(target)
        for place in np.flatnonzero(part.counts > whole.counts + _SLACK):
            faults.setdefault(
                int(place),
                f"{part.counts[place]:g} bad of {whole.counts[place]:g} requests at {name}: "
                "`bad` counts what `total` does not; use the same counter for both",
            )
        for place in np.flatnonzero(whole.seen):
            cells[int(place)].append(Cell(name, float(whole.counts[place]), float(part.counts[place])))
    return Arm({place: tuple(found) for place, found in cells.items()}, faults)


def distribution(grown: Grown, where: Grid, scale: float = 1.0) -> Arm:
    """Counts by upper bound of an arm; bounds are multiplied by `scale`.

    Raises:
        InvalidSamplesError: a series is no bucket.
    """
    faults, native = _faults(grown.total, where), _native(grown)
    cells = latencies.cells(grown.total, where, scale, faults, native=native)
    return Arm({place: tuple(found) for place, found in cells.items()}, faults, native)


def _native(grown: Grown) -> bool:
    return bool(grown.total) and all(growth.batch.native for growth in grown.total)


def blocks(where: Grid, canary: Arm, stable: Arm) -> tuple[Block, ...]:
    """Both arms together."""
    return tuple(_block(where, place, canary, stable) for place in range(where.count))


def _block(where: Grid, place: int, canary: Arm, stable: Arm) -> Block:
    start = (where.first + place) * where.length
    ours, theirs = canary.cells.get(place, ()), stable.cells.get(place, ())
    if canary.native or stable.native:
        both = _by_common_bounds((*ours, *theirs))
        ours, theirs = both[: len(ours)], both[len(ours) :]
    fault = canary.faults.get(place) or stable.faults.get(place) or _incomparable(ours, theirs)
    return Block(start, (where.first + place + 1) * where.length, ours, theirs, fault)


def _by_common_bounds(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    found = histograms.common([cell.buckets for cell in cells])
    return tuple(replace(cell, buckets=buckets) for cell, buckets in zip(cells, found, strict=True))


def _incomparable(canary: Sequence[Cell], stable: Sequence[Cell]) -> str:
    """Why cells of a histogram cannot be added and compared; empty when they can."""
    bounds = {
        tuple([bound for bound, _ in cell.buckets]): name
        for name, cells in (("canary", canary), ("stable", stable))
        for cell in cells
    }
    if len(bounds) < 2:
        return ""
    (first, one), (second, other) = list(bounds.items())[:2]
    return histograms.different((one, first), (other, second))


def _faults(grown: Iterable[Growth], where: Grid) -> Faults:
    found: Faults = {}
    for growth in grown:
        for fault in growth.faults:
            place = int(where.places(np.array([fault.time]))[0])
            if 0 <= place < where.count:
                # The first by its text: the order of series differs between answers.
                found[place] = min(found.get(place, fault.text), fault.text)
    return found


@dataclass(frozen=True, slots=True)
class _Sums:
    """By block: the counts, and whether there was a scrape."""

    counts: Floats
    seen: NDArray[np.bool_]


def _sums(grown: Iterable[Growth], where: Grid) -> dict[Target, _Sums]:
    found: dict[Target, _Sums] = {}
    for growth in grown:
        times, amounts = growth.batch.times, growth.amounts.sum(axis=0)
        places = where.places(times)
        inside = (places >= 0) & (places < where.count)
        if not inside.any():
            continue
        target = growth.batch.target
        sums = found.setdefault(target, _Sums(np.zeros(where.count), np.zeros(where.count, dtype=bool)))
        sums.counts[:] += np.bincount(places[inside], weights=amounts[inside], minlength=where.count)
        sums.seen[places[inside]] = True
    return found
