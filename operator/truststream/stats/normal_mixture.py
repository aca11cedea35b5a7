"""Normal mixtures: a time-uniform boundary for sub-Gaussian sums with known variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import log_ndtr

from truststream.errors import InputError
from truststream.stats.crossing import upper_crossing
from truststream.stats.guards import finite, non_negative, open_unit, positive


def best_rho(v_opt: float, alpha: float) -> float:
    """The mixture's precision that makes the two-sided boundary nearly tightest at intrinsic time `v_opt`.

    rho = v_opt / (2 log(1/alpha) + log(1 + 2 log(1/alpha))): Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv
    1810.08240), section 3.5, an expansion of the exact optimum in Lambert's W.
    """
    nats = 2 * math.log(1 / open_unit("alpha", alpha))
    return positive("v_opt", v_opt) / (nats + math.log1p(nats))


def one_sided_rho(v_opt: float, alpha: float) -> float:
    """The same for one side: at twice the level, so `alpha` must lie below one half."""
    if open_unit("alpha", alpha) >= 0.5:
        raise InputError("alpha", f"{alpha} is not below 0.5, as a one-sided mixture needs")
    return best_rho(v_opt, 2 * alpha)


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """Evidence against "S is a sub-Gaussian martingale with intrinsic time V".

    Hypothesis: exp(l S_t - l^2 V_t / 2) is a supermartingale for every l (for l >= 0 when one-sided).
    Formula: l is mixed over N(0, 1/rho). Two-sided: log E = log(rho/(v+rho))/2 + s^2/(2(v+rho)). One-sided (l > 0, a
    half normal): log E = log(4 rho/(v+rho))/2 + s^2/(2(v+rho)) + log Phi(s/sqrt(v+rho)).
    Assumptions: V is known and predictable, e.g. t sigma^2, or t (b-a)^2/4 for values in [a, b].
    Wrong when: V is estimated from the same data (use `asymptotic`), or values are far from sub-Gaussian. With
    bounded rare events V = t/4 is valid but hopelessly wide.
    Source: Howard et al. 2021, Propositions 5 and 6; Robbins 1970 for the two-sided case.
    """

    rho: float
    two_sided: bool = True

    def __post_init__(self) -> None:
        positive("rho", self.rho)

    @classmethod
    def tuned(cls, v_opt: float, alpha_opt: float, two_sided: bool) -> NormalMixture:
        """The mixture whose boundary at level `alpha_opt` is nearly tightest at `v_opt`."""
        rho = best_rho(v_opt, alpha_opt) if two_sided else one_sided_rho(v_opt, alpha_opt)
        return cls(rho, two_sided)

    def log_e(self, s: float, v: float) -> float:
        """Natural log of the e-process at sum `s` and intrinsic time `v`; 0 or less before anything was seen."""
        return self._log_e(finite("s", s), non_negative("v", v))

    def _log_e(self, s: float, v: float) -> float:
        spread = v + self.rho
        main = s * s / (2 * spread) - 0.5 * math.log1p(v / self.rho)
        if self.two_sided:
            return main
        return main + math.log(2) + float(log_ndtr(s / math.sqrt(spread)))

    def bound(self, v: float, alpha: float) -> float:
        """P(S_t >= bound(V_t) at any t) <= alpha; for |S_t| when two-sided."""
        nats = -math.log(open_unit("alpha", alpha))
        spread = non_negative("v", v) + self.rho
        if self.two_sided:
            return math.sqrt(spread * (math.log1p(v / self.rho) + 2 * nats))
        return upper_crossing(lambda s: self._log_e(s, v), nats, math.sqrt(spread))
