"""Plans for Poisson rates, on the scale of the log ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

from truststream.stats.guards import positive
from truststream.stats.power import Contrast


@dataclass(frozen=True, slots=True)
class Noise:
    """Exposure of one unit, and how many times the variance of counts exceeds their mean."""

    exposure: float = 1.0
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        positive("exposure", self.exposure)
        positive("dispersion", self.dispersion)


QUIET = Noise()


def contrast_of_rates(
    treatment: float,
    control: float,
    *,
    margin: float = 1.0,
    noise: Noise = QUIET,
    allocation: float = 1.0,
    null_variance: bool = False,
) -> Contrast:
    """Log ratio of two rates, expected against a margin (1: superiority; above 1 with `less`: non-inferiority).

    Formula: effect log(λ_t/λ_c) - log margin; σ² = φ/e (1/λ_t + 1/(r λ_c)), r units of control a unit of treatment.
    With `null_variance` σ0² = φ/e (1 + R/r)²/(R/r (λ_t + r λ_c)), R the margin: the score test's.
    Assumptions: counts with variance φ times the mean.
    Wrong when: expected events are below about 10 an arm.
    Source: Zhu & Lakkis (2014), Statistics in Medicine 33:376; Zhu (2017), Statistics in Biopharmaceutical Research.
    """
    l_t, l_c, r = positive("treatment", treatment), positive("control", control), positive("allocation", allocation)
    scale, g = noise.dispersion / noise.exposure, positive("margin", margin) / allocation
    variance = scale * (1.0 / l_t + 1.0 / (r * l_c))
    under_null = scale * (1.0 + g) ** 2 / (g * (l_t + r * l_c)) if null_variance else variance
    return Contrast(math.log(l_t / l_c) - math.log(margin), math.sqrt(under_null), math.sqrt(variance))
