"""Exact test of one proportion."""

from __future__ import annotations

from scipy import stats

from truststream.stats.guards import closed_unit
from truststream.stats.result import Interval, TestResult
from truststream.stats.samples import whole
from truststream.stats.summary import Proportion
from truststream.stats.tails import Hypothesis


def binomial_exact(sample: Proportion, asked: Hypothesis) -> TestResult:
    """One proportion against a fixed value, exactly.

    Hypothesis: p = null.
    Formula: the tail of Binomial(n, null); two-sided: all outcomes that are no likelier than the observed one. The
    interval is Clopper-Pearson's, one-sided for a one-sided alternative.
    Assumptions: independent trials of one probability.
    Wrong when: trials are clustered. The interval is conservative; at two sides it may disagree with the p-value,
    because the latter orders outcomes by likelihood.
    Source: Clopper & Pearson (1934), Biometrika 26; Agresti (2013), section 1.4.4.
    """
    k, n = whole("successes", sample.successes), whole("n", sample.n)
    if not n:
        return TestResult(method="binomial-exact", n=0, reason="no trials")
    answer = stats.binomtest(k, n, closed_unit("null", asked.null), alternative=asked.alternative.value)
    lower, upper = answer.proportion_ci(confidence_level=asked.level, method="exact")
    return TestResult(
        method="binomial-exact",
        n=sample.n,
        p=min(1.0, float(answer.pvalue)),
        estimate=sample.mean,
        interval=Interval(float(lower), float(upper), asked.level),
        statistic=float(k),
    )
