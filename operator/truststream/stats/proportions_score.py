"""Score test and interval of two proportions: difference, ratio or odds ratio.

The variance is that of the likeliest pair of proportions under the null, so the test stays good for small counts and
for shares near 0 or 1, where Wald's breaks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from scipy import optimize

from truststream.errors import InputError
from truststream.stats.intervals_difference import check
from truststream.stats.result import Alternative, Interval, TestResult
from truststream.stats.summary import Proportion
from truststream.stats.tails import Hypothesis, normal_p, normal_quantile

_FAR = 60.0  # on the log scale e^60, on the atanh scale 1: no data reach further


class Comparison(StrEnum):
    """What of two proportions is compared, treatment against control."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    ODDS_RATIO = "odds-ratio"


@dataclass(frozen=True, slots=True)
class _Scale:
    """A scale without ends on which the parameter is searched."""

    at: Callable[[float], float]
    start: float
    lowest: float
    highest: float


_SCALES = {
    Comparison.DIFFERENCE: _Scale(math.tanh, 0.0, -1.0, 1.0),
    Comparison.RATIO: _Scale(math.exp, 0.0, 0.0, math.inf),
    Comparison.ODDS_RATIO: _Scale(math.exp, 0.0, 0.0, math.inf),
}


def score(
    treatment: Proportion, control: Proportion, compare: Comparison, asked: Hypothesis, *, corrected: bool = True
) -> TestResult:
    """Two proportions, with the variance under the null.

    Hypothesis: p_t - p_c, p_t/p_c or the odds ratio equals null.
    Formula: z = (contrast of the sample) / √(its variance at the constrained maximum-likelihood estimates), times
    √((N-1)/N) when `corrected`. The interval is every null value that this test does not reject.
    Assumptions: independent trials. A ratio needs a success somewhere, an odds ratio also a failure.
    Wrong when: trials come in clusters; for a handful of trials use Boschloo.
    Source: Miettinen & Nurminen (1985), Statistics in Medicine 4:213, eqs. (8)-(12) and appendix; without correction
    Koopman (1984), Biometrics 40:513 (ratio) and Mee (1984), Biometrics 40:1175 (difference).
    """
    check(treatment, control, asked.level)
    _check_null(compare, asked.null)
    n = treatment.n + control.n
    method = f"score-{compare.value}"
    reason = _why_not(treatment + control, compare)
    if reason:
        return TestResult(method=method, n=n, reason=reason)

    def statistic(value: float) -> float:
        return _STATISTICS[compare](treatment, control, value) * (math.sqrt(1.0 - 1.0 / n) if corrected else 1.0)

    z = statistic(asked.null)
    interval = _interval(statistic, compare, asked)
    p = normal_p(z, asked.alternative)
    return TestResult(method, n, p, _estimate(treatment, control, compare), interval=interval, statistic=z)


def _check_null(compare: Comparison, null: float) -> None:
    if compare is Comparison.DIFFERENCE and abs(null) >= 1:
        raise InputError("null", f"is {null:g}; a difference of proportions lies between -1 and 1")
    if compare is not Comparison.DIFFERENCE and null <= 0:
        raise InputError("null", f"is {null:g}; a {compare.value} is positive, no effect is 1")


def _why_not(both: Proportion, compare: Comparison) -> str:
    if both.n < 2:
        return "needs two trials"
    if compare is not Comparison.DIFFERENCE and both.successes == 0:
        return f"no success in either arm: the {compare.value} may be anything"
    if compare is Comparison.ODDS_RATIO and both.failures == 0:
        return "no failure in either arm: the odds ratio may be anything"
    return ""


def _estimate(treatment: Proportion, control: Proportion, compare: Comparison) -> float:
    if compare is Comparison.DIFFERENCE:
        return treatment.mean - control.mean
    top, bottom = treatment.mean, control.mean
    if compare is Comparison.ODDS_RATIO:
        top, bottom = treatment.successes * control.failures, control.successes * treatment.failures
    return top / bottom if bottom else math.inf


def _interval(statistic: Callable[[float], float], compare: Comparison, asked: Hypothesis) -> Interval:
    scale, z = _SCALES[compare], normal_quantile(asked.level, asked.alternative)
    lower, upper = scale.lowest, scale.highest
    if asked.alternative is not Alternative.LESS:
        lower = _crossing(lambda u: statistic(scale.at(u)) - z, scale)
    if asked.alternative is not Alternative.GREATER:
        upper = _crossing(lambda u: statistic(scale.at(u)) + z, scale)
    return Interval(lower, upper, asked.level)


