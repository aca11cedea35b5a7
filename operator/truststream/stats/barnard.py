"""Barnard's exact test."""

from __future__ import annotations

from scipy import stats

from truststream.stats.exact_tables import Table
from truststream.stats.result import Alternative, TestResult


def barnard(table: Table, alternative: Alternative = Alternative.TWO_SIDED) -> TestResult:
    """Equality of two proportions (the columns of the table), given only the arms' sizes.

    Hypothesis: both columns have one probability of falling into the upper row.
    Formula: the probability of tables whose pooled Wald statistic is as extreme, maximised over that probability.
    Assumptions: independent trials, sizes of the arms fixed; exact for every size.
    Wrong when: arms are large: the search costs as many tables as n_1 n_2; use the score test there.
    Source: Barnard (1947), Biometrika 34:123; the statistic of Suissa & Shuster (1985), JRSS A 148:317.
    """
    if table.empty_arm or table.one_outcome:
        return TestResult(method="barnard", n=table.n, reason=table.empty_arm or table.one_outcome)
    table.small_enough()
    answer = stats.barnard_exact(table.rows, alternative=alternative.value, pooled=True)
    p = min(1.0, max(0.0, float(answer.pvalue)))
    return TestResult(method="barnard", n=table.n, p=p, statistic=float(answer.statistic))
