"""Post-stratification: compare within strata, then put the strata together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from truststream.stats.result import TestResult
from truststream.stats.summary import Mean
from truststream.stats.tails import EQUAL, Hypothesis, student_result


@dataclass(frozen=True, slots=True)
class Stratum:
    """Both arms of a group of units that was known before the experiment."""

    name: str
    treatment: Mean
    control: Mean

    @property
    def n(self) -> float:
        """Units of both arms."""
        return self.treatment.n + self.control.n


def post_stratified(strata: Sequence[Stratum], asked: Hypothesis = EQUAL) -> TestResult:
    """Difference of two means, weighted over strata.

    Hypothesis: Σ w_k (μ_tk - μ_ck) = null with w_k the share of stratum k among all units.
    Formula: d = Σ w_k d_k, se² = Σ w_k² (s_tk²/n_tk + s_ck²/n_ck); Satterthwaite's degrees of freedom from these
    terms. Conditional on the sizes, so a chance imbalance of the strata between the arms costs nothing.
    Assumptions: strata cannot be changed by the treatment; at least two units of each arm in each stratum.
    Wrong when: there are many tiny strata: join them.
    Source: Miratrix, Sekhon & Yu (2013), JRSS B 75:369, eqs. (1), (5); Holt & Smith (1979), JRSS A 142:33.
    """
    total = math.fsum(stratum.n for stratum in strata)
    thin = [stratum.name for stratum in strata if min(stratum.treatment.n, stratum.control.n) < 2]
    if not strata or thin:
        reason = f"strata {', '.join(thin)} have fewer than 2 units of an arm; join them" if thin else "no strata"
        return TestResult(method="post-stratified", n=total, reason=reason)
    weights = [stratum.n / total for stratum in strata]
    terms = [t for w, s in zip(weights, strata, strict=True) for t in _terms(w, s)]
    variance = math.fsum(term for term, _ in terms)
    if variance == 0:
        return TestResult(method="post-stratified", n=total, reason="no spread in any stratum: no standard error")
    estimate = math.fsum(w * (s.treatment.mean - s.control.mean) for w, s in zip(weights, strata, strict=True))
    degrees = variance**2 / math.fsum(term * term / (n - 1.0) for term, n in terms)
    result = student_result("post-stratified", estimate, math.sqrt(variance), degrees, total, asked)
    return replace(result, details={"strata": float(len(strata))})


def _terms(weight: float, stratum: Stratum) -> list[tuple[float, float]]:
    return [(weight * weight * arm.variance / arm.n, arm.n) for arm in (stratum.treatment, stratum.control)]
