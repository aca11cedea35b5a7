"""Intervals of the ratio of two Poisson rates, treatment over control."""

from __future__ import annotations

import math

from scipy import stats

from truststream.stats.guards import open_unit
from truststream.stats.poisson import Rate
from truststream.stats.result import Alternative, Interval, TestResult
from truststream.stats.tails import Hypothesis, normal_quantile

_TOO_FEW = "no events in either arm: the ratio may be anything"


def score_ratio_interval(treatment: Rate, control: Rate, level: float = 0.95) -> Interval:
    """All ratios that the score test W2 does not reject.

    Formula: (k_t - g k_c)² <= z² g (k_t + k_c) is quadratic in g; the ends are
    (b ± √(b² - 4 k_t² k_c²)) / (2 k_c²), b = 2 k_t k_c + z² (k_t + k_c), times t_c/t_t.
    Assumptions: independent events; good from a few events an arm.
    Wrong when: events come in bursts. Without events in control the upper end is infinite.
    Source: Gu et al. (2008), Biometrical Journal 50:283, test W2 inverted.
    """
    open_unit("level", level)
    k_t, k_c, scale = float(treatment.events), float(control.events), control.exposure / treatment.exposure
    if not k_t + k_c:
        return Interval(0.0, math.inf, level)
    z = normal_quantile(level)
    b = 2.0 * k_t * k_c + z * z * (k_t + k_c)
    root = math.sqrt(max(0.0, b * b - 4.0 * (k_t * k_c) ** 2))
    # the smaller root in the form that does not cancel
    lower = 2.0 * k_t * k_t / (b + root)
    upper = (b + root) / (2.0 * k_c * k_c) if k_c else math.inf
    return Interval(lower * scale, upper * scale, level)


def exact_ratio(treatment: Rate, control: Rate, asked: Hypothesis) -> TestResult:
    """Ratio of two rates, exactly, given the total of events.

    Hypothesis: rate_t / rate_c = null.
    Formula: k_t ~ Binomial(k_t + k_c, s) with odds s/(1-s) = null t_t/t_c; p two-sided by likelihood; the interval
    is Clopper-Pearson's for s, turned back into a ratio.
    Assumptions: independent events, valid for all sizes.
    Wrong when: events come in bursts; conservative for few events. P-value and interval may disagree at two sides.
    Source: Przyborowski & Wilenski (1940), Biometrika 31:313; the form of R's poisson.test.
    """
    total = treatment.events + control.events
    estimate = treatment.value / control.value if control.events else math.inf if treatment.events else math.nan
    if not total:
        return TestResult(method="poisson-exact-ratio", n=0, reason=_TOO_FEW)
    g = asked.null * treatment.exposure / control.exposure
    test = stats.binomtest(treatment.events, total, g / (1.0 + g), alternative=asked.alternative.value)
    share = test.proportion_ci(confidence_level=asked.level, method="exact")
    scale = control.exposure / treatment.exposure
    lower = _odds(float(share.low)) * scale if asked.alternative is not Alternative.LESS else 0.0
    upper = _odds(float(share.high)) * scale if asked.alternative is not Alternative.GREATER else math.inf
    interval = Interval(lower, upper, asked.level)
    return TestResult("poisson-exact-ratio", float(total), min(1.0, float(test.pvalue)), estimate, interval=interval)


def _odds(share: float) -> float:
    return share / (1.0 - share) if share < 1 else math.inf
