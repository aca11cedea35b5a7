"""How many units a plan needs, by the normal law."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from truststream.errors import InputError
from truststream.stats.guards import positive
from truststream.stats.power import Contrast, Design
from truststream.stats.result import Alternative
from truststream.stats.tails import normal_quantile


@dataclass(frozen=True, slots=True)
class SampleSize:
    """Units of each arm; `exact` is the number before it was rounded up."""

    exact: float
    treatment: int
    control: int

    @property
    def total(self) -> int:
        """Both arms."""
        return self.treatment + self.control

    @classmethod
    def of(cls, exact: float, allocation: float) -> SampleSize:
        """Whole units: rounded up, but not for a rounding error."""
        return cls(exact, math.ceil(exact * (1.0 - 1e-12)), math.ceil(exact * allocation * (1.0 - 1e-12)))


def sample_size(contrast: Contrast, design: Design, allocation: float = 1.0) -> SampleSize:
    """Units for the design's power.

    Formula: n = ((z_α σ0 + z_β σ1)/effect)² units of treatment, allocation x n of control, times the inflation of a
    sequential plan. Two-sided, the tail on the wrong side is neglected, as is usual.
    Assumptions: see `power`.
    Wrong when: the effect assumed is larger than the real one: then power is missing, not the test's level.
    Source: Chow, Shao, Wang & Lokhnygina (2018), sections 3.2 (means), 4.2 (proportions); Lachin (1981), eq. (2).
    """
    positive("allocation", allocation)
    side = -contrast.effect if design.alternative is Alternative.LESS else contrast.effect
    if side == 0 or (side < 0 and design.alternative is not Alternative.TWO_SIDED):
        raise InputError(
            "effect", f"{contrast.effect:g} is not on the side of {design.alternative.value}: no sample would do"
        )
    z_alpha, z_beta = normal_quantile(1.0 - design.alpha, design.alternative), float(special.ndtri(design.power))
    root = (z_alpha * contrast.null_deviation + z_beta * contrast.deviation) / side
    return SampleSize.of(root * root * design.inflation, allocation)
