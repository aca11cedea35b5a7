"""Boschloo's exact test."""

from __future__ import annotations

from scipy import stats

from truststream.stats.exact_tables import Table
from truststream.stats.result import Alternative, TestResult


def boschloo(table: Table, alternative: Alternative = Alternative.TWO_SIDED) -> TestResult:
    """Equality of two proportions (the columns of the table), never weaker than Fisher's test.

    Hypothesis: both columns have one probability of falling into the upper row.
    Formula: Fisher's p-value is the statistic; the probability of tables with a p-value as small, maximised over the
    common probability. Two-sided: twice the smaller one-sided value.
    Assumptions: independent trials, sizes of the arms fixed; exact for every size.
    Wrong when: arms are large: the search costs as many tables as n_1 n_2; use the score test there.
    Source: Boschloo (1970), Statistica Neerlandica 24:1.
    """
    if table.empty_arm or table.one_outcome:
        return TestResult(method="boschloo", n=table.n, reason=table.empty_arm or table.one_outcome)
    table.small_enough()
    answer = stats.boschloo_exact(table.rows, alternative=alternative.value)
    p = min(1.0, max(0.0, float(answer.pvalue)))
    return TestResult(method="boschloo", n=table.n, p=p, statistic=float(answer.statistic))
