"""Mann-Whitney's rank test, and the shift of Hodges and Lehmann with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from truststream.errors import InputError
from truststream.stats.result import Alternative, Interval, TestResult
from truststream.stats.samples import all_finite
from truststream.stats.tails import EQUAL, Hypothesis, normal_p, normal_quantile

_EXACT_PAIRS = 10_000  # above, the normal law is as good as exact, and counting is slow
_PAIRS = 25_000_000  # differences held at once: 200 MB


class RankLaw(StrEnum):
    """The law of U under the null."""

    EXACT = "exact"
    NORMAL = "normal"
    NORMAL_CONTINUITY = "normal-continuity"


def mann_whitney(
    treatment: Sequence[float],
    control: Sequence[float],
    law: RankLaw = RankLaw.NORMAL_CONTINUITY,
    alternative: Alternative = Alternative.TWO_SIDED,
) -> TestResult:
    """Two samples come from one distribution, against one being stochastically larger.

    Hypothesis: P(treatment > control) + P(equal)/2 = 1/2 through equal distributions.
    Formula: U = #{pairs with x > y} + #{ties}/2; normal: mean mn/2, variance mn/12 (N+1 - Σ(t³-t)/(N(N-1))) with t
    the sizes of tied groups, moved by 1/2 with continuity. The estimate is U/(mn).
    Assumptions: independent values. The exact law needs data without ties.
    Wrong when: values follow each other in time (per-minute averages are correlated); laws of equal centre and
    different spread are rejected, too.
    Source: Mann & Whitney (1947), Annals of Mathematical Statistics 18:50; ties: Lehmann (1975), eq. (1.34).
    """
    x, y = _samples(treatment, control)
    n = float(len(x) + len(y))
    reason = _why_not(x, y)
    if reason:
        return TestResult(method="mann-whitney", n=n, reason=reason)
    if law is RankLaw.EXACT and len(np.unique(np.concatenate([x, y]))) < n:
        raise InputError("law", "exact needs data without ties; use the normal law, which corrects for them")
    if law is RankLaw.EXACT and len(x) * len(y) > _EXACT_PAIRS:
        raise InputError(
            "law", f"exact counts at most {_EXACT_PAIRS} pairs, there are {len(x) * len(y)}; use the normal law"
        )
    method = "exact" if law is RankLaw.EXACT else "asymptotic"
    continuity = law is RankLaw.NORMAL_CONTINUITY
    answer = stats.mannwhitneyu(x, y, alternative=alternative.value, method=method, use_continuity=continuity)
    u = float(answer.statistic)
    return TestResult("mann-whitney", n, float(answer.pvalue), estimate=u / (len(x) * len(y)), statistic=u)


def hodges_lehmann(treatment: Sequence[float], control: Sequence[float], asked: Hypothesis = EQUAL) -> TestResult:
    """Shift between two samples: the median of all differences x - y.

    Hypothesis: the distribution of treatment is that of control moved by null.
    Formula: the interval is every shift that the rank test with normal law and continuity correction does not reject;
    its ends are differences x - y, cut to [min x - max y, max x - min y]. Ties within an arm reduce the variance.
    Assumptions: independent values, laws equal up to a shift.
    Wrong when: the arms differ in spread, values are correlated in time. Memory grows with n_t n_c.
    Source: Hodges & Lehmann (1963), Annals of Mathematical Statistics 34:598; Hollander & Wolfe (1999), section 4.3;
    the normal inversion is the one of R's wilcox.test, which Kayenta uses.
    """
    x, y = _samples(treatment, control)
    n, pairs = float(len(x) + len(y)), float(len(x) * len(y))
    reason = _why_not(x, y)
    if reason:
        return TestResult(method="hodges-lehmann", n=n, reason=reason)
    if pairs > _PAIRS:
        raise InputError(
            "treatment", f"and control make {pairs:.3g} pairs, at most {_PAIRS} fit; sample the data first"
        )
    differences = np.sort(np.subtract.outer(x, y), axis=None)
    sigma = _sigma(x, y)
    return TestResult(
        method="hodges-lehmann",
        n=n,
        p=normal_p(_z(_above(differences, asked.null), pairs, sigma, asked.alternative), asked.alternative),
        estimate=float(np.median(differences)),
        interval=_shifts(differences, sigma, asked),
    )


def _samples(treatment: Sequence[float], control: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(all_finite("treatment", treatment)), np.array(all_finite("control", control))


def _why_not(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    if not len(x) or not len(y):
        return f"each arm needs a value: treatment has {len(x)}, control {len(y)}"
    if len(x) + len(y) < 3 or (x.min() == x.max() == y.min() == y.max()):
        return "all values are equal, or there are only two: ranks say nothing"
    return ""


def _sigma(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Standard deviation of U between the differences, where values of different arms are never tied."""
    n = len(x) + len(y)
    sizes = np.concatenate([np.unique(arm, return_counts=True)[1] for arm in (x, y)]).astype(np.float64)
    ties = float((sizes**3 - sizes).sum()) / (n * (n - 1.0))
    return math.sqrt(len(x) * len(y) / 12.0 * (n + 1.0 - ties))


def _above(differences: NDArray[np.float64], shift: float) -> float:
    """U after treatment was moved back by `shift`."""
    below, upto = np.searchsorted(differences, shift, "left"), np.searchsorted(differences, shift, "right")
    return float(len(differences) - upto + (upto - below) / 2.0)


def _z(u: float, pairs: float, sigma: float, alternative: Alternative) -> float:
    excess = u - pairs / 2.0
    move = {Alternative.GREATER: 0.5, Alternative.LESS: -0.5}.get(alternative, 0.5 * float(np.sign(excess)))
    return (excess - move) / sigma if sigma else math.copysign(math.inf, excess)


def _shifts(differences: NDArray[np.float64], sigma: float, asked: Hypothesis) -> Interval:
    z = normal_quantile(asked.level, asked.alternative)
    lower = -math.inf if asked.alternative is Alternative.LESS else _jump(differences, sigma, z, asked.alternative)
    upper = math.inf if asked.alternative is Alternative.GREATER else _jump(differences, sigma, -z, asked.alternative)
    return Interval(lower, upper, asked.level)


def _jump(differences: NDArray[np.float64], sigma: float, z: float, alternative: Alternative) -> float:
    """The difference at which the statistic, falling with the shift, passes z."""
    count = len(differences)
    low, high = 0, count  # after k differences U is count - k
    while low < high:
        middle = (low + high) // 2
        if _z(float(count - middle), float(count), sigma, alternative) > z:
            low = middle + 1
        else:
            high = middle
    return float(differences[min(max(low - 1, 0), count - 1)])
