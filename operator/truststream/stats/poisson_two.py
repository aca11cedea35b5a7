"""Tests of the ratio of two Poisson rates, treatment over control.

The names W1..W5 are those of Gu, Ng, Tang & Schucany (2008), Biometrical Journal 50:283, whose notation is used: with
the exposures t and null ratio R, g = R t_t/t_c is the ratio of expected counts under the null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from scipy import special, stats

from truststream.errors import InputError
from truststream.stats.guards import positive
from truststream.stats.poisson import Rate
from truststream.stats.poisson_etest import e_test
from truststream.stats.result import Alternative, TestResult
from truststream.stats.tails import normal_p

_MOST = 10_000  # events in both arms for which every pair of counts is gone through


class RateTest(StrEnum):
    """Ways to compare two counts."""

    WALD = "wald"  # W1: variance from the observed counts
    SCORE = "score"  # W2: variance under the null
    WALD_LOG = "wald-log"  # W3: log ratio, variance from the observed counts
    SCORE_LOG = "score-log"  # W4: log ratio, variance under the null
    SQRT = "sqrt"  # W5: square roots, which make the variance constant
    EXACT_COND = "exact-cond"  # binomial, given the total
    COND_MIDP = "cond-midp"  # binomial, half the probability of what was observed
    ETEST = "etest"  # the law of the score statistic at the estimated common rate


def compare_rates(
    treatment: Rate,
    control: Rate,
    test: RateTest = RateTest.SCORE,
    null: float = 1.0,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> TestResult:
    """Ratio of two rates.

    Hypothesis: rate_t / rate_c = null (a margin above 1 makes a test of non-inferiority with `less`).
    Formulas, k the counts: W1 (k_t - g k_c)/√(k_t + g² k_c); W2 (k_t - g k_c)/√(g (k_t + k_c));
    W3 (log(k_t/k_c) - log g)/√(1/k_t + 1/k_c); W4 the same over √((2 + 1/g + g)/(k_t + k_c));
    W5 2(√(k_t + 3/8) - √(g (k_c + 3/8)))/√(1 + g); conditional: k_t ~ Binomial(k_t + k_c, g/(1+g)), two-sided by
    likelihood; E-test: see `e_test`.
    Assumptions: independent events, exposures without error.
    Wrong when: errors come in bursts (all of them), counts are below about 10 (the normal ones; exact-cond is valid
    but conservative, cond-midp and E-test nearly exact), a count is 0 (W3, W4 cannot tell).
    Source: Gu, Ng, Tang & Schucany (2008), section 2; conditional: Przyborowski & Wilenski (1940), Biometrika 31.
    """
    g = positive("null", null) * treatment.exposure / control.exposure
    total = float(treatment.events + control.events)
    method = f"poisson-{test.value}"
    estimate = treatment.value / control.value if control.events else math.inf if treatment.events else math.nan
    if not total or (test in (RateTest.WALD_LOG, RateTest.SCORE_LOG) and not treatment.events * control.events):
        reason = "no events in either arm" if not total else "an arm has no events: its logarithm does not exist"
        return TestResult(method=method, n=total, estimate=estimate, reason=reason)
    k_t, k_c = treatment.events, control.events
    if test in (RateTest.EXACT_COND, RateTest.COND_MIDP):
        return TestResult(method, total, _conditional(k_t, k_c, g, test, alternative), estimate)
    if test is RateTest.ETEST:
        z, p = e_test(k_t, k_c, g, alternative)
        return TestResult(method, total, p, estimate, statistic=z)
    z = _STATISTICS[test](float(k_t), float(k_c), g)
    return TestResult(method, total, normal_p(z, alternative), estimate, statistic=z)


def _conditional(k_t: int, k_c: int, g: float, test: RateTest, alternative: Alternative) -> float:
    share, total = g / (1.0 + g), k_t + k_c
    p = float(stats.binomtest(k_t, total, share, alternative=alternative.value).pvalue)
    if test is RateTest.EXACT_COND:
        return min(1.0, p)
    log_point = float(special.gammaln(total + 1) - special.gammaln(k_t + 1) - special.gammaln(k_c + 1))
    log_point += float(special.xlogy(k_t, share) + special.xlog1py(k_c, -share))
    return min(1.0, max(0.0, p - 0.5 * math.exp(log_point)))


def _wald(k_t: float, k_c: float, g: float) -> float:
    return (k_t - g * k_c) / math.sqrt(k_t + g * g * k_c)


def _score(k_t: float, k_c: float, g: float) -> float:
    return (k_t - g * k_c) / math.sqrt(g * (k_t + k_c))


def _wald_log(k_t: float, k_c: float, g: float) -> float:
    return (math.log(k_t / k_c) - math.log(g)) / math.sqrt(1.0 / k_t + 1.0 / k_c)


def _score_log(k_t: float, k_c: float, g: float) -> float:
    return (math.log(k_t / k_c) - math.log(g)) / math.sqrt((2.0 + 1.0 / g + g) / (k_t + k_c))


def _sqrt(k_t: float, k_c: float, g: float) -> float:
    return 2.0 * (math.sqrt(k_t + 0.375) - math.sqrt(g * (k_c + 0.375))) / math.sqrt(1.0 + g)


_STATISTICS: dict[RateTest, Callable[[float, float, float], float]] = {
    RateTest.WALD: _wald,
    RateTest.SCORE: _score,
    RateTest.WALD_LOG: _wald_log,
    RateTest.SCORE_LOG: _score_log,
    RateTest.SQRT: _sqrt,
}


def poisson_means(treatment: Rate, control: Rate, alternative: Alternative = Alternative.TWO_SIDED) -> TestResult:
    """Equality of two rates by the E-test with the moment estimate and Wald's statistic.

    Hypothesis: rate_t = rate_c.
    Formula: the law of (x_t/n_t - x_c/n_c)/√(x_t/n_t² + x_c/n_c²) with both rates at the pooled estimate.
    Assumptions: independent events. Exposures are whole numbers of units.
    Wrong when: events come in bursts; more than 10,000 events are refused: use `RateTest.ETEST`.
    Source: Krishnamoorthy & Thomson (2004), Journal of Statistical Planning and Inference 119:23, eqs. (3.1)-(3.6).
    """
    if treatment.exposure != int(treatment.exposure) or control.exposure != int(control.exposure):
        raise InputError("exposure", "is not a whole number of units; use compare_rates with RateTest.ETEST")
    total = float(treatment.events + control.events)
    if not total:
        return TestResult(method="poisson-means", n=0, reason="no events in either arm")
    if total > _MOST:
        raise InputError(
            "events", f"are {total:g}, at most {_MOST} are enumerated; use compare_rates with RateTest.ETEST"
        )
    arms = (treatment.events, int(treatment.exposure), control.events, int(control.exposure))
    answer = stats.poisson_means_test(*arms, alternative=alternative.value)
    p = min(1.0, float(answer.pvalue))
    return TestResult("poisson-means", total, p, treatment.value - control.value, statistic=float(answer.statistic))
