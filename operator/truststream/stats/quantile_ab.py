"""Do two arms have the same quantile? Evidence that may be looked at any time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truststream.stats.beta_binomial_mixture import BetaBinomialMixture
from truststream.stats.crossing import root
from truststream.stats.guards import FloatArray, open_unit, positive, series
from truststream.stats.result import SequentialResult


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Log evidence of one arm against "x is my quantile", for every x of a grid."""

    mixture: BetaBinomialMixture
    quantile: float
    n: int

    def log_e(self, share: float) -> float:
        """Evidence when this share of the arm's values lies below x."""
        p, n = self.quantile, self.n
        return self.mixture.log_e((share - p) * n, p * (1 - p) * n)

    def cheapest(self) -> float:
        """The share with the least evidence: near the quantile, but not at it where the law is skew."""
        step = 1e-6

        def slope(share: float) -> float:
            return self.log_e(share + step) - self.log_e(share - step)

        low, high = step, 1 - step
        if slope(low) >= 0:
            return 0.0
        return 1.0 if slope(high) <= 0 else root(slope, low, high)

    def over(self, values: FloatArray, grid: FloatArray) -> FloatArray:
        """At each x the share below it may be anything from "less" to "less or equal": the least evidence counts."""
        ordered = np.sort(values)
        low = np.searchsorted(ordered, grid, side="left") / self.n
        high = np.searchsorted(ordered, grid, side="right") / self.n
        p, n = self.quantile, self.n
        return self.mixture.log_path((np.clip(self.cheapest(), low, high) - p) * n, p * (1 - p) * n)


def quantile_ab(
    a: Sequence[float] | FloatArray, b: Sequence[float] | FloatArray, quantile: float, t_opt: float, alpha_opt: float
) -> SequentialResult:
    """Evidence against "both arms have the same `quantile`".

    Hypothesis: some x is the quantile of both laws.
    Formula: each arm's count below x has a two-sided beta-binomial mixture against P(value <= x) = quantile; the two
    log e-values are added and minimised over x. Ties and gaps are covered: at x the share below it may be any between
    P(X < x) and P(X <= x).
    Assumptions: independent draws in each arm, arms independent; `t_opt` observations for which it is tuned.
    Wrong when: values depend on each other, e.g. latencies of one slow spell. Both arms' raw values are needed; with
    histograms only at their bounds.
    Source: Howard & Ramdas 2022 (arXiv 1906.09712), Theorem 5.
    """
    first, second = series("a", a), series("b", b)
    p = open_unit("quantile", quantile)
    v_opt = positive("t_opt", t_opt) * p * (1 - p)
    mixture = BetaBinomialMixture.tuned(v_opt, open_unit("alpha_opt", alpha_opt), (p, 1 - p), True)
    grid = np.unique(np.concatenate((first, second)))
    arms = [_Evidence(mixture, p, values.size).over(values, grid) for values in (first, second)]
    place = int(np.argmin(arms[0] + arms[1]))
    shift = _quantile(second, p) - _quantile(first, p)
    return SequentialResult(
        method="quantile-ab",
        n=float(first.size + second.size),
        log_e=float(arms[0][place] + arms[1][place]),
        estimate=shift,
        details={"common_quantile": float(grid[place])},
    )


def _quantile(values: FloatArray, p: float) -> float:
    ordered = np.sort(values)
    return float(ordered[min(math.floor(values.size * p), values.size - 1)])
