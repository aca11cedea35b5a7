"""Duplicates: the same item was counted twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from truststream.stats.anomaly import Anomaly, AnomalyKind
from truststream.stats.anomaly_share import USUAL, Tolerance, too_many


def duplicates(keys: Sequence[Hashable], tolerance: Tolerance = USUAL) -> Anomaly:
    """Do more items than tolerated carry a key that came before?

    Hypothesis: each item repeats an earlier key with probability of at most the tolerated share (retries that the
    source is known to make).
    Formula: an item is bad if its key was seen before; then see `too_many`.
    Assumptions: different items have different keys.
    Wrong when: keys come from a small set (a user id is no key of a request).
    Source: as `too_many`.
    """
    seen: set[Hashable] = set()
    bad = []
    for key in keys:
        bad.append(key in seen)
        seen.add(key)
    return too_many(AnomalyKind.DUPLICATE, bad, tolerance, {"distinct": float(len(seen))})
