"""Exact test and interval of one Poisson rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from truststream.errors import InputError
from truststream.stats.guards import non_negative, positive
from truststream.stats.result import Alternative, Interval, TestResult
from truststream.stats.samples import whole
from truststream.stats.tails import Hypothesis


@dataclass(frozen=True, slots=True)
class Rate:
    """Events in an exposure: a time, or a number of requests."""

    events: int
    exposure: float

    def __post_init__(self) -> None:
        whole("events", self.events)
        positive("exposure", self.exposure)

    @property
    def value(self) -> float:
        """Events per unit of exposure."""
        return self.events / self.exposure

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.events + other.events, self.exposure + other.exposure)


def poisson_exact(sample: Rate, asked: Hypothesis) -> TestResult:
    """One rate against a fixed value, exactly.

    Hypothesis: rate = null.
    Formula: the tail of Poisson(null x exposure); two-sided: twice the smaller tail. The interval is Garwood's,
    χ² quantiles with 2k and 2k+2 degrees of freedom over twice the exposure; it agrees with the test on every side.
    Assumptions: independent events of a constant rate.
    Wrong when: errors come in bursts: their variance exceeds their mean; conservative for few events.
    Source: Garwood (1936), Biometrika 28:437; Johnson, Kemp & Kotz (2005), eqs. (4.72), (4.73).
    """
    if non_negative("null", asked.null) == 0:
        raise InputError("null", "is 0; a rate of zero is refuted by the first event, no test is needed")
    mean = asked.null * sample.exposure
    lower_tail = float(special.pdtr(sample.events, mean))
    upper_tail = float(special.gammainc(sample.events, mean)) if sample.events else 1.0
    tails = {Alternative.LESS: lower_tail, Alternative.GREATER: upper_tail}
    return TestResult(
        method="poisson-exact",
        n=sample.exposure,
        p=tails.get(asked.alternative, min(1.0, 2.0 * min(lower_tail, upper_tail))),
        estimate=sample.value,
        interval=garwood(sample, asked.level, asked.alternative),
        statistic=float(sample.events),
    )


def garwood(sample: Rate, level: float = 0.95, alternative: Alternative = Alternative.TWO_SIDED) -> Interval:
    """Exact interval of a rate; see `poisson_exact`."""
    tail = (1.0 - level) / 2.0 if alternative is Alternative.TWO_SIDED else 1.0 - level
    k, t = sample.events, sample.exposure
    # half a χ² quantile with 2k degrees of freedom is the gamma quantile with shape k
    lower = float(special.gammaincinv(k, tail)) / t if k and alternative is not Alternative.LESS else 0.0
    upper = math.inf if alternative is Alternative.GREATER else float(special.gammainccinv(k + 1.0, tail)) / t
    return Interval(lower, upper, level)
