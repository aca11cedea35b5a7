"""Plans for proportions."""

from __future__ import annotations

import math
from enum import StrEnum

from truststream.stats.guards import closed_unit, finite, positive
from truststream.stats.power import Contrast


class NullVariance(StrEnum):
    """Which variance the test's standard error has under the null."""

    POOLED = "pooled"  # both arms together, as the pooled z test has it
    BASELINE = "baseline"  # that of control in both arms, as online calculators have it
    SEPARATE = "separate"  # each arm its own: Wald's test, and every test of a margin


def contrast_of_proportions(
    treatment: float,
    control: float,
    *,
    margin: float = 0.0,
    allocation: float = 1.0,
    null: NullVariance = NullVariance.POOLED,
) -> Contrast:
    """Difference of proportions, expected against a margin (0: superiority; else non-inferiority, separate variances).

    Formula: σ1² = p_t q_t + p_c q_c/r; σ0² = p q (1 + 1/r) with p = (p_t + r p_c)/(1 + r) pooled, or p = p_c.
    Assumptions: independent trials; n large enough for the normal law.
    Wrong when: expected successes are below about 10 an arm.
    Source: Fleiss, Levin & Paik (2003), eq. (4.14); margin: Chow, Shao, Wang & Lokhnygina (2018), section 4.2;
    baseline: Miller (2010), "How not to run an A/B test", its calculator.
    """
    p_t, p_c, r = (
        closed_unit("treatment", treatment),
        closed_unit("control", control),
        positive("allocation", allocation),
    )
    deviation = math.sqrt(p_t * (1.0 - p_t) + p_c * (1.0 - p_c) / r)
    p = {NullVariance.POOLED: (p_t + r * p_c) / (1.0 + r), NullVariance.BASELINE: p_c}.get(null)
    under_null = deviation if p is None or margin else math.sqrt(p * (1.0 - p) * (1.0 + 1.0 / r))
    return Contrast(p_t - p_c - finite("margin", margin), under_null, deviation)
