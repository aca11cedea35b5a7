"""Late data: items that come after their time."""

from __future__ import annotations

from collections.abc import Sequence

from truststream.stats.anomaly import Anomaly, AnomalyKind
from truststream.stats.anomaly_share import USUAL, Tolerance, too_many
from truststream.stats.guards import non_negative
from truststream.stats.samples import all_finite


def late(delays: Sequence[float], allowed: float, tolerance: Tolerance = USUAL) -> Anomaly:
    """Do more items than tolerated come later than `allowed` seconds after they happened?

    Hypothesis: each item is late with probability of at most the tolerated share.
    Formula: an item is bad if its delay exceeds `allowed`; then see `too_many`. `details` has the longest delay.
    Assumptions: the clocks of source and receiver agree; delays are in the order of arrival.
    Wrong when: clocks drift: negative delays tell so (`details` has the smallest).
    Source: as `too_many`.
    """
    non_negative("allowed", allowed)
    data = all_finite("delays", delays)
    details = {"longest": max(data), "shortest": min(data)} if data else {}
    return too_many(AnomalyKind.LATE, [delay > allowed for delay in data], tolerance, details)
