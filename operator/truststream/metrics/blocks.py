"""Counts in blocks of time: which blocks are complete, and what each unit counted in each of them.

A block is (k·length, (k+1)·length], seconds since the epoch. A sample's growth belongs to the block of the sample's
time: nothing is interpolated.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.canary.observation import Block, Cell
from truststream.metrics import histograms
from truststream.metrics.counters import Batch, Floats, Identity, Series, Target, timelines
from truststream.metrics.growth import Growth, Records, Rules, grow, spacing

_STEP: Final = 5.0  # a length that the source chooses is a multiple of it, and at least it
_JITTER: Final = 0.02  # by so much an interval may differ from the one that was configured
_GONE: Final = 3  # intervals without a sample
_SLACK: Final = 1e-6  # counters are floats

Faults = dict[int, str]
"""The first fault of a block, by its place on the grid."""


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


def length_for(interval: float) -> float:
    """Two scrapes a block and more: with fewer, blocks without any would come by chance."""
    return _STEP * max(1, math.ceil(2 * interval * (1 - _JITTER) / _STEP))


def grid(length: float, since: float, until: float) -> Grid:
    """Blocks that lie wholly in (since, until]."""
    first, end = math.ceil(since / length - _SLACK), math.floor(until / length + _SLACK)
    return Grid(length, first, max(0, end - first))


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


def clip(found: Grid, complete: float) -> Grid:
    """The blocks that are complete."""
    if not math.isfinite(complete):
        return Grid(found.length, found.first, 0)
    end = math.floor(complete / found.length + _SLACK)
    return Grid(found.length, found.first, max(0, min(found.count, end - found.first)))


def unit(target: Target) -> str:
    """The identity of what was scraped, as one text."""
    return "/".join(part for part in target if part) or "unknown"


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
    cells: dict[int, list[Cell]] = defaultdict(list)
    for target, group in sorted(_histograms(grown.total, where).items(), key=lambda one: one[0]):
        for place, buckets in _merged(unit(target), group, where, faults, native=native):
            scaled = tuple((bound * scale, count) for bound, count in buckets)
            cells[place].append(Cell(unit(target), scaled[-1][1], buckets=scaled))
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


_Histograms = dict[Identity, dict[float, _Sums]]
"""By the labels without le: counts by bound."""


def _histograms(grown: Iterable[Growth], where: Grid) -> Mapping[Target, _Histograms]:
    found: dict[Target, _Histograms] = {}
    for growth in grown:
        places = where.places(growth.batch.times)
        inside = (places >= 0) & (places < where.count)
        if not inside.any():
            continue
        for series, amounts in zip(growth.batch.series, growth.amounts, strict=True):
            counts = np.bincount(places[inside], weights=amounts[inside], minlength=where.count)
            sums = _sums_of(found.setdefault(growth.batch.target, {}), series, where)
            sums.counts[:] += counts
            sums.seen[places[inside]] = True
    return found


def _sums_of(found: _Histograms, series: Series, where: Grid) -> _Sums:
    labels, bound = histograms.group_and_bound(series)
    empty = _Sums(np.zeros(where.count), np.zeros(where.count, dtype=bool))
    return found.setdefault(labels, {}).setdefault(bound, empty)


def _merged(
    name: str, group: _Histograms, where: Grid, faults: Faults, *, native: bool
) -> Iterator[tuple[int, tuple[tuple[float, float], ...]]]:
    """(block, cumulative counts) of one unit, all its series together; what cannot be added is a fault."""
    tables = [_Table(by_bound) for by_bound in group.values()]
    for place in range(where.count):
        columns = [column for table in tables if (column := table.column(place))]
        if not columns:
            continue
        if native:
            columns = histograms.common(columns)
        bounds = [bound for bound, _ in columns[0]]
        for column in columns[1:]:
            other = [bound for bound, _ in column]
            if other != bounds:
                faults.setdefault(place, histograms.different((name, bounds), (name, other)))
        counts: dict[float, float] = defaultdict(float)
        for bound, count in (pair for column in columns for pair in column):
            counts[bound] += count
        if problem := _shape_problem(name, columns):
            faults.setdefault(place, problem)
        yield place, tuple(sorted(counts.items()))


class _Table:
    """One histogram: rows by rising bound, a column a block."""

    def __init__(self, by_bound: Mapping[float, _Sums]) -> None:
        self._bounds = np.array(sorted(by_bound))
        self._counts = np.array([by_bound[bound].counts for bound in self._bounds])
        self._seen = np.array([by_bound[bound].seen for bound in self._bounds])

    def column(self, place: int) -> histograms.Buckets:
        """(bound, cumulative count) of the bounds that were seen in the block."""
        seen = self._seen[:, place]
        return tuple(zip(self._bounds[seen].tolist(), self._counts[seen, place].tolist(), strict=True))


def _shape_problem(name: str, columns: Iterable[Sequence[tuple[float, float]]]) -> str:
    for column in columns:
        if column[-1][0] != math.inf:
            return histograms.no_last([bound for bound, _ in column], name)
        for (low, fewer), (high, more) in pairwise(column):
            if more < fewer - _SLACK:
                return histograms.not_rising(name, (low, fewer), (high, more))
    return ""
