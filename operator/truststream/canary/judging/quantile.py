"""Quantiles of histogram counts, for showing and for limits; never for inference."""

from __future__ import annotations

from collections.abc import Sequence

Buckets = Sequence[tuple[float, float]]
"""(upper bound, cumulative count), rising; the last bound is infinity."""


def quantile(buckets: Buckets, q: float) -> float | None:
    """Linear inside the bucket, from 0 for the first; in the last one its lower bound. None without counts."""
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    rank, below, lower = q * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= rank and count > below:
            return lower if bound == float("inf") else lower + (bound - lower) * (rank - below) / (count - below)
        below, lower = count, bound
    return lower


def requests_above(buckets: Buckets, limit: float) -> float:
    """Requests certainly above `limit`: those above the first bound that is not below it."""
    total = buckets[-1][1] if buckets else 0.0
    for bound, count in buckets:
        if bound >= limit:
            return total - count
    return 0.0
