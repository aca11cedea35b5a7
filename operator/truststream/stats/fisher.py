"""Fisher's exact test."""

from __future__ import annotations

from scipy import stats

from truststream.stats.exact_tables import Table
from truststream.stats.result import Alternative, TestResult


def fisher(table: Table, alternative: Alternative = Alternative.TWO_SIDED) -> TestResult:
    """Independence in a 2x2 table, given all its margins.

    Hypothesis: the odds ratio is 1.
    Formula: the upper left cell is hypergeometric given the margins; two-sided: all tables that are no likelier than
    the observed one. The estimate is the odds ratio ad/(bc) of the sample.
    Assumptions: independent trials; valid for every size.
    Wrong when: power matters at small counts: conditioning on both margins makes it conservative, Boschloo is better.
    Source: Fisher (1935), JRSS 98:39; Agresti (2013), section 3.5.
    """
    if table.empty_arm or table.one_outcome:
        return TestResult(method="fisher", n=table.n, reason=table.empty_arm or table.one_outcome)
    answer = stats.fisher_exact(table.rows, alternative=alternative.value)
    return TestResult(method="fisher", n=table.n, p=min(1.0, float(answer.pvalue)), estimate=float(answer.statistic))
