"""Beta-binomial mixtures: a time-uniform boundary for sums of increments with two known ends, and for proportions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from truststream.errors import InputError
from truststream.stats.crossing import upper_crossing
from truststream.stats.guards import FloatArray, finite, non_negative, open_unit, positive
from truststream.stats.normal_mixture import best_rho, one_sided_rho
from truststream.stats.special import log_dirichlet, log_lower_beta

_LEAST = 1e-3  # of g h: the prior stays proper however early the boundary is tuned


@dataclass(frozen=True, slots=True)
class BetaBinomialMixture:
    """Evidence against "S is a martingale of increments in [-g, h]", or sub-Bernoulli with these ends.

    Hypothesis: S_t = sum of increments with mean zero given the past, each between -g and h; v = g h t. For a
    proportion p0: g = p0, h = 1 - p0, s = successes - n p0, v = n p0 (1 - p0).
    Formula: with k = (v + h s)/(h (g+h)) successes and f = (v - g s)/(g (g+h)) failures in the two-point law that the
    ends span, E is the beta-binomial marginal likelihood over the likelihood at g/(g+h). The prior is
    Beta(r/(h(g+h)), r/(g(g+h))) for successes and failures, cut at the hypothesis when one-sided.
    Assumptions: the ends are known before the data. Independence is not needed, only the mean given the past.
    Wrong when: failures come in clusters that straddle observations, so the mean given the past moves.
    Source: Howard, Ramdas, McAuliffe & Sekhon 2021 (arXiv 1810.08240), Propositions 7 (two-sided, eqs. 56
    and 57) and 8 (one-sided).
    """

    r: float
    g: float
    h: float
    two_sided: bool = True
    _start: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        positive("g", self.g)
        positive("h", self.h)
        positive("r", self.r)
        object.__setattr__(self, "_start", self._log_mass(0.0, 0.0))

    @classmethod
    def tuned(cls, v_opt: float, alpha_opt: float, ends: tuple[float, float], two_sided: bool) -> BetaBinomialMixture:
        """The mixture whose boundary at level `alpha_opt` is nearly tightest at `v_opt`; `ends` are (g, h)."""
        g, h = positive("g", ends[0]), positive("h", ends[1])
        rho = best_rho(v_opt, alpha_opt) if two_sided else one_sided_rho(v_opt, alpha_opt)
        return cls(max(rho - g * h, _LEAST * g * h), g, h, two_sided)

    def _log_mass(self, successes: float, failures: float) -> float:
        width = self.g + self.h
        edge = 1.0 if self.two_sided else self.h / width
        return log_lower_beta(self.r / (self.g * width) + failures, self.r / (self.h * width) + successes, edge)

    def log_e(self, s: float, v: float) -> float:
        """Natural log of the e-process at sum `s` and intrinsic time `v`; 0 at the start."""
        g, h = self.g, self.h
        slack = 1e-9 * (1 + non_negative("v", v))
        if v + h * finite("s", s) < -slack or v - g * s < -slack:
            raise InputError("s", f"{s} is outside [{-v / h}, {v / g}], which increments between the ends can reach")
        return self._log_e(s, v)

    def _log_e(self, s: float, v: float) -> float:
        g, h, width = self.g, self.h, self.g + self.h
        successes = max(v + h * s, 0.0) / (h * width)
        failures = max(v - g * s, 0.0) / (g * width)
        null = successes * math.log(g / width) + failures * math.log(h / width)
        return self._log_mass(successes, failures) - self._start - null

    def log_path(self, s: FloatArray, v: float) -> FloatArray:
        """`log_e` of many sums at once at one intrinsic time, for the two-sided mixture."""
        if not self.two_sided:
            raise InputError("two_sided", "is false; only the two-sided mixture is computed for many sums at once")
        g, h, width = self.g, self.h, self.g + self.h
        successes = np.maximum(v + h * s, 0.0) / (h * width)
        failures = np.maximum(v - g * s, 0.0) / (g * width)
        after = np.stack((self.r / (g * width) + failures, self.r / (h * width) + successes), axis=-1)
        null = successes * math.log(g / width) + failures * math.log(h / width)
        path: FloatArray = log_dirichlet(after) - self._start - null
        return path

    def bound(self, v: float, alpha: float) -> float:
        """P(S_t >= bound(V_t) at any t) <= alpha; v/g, the largest sum there is, while nothing smaller will do.

        The two-sided mixture bounds the lower side, too, but there the boundary is another one: swap g and h.
        """
        nats = -math.log(open_unit("alpha", alpha))
        ceiling = non_negative("v", v) / self.g
        return upper_crossing(lambda s: self._log_e(s, v), nats, ceiling, ceiling)
