"""Level shift: from some moment on values are higher or lower than before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from truststream.stats.anomaly import Anomaly, AnomalyKind, first_alarm, peak
from truststream.stats.anomaly_conformal import EXCHANGEABLE, log_bets, sequential_ranks
from truststream.stats.anomaly_wealth import from_any_start
from truststream.stats.guards import open_unit
from truststream.stats.samples import all_finite


def level_shift(values: Sequence[float], rng: np.random.Generator, alpha: float = 0.001) -> Anomaly:
    """Has the level of a series changed?

    Hypothesis: the values are exchangeable.
    Formula: bets on conformal ranks, mixed over directions, strengths and starts; alarm at E >= 1/alpha. `estimate` is
    the jump between the medians before and after the likeliest split (`details`: since, before, after).
    Assumptions: no dependence of one value on the next; any law, ties allowed. The caller seeds the generator, with
    the same seed for the same series, so that a repeated look sees the same ranks.
    Wrong when: values are autocorrelated or have a daily cycle (compare arms, or residuals of a forecast, instead);
    fewer than about 20 values came before the change.
    Source: Vovk (2021), Testing randomness online, Statistical Science 36:595, section 4; starts: Shin, Ramdas &
    Rinaldo (2024), section 3.
    """
    open_unit("alpha", alpha)
    data = all_finite("values", values)
    path = from_any_start(log_bets(sequential_ranks(data, rng)))
    found = first_alarm(path, alpha)
    since, before, after = _split(np.array(data)) if len(data) > 1 else (0, math.nan, math.nan)
    return Anomaly(
        kind=AnomalyKind.LEVEL_SHIFT,
        n=float(len(data)),
        alpha=alpha,
        assumption=EXCHANGEABLE,
        log_e=peak(path),
        found_at=found,
        estimate=after - before,
        details={"since": float(since), "before": before, "after": after},
        reason="" if len(data) > 1 else "needs two values",
    )


def _split(data: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[int, float, float]:
    """The split that explains most variance, and the medians on its sides."""
    n = len(data)
    left = np.cumsum(data - data.mean())[:-1]
    sizes = np.arange(1, n)
    since = int(np.argmax(left * left / (sizes * (n - sizes)))) + 1
    return since, float(np.median(data[:since])), float(np.median(data[since:]))
