"""Gap: samples that should have come did not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from truststream.errors import InputError
from truststream.stats.anomaly import Anomaly, AnomalyKind
from truststream.stats.anomaly_share import USUAL, Tolerance, too_many
from truststream.stats.guards import finite, positive
from truststream.stats.samples import all_finite


def gap(times: Sequence[float], interval: float, until: float, tolerance: Tolerance = USUAL) -> Anomaly:
    """Are samples missing from a series that comes every `interval` seconds, up to `until`?

    Hypothesis: each expected sample is missing with probability of at most the tolerated share.
    Formula: the first sample fixes the phase; a slot of half an interval around each expected time is empty or not;
    then see `too_many`. `details` has the longest gap in seconds. The slot that is still open does not count.
    Assumptions: jitter below half an interval.
    Wrong when: the interval of the source changes, or its clock drifts by half an interval: take a new first sample.
    Source: as `too_many`.
    """
    positive("interval", interval), finite("until", until)
    data = all_finite("times", times)
    if not data:
        return too_many(AnomalyKind.GAP, [], tolerance)
    first = min(data)
    if until < first:
        raise InputError("until", f"is {until:g}, before the first sample {first:g}; give the end of the data")
    slots = int((until - first) / interval + 0.5)
    filled = {int((time - first) / interval + 0.5) for time in data}
    missing = [slot not in filled for slot in range(slots)]
    longest = max((sum(1 for _ in run) for empty, run in groupby(missing) if empty), default=0)
    return too_many(AnomalyKind.GAP, missing, tolerance, {"longest_seconds": longest * interval})
