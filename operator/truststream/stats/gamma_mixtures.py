"""Gamma mixtures: time-uniform boundaries for sub-exponential and sub-Poisson sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from truststream.errors import InputError
from truststream.stats.crossing import upper_crossing
from truststream.stats.guards import finite, non_negative, open_unit, positive
from truststream.stats.normal_mixture import one_sided_rho
from truststream.stats.special import log_lower_gamma, log_upper_gamma


def _bound(log_e: Callable[[float], float], spread: float, alpha: float) -> float:
    return upper_crossing(log_e, -math.log(open_unit("alpha", alpha)), math.sqrt(spread))


@dataclass(frozen=True, slots=True)
class GammaExponentialMixture:
    """Evidence against "S is a sub-exponential martingale with scale c and intrinsic time V".

    Hypothesis: exp(l S_t - psi(l) V_t) is a supermartingale for 0 <= l < 1/c, psi(l) = (-log(1 - c l) - c l)/c^2.
    Formula: l is mixed over a truncated gamma law with shape and rate rho/c^2. With r = rho/c^2, a = (v+rho)/c^2,
    x = a + s/c and H(a, x) = log of the integral of u^(a-1) exp(x(1-u)) over (0, 1): log E = H(a, x) - H(r, r), which
    is 0 at the start.
    Assumptions: one side only, upwards. With V = sum of (x_i - predicted_i)^2 and c = 1 it holds for values in [0, 1]:
    the empirical Bernstein sequence in `bounded_means`.
    Wrong when: increments exceed what the scale allows; a scale that is guessed from the data is no bound.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Proposition 9.
    """

    rho: float
    c: float
    _start: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = positive("rho", self.rho) / positive("c", self.c) ** 2
        object.__setattr__(self, "_start", log_lower_gamma(shape, shape))

    @classmethod
    def tuned(cls, v_opt: float, alpha_opt: float, c: float) -> GammaExponentialMixture:
        """The mixture whose boundary at level `alpha_opt` is nearly tightest at `v_opt`."""
        return cls(one_sided_rho(v_opt, alpha_opt), c)

    def log_e(self, s: float, v: float) -> float:
        """Natural log of the e-process at sum `s` and intrinsic time `v`."""
        return self._log_e(finite("s", s), non_negative("v", v))

    def _log_e(self, s: float, v: float) -> float:
        shape = (v + self.rho) / self.c**2
        return log_lower_gamma(shape, shape + s / self.c) - self._start

    def bound(self, v: float, alpha: float) -> float:
        """P(S_t >= bound(V_t) at any t) <= alpha."""
        non_negative("v", v)
        return _bound(lambda s: self._log_e(s, v), v + self.rho, alpha)


@dataclass(frozen=True, slots=True)
class GammaPoissonMixture:
    """Evidence against "S is a sub-Poisson martingale with scale c and intrinsic time V".

    Hypothesis: exp(l S_t - psi(l) V_t) is a supermartingale for l >= 0, psi(l) = (exp(c l) - c l - 1)/c^2: a Poisson
    count minus its mean, or any martingale whose increments are at most c with variance V.
    Formula: exp(c l) is mixed over a truncated gamma law. With r = rho/c^2, a = (v+rho)/c^2, y = a + s/c and
    G(y, a) = log of the integral of u^(y-1) exp(-a(u-1)) over u > 1: log E = G(y, a) - G(r, r), 0 at the start.
    Assumptions: one side only, upwards; V is known (for a count against an objective: requests times allowed rate).
    Wrong when: events come in clusters larger than c, since a cluster is one jump.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Proposition 10.
    """

    rho: float
    c: float
    _start: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = positive("rho", self.rho) / positive("c", self.c) ** 2
        object.__setattr__(self, "_start", log_upper_gamma(shape, shape))

    @classmethod
    def tuned(cls, v_opt: float, alpha_opt: float, c: float) -> GammaPoissonMixture:
        """The mixture whose boundary at level `alpha_opt` is nearly tightest at `v_opt`."""
        return cls(one_sided_rho(v_opt, alpha_opt), c)

    def log_e(self, s: float, v: float) -> float:
        """Natural log of the e-process at sum `s` and intrinsic time `v`; `s` is at least -v/c, an empty count."""
        if finite("s", s) * self.c + non_negative("v", v) + self.rho <= 0:
            raise InputError("s", f"{s} is below -v/c = {-v / self.c}, which no count can reach")
        return self._log_e(s, v)

    def _log_e(self, s: float, v: float) -> float:
        shape = (v + self.rho) / self.c**2
        return log_upper_gamma(shape + s / self.c, shape) - self._start

    def bound(self, v: float, alpha: float) -> float:
        """P(S_t >= bound(V_t) at any t) <= alpha."""
        non_negative("v", v)
        return _bound(lambda s: self._log_e(s, v), v + self.rho, alpha)
