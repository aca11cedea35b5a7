"""Confidence sequences for the mean of values in [0, 1]: by betting, with an estimated variance, and without any."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

import numpy as np

from truststream.errors import InputError
from truststream.stats.betting import log_capital, predictable_bets
from truststream.stats.gamma_mixtures import GammaExponentialMixture
from truststream.stats.guards import FloatArray, open_unit, positive, unit_series
from truststream.stats.normal_mixture import NormalMixture
from truststream.stats.result import Interval, SequentialResult

_TRUNCATION = 0.5


def _result(method: str, x: FloatArray, lower: float, upper: float, alpha: float) -> SequentialResult:
    n, mean = float(x.size), float(x.mean())
    if lower > upper:
        return SequentialResult(method, n, estimate=mean, reason="no single mean fits all values: it has moved")
    return SequentialResult(method, n, estimate=mean, interval=Interval(lower, upper, 1 - alpha))


def _first_kept(x: FloatArray, alpha: float, grid: int) -> int:
    """The first point of the grid that betting on a larger mean has not refuted; capital falls as the point rises."""
    bets, nats = predictable_bets(x, alpha / 2), -math.log(alpha / 2)

    def kept(index: int) -> bool:
        return bool(log_capital(x, index / grid, bets, _TRUNCATION)[-1] <= nats)

    return bisect.bisect_left(range(grid + 1), True, key=kept)


def betting_interval(x: Sequence[float] | FloatArray, alpha: float, grid: int = 1000) -> SequentialResult:
    """All means on a grid that the hedged capital has not refuted by now, widened by one step of the grid.

    See `betting.betting_martingale` (theta = 1/2) for formula, assumptions and source. Either capital is monotone in
    the mean, so that two bisections find the ends, and nothing between two points of the grid is lost.
    """
    values = unit_series("x", x)
    open_unit("alpha", alpha)
    if grid < 2:
        raise InputError("grid", f"{grid} is not at least 2 steps")
    lower = (_first_kept(values, alpha, grid) - 1) / grid
    upper = (grid - _first_kept(1 - values, alpha, grid) + 1) / grid
    return _result("betting", values, max(lower, 0.0), min(upper, 1.0), alpha)


def _lagged_means(x: FloatArray, first: float) -> FloatArray:
    means = np.cumsum(x) / np.arange(1.0, x.size + 1)
    lagged: FloatArray = np.concatenate(([first], means[:-1]))
    return lagged


def _plug_in_lower(x: FloatArray, alpha: float) -> float:
    bets = np.minimum(predictable_bets(x, alpha), _TRUNCATION)
    costs = np.square(x - _lagged_means(x, 0.0)) * (-np.log1p(-bets) - bets)
    return float((bets @ x + math.log(alpha) - costs.sum()) / bets.sum())


def plug_in_bernstein_interval(x: Sequence[float] | FloatArray, alpha: float) -> SequentialResult:
    """Empirical Bernstein with bets plugged in as the data come.

    Formula: sum(l x)/sum(l) -+ (log(2/alpha) + sum((x - mean before)^2 psi(l)))/sum(l), psi(l) = -log(1-l) - l, with
    l = min(1/2, `predictable_bets`).
    Assumptions: values in [0, 1] with one mean given the past. Wrong when: it moves.
    Source: Waudby-Smith & Ramdas 2023 (arXiv 2010.09686), Theorem 2 (predictable plug-in empirical Bernstein).
    """
    values = unit_series("x", x)
    half = open_unit("alpha", alpha) / 2
    lower, upper = _plug_in_lower(values, half), 1 - _plug_in_lower(1 - values, half)
    return _result("plug-in-bernstein", values, max(lower, 0.0), min(upper, 1.0), alpha)


def bernstein_mixture_interval(x: Sequence[float] | FloatArray, alpha: float, v_opt: float) -> SequentialResult:
    """Empirical Bernstein with a gamma-exponential mixture, tuned for `v_opt` = expected sum of squared deviations.

    Formula: mean -+ u(V)/t, V = sum of (x - mean before)^2, u the bound of `GammaExponentialMixture` with c = 1 at
    alpha/2 on each side.
    Assumptions: values in [0, 1] with one mean given the past. Wrong when: it moves.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Theorem 4 with the boundary of
    Proposition 9.
    """
    values = unit_series("x", x)
    half = open_unit("alpha", alpha) / 2
    spent = float(np.square(values - _lagged_means(values, 0.5)).sum())
    width = GammaExponentialMixture.tuned(positive("v_opt", v_opt), half, 1.0).bound(spent, half) / values.size
    mean = float(values.mean())
    return _result("bernstein-mixture", values, max(mean - width, 0.0), min(mean + width, 1.0), alpha)


def hoeffding_mixture_interval(x: Sequence[float] | FloatArray, alpha: float, t_opt: float) -> SequentialResult:
    """Hoeffding's bound at all times, tuned for `t_opt` observations.

    Formula: mean -+ u(t/4)/t, u the bound of the two-sided `NormalMixture`.
    Assumptions: values in [0, 1] with one mean given the past. Wide when values lie near one end: it always reckons
    with the variance 1/4.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Proposition 5 with Hoeffding's lemma.
    """
    values = unit_series("x", x)
    mixture = NormalMixture.tuned(positive("t_opt", t_opt) / 4, alpha, True)
    width = mixture.bound(values.size / 4, alpha) / values.size
    mean = float(values.mean())
    return _result("hoeffding-mixture", values, max(mean - width, 0.0), min(mean + width, 1.0), alpha)
