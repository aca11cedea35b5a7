"""Bayesian comparison of two proportions with beta priors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from truststream.stats.bayes_lift import Posterior
from truststream.stats.guards import open_unit, positive
from truststream.stats.result import Interval
from truststream.stats.summary import Proportion

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_TINY, _EPSILON = 1e-300, 2.0**-53
_CUTS = np.array([1e-16, 1e-9, 1e-4, 0.02, 0.15, 0.5])


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta law of a proportion; Beta(1, 1) is flat."""

    a: float = 1.0
    b: float = 1.0

    def __post_init__(self) -> None:
        positive("a", self.a)
        positive("b", self.b)

    def after(self, data: Proportion) -> Beta:
        """The posterior."""
        return Beta(self.a + data.successes, self.b + data.failures)

    @property
    def mean(self) -> float:
        """Expectation."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        """Variance."""
        return self.mean * (1.0 - self.mean) / (self.a + self.b + 1.0)

    def cuts(self) -> NDArray[np.float64]:
        """Points between which the law is smooth."""
        below = special.betaincinv(self.a, self.b, _CUTS)
        return np.concatenate([below, special.betainccinv(self.a, self.b, _CUTS)])


FLAT = Beta()


def bayes_beta(treatment: Proportion, control: Proportion, prior: Beta = FLAT, level: float = 0.95) -> Posterior:
    """Posterior of p_t - p_c; each arm has the same prior.

    Formula: posteriors Beta(a + k, b + n - k); chance to win ∫ f_c (1 - F_t); losses ∫ F_t (1 - F_c) (loss when
    treatment is chosen) and ∫ F_c (1 - F_t), by Gauss-Legendre between quantiles of both. The mean and the standard
    deviation are those of the difference; the interval has equal tails.
    Assumptions: independent trials.
    Wrong when: taken for a test under peeking (see `bayes_lift`); trials are clustered.
    Source: Berry (1996), Statistics: A Bayesian Perspective, ch. 8; losses: E max(X - Y, 0) = ∫ F_Y (1 - F_X).
    """
    open_unit("level", level)
    n = treatment.n + control.n
    if not treatment.n and not control.n:
        return Posterior(n=0, reason="no trials in either arm")
    t, c = prior.after(treatment), prior.after(control)
    law = _Difference.of(t, c)
    x, weight = _panels(np.clip(np.concatenate([[0.0, 1.0], law.t_cuts, law.c_cuts]), 0.0, 1.0))
    f_t, f_c = special.betainc(t.a, t.b, x), special.betainc(c.a, c.b, x)
    tail = (1.0 - level) / 2.0
    return Posterior(
        n=n,
        mean=t.mean - c.mean,
        standard_deviation=math.sqrt(t.variance + c.variance),
        chance_to_win=1.0 - law.below(0.0),
        risk_of_control=float(weight @ (f_c * (1.0 - f_t))),
        risk_of_treatment=float(weight @ (f_t * (1.0 - f_c))),
        interval=Interval(law.quantile(tail), law.quantile(1.0 - tail), level),
    )


def _panels(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights between all edges: laws of very different width need panels of their own."""
    edges = np.unique(edges)
    half, centre = np.diff(edges) / 2.0, (edges[1:] + edges[:-1]) / 2.0
    return (centre[:, None] + half[:, None] * _NODES).ravel(), (half[:, None] * _WEIGHTS).ravel()


@dataclass(frozen=True, slots=True)
class _Difference:
    """The law of p_t - p_c; its cuts are found once, they are what costs time."""

    t: Beta
    c: Beta
    t_cuts: NDArray[np.float64]
    c_cuts: NDArray[np.float64]

    @classmethod
    def of(cls, t: Beta, c: Beta) -> _Difference:
        return cls(t, c, t.cuts(), c.cuts())

    def below(self, difference: float) -> float:
        """P(p_t - p_c <= difference), over log odds of control, where a beta density is smooth to its ends."""
        ends = special.logit(np.clip(self.c_cuts, _TINY, 1.0 - _EPSILON))
        inner = special.logit(np.clip(self.t_cuts - difference, _TINY, 1.0 - _EPSILON))
        s, weight = _panels(np.concatenate([ends, np.clip(inner, ends.min(), ends.max())]))
        log_density = -self.c.a * np.logaddexp(0.0, -s) - self.c.b * np.logaddexp(0.0, s)
        mass = weight * np.exp(log_density - log_density.max())
        x = np.clip(special.expit(s) + difference, 0.0, 1.0)
        # dividing by the mass instead of the beta function, which has too few digits for billions of trials
        return float(mass @ special.betainc(self.t.a, self.t.b, x) / mass.sum())

    def quantile(self, share: float) -> float:
        """The difference that is not exceeded with this probability."""
        deviation = math.sqrt(self.t.variance + self.c.variance)
        low, high = (self.t.mean - self.c.mean + side * 8.0 * deviation for side in (-1.0, 1.0))
        # Cantelli: 8 deviations hold at least 1 - 1/65 on each side, enough for usual levels; else search all there is
        if low <= -1.0 or self.below(low) >= share:
            low = -1.0
        if high >= 1.0 or self.below(high) <= share:
            high = 1.0
        found = optimize.brentq(lambda d: self.below(d) - share, low, high, xtol=1e-8 * deviation, rtol=1e-14)
        return float(found)
