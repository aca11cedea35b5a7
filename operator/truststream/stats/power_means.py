"""Plans for means: the contrast for the normal law, and exact power of Student's test."""

from __future__ import annotations

import math

from scipy import optimize, special, stats

from truststream.errors import InputError
from truststream.stats.guards import finite, non_negative, positive
from truststream.stats.power import Contrast, Design
from truststream.stats.result import Alternative
from truststream.stats.sample_size import SampleSize
from truststream.stats.tails import student_quantile

_MOST = 1e12  # units; a plan beyond is a mistake in its effect


def contrast_of_means(
    difference: float, deviations: tuple[float, float], *, margin: float = 0.0, allocation: float = 1.0
) -> Contrast:
    """Difference of means, expected against a margin (0: superiority; else non-inferiority with that null).

    Formula: σ² = s_t² + s_c²/allocation, the same under null and truth. `deviations` are (treatment, control).
    Source: Chow, Shao, Wang & Lokhnygina (2018), section 3.2.
    """
    s_t, s_c = non_negative("deviations[0]", deviations[0]), non_negative("deviations[1]", deviations[1])
    deviation = math.sqrt(s_t * s_t + s_c * s_c / positive("allocation", allocation))
    return Contrast(finite("difference", difference) - finite("margin", margin), deviation, deviation)


def power_of_t(effect: float, n: float, design: Design, allocation: float = 1.0) -> float:
    """Power of Student's two-sample test, exactly.

    Hypothesis: the means are equal; truly they differ by `effect` standard deviations (Cohen's d).
    Formula: t is noncentral with n_t + n_c - 2 degrees of freedom and noncentrality d/√(1/n_t + 1/n_c).
    Assumptions: independent normal units of equal variance.
    Wrong when: variances differ; n below 2.
    Source: Cohen (1988), Statistical Power Analysis, section 2.4; Johnson, Kotz & Balakrishnan (1995), ch. 31.
    """
    n_t = positive("n", n) / design.inflation
    degrees = n_t * (1.0 + positive("allocation", allocation)) - 2.0
    if degrees <= 0:
        raise InputError("n", f"is {n:g}; Student's test needs more than two units in all")
    shift = finite("effect", effect) / math.sqrt((1.0 + 1.0 / allocation) / n_t)
    t = student_quantile(1.0 - design.alpha, degrees, design.alternative)
    up, down = _beyond(t, degrees, shift), _beyond(t, degrees, -shift)
    return {Alternative.GREATER: up, Alternative.LESS: down}.get(design.alternative, up + down)


def size_for_t(effect: float, design: Design, allocation: float = 1.0) -> SampleSize:
    """Units for the design's power with Student's test; `exact` solves power_of_t(n) = power.

    Source: as `power_of_t`; G*Power 3, Faul et al. (2007), Behavior Research Methods 39:175.
    """
    wrong_side = {Alternative.GREATER: effect <= 0, Alternative.LESS: effect >= 0}
    if wrong_side.get(design.alternative, effect == 0):
        raise InputError("effect", f"{effect:g} is not on the side of {design.alternative.value}: no sample would do")
    least = 3.0 / (1.0 + allocation) * design.inflation  # one degree of freedom
    most = max(4.0, 2.0 * least)
    while power_of_t(effect, most, design, allocation) < design.power:
        most *= 2.0
        if most > _MOST:
            raise InputError("effect", f"{effect:g} needs more than {_MOST:g} units; plan for a larger one")
    if power_of_t(effect, least, design, allocation) >= design.power:
        return SampleSize.of(least, allocation)
    exact = optimize.brentq(lambda n: power_of_t(effect, n, design, allocation) - design.power, least, most, xtol=1e-9)
    return SampleSize.of(float(exact), allocation)


def _beyond(t: float, degrees: float, shift: float) -> float:
    if abs(shift) > 30 or degrees > 1e6:  # the noncentral series gives out here, where t is normal to 1e-6
        return float(special.ndtr(shift - t))
    return float(stats.nct.sf(t, degrees, shift))
