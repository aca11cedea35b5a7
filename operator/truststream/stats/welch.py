"""Welch's test: two means, two variances."""

from __future__ import annotations

import math

from truststream.stats.result import TestResult
from truststream.stats.summary import Moments
from truststream.stats.tails import EQUAL, Hypothesis, student_result


def welch(treatment: Moments, control: Moments, asked: Hypothesis = EQUAL, *, relative: bool = False) -> TestResult:
    """Difference of two means without assuming equal variances.

    Hypothesis: mean of treatment - mean of control = null; with `relative`, that difference divided by the mean of
    control (the lift).
    Formula: t = (d - null)/se, se² = s_t²/n_t + s_c²/n_c; degrees of freedom by Welch-Satterthwaite from these two
    terms. Lift: d = m_t/m_c - 1, se² = s_t²/(n_t m_c²) + s_c² m_t²/(n_c m_c⁴) (delta method); the degrees of freedom
    stay those of the absolute difference.
    Assumptions: independent units, means close to normal. `Proportion` brings p(1-p) as its variance.
    Wrong when: units are clustered (requests of one user), data are heavy-tailed and few, the answer is looked at
    repeatedly; a lift also when the mean of control is within a few standard errors of zero.
    Source: Welch (1947), Biometrika 34, eq. (28); Satterthwaite (1946), Biometrics Bulletin 2, eq. (17);
    lift: Deng, Knoblich & Lu (2018), KDD, section 3.
    """
    n = treatment.n + control.n
    reason = _why_not(treatment, control, relative)
    if reason:
        return TestResult(method="welch", n=n, reason=reason)
    a, b = treatment.variance / treatment.n, control.variance / control.n
    degrees = (a + b) ** 2 / (a * a / (treatment.n - 1.0) + b * b / (control.n - 1.0))
    if not relative:
        return student_result("welch", treatment.mean - control.mean, math.sqrt(a + b), degrees, n, asked)
    ratio = treatment.mean / control.mean
    error = math.sqrt(a + b * ratio * ratio) / abs(control.mean)
    return student_result("welch", ratio - 1.0, error, degrees, n, asked)


def _why_not(treatment: Moments, control: Moments, relative: bool) -> str:
    if min(treatment.n, control.n) < 2:
        return f"each arm needs 2 units: treatment has {treatment.n:g}, control {control.n:g}"
    if treatment.variance + control.variance == 0:
        return "no spread in either arm: a difference of constants has no standard error"
    if relative and control.mean == 0:
        return "the mean of control is 0: nothing to be relative to"
    return ""
