"""Stitched boundaries: closed forms that keep the rate of the law of the iterated logarithm."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import expit, logit, zeta

from truststream.errors import InputError
from truststream.stats.guards import finite, non_negative, open_unit, positive


@dataclass(frozen=True, slots=True)
class Stitching:
    """How epochs are cut (they grow by the factor `eta`) and how the level is spread over them (as k^-s)."""

    s: float = 1.4
    eta: float = 2.0

    def __post_init__(self) -> None:
        if finite("s", self.s) <= 1:
            raise InputError("s", f"{self.s} is not above 1, so the levels of the epochs have no finite sum")
        if finite("eta", self.eta) <= 1:
            raise InputError("eta", f"{self.eta} is not above 1, so epochs do not grow")

    @property
    def k1(self) -> float:
        """Factor of the sub-Gaussian part."""
        return (math.pow(self.eta, 0.25) + math.pow(self.eta, -0.25)) / math.sqrt(2)

    @property
    def k2(self) -> float:
        """Factor of the sub-exponential part."""
        return (math.sqrt(self.eta) + 1) / 2

    @property
    def sum(self) -> float:
        """Sum of k^-s over all epochs."""
        return float(zeta(self.s))

    def log_epoch(self, growth: float) -> float:
        """s log log(eta growth) - s log log eta: what it costs to be in the epoch after growing by `growth`."""
        return self.s * (math.log(math.log(self.eta * growth)) - math.log(math.log(self.eta)))

    def radius(self, v: float, c: float, nats: float) -> float:
        """sqrt(k1^2 v l + (k2 c l)^2) + k2 c l."""
        linear = self.k2 * c * nats
        return math.sqrt(self.k1**2 * v * nats + linear * linear) + linear


def polynomial_bound(v: float, alpha: float, v_min: float, c: float = 0.0, stitching: Stitching | None = None) -> float:
    """P(S_t >= bound(V_t) at any t) <= alpha for a sub-gamma sum of scale `c`; `c` = 0 is sub-Gaussian.

    Hypothesis: exp(l S_t - psi(l) V_t) is a supermartingale, psi(l) = l^2/(2 (1 - c l)); `c` may be negative.
    Formula: l(v) = s log log(eta v/v_min) + log(zeta(s)/(alpha log^s eta)), bound = sqrt(k1^2 v l + (k2 c l)^2) +
    k2 c l; below `v_min` the bound at `v_min` holds.
    Assumptions: V is predictable. Wrong when: it is estimated from the same data. About twice as wide as a mixture at
    practical sizes.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Theorem 1 and eq. (10).
    """
    how = stitching or Stitching()
    used = max(non_negative("v", v), positive("v_min", v_min))
    nats = how.log_epoch(used / v_min) + math.log(how.sum / open_unit("alpha", alpha))
    return how.radius(used, finite("c", c), nats)


@dataclass(frozen=True, slots=True)
class DoubleStitching:
    """A band for all quantiles at all times at once, narrow in the tails: stitched over epochs and over quantiles.

    Hypothesis: observations are independent draws of one law (exchangeable is not enough for the band).
    Formula: with m = max(t, t_opt), r = p for p >= 1/2, else min(1/2, expit(logit p + 2 delta sqrt(t_opt eta/m))),
    sigma^2 = r (1-r), j = sqrt(m/t_opt) |logit p|/(2 delta) + 1, c = (1 - 2p)/3 and
    l = s log log(eta m/t_opt) + s log j + log(2 zeta(s)(2 zeta(s)+1)/(alpha log^s eta)):
    bound = delta sqrt(eta m sigma^2/t_opt) + sqrt(k1^2 sigma^2 m l + (k2 c l)^2) + k2 c l, in units of counts.
    Wrong when: observations depend on each other, e.g. latencies during one slow spell.
    Source: Howard & Ramdas 2022 (arXiv 1906.09712), double stitching, as in the authors' library confseq.
    """

    t_opt: float
    delta: float = 0.5
    stitching: Stitching = Stitching()

    def __post_init__(self) -> None:
        if positive("t_opt", self.t_opt) < 1:
            raise InputError("t_opt", f"{self.t_opt} is less than one observation")
        positive("delta", self.delta)

    def bound(self, p: float, t: float, alpha: float) -> float:
        """Deviation of the count of observations at or below the `p` quantile from its mean t p, upwards."""
        p, how = open_unit("p", p), self.stitching
        m = max(non_negative("t", t), self.t_opt)
        growth = m / self.t_opt
        odds = float(logit(p))
        r = p if p >= 0.5 else min(0.5, float(expit(odds + 2 * self.delta * math.sqrt(how.eta / growth))))
        j = math.sqrt(growth) * abs(odds) / (2 * self.delta) + 1
        level = math.log(2 * how.sum * (2 * how.sum + 1) / open_unit("alpha", alpha))
        nats = how.log_epoch(growth) + how.s * math.log(j) + level
        variance = r * (1 - r)
        radius = how.radius(variance * m, (1 - 2 * p) / 3, nats)
        return self.delta * math.sqrt(how.eta * growth * variance) + radius
