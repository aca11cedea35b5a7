"""E-test of a ratio of two Poisson rates: the law of the statistic, with the unknown rate estimated."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from truststream.stats.result import Alternative

_REST = 1e-15  # probability that is cut off on each side of a count's law
_TIE = 1e-12  # statistics that differ by less are equal: outcomes as extreme as the observed one count

Counts = NDArray[np.float64]


def e_test(k_t: int, k_c: int, g: float, alternative: Alternative = Alternative.TWO_SIDED) -> tuple[float, float]:
    """Score statistic and p-value for expected counts in ratio g under the null.

    Hypothesis: E k_t = g E k_c.
    Formula: p = Σ Poisson(x; g m) Poisson(y; m) over outcomes (x, y) whose statistic (x - g y)/√(g(x + y)) is at
    least as extreme as the observed one, m = (k_t + k_c)/(1 + g) the constrained estimate.
    Assumptions: independent events; nearly exact for all sizes, slightly liberal at worst.
    Wrong when: events come in bursts.
    Source: Krishnamoorthy & Thomson (2004), JSPI 119:23; the score form: Gu et al. (2008), section 2.
    """
    observed = float(_statistic(np.array([float(k_t)]), np.array([float(k_c)]), g)[0])
    mean_c = (k_t + k_c) / (1.0 + g)
    p = 0.0
    if alternative is Alternative.TWO_SIDED:
        p = _upper(abs(observed), g, mean_c) + _lower(-abs(observed), g, mean_c)
    elif alternative is Alternative.GREATER:
        p = _upper(observed, g, mean_c)
    else:
        p = _lower(observed, g, mean_c)
    return observed, min(1.0, p)


def _statistic(x: Counts, y: Counts, g: float) -> Counts:
    total = x + y
    return (x - g * y) / np.sqrt(g * np.where(total > 0, total, 1.0))


def _upper(bound: float, g: float, mean_c: float) -> float:
    """P(statistic >= bound): for each x all y up to the last that is extreme enough, as it falls with y."""
    x, weight = _law(g * mean_c)
    last = _last(x, bound - _TIE * (1.0 + abs(bound)), g, mean_c)
    tail = np.where(last >= 0, special.pdtr(np.maximum(last, 0.0), mean_c), 0.0)
    return float(math.fsum(weight * tail))


def _lower(bound: float, g: float, mean_c: float) -> float:
    """P(statistic <= bound): for each x all y after the last that is above the bound."""
    x, weight = _law(g * mean_c)
    last = _last(x, bound + _TIE * (1.0 + abs(bound)), g, mean_c)
    tail = np.where(last >= 0, special.pdtrc(np.maximum(last, 0.0), mean_c), 1.0)
    return float(math.fsum(weight * tail))


def _law(mean: float) -> tuple[Counts, Counts]:
    low, high = _range(mean)
    x = np.arange(low, high + 1.0)
    return x, np.exp(special.xlogy(x, mean) - mean - special.gammaln(x + 1.0))


def _range(mean: float) -> tuple[float, float]:
    """Counts outside have less than the rest: Bernstein's bound for Poisson tails."""
    depth = -math.log(_REST)
    reach = math.sqrt(2.0 * mean * depth) + depth
    return max(0.0, math.floor(mean - reach)), math.ceil(mean + reach)


def _last(x: Counts, bound: float, g: float, mean_c: float) -> Counts:
    """The largest y whose statistic with x is at least the bound, -1 when there is none; by halving."""
    low, high = np.full_like(x, -1.0), np.full_like(x, _range(mean_c)[1] + 1.0)
    while bool((high - low > 1).any()):
        middle = np.floor((low + high) / 2.0)
        enough = _statistic(x, middle, g) >= bound
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return low
