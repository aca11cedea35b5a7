"""What a group-sequential plan needs and costs: the drift for a power, the sample size, its expectation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtri

from truststream.errors import InputError
from truststream.stats.crossing import root
from truststream.stats.group_sequential import Crossing, crossing
from truststream.stats.group_sequential_bounds import Boundary
from truststream.stats.guards import open_unit

_HIGHEST_DRIFT = 1e3


class Counted(StrEnum):
    """Which crossings of a two-sided boundary count as power."""

    EITHER = "either"
    RIGHT = "right"  # in the direction of the drift only: a wrong winner is no success


def drift_for_power(
    times: Sequence[float],
    z: Sequence[float],
    power: float,
    two_sided: bool = True,
    counted: Counted = Counted.EITHER,
) -> float:
    """The mean of Z at full information at which the boundary is crossed with probability `power`.

    Hypothesis and assumptions: as for `crossing`. Source: Lan & DeMets 1983; Jennison & Turnbull 2000, section 2.3;
    Reboussin, DeMets, Kim & Lan 2000, Controlled Clinical Trials 21, 190, whose tables count either side.
    """
    wanted = open_unit("power", power)

    def reached(drift: float) -> float:
        crossed = crossing(times, z, drift, two_sided)
        return crossed.total if counted is Counted.EITHER else crossed.cumulative_above[-1]

    if reached(0.0) >= wanted:
        raise InputError("power", f"{power} is not above the error under the null; give a larger power")
    high = 1.0
    while reached(high) < wanted:
        high *= 2
        if high > _HIGHEST_DRIFT:
            raise InputError("z", f"has no bound that a drift of {_HIGHEST_DRIFT:.0f} crosses with power {power}")
    return root(lambda drift: reached(drift) - wanted, 0.0, high)


def expected_fraction(times: Sequence[float], crossed: Crossing) -> float:
    """Expected information at stopping, as a fraction of the plan's full information."""
    t = np.asarray(times, dtype=np.float64)
    going_on = 1 - np.concatenate(([0.0], crossed.cumulative[:-1]))
    return float(np.diff(np.concatenate(([0.0], t))) @ going_on)


@dataclass(frozen=True, slots=True)
class Cost:
    """Sample size of a plan in units of the fixed design with the same errors."""

    maximum: float
    expected: tuple[float, ...]


def cost(boundary: Boundary, beta: float, multiples: Sequence[float]) -> Cost:
    """Inflation of the sample size, and its expectation when the true effect is a multiple of the designed one.

    Formula: maximum = (drift/(z_(1-a) + z_(1-beta)))^2 with a the level of one tail and the drift that
    crosses on the right side with probability 1 - beta; expected = maximum times the
    expected fraction at drift times the multiple.
    Hypothesis and assumptions: as for `crossing`. Source: Jennison & Turnbull 2000, tables 2.2, 2.4 and 2.7 to 2.9.
    """
    alpha = boundary.spent[-1] / (2 if boundary.two_sided else 1)
    fixed = -float(ndtri(alpha)) - float(ndtri(open_unit("beta", beta)))
    if fixed <= 0:
        raise InputError("beta", f"{beta} asks for less power than the error alone gives")
    drift = drift_for_power(boundary.t, boundary.z, 1 - beta, boundary.two_sided, Counted.RIGHT)
    maximum = math.pow(drift / fixed, 2)
    looks = [crossing(boundary.t, boundary.z, drift * factor, boundary.two_sided) for factor in multiples]
    return Cost(maximum, tuple(maximum * expected_fraction(boundary.t, crossed) for crossed in looks))
