"""Betting against a mean: the capital of a gambler for whom the null hypothesis is a fair game."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from truststream.stats.guards import FloatArray, closed_unit, open_unit, unit_series

_PRIOR_MEAN, _PRIOR_VARIANCE = 0.5, 0.25  # one imaginary observation, so that the first bets are defined


def predictable_bets(x: FloatArray, alpha: float) -> FloatArray:
    """Bets that use only what came before: sqrt(2 log(1/alpha)/(variance_(t-1) t log(t+1))).

    The variance is that of the past plus one imaginary observation with mean 1/2 and variance 1/4.
    Source: Waudby-Smith & Ramdas 2023 (arXiv 2010.09686), the predictable plug-in of Theorem 2.
    """
    t = np.arange(1.0, x.size + 1)
    means = (_PRIOR_MEAN + np.cumsum(x)) / (t + 1)
    variances = (_PRIOR_VARIANCE + np.cumsum(np.square(x - means))) / (t + 1)
    before = np.concatenate(([_PRIOR_VARIANCE], variances[:-1]))
    bets: FloatArray = np.sqrt(-2 * math.log(alpha) / (before * t * np.log1p(t)))
    return bets


def log_capital(x: FloatArray, m: float, bets: FloatArray, truncation: float) -> FloatArray:
    """log of the running product of 1 + bet (x - m), each bet cut so that no step loses more than `truncation`."""
    used = bets if m == 0 else np.minimum(bets, truncation / m)
    path: FloatArray = np.cumsum(np.log1p(used * (x - m)))
    return path


def betting_martingale(
    x: Sequence[float] | FloatArray, m: float, alpha: float, theta: float = 0.5, truncation: float = 0.5
) -> FloatArray:
    """log of the hedged capital after each observation: evidence against "the mean given the past is `m`".

    Formula: max(theta K+, (1-theta) K-), K+ = product of (1 + l (x - m)), K- = product of (1 - l (x - m)); the bets l
    are `predictable_bets` at level alpha theta, or alpha (1-theta), cut at `truncation`/m, or /(1-m). theta = 1 bets
    on a larger mean only, theta = 0 on a smaller one.
    Assumptions: values in [0, 1]; nothing else: neither independence nor equal laws.
    Wrong when: the mean given the past moves. Weak when values are near one end (rates of .001): bet on a share there.
    Source: Waudby-Smith & Ramdas 2023 (arXiv 2010.09686), Theorem 3 (hedged capital).
    """
    values = unit_series("x", x)
    closed_unit("m", m)
    _check(alpha, theta, truncation)
    up = _weighted(theta, lambda: log_capital(values, m, predictable_bets(values, alpha * theta), truncation))
    down = _weighted(
        1 - theta, lambda: log_capital(1 - values, 1 - m, predictable_bets(values, alpha * (1 - theta)), truncation)
    )
    result: FloatArray = np.maximum(up, down)
    return result


def _weighted(weight: float, log_path: Callable[[], FloatArray]) -> FloatArray | float:
    return math.log(weight) + log_path() if weight else -math.inf


def _check(alpha: float, theta: float, truncation: float) -> None:
    open_unit("alpha", alpha)
    closed_unit("theta", theta)
    open_unit("truncation", truncation)
