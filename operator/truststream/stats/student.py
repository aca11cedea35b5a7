"""Student's tests: one mean, or two means with one variance."""

from __future__ import annotations

import math

from truststream.stats.result import TestResult
from truststream.stats.summary import Mean
from truststream.stats.tails import EQUAL, Hypothesis, student_result


def student(treatment: Mean, control: Mean, asked: Hypothesis = EQUAL) -> TestResult:
    """Difference of two means with a common variance.

    Hypothesis: mean of treatment - mean of control = null.
    Formula: t = (d - null) / (s √(1/n_t + 1/n_c)), s² = (M2_t + M2_c)/(n_t + n_c - 2), with that
    divisor as the degrees of freedom.
    Assumptions: independent normal units of equal variance in both arms.
    Wrong when: variances differ and the arms differ in size (a 5 % canary): use Welch.
    Source: Student (1908), Biometrika 6; Fisher (1925), Metron 5, section 5.
    """
    n = treatment.n + control.n
    if min(treatment.n, control.n) < 1 or n < 3:
        return TestResult(method="student", n=n, reason=f"needs 3 units in two arms, has {treatment.n:g}+{control.n:g}")
    degrees = n - 2.0
    variance = (treatment.m2 + control.m2) / degrees
    if variance == 0:
        return TestResult(method="student", n=n, reason="no spread in either arm: no standard error")
    error = math.sqrt(variance * (1.0 / treatment.n + 1.0 / control.n))
    return student_result("student", treatment.mean - control.mean, error, degrees, n, asked)


def one_sample(sample: Mean, asked: Hypothesis = EQUAL) -> TestResult:
    """One mean, or the mean of differences within pairs.

    Hypothesis: mean = null.
    Formula: t = (mean - null) / (s/√n), n - 1 degrees of freedom.
    Assumptions: independent units, mean close to normal.
    Wrong when: the values follow each other in time and are correlated (per-minute averages).
    Source: Student (1908), Biometrika 6, section IX.
    """
    if sample.n < 2:
        return TestResult(method="one-sample-t", n=sample.n, reason=f"needs 2 units, has {sample.n:g}")
    if sample.m2 == 0:
        return TestResult(method="one-sample-t", n=sample.n, reason="no spread: no standard error")
    error = math.sqrt(sample.variance / sample.n)
    return student_result("one-sample-t", sample.mean, error, sample.n - 1.0, sample.n, asked)
