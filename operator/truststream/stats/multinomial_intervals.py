"""Confidence sequences that belong to `MultinomialTest`: shares of the groups, and the ratio of two rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import expit, xlogy

from truststream.errors import InputError
from truststream.stats.crossing import root
from truststream.stats.guards import FloatArray, open_unit
from truststream.stats.multinomial import MultinomialTest
from truststream.stats.result import Interval


def _slack(test: MultinomialTest, seen: FloatArray, alpha: float) -> float:
    """How far the log-likelihood may lie below its maximum before theta is rejected at level alpha."""
    best = float(xlogy(seen, seen / max(float(seen.sum()), 1.0)).sum())
    return best - float(test.log_marginal(seen)) - math.log(alpha)


def _logit_end(first: float, second: float, slack: float) -> float:
    """The upper end, in logits of the first one's share, of what costs at most `slack` in log-likelihood."""
    if second == 0:
        return math.inf
    n = first + second
    if first == 0:
        return math.log(math.expm1(slack / n)) if slack / n < 700 else slack / n
    centre = math.log(first / second)
    best = first * math.log(first / n) + second * math.log(second / n)

    def excess(distance: float) -> float:
        logit = centre + distance
        return best + first * float(np.logaddexp(0, -logit)) + second * float(np.logaddexp(0, logit)) - slack

    step = 1.0
    while excess(step) < 0:
        step *= 2
    return centre + root(excess, 0.0, step)


def _logits(first: float, second: float, slack: float) -> tuple[float, float]:
    if first + second == 0:
        return -math.inf, math.inf
    return -_logit_end(second, first, slack), _logit_end(first, second, slack)


def share_intervals(test: MultinomialTest, seen: Sequence[float] | FloatArray, alpha: float) -> tuple[Interval, ...]:
    """The range of each group's share over all theta that this look does not reject.

    Formula: theta stays while the marginal likelihood is below likelihood(theta)/alpha. For one share the other
    groups are profiled out, which leaves n kl(p_i, theta_i) <= slack with the binary Kullback-Leibler divergence.
    Assumptions and source: `MultinomialTest`; Lindon & Malek 2022 (arXiv 2011.03567), the confidence sequence of theta.
    All shares are covered together at all looks.
    """
    array = test.check(seen)
    slack, total = _slack(test, array, open_unit("alpha", alpha)), float(array.sum())
    ends = [_logits(float(n), total - float(n), slack) for n in array]
    return tuple(Interval(float(expit(lower)), float(expit(upper)), 1 - alpha) for lower, upper in ends)


def log_ratio_interval(
    test: MultinomialTest, seen: Sequence[float] | FloatArray, alpha: float, groups: tuple[int, int] = (1, 0)
) -> Interval:
    """log of the rate of `groups[0]` over that of `groups[1]`, given that theta0 is their share of exposure.

    Formula: log(theta_i/theta_j) - log(theta0_i/theta0_j) over all theta that are not rejected; the other groups are
    profiled out. With three groups or more, all contrasts are covered together.
    Assumptions: a ratio that does not change. Wrong under clusters, see `MultinomialTest`.
    Source: Lindon & Malek 2022 (arXiv 2011.03567), inhomogeneous Poisson processes.
    """
    array = test.check(seen)
    i, j = groups
    if i == j or not {i, j} <= set(range(array.size)):
        raise InputError("groups", f"{groups} are not two different groups of {array.size}")
    slack = _slack(test, array, open_unit("alpha", alpha))
    shift = math.log(test.theta0[i] / test.theta0[j])
    lower, upper = _logits(float(array[i]), float(array[j]), slack)
    return Interval(lower - shift, upper - shift, 1 - alpha)


def running_intersection(intervals: Iterable[Interval]) -> Interval | None:
    """What lies in the intervals of all looks so far, which covers, too; None when nothing does: the value moved."""
    ends = list(intervals)
    if not ends:
        raise InputError("intervals", "is empty; give the interval of at least one look")
    if len({one.level for one in ends}) > 1:
        raise InputError("intervals", "have different levels; give those of one level")
    lower, upper = max(one.lower for one in ends), min(one.upper for one in ends)
    return Interval(lower, upper, ends[0].level) if lower <= upper else None
