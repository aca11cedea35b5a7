"""Ratio metrics: a sum over a sum, e.g. errors per request with users as units."""

from __future__ import annotations

import math

from truststream.stats.result import TestResult
from truststream.stats.summary import Ratio
from truststream.stats.tails import EQUAL, Hypothesis, normal_result


def variance_of_ratio(sample: Ratio) -> float:
    """Variance of ȳ/z̄ by the delta method: (s_y² - 2 r s_yz + r² s_z²)/(n z̄²); NaN below two units or at z̄ = 0.

    Source: Deng, Knoblich & Lu (2018), KDD, eq. (3); Cochran (1977), Sampling Techniques, eq. (2.39).
    """
    if sample.n < 2 or sample.means[1] == 0:
        return math.nan
    r = sample.ratio
    spread = sample.covariance(0, 0) - 2.0 * r * sample.covariance(0, 1) + r * r * sample.covariance(1, 1)
    return max(0.0, spread) / (sample.n * sample.means[1] ** 2)


def compare_ratios(
    treatment: Ratio, control: Ratio, asked: Hypothesis = EQUAL, *, relative: bool = False
) -> TestResult:
    """Difference of two ratio metrics, or the lift of one over the other.

    Hypothesis: r_t - r_c = null, or r_t/r_c - 1 = null when `relative`.
    Formula: z with the variances of `variance_of_ratio`; lift: se² = v_t/r_c² + v_c r_t²/r_c⁴.
    Assumptions: independent units (users, blocks), at least about 30 an arm; requests within a unit may be dependent.
    Wrong when: units are few, the denominator of an arm is near 0, units are not what was randomised.
    Source: Deng, Knoblich & Lu (2018), KDD, section 3.1, eqs. (3), (4).
    """
    n = treatment.n + control.n
    method = "ratio-lift" if relative else "ratio"
    variances = variance_of_ratio(treatment), variance_of_ratio(control)
    if math.isnan(sum(variances)):
        return TestResult(method=method, n=n, reason="each arm needs two units and a denominator that is not 0")
    if sum(variances) == 0:
        return TestResult(method=method, n=n, reason="no spread in either arm: no standard error")
    if not relative:
        return normal_result(method, treatment.ratio - control.ratio, math.sqrt(sum(variances)), n, asked)
    if control.ratio == 0:
        return TestResult(method=method, n=n, reason="the ratio of control is 0: nothing to be relative to")
    lift = treatment.ratio / control.ratio
    error = math.sqrt(variances[0] + variances[1] * lift * lift) / abs(control.ratio)
    return normal_result(method, lift - 1.0, error, n, asked)
