"""Tests of two proportions by the normal law."""

from __future__ import annotations

import math
from dataclasses import replace

from truststream.stats.result import TestResult
from truststream.stats.summary import Proportion
from truststream.stats.tails import EQUAL, Hypothesis, normal_p, normal_result


def unpooled_z(treatment: Proportion, control: Proportion, asked: Hypothesis = EQUAL) -> TestResult:
    """Difference of two proportions, each with its own variance (Wald).

    Hypothesis: p_t - p_c = null.
    Formula: z = (p_t - p_c - null)/se, se² = p_t(1-p_t)/n_t + p_c(1-p_c)/n_c.
    Assumptions: independent trials; at least about 10 successes and 10 failures in each arm.
    Wrong when: shares are near 0 or 1 or counts are small: the interval is then too short; use the score interval.
    Source: Newcombe (1998), Statistics in Medicine 17:873, method 1.
    """
    n = treatment.n + control.n
    if not treatment.n or not control.n:
        return TestResult(method="unpooled-z", n=n, reason=_empty(treatment, control))
    error = math.sqrt(treatment.variance / treatment.n + control.variance / control.n)
    if error == 0:
        return TestResult(method="unpooled-z", n=n, reason="all trials of each arm ended alike: no standard error")
    return normal_result("unpooled-z", treatment.mean - control.mean, error, n, asked)


def pooled_z(treatment: Proportion, control: Proportion, asked: Hypothesis = EQUAL) -> TestResult:
    """Equality of two proportions with the variance that they share under the null.

    Hypothesis: p_t = p_c (a null other than 0 has no pooled variance: see `score_difference`).
    Formula: z = (p_t - p_c)/√(p(1-p)(1/n_t + 1/n_c)), p of both arms together. z² is Pearson's chi-squared. The
    interval is the unpooled one, because the pooled variance only holds under the null: the two may disagree.
    Assumptions: independent trials, at least about 5 expected successes and failures an arm.
    Wrong when: counts are small (use Fisher or Boschloo), trials come in clusters.
    Source: Pearson (1900), Philosophical Magazine 50; Fleiss, Levin & Paik (2003), eq. (3.5) without correction.
    """
    if asked.null:
        return TestResult("pooled-z", treatment.n + control.n, reason=f"pooling needs null 0, not {asked.null:g}")
    n = treatment.n + control.n
    if not treatment.n or not control.n:
        return TestResult(method="pooled-z", n=n, reason=_empty(treatment, control))
    error = math.sqrt((treatment + control).variance * (1.0 / treatment.n + 1.0 / control.n))
    if error == 0:
        return TestResult(method="pooled-z", n=n, reason="all trials of both arms ended alike: no standard error")
    result = normal_result("pooled-z", treatment.mean - control.mean, error, n, asked)
    return replace(result, interval=unpooled_z(treatment, control, asked).interval)


def one_sample_z(sample: Proportion, asked: Hypothesis, *, null_variance: bool = False) -> TestResult:
    """One proportion against a fixed value.

    Hypothesis: p = null.
    Formula: z = (p - null)/√(v/n) with v = p(1-p) of the sample (Wald), or v = null(1-null) (score).
    Assumptions: independent trials, about 10 successes and failures.
    Wrong when: counts are small: use `binomial_exact`. The Wald form cannot tell when all trials ended alike.
    Source: Agresti (2013), Categorical Data Analysis, eqs. (1.11), (1.12).
    """
    method = "one-sample-score" if null_variance else "one-sample-wald"
    if not sample.n:
        return TestResult(method=method, n=0, reason="no trials")
    variance = asked.null * (1.0 - asked.null) if null_variance else sample.variance
    if variance <= 0:
        return TestResult(method=method, n=sample.n, reason="the variance is 0: no standard error")
    result = normal_result(method, sample.mean, math.sqrt(variance / sample.n), sample.n, asked)
    return replace(result, p=normal_p(result.statistic, asked.alternative))


def _empty(treatment: Proportion, control: Proportion) -> str:
    return f"an arm has no trials: treatment has {treatment.n:g}, control {control.n:g}"
