"""From raw samples of classic histogram buckets to counts by upper bound; numbers only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from truststream.metrics.counters import (
    Batch,
    Floats,
    Identity,
    InvalidSamplesError,
    Scrapes,
    Series,
    Target,
    Window,
    histogram_of,
    increments_of,
)

Buckets = tuple[tuple[float, float], ...]
"""(upper bound, cumulative count), rising; the last bound is infinity."""

_SLACK: Final = 1e-6
_NARROW: Final = "narrow the selector to one histogram"


def buckets(found: Sequence[Batch], scrapes: Mapping[Target, Scrapes], window: Window, scale: float = 1.0) -> Buckets:
    """Counts of one arm in (since, until] by upper bound; bounds are multiplied by `scale`. Empty without series.

    Raises:
        InvalidSamplesError: no bucket, other bounds among the series, or counts that fall with rising bounds.
    """
    groups: dict[Identity, dict[float, float]] = defaultdict(dict)
    for batch in found:
        counted = increments_of(batch, scrapes.get(batch.target, Scrapes()), window)
        histogram, own = shape_of(batch)
        groups[histogram].update(zip(own.tolist(), counted.tolist(), strict=True))
    if not groups:
        return ()
    bounds = _common_bounds(groups.values(), native=all(one.native for batch in found for one in batch.series))
    for group, counts in groups.items():
        _check_rising(group, [(bound, counts[bound]) for bound in bounds])
    return tuple((bound * scale, sum(counts[bound] for counts in groups.values())) for bound in bounds)


def check_same_bounds(stable: Buckets, canary: Buckets) -> None:
    """Counts of two arms compare only where both counted by the same bounds.

    Raises:
        InvalidSamplesError: they did not.
    """
    ours, theirs = [bound for bound, _ in canary], [bound for bound, _ in stable]
    if ours != theirs:
        raise InvalidSamplesError(different(("canary", ours), ("stable", theirs)))


def common(found: Sequence[Buckets]) -> list[Buckets]:
    """The same counts by the bounds that all have: cumulative counts stay what they are when a bound is left out."""
    if not found:
        return []
    bounds = set.intersection(*({bound for bound, _ in buckets} for buckets in found))
    return [tuple(pair for pair in buckets if pair[0] in bounds) for buckets in found]


def different(one: tuple[str, Iterable[float]], other: tuple[str, Iterable[float]]) -> str:
    """That two named histograms have different bounds."""
    (first, bounds), (second, others) = one, other
    if first == second:
        return f"{first} has different buckets: {_listed(bounds)} and {_listed(others)}; {_NARROW}"
    return (
        f"the arms have different buckets: {first} {_listed(bounds)}; {second} {_listed(others)}; "
        "latencies compare only with the same ones, so change buckets in a release of their own"
    )


def no_last(bounds: Iterable[float], where: str = "") -> str:
    """That the bucket of all is missing."""
    at = f" at {where}" if where else ""
    return f'no bucket le="+Inf" among {_listed(bounds)}{at}: select all buckets of the histogram'


def not_rising(series: str, low: tuple[float, float], high: tuple[float, float]) -> str:
    """That a higher bound has fewer requests."""
    (bound, fewer), (above, more) = low, high
    return f"{series}: {more:g} requests up to {above:g} but {fewer:g} up to {bound:g}; the buckets are not cumulative"


def shape_of(batch: Batch) -> tuple[Identity, Floats]:
    """Which histogram the buckets belong to, and their upper bounds.

    Raises:
        InvalidSamplesError: one of them is no bucket.
    """
    bounds = np.array([_bound(one.labels.get("le", "")) for one in batch.series])
    if np.isnan(bounds).any():
        series = batch.series[int(np.isnan(bounds).argmax())].text
        raise InvalidSamplesError(f"{series} is no bucket: it has no label le; select the name that ends in _bucket")
    return histogram_of(batch.series[0]), bounds


@lru_cache(4096)
def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _common_bounds(groups: Iterable[Mapping[float, float]], *, native: bool) -> list[float]:
    if native:
        return sorted(set.intersection(*(set(counts) for counts in groups)))
    different = {tuple(sorted(counts)) for counts in groups}
    if len(different) > 1:
        first, second = sorted(different)[:2]
        raise InvalidSamplesError(
            f"the series have different buckets: {_listed(first)} and {_listed(second)}; {_NARROW}"
        )
    bounds = list(different.pop())
    if bounds[-1] != math.inf:
        raise InvalidSamplesError(no_last(bounds))
    return bounds


def _check_rising(group: Identity, counts: Sequence[tuple[float, float]]) -> None:
    for (low, fewer), (high, more) in pairwise(counts):
        if more < fewer - _SLACK:
            raise InvalidSamplesError(not_rising(Series(dict(group), ()).text, (low, fewer), (high, more)))


def _listed(bounds: Iterable[float]) -> str:
    return " ".join(f"{bound:g}" for bound in bounds)
