"""CUPED: what was known of a unit before takes out a part of its variance."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from truststream.stats.result import TestResult
from truststream.stats.summary import Mean, Paired
from truststream.stats.tails import EQUAL, Hypothesis
from truststream.stats.welch import welch

_SINGULAR = 1e-10  # smallest eigenvalue of the covariates' correlations that still counts as information


def cuped(treatment: Paired, control: Paired, asked: Hypothesis = EQUAL) -> TestResult:
    """Difference of two means, adjusted by covariates from before the experiment.

    Hypothesis: mean of treatment - mean of control = null.
    Formula: θ = (X_t + X_c)⁻¹ (y_t + y_c) with the within-arm co-moments of the covariates and with the outcome; the
    adjusted outcome y - θ'(x - x̄) of both arms goes to Welch's test. `details` has the share of variance removed and
    θ (theta_0, theta_1, ...).
    Assumptions: covariates cannot be changed by the treatment; units were randomised.
    Wrong when: a covariate was measured after the start (it hides a part of the effect); θ from fewer than about 20
    units a covariate: the interval is then slightly too short.
    Source: Deng, Xu, Kohavi & Walker (2013), WSDM, eqs. (3)-(5); several covariates: Lin (2013), eq. (2) without
    interactions.
    """
    n = treatment.n + control.n
    if len(treatment.means) != len(control.means):
        return TestResult(method="cuped", n=n, reason="the arms have different covariates")
    if min(treatment.n, control.n) < 2:
        return TestResult(method="cuped", n=n, reason=f"each arm needs 2 units: {treatment.n:g} and {control.n:g}")
    pooled = np.array(treatment.comoments) + np.array(control.comoments)
    if _singular(pooled[1:, 1:]):
        return TestResult(method="cuped", n=n, reason="a covariate is constant, or a combination of the others")
    theta = np.linalg.solve(pooled[1:, 1:], pooled[1:, 0])
    result = welch(_adjusted(treatment, theta), _adjusted(control, theta), asked)
    removed = float(theta @ pooled[1:, 0] / pooled[0, 0]) if pooled[0, 0] else math.nan
    details = {f"theta_{index}": float(value) for index, value in enumerate(theta)} | {"variance_removed": removed}
    return replace(result, method="cuped", details=details)


def _singular(moments: NDArray[np.float64]) -> bool:
    scale = np.sqrt(np.diag(moments))
    if (scale == 0).any():
        return True
    return float(np.linalg.eigvalsh(moments / np.outer(scale, scale))[0]) < _SINGULAR


def _adjusted(arm: Paired, theta: NDArray[np.float64]) -> Mean:
    # the common term θ'x̄ of both arms cancels in the difference and is left out
    weights = np.concatenate([[1.0], -theta])
    m2 = float(weights @ np.array(arm.comoments) @ weights)
    return Mean(arm.n, float(weights @ np.array(arm.means)), max(0.0, m2))
