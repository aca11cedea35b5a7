"""Drift: values rise or fall, slowly, all the time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from truststream.stats.anomaly import Anomaly, AnomalyKind, first_alarm, peak
from truststream.stats.anomaly_conformal import EXCHANGEABLE, log_bets, sequential_ranks
from truststream.stats.anomaly_wealth import from_the_start
from truststream.stats.guards import open_unit
from truststream.stats.samples import all_finite

_MOST = 1000  # values for the slope, which costs the square of their number


def drift(values: Sequence[float], rng: np.random.Generator, alpha: float = 0.001) -> Anomaly:
    """Does a series have a trend?

    Hypothesis: the values are exchangeable.
    Formula: bets on conformal ranks from the first value on, mixed over directions and strengths; alarm at
    E >= 1/alpha. `estimate` is Theil's and Sen's slope per value over the last 1000 values.
    Assumptions: as `level_shift`. A trend keeps new values at the edge of all before, so no start has to be guessed.
    Wrong when: values are autocorrelated. A level shift that is early and large raises this alarm, too: whoever needs
    to know which it is compares the two estimates.
    Source: Vovk (2021), Testing randomness online, Statistical Science 36:595; slope: Sen (1968), JASA 63:1379.
    """
    open_unit("alpha", alpha)
    data = all_finite("values", values)
    path = from_the_start(log_bets(sequential_ranks(data, rng)))
    slope = float(stats.theilslopes(np.array(data[-_MOST:]))[0]) if len(data) > 1 else math.nan
    return Anomaly(
        kind=AnomalyKind.DRIFT,
        n=float(len(data)),
        alpha=alpha,
        assumption=EXCHANGEABLE,
        log_e=peak(path),
        found_at=first_alarm(path, alpha),
        estimate=slope,
        reason="" if len(data) > 1 else "needs two values",
    )