def _crossing(falling: Callable[[float], float], scale: _Scale) -> float:
    """The parameter at which a falling function is 0; an end of the scale when it never is."""
    here, step = scale.start, 0.5
    sign = 1.0 if falling(here) > 0 else -1.0
    while True:
        there = here + sign * step
        if abs(there) > _FAR or scale.at(there) in (scale.lowest, scale.highest):
            return scale.highest if sign > 0 else scale.lowest
        if falling(there) * sign <= 0:
            return scale.at(float(optimize.brentq(falling, *sorted((here, there)), xtol=1e-14, rtol=1e-14)))
        here, step = there, step * 1.5


def _quotient(contrast: float, variance: float) -> float:
    if variance > 0:
        return contrast / math.sqrt(variance)
    return 0.0 if contrast == 0 else math.copysign(math.inf, contrast)


def _variance_term(p: float, n: float) -> float:
    return max(0.0, p * (1.0 - p)) / n


def _of_difference(t: Proportion, c: Proportion, value: float) -> float:
    p_c = _constrained_difference(t, c, value)
    p_t = min(1.0, max(0.0, p_c + value))
    return _quotient(t.mean - c.mean - value, _variance_term(p_t, t.n) + _variance_term(p_c, c.n))


def _constrained_difference(t: Proportion, c: Proportion, value: float) -> float:
    """Root of the cubic L3 p³ + L2 p² + L1 p + L0 of Miettinen & Nurminen's appendix I, by trigonometry."""
    n, k = t.n + c.n, t.successes + c.successes
    l2 = ((t.n + 2.0 * c.n) * value - n - k) / (3.0 * n)
    l1 = (c.n * value - n - 2.0 * c.successes) * value + k
    l0 = c.successes * value * (1.0 - value)
    q = l2**3 - l1 * l2 / (2.0 * n) + l0 / (2.0 * n)
    radius = math.copysign(math.sqrt(max(0.0, l2 * l2 - l1 / (3.0 * n))), q)
    if radius == 0:
        root = -l2  # all three roots in one
    else:
        angle = (math.pi + math.acos(max(-1.0, min(1.0, q / radius**3)))) / 3.0
        root = 2.0 * radius * math.cos(angle) - l2
    return min(max(root, 0.0, -value), 1.0, 1.0 - value)


def _of_ratio(t: Proportion, c: Proportion, value: float) -> float:
    n, k = t.n + c.n, t.successes + c.successes
    b = t.n * value + t.successes + c.n + c.successes * value
    # the smaller root of n r p² - b p + k, written so that nothing cancels
    p_c = min(1.0, 2.0 * k / (b + math.sqrt(max(0.0, b * b - 4.0 * n * value * k))))
    p_t = min(1.0, p_c * value)
    return _quotient(t.mean - value * c.mean, _variance_term(p_t, t.n) + value * value * _variance_term(p_c, c.n))


def _of_odds_ratio(t: Proportion, c: Proportion, value: float) -> float:
    both = t + c
    # success and failure are found apart: 1 - p has no digits left where p is nearly 1
    p_c, q_c = _constrained_odds(t, c, both.successes, value), _constrained_odds(t, c, both.failures, 1.0 / value)
    scale = p_c * value + q_c
    p_t, q_t = (p_c * value / scale, q_c / scale) if scale else (1.0, 0.0)
    spread_t, spread_c = t.n * p_t * q_t, c.n * p_c * q_c
    # at the constrained estimates n_t (p̂_t - p_t) = -n_c (p̂_c - p_c): one number, taken where less cancels
    excess = _sharper((t.successes * q_t, t.failures * p_t), (c.failures * p_c, c.successes * q_c))
    if spread_t <= 0 or spread_c <= 0:
        return 0.0  # a certain outcome refutes nothing that makes it certain
    return excess * math.sqrt(1.0 / spread_t + 1.0 / spread_c)


def _constrained_odds(t: Proportion, c: Proportion, k: float, value: float) -> float:
    """Likeliest share of control when k of both arms and the odds ratio are given: root of a p² + b p - k."""
    a, b = c.n * (value - 1.0), t.n * value + c.n - k * (value - 1.0)
    root = math.sqrt(max(0.0, b * b + 4.0 * a * k))
    return min(1.0, 2.0 * k / (b + root) if b > 0 else (root - b) / (2.0 * a))


def _sharper(*pairs: tuple[float, float]) -> float:
    """The difference of the pair that loses fewer digits by it."""
    more, less = max(pairs, key=lambda pair: abs(pair[0] - pair[1]) / (pair[0] + pair[1] or 1.0))
    return more - less


_STATISTICS = {
    Comparison.DIFFERENCE: _of_difference,
    Comparison.RATIO: _of_ratio,
    Comparison.ODDS_RATIO: _of_odds_ratio,
}
