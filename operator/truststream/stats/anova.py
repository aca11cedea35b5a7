"""Analysis of variance: do several groups have one mean?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special

from truststream.stats.result import TestResult
from truststream.stats.samples import all_finite
from truststream.stats.summary import Mean


def anova(groups: Sequence[Mean]) -> TestResult:
    """One-way analysis of variance.

    Hypothesis: all groups have one mean.
    Formula: F = (Σ n_i (m_i - m)²/(k-1)) / (Σ M2_i/(N-k)); means are centred before they are squared, so a large
    common mean costs no digits. `standard_error` is the residual standard deviation √(Σ M2_i/(N-k)).
    Assumptions: independent normal units of equal variance.
    Wrong when: variances differ and groups differ in size, units are clustered.
    Source: Fisher (1925), Statistical Methods for Research Workers, section 40; NIST StRD, analysis of variance.
    """
    n = math.fsum(group.n for group in groups)
    degrees = n - len(groups)
    if len(groups) < 2 or degrees <= 0 or any(group.n < 1 for group in groups):
        return TestResult(method="anova", n=n, reason="needs two groups with units, and more units than groups")
    between = _between(groups, n) / (len(groups) - 1.0)
    within = math.fsum(group.m2 for group in groups) / degrees
    if within == 0:
        return TestResult(method="anova", n=n, reason="no spread within the groups: nothing to compare with")
    f = between / within
    p = float(special.fdtrc(len(groups) - 1.0, degrees, f))
    return TestResult("anova", n, p, standard_error=math.sqrt(within), statistic=f, degrees_of_freedom=degrees)


def anova_of_values(groups: Sequence[Sequence[float]]) -> TestResult:
    """`anova` of raw data, moved near zero first: means of a million then keep the digits behind the point."""
    data = [all_finite(f"groups[{index}]", group) for index, group in enumerate(groups)]
    origin = next((group[0] for group in data if group), 0.0)
    return anova([Mean.from_values(value - origin for value in group) for group in data])


def _between(groups: Sequence[Mean], n: float) -> float:
    origin = groups[0].mean
    shifts = [group.mean - origin for group in groups]
    centre = math.fsum(group.n * shift for group, shift in zip(groups, shifts, strict=True)) / n
    return math.fsum(group.n * (shift - centre) ** 2 for group, shift in zip(groups, shifts, strict=True))
