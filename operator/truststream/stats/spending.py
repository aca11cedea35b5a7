"""Alpha spending: how much of the error may be used up by a fraction of the planned information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtr, ndtri

from truststream.errors import InputError
from truststream.stats.guards import open_unit, positive


class SpendingFunction(StrEnum):
    """Shapes of spending."""

    OBRIEN_FLEMING = "LDOF"
    POCOCK = "LDPocock"
    POWER = "power"


@dataclass(frozen=True, slots=True)
class Spending:
    """The error that is spent by information fraction t, of `alpha` in all; two-sided: half of it in each tail.

    Formula, per tail with level a: O'Brien-Fleming type 2 - 2 Phi(z_(a/2)/sqrt(t)), Pocock type a log(1 + (e-1) t),
    power family a t^phi.
    Assumptions: the function is fixed beforehand and looks are not chosen by the results.
    Source: Lan & DeMets 1983, Biometrika 70, 659 (first two); Kim & DeMets 1987, Biometrika 74, 149 (power).
    """

    alpha: float
    function: SpendingFunction = SpendingFunction.OBRIEN_FLEMING
    two_sided: bool = True
    phi: float = 1.0

    def __post_init__(self) -> None:
        open_unit("alpha", self.alpha)
        positive("phi", self.phi)

    def spent(self, t: float) -> float:
        """Cumulative error at information fraction `t`, of both tails together when two-sided."""
        if not 0 < t <= 1:
            raise InputError("t", f"{t} is not above 0 and at most 1")
        tails = 2 if self.two_sided else 1
        return tails * self._tail(self.alpha / tails, t)

    def _tail(self, alpha: float, t: float) -> float:
        if self.function is SpendingFunction.OBRIEN_FLEMING:
            return 2 * float(ndtr(float(ndtri(alpha / 2)) / math.sqrt(t)))
        if self.function is SpendingFunction.POCOCK:
            return alpha * math.log1p((math.e - 1) * t)
        return alpha * math.pow(t, self.phi)
