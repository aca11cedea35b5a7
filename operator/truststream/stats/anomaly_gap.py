"""Gap: samples that should have come did not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from truststream.errors import InputError
from truststream.stats.anomaly import Anomaly, AnomalyKind
from truststream.stats.anomaly_share import USUAL, Tolerance, too_many
from truststream.stats.guards import finite, positive
from truststream.stats.samples import all_finite

_SETTLING = 20  # samples whose mean phase counts: one alone would carry its jitter into all slots


def gap(times: Sequence[float], interval: float, until: float, tolerance: Tolerance = USUAL) -> Anomaly:
    """Are samples missing from a series that comes every `interval` seconds, up to `until`?

    Hypothesis: each expected sample is missing with probability of at most the tolerated share.
    Formula: the first 20 samples fix the phase (their circular mean); a slot of half an interval around each expected
    time is empty or not; then see `too_many`. `details` has the longest gap in seconds. The slot that is still open
    does not count.
    Assumptions: jitter below half an interval.
    Wrong when: the interval of the source changes, or its clock drifts by half an interval: start a new series.
    Source: as `too_many`; circular mean: Fisher (1993), Statistical Analysis of Circular Data, eq. (2.9).
    """
    positive("interval", interval), finite("until", until)
    data = all_finite("times", times)
    if not data:
        return too_many(AnomalyKind.GAP, [], tolerance)
    first = min(data)
    if until < first:
        raise InputError("until", f"is {until:g}, before the first sample {first:g}; give the end of the data")
    start = _phase(data, interval)
    slots = round((until - start) / interval)
    filled = {round((time - start) / interval) for time in data}
    missing = [slot not in filled for slot in range(slots)]
    longest = max((sum(1 for _ in run) for empty, run in groupby(missing) if empty), default=0)
    return too_many(AnomalyKind.GAP, missing, tolerance, {"longest_seconds": longest * interval})


def _phase(times: Sequence[float], interval: float) -> float:
    """The time at which the first sample was due."""
    first = min(times)
    angles = [2.0 * math.pi * (time - first) / interval for time in sorted(times)[:_SETTLING]]
    lag = math.atan2(math.fsum(map(math.sin, angles)), math.fsum(map(math.cos, angles)))
    return first + interval * lag / (2.0 * math.pi)
