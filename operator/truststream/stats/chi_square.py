"""Chi-squared tests: independence in a table, fit to given shares, equality of several proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from truststream.errors import InputError
from truststream.stats.result import TestResult
from truststream.stats.samples import all_finite
from truststream.stats.summary import Proportion


def independence(table: Sequence[Sequence[float]], *, continuity: bool = True) -> TestResult:
    """Rows and columns of a table of counts do not depend on each other.

    Hypothesis: every cell's probability is the product of those of its row and its column.
    Formula: X² = Σ (o - e)²/e, G = 2 Σ o log(o/e), (rows-1)(columns-1) degrees of freedom. With one degree of freedom
    `continuity` moves each count towards its expectation by at most 1/2 (Yates). `details` has G and its p.
    Assumptions: independent events; expected counts of at least about 5.
    Wrong when: expected counts are small (use Fisher), one user gives several events.
    Source: Pearson (1900), Philosophical Magazine 50:157; Wilks (1938) for G; Yates (1934), Suppl. JRSS 1:217.
    """
    counts = _table(table)
    n = float(counts.sum())
    if (counts.sum(axis=0) == 0).any() or (counts.sum(axis=1) == 0).any():
        return TestResult(method="chi2-independence", n=n, reason="a row or a column of the table is empty")
    if min(counts.shape) < 2:
        return TestResult(method="chi2-independence", n=n, reason="a table of one row or column cannot depend")
    pearson = stats.chi2_contingency(counts, correction=continuity)
    likelihood = stats.chi2_contingency(counts, correction=continuity, lambda_="log-likelihood")
    return TestResult(
        method="chi2-independence",
        n=n,
        p=float(pearson.pvalue),
        statistic=float(pearson.statistic),
        degrees_of_freedom=float(pearson.dof),
        details={"g": float(likelihood.statistic), "p_g": float(likelihood.pvalue)},
    )


def goodness_of_fit(observed: Sequence[float], shares: Sequence[float]) -> TestResult:
    """Counts fall on classes in given shares.

    Hypothesis: class i has probability shares[i] / Σ shares.
    Formula: X² = Σ (o_i - n s_i)²/(n s_i), classes-1 degrees of freedom.
    Assumptions: independent events, expected counts of at least about 5, shares fixed before the data were seen.
    Wrong when: events come in clusters (sticky sessions), it is tested again and again while data come.
    Source: Pearson (1900), Philosophical Magazine 50:157.
    """
    counts, weights = np.array(all_finite("observed", observed)), np.array(all_finite("shares", shares))
    if len(counts) != len(weights) or len(counts) < 2:
        raise InputError("shares", f"{len(weights)} for {len(counts)} classes; give one for each of at least two")
    if (counts < 0).any() or (weights <= 0).any():
        raise InputError("observed", "counts must not be negative, shares must be greater than 0")
    n = float(counts.sum())
    if not n:
        return TestResult(method="chi2-fit", n=0, reason="no events")
    expected = n * weights / weights.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1.0
    p = float(stats.chi2.sf(statistic, degrees))
    return TestResult(method="chi2-fit", n=n, p=p, statistic=statistic, degrees_of_freedom=degrees)


def equal_proportions(arms: Sequence[Proportion]) -> TestResult:
    """Several arms have one proportion.

    Hypothesis: p_1 = ... = p_k.
    Formula: X² of the 2 x k table of successes and failures, k-1 degrees of freedom, without correction.
    Assumptions: independent trials, expected successes and failures of at least about 5 an arm.
    Wrong when: counts are small or clustered.
    Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, eq. (9.4).
    """
    n = math.fsum(arm.n for arm in arms)
    if len(arms) < 2 or any(not arm.n for arm in arms):
        return TestResult(method="chi2-proportions", n=n, reason="needs at least two arms, each with trials")
    if math.fsum(arm.successes for arm in arms) in (0.0, n):
        return TestResult(method="chi2-proportions", n=n, reason="all trials ended alike: nothing to compare")
    answer = independence([[arm.successes for arm in arms], [arm.failures for arm in arms]], continuity=False)
    return TestResult("chi2-proportions", n, answer.p, statistic=answer.statistic, degrees_of_freedom=len(arms) - 1.0)


def _table(table: Sequence[Sequence[float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = [all_finite(f"table[{index}]", row) for index, row in enumerate(table)]
    if not rows or any(len(row) != len(rows[0]) for row in rows) or not rows[0]:
        raise InputError("table", "has rows of different lengths or none; give a rectangle of counts")
    if any(cell < 0 for row in rows for cell in row):
        raise InputError("table", "has a negative count")
    return np.array(rows, dtype=np.float64)
