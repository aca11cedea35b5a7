"""Power by the normal law: what every plan shares, whatever its metric.

A metric brings a `Contrast`: how far the truth is from the null, and the standard deviations of √n times the estimate
under both. n counts units of treatment; `allocation` units of control come with each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from scipy import optimize, special

from truststream.errors import InputError
from truststream.stats.guards import finite, non_negative, open_unit, positive
from truststream.stats.result import Alternative
from truststream.stats.tails import normal_quantile


class Plan(Protocol):
    """A sequential plan, as far as planning needs it."""

    @property
    def inflation(self) -> float:
        """Its largest sample over that of the fixed design with the same power."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Truth minus null on the scale of the test, and the spread of one unit's worth of estimate."""

    effect: float
    null_deviation: float
    deviation: float

    def __post_init__(self) -> None:
        finite("effect", self.effect)
        positive("null_deviation", self.null_deviation)
        positive("deviation", self.deviation)


@dataclass(frozen=True, slots=True)
class Design:
    """Errors that are accepted, the side, and what looking more than once costs."""

    alpha: float = 0.05
    power: float = 0.8
    alternative: Alternative = Alternative.TWO_SIDED
    sequential: float | Plan = 1.0  # inflation factor, or a plan that has one

    def __post_init__(self) -> None:
        open_unit("alpha", self.alpha)
        open_unit("power", self.power)
        if self.inflation < 1:
            raise InputError(
                "sequential", f"has inflation {self.inflation}; looking more often never needs fewer units"
            )

    @property
    def inflation(self) -> float:
        """Largest sample of the sequential plan over the fixed one."""
        plan = self.sequential
        return finite("sequential", plan if isinstance(plan, int | float) else plan.inflation)


def power(contrast: Contrast, n: float, design: Design) -> float:
    """Chance that a test with n units of treatment rejects.

    Formula: Φ((±effect √n - z σ0)/σ1) with z the critical value; two-sided: both tails. A sequential plan has the
    power of a fixed one with n over its inflation.
    Assumptions: the estimate is normal, its standard deviations are known.
    Wrong when: n is small (use `power_of_t` for means), units are clustered.
    Source: Chow, Shao, Wang & Lokhnygina (2018), Sample Size Calculations in Clinical Research, section 4.2.
    """
    root = math.sqrt(non_negative("n", n) / design.inflation)
    z = normal_quantile(1.0 - design.alpha, design.alternative)
    up = float(special.ndtr((contrast.effect * root - z * contrast.null_deviation) / contrast.deviation))
    down = float(special.ndtr((-contrast.effect * root - z * contrast.null_deviation) / contrast.deviation))
    return {Alternative.GREATER: up, Alternative.LESS: down}.get(design.alternative, up + down)


def detectable(contrast_at: Callable[[float], Contrast], n: float, design: Design, largest: float) -> float:
    """The smallest effect that n units of treatment detect with the design's power, NaN when not even the largest is.

    `contrast_at` makes a contrast of an effect between 0 and `largest`, which may be negative: its sign is the
    direction in which is searched.
    Source: Bloom (1995), Evaluation Review 19:547, generalised to variances that depend on the effect.
    """

    def lack(share: float) -> float:
        return power(contrast_at(share * largest), n, design) - design.power

    finite("largest", largest)
    if largest == 0 or lack(1.0) < 0:
        return math.nan
    return largest * float(optimize.brentq(lack, 1e-12, 1.0, xtol=1e-14, rtol=1e-12)) if lack(1e-12) < 0 else 0.0
