"""Native histograms as the query API shows them, turned into cumulative buckets: from there on they are classic ones.

A cumulative count is exact at every bound that no bucket straddles. The bounds of an exponential schema s are the
powers 2^(k·2^-s), and those of a coarser schema are a subset of them; so all series count exactly at the bounds of the
coarsest. They are taken from a fixed range and not from what happens to be populated: the same bounds in every block.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from truststream.metrics.counters import Floats, Series

FINEST: Final = 3  # eight buckets for a factor of two: finer ones tell no more about a latency, and cost
_RANGE: Final = (-14, 17)  # exponents of two: 61 µs to 36 h, in seconds; half a second less in milliseconds
_SCHEMAS: Final = range(-4, 9)
_NEAR: Final = 1e-9  # bounds are powers that were written as text


@dataclass(frozen=True, slots=True)
class _Sample:
    """One scrape of one histogram; only populated buckets are listed."""

    time: float
    count: float
    lefts: Floats
    rights: Floats
    counts: Floats


def series_of(labels: Mapping[str, str], histograms: Sequence[Sequence[Any]]) -> list[Series]:
    """A counter for each bound, as a classic histogram has them; the last bound is infinity."""
    samples = [_sample(float(time), one) for time, one in histograms]
    schemas = {schema for one in samples for schema in _schemas(one)}
    known = [schema for schema in schemas if schema is not None]
    bounds = _bounds(min(known)) if len(known) == len(schemas) else _own_bounds(samples)
    table = np.array([[*_cumulative(one, bounds), one.count] for one in samples]).T
    times = [one.time for one in samples]
    return [
        Series({**labels, "le": _text(bound)}, tuple(zip(times, row, strict=True)), native=True)
        for bound, row in zip((*bounds.tolist(), math.inf), table.tolist(), strict=True)
    ]


def _sample(time: float, one: Mapping[str, Any]) -> _Sample:
    # Each is [boundary rule, left, right, count]. Whatever the rule includes, all in a bucket is at most its right.
    table = np.array([[float(cell) for cell in bucket[1:]] for bucket in one.get("buckets") or ()]).reshape(-1, 3).T
    return _Sample(time, float(one["count"]), *table)


def _schemas(one: _Sample) -> set[int | None]:
    """The exponential schemas that its buckets fit; None for a bucket that fits none: the bounds are custom ones."""
    found: set[int | None] = {FINEST}
    # The zero bucket, which begins below 0, and negative ones say nothing about a schema.
    for left, right in zip(one.lefts.tolist(), one.rights.tolist(), strict=True):
        if math.isinf(left) or left == 0 < right:
            found.add(None)
        elif left > 0:
            found.add(_schema(left, right))
    return found


def _schema(left: float, right: float) -> int | None:
    """A bucket (2^((k-1)·2^-s), 2^(k·2^-s)] tells s by its width; None where it has no such bounds."""
    if math.isinf(right):
        return None
    width = math.log2(right / left)
    schema = -round(math.log2(width))
    place = math.log2(right) * 2.0**schema
    fits = math.isclose(width, 2.0**-schema, rel_tol=1e-6) and abs(place - round(place)) < 1e-5
    return schema if fits and schema in _SCHEMAS else None


@cache
def _bounds(schema: int) -> Floats:
    """Of an exponential schema, in the fixed range."""
    step = 2.0**-schema
    first, last = math.ceil(_RANGE[0] / step), math.floor(_RANGE[1] / step)
    bounds: Floats = np.exp2(np.arange(first, last + 1) * step)
    return bounds


def _own_bounds(samples: Sequence[_Sample]) -> Floats:
    """Custom bounds: those that are known, less what lies inside of another sample's bucket."""
    seen = np.unique(np.concatenate([part for one in samples for part in (one.lefts, one.rights)]))
    seen = seen[np.isfinite(seen)]
    for one in samples:
        for left, right in zip(one.lefts, one.rights, strict=True):
            seen = seen[~((left * (1 + _NEAR) < seen) & (seen < right * (1 - _NEAR)))]
    own: Floats = seen
    return own


def _cumulative(one: _Sample, bounds: Floats) -> Floats:
    """The zero bucket counts as a whole below its upper bound."""
    found = np.zeros(len(bounds) + 1)
    shrunk = one.rights * (1 - np.sign(one.rights) * _NEAR)
    np.add.at(found, np.searchsorted(bounds, shrunk), one.counts)
    total: Floats = np.cumsum(found[:-1])
    return total


def _text(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else f"{bound:.17g}"
