"""The mixture sequential probability ratio test of two arms, one pair of observations at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from truststream.errors import InputError
from truststream.stats.guards import closed_unit, finite, non_negative, positive
from truststream.stats.result import SequentialResult


@dataclass(frozen=True, slots=True)
class Pairs:
    """`n` pairs, one observation of each arm: their means and the variance of one pair's difference."""

    n: float
    control_mean: float
    treatment_mean: float
    variance: float

    def __post_init__(self) -> None:
        non_negative("n", self.n)
        finite("control_mean", self.control_mean)
        finite("treatment_mean", self.treatment_mean)
        non_negative("variance", self.variance)

    @classmethod
    def of_proportions(cls, n: float, control: float, treatment: float) -> Pairs:
        """Two success shares; the variance is plugged in: p(1-p) of each arm, added."""
        closed_unit("control", control)
        closed_unit("treatment", treatment)
        return cls(n, control, treatment, control * (1 - control) + treatment * (1 - treatment))


def msprt(pairs: Pairs, tau: float, null: float = 0.0) -> SequentialResult:
    """Evidence against "the difference of the means is `null`", mixed over N(null, tau^2).

    Hypothesis: treatment mean minus control mean = null; `tau` is the size of the difference that is expected.
    Formula: log E = log(V/(V + n tau^2))/2 + n^2 tau^2 (d - null)^2 / (2 V (V + n tau^2)), V the variance of a pair.
    It is the two-sided `NormalMixture` with s = n (d - null)/sqrt(V), v = n and rho = V/tau^2.
    Assumptions: pairs 1:1, independent, a known variance; with the plug-in variance it holds for large n only.
    Wrong when: arms differ in size, events come in clusters, or the variance is estimated from few events. Without
    any spread it cannot tell.
    Source: Johari, Pekelis & Walsh 2015 (arXiv 1512.04922), the mixture SPRT of normal data; Robbins 1970.
    """
    prior = positive("tau", tau) ** 2
    difference = pairs.treatment_mean - pairs.control_mean
    shift = difference - finite("null", null)
    n, variance = pairs.n, pairs.variance
    if not n:
        return SequentialResult("msprt", 0.0)
    if not variance:
        return SequentialResult("msprt", n, estimate=difference, reason="no spread in either arm")
    ratio = n * prior / variance
    log_e = n * shift * shift / (2 * variance) * (ratio / (1 + ratio)) - 0.5 * math.log1p(ratio)
    if not math.isfinite(log_e):
        raise InputError("variance", f"{variance} is too small for a difference of {difference}")
    return SequentialResult("msprt", n, log_e, difference)
