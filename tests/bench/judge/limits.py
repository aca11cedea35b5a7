"""What no method can beat, and how sure a counted share is."""

from __future__ import annotations

import math

from scipy import stats

from tests.bench.judge.plan import Plan


def bound(plan: Plan, ratio: float, alpha: float, tolerance: float) -> float:
    """Seconds that any test of level alpha needs on average: log(1/alpha) over the information a second.

    Wald's bound for Poisson errors given their sum; H0 is the boundary 1 + tolerance. Infinite without a difference.
    Clustered errors: multiply by phi.
    """
    if plan.weight is None:
        return math.nan
    boundary = _share(plan.weight, 1.0 + tolerance)
    true = _share(plan.weight, ratio)
    errors = plan.rate * plan.errors * (plan.weight * ratio + 1.0 - plan.weight)
    information = errors * _divergence(true, boundary)
    return math.log(1.0 / alpha) / information if information > 0 else math.inf


def _share(weight: float, ratio: float) -> float:
    return weight * ratio / (weight * ratio + 1.0 - weight)


def _divergence(true: float, other: float) -> float:
    """Kullback and Leibler's, of two coins."""
    return true * math.log(true / other) + (1.0 - true) * math.log((1.0 - true) / (1.0 - other))


def upper(hits: int, runs: int, level: float = 0.99) -> float:
    """One-sided upper bound of Clopper and Pearson for a share of which `hits` of `runs` were seen."""
    return 1.0 if hits >= runs else float(stats.beta.ppf(level, hits + 1, runs - hits))
