"""Winsorising: extreme values are moved to a quantile, so that one unit cannot decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truststream.errors import InputError
from truststream.stats.guards import closed_unit
from truststream.stats.samples import all_finite


@dataclass(frozen=True, slots=True)
class Limits:
    """Values outside are moved to the nearer end."""

    lower: float
    upper: float

    def apply(self, values: Sequence[float]) -> tuple[float, ...]:
        """Every value, moved inside."""
        return tuple(min(max(value, self.lower), self.upper) for value in all_finite("values", values))


def limits(arms: Sequence[Sequence[float]], lower: float = 0.0, upper: float = 0.99) -> Limits:
    """Quantiles of the data of all arms together.

    Pooled, because limits of each arm alone would cut a real effect out of the larger one; under the null the arms
    are exchangeable and the test stays valid.
    Formula: linear interpolation between order statistics (Hyndman & Fan 1996, type 7); lower 0 and upper 1 move
    nothing.
    Assumptions: the arms were randomised.
    Wrong when: the effect lies in the tail that is cut; the mean that is compared is then another one: say so.
    Source: Tukey (1962), Annals of Mathematical Statistics 33:18; Wilcox (2012), section 3.3.
    """
    if not closed_unit("lower", lower) < closed_unit("upper", upper):
        raise InputError("lower", f"{lower:g} must be below upper {upper:g}")
    data = [value for index, arm in enumerate(arms) for value in all_finite(f"arms[{index}]", arm)]
    if not data:
        raise InputError("arms", "have no values; limits need data")
    low, high = np.quantile(data, [lower, upper])
    return Limits(float(low), float(high))
