"""Many tests at once: adjusted p-values. Reject where the adjusted value is at most alpha."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from truststream.errors import InputError


def bonferroni(p: Sequence[float]) -> tuple[float, ...]:
    """min(1, m p). Family-wise error under any dependence; the least powerful.

    Source: Bonferroni (1936); Dunn (1961), JASA 56:52.
    """
    values = _checked(p)
    return tuple(float(value) for value in np.minimum(1.0, len(values) * values))


def holm(p: Sequence[float]) -> tuple[float, ...]:
    """Step down: max over j <= i of min(1, (m-j+1) p_(j)). Family-wise error under any dependence.

    Never worse than Bonferroni. Source: Holm (1979), Scandinavian Journal of Statistics 6:65.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    return _back(np.maximum.accumulate(values[order] * factors), order)


def hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """Step up: min over j >= i of (m-j+1) p_(j). Family-wise error for independent or positively dependent tests.

    Wrong when: tests depend negatively: use Holm. Source: Hochberg (1988), Biometrika 75:800.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    return _back(np.minimum.accumulate((values[order] * factors)[::-1])[::-1], order)


def benjamini_hochberg(p: Sequence[float]) -> tuple[float, ...]:
    """Step up: min over j >= i of m p_(j)/j. False discovery rate for independent or positively dependent tests.

    Wrong when: dependence is arbitrary, or p-values were looked at until small: use BY or e-BH.
    Source: Benjamini & Hochberg (1995), JRSS B 57:289, eq. (1).
    """
    return tuple(float(value) for value in stats.false_discovery_control(_checked(p), method="bh"))


def benjamini_yekutieli(p: Sequence[float]) -> tuple[float, ...]:
    """BH times Σ 1/j: false discovery rate under any dependence, at a price of about log m.

    Source: Benjamini & Yekutieli (2001), Annals of Statistics 29:1165, theorem 1.3.
    """
    return tuple(float(value) for value in stats.false_discovery_control(_checked(p), method="by"))


def fisher_combination(p: Sequence[float]) -> tuple[float, float]:
    """One test of all nulls together: statistic -2 Σ log p_i and its p-value, χ² with 2m degrees of freedom.

    Hypothesis: every null holds. Assumptions: independent tests. Wrong when: tests depend (metrics of one release
    do): then the p-value is too small; average e-values instead.
    Source: Fisher (1932), Statistical Methods for Research Workers, section 21.1.
    """
    values = _checked(p)
    if (values == 0).any():
        return float("inf"), 0.0
    answer = stats.combine_pvalues(values, method="fisher")
    return float(answer.statistic), float(answer.pvalue)


def _checked(p: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InputError("p", "is empty; give at least one p-value")
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if len(wrong):
        raise InputError(
            f"p[{wrong[0]}]", f"is {values[wrong[0]]}; a p-value is between 0 and 1, leave out what is NaN"
        )
    return values


def _back(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> tuple[float, ...]:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(1.0, adjusted)
    return tuple(float(value) for value in result)
