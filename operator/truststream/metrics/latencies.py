"""Histograms in blocks: what each unit counted by upper bound."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from truststream.canary.observation import Cell
from truststream.metrics import histograms
from truststream.metrics.counters import Floats, Identity, Target
from truststream.metrics.grid import Grid, unit
from truststream.metrics.growth import Growth

_SLACK: Final = 1e-6  # counters are floats

Said = dict[int, str]
"""What is wrong with a block, by its place on the grid."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A histogram as far as its buckets were seen in the same scrapes: rows by rising bound, a column a block."""

    bounds: list[float]
    counts: Floats
    seen: NDArray[np.bool_]
    rises: bool


_Parts = Mapping[Identity, Sequence[_Part]]
"""By the histogram that they are of."""


def cells(grown: Iterable[Growth], where: Grid, scale: float, faults: Said, *, native: bool) -> dict[int, list[Cell]]:
    """Cells by block; what cannot be added is noted in `faults`. Native histograms meet at the bounds that all have."""
    found: dict[int, list[Cell]] = defaultdict(list)
    for target, parts in sorted(_parts(grown, where).items(), key=lambda one: one[0]):
        name = unit(target)
        for place, buckets in _merged(name, parts, where, faults, native=native):
            scaled = tuple([(bound * scale, count) for bound, count in buckets])
            found[place].append(Cell(name, scaled[-1][1], buckets=scaled))
    return found


def _parts(grown: Iterable[Growth], where: Grid) -> Mapping[Target, _Parts]:
    found: dict[Target, dict[Identity, list[_Part]]] = defaultdict(lambda: defaultdict(list))
    for growth in grown:
        places = where.places(growth.batch.times)
        inside = (places >= 0) & (places < where.count)
        if inside.any():
            histogram, bounds = histograms.shape_of(growth.batch)
            part = _part(bounds, growth.amounts[:, inside], places[inside], where.count)
            found[growth.batch.target][histogram].append(part)
    return found


def _part(bounds: Floats, amounts: Floats, places: NDArray[np.int64], count: int) -> _Part:
    order = bounds.argsort()
    starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    counts = np.zeros((len(bounds), count))
    counts[:, places[starts]] = np.add.reduceat(amounts, starts, axis=1)[order]
    seen = np.zeros(count, dtype=bool)
    seen[places] = True
    return _Part(bounds[order].tolist(), counts, seen, bool((counts[1:] >= counts[:-1] - _SLACK).all()))


def _merged(
    name: str, parts: _Parts, where: Grid, faults: Said, *, native: bool
) -> Iterator[tuple[int, histograms.Buckets]]:
    """(block, cumulative counts) of one unit, all its histograms together."""
    for place in range(where.count):
        columns = [column for group in parts.values() if (column := _column(group, place))]
        if not columns:
            continue
        if native and len(columns) > 1:
            columns = histograms.common(columns)
        if problem := _problem(name, columns, rises=all(part.rises for group in parts.values() for part in group)):
            faults.setdefault(place, problem)
        yield place, columns[0] if len(columns) == 1 else _added(columns)


def _column(group: Sequence[_Part], place: int) -> histograms.Buckets:
    """(bound, cumulative count) of the bounds that were seen in the block."""
    columns = [
        tuple(zip(part.bounds, part.counts[:, place].tolist(), strict=True)) for part in group if part.seen[place]
    ]
    if len(columns) < 2:
        return columns[0] if columns else ()
    return _added(columns)


def _added(columns: Iterable[histograms.Buckets]) -> histograms.Buckets:
    counts: dict[float, float] = defaultdict(float)
    for bound, count in (pair for column in columns for pair in column):
        counts[bound] += count
    return tuple(sorted(counts.items()))


def _problem(name: str, columns: Sequence[histograms.Buckets], *, rises: bool) -> str:
    """Why these are no histograms, or none that can be added; empty when they are."""
    bounds = [bound for bound, _ in columns[0]]
    for column in columns[1:]:
        if (other := [bound for bound, _ in column]) != bounds:
            return histograms.different((name, bounds), (name, other))
    if bounds[-1] != math.inf:
        return histograms.no_last(bounds, name)
    if rises:
        return ""
    for low, high in (pair for column in columns for pair in pairwise(column)):
        if high[1] < low[1] - _SLACK:
            return histograms.not_rising(name, low, high)
    return ""
