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

    Formula: posteriors Beta(a + k, b + n - k); chance to win ∫ f_t F_c; expected losses ∫ F_t (1 - F_c) (loss when
    treatment is chosen) and ∫ F_c (1 - F_t), by Gauss-Legendre between quantiles of both. The mean and the standard
    deviation are those of the difference; the interval has equal tails.
    Assumptions: independent trials.
    Wrong when: taken for a test under peeking (see `bayes_lift`); trials are clustered.
    Source: Berry (1996), Statistics: A Bayesian Perspective, ch. 8; losses: VWO white paper of Stucchio (2015), eq. 5.
    """
    open_unit("level", level)
    n = treatment.n + control.n
    if not treatment.n and not control.n:
        return Posterior(n=0, reason="no trials in either arm")
    t, c = prior.after(treatment), prior.after(control)
    x, weight = _panels(np.concatenate([t.cuts(), c.cuts()]))
    f_t, f_c = special.betainc(t.a, t.b, x), special.betainc(c.a, c.b, x)
    tail = (1.0 - level) / 2.0
    return Posterior(
        n=n,
        mean=t.mean - c.mean,
        standard_deviation=math.sqrt(t.variance + c.variance),
        chance_to_win=1.0 - _below(t, c, 0.0),
        risk_of_control=float(weight @ (f_c * (1.0 - f_t))),
        risk_of_treatment=float(weight @ (f_t * (1.0 - f_c))),
        interval=Interval(_quantile(t, c, tail), _quantile(t, c, 1.0 - tail), level),
    )


def _panels(cuts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = np.unique(np.clip(np.concatenate([[0.0, 1.0], cuts]), 0.0, 1.0))
    half, centre = np.diff(edges) / 2.0, (edges[1:] + edges[:-1]) / 2.0
    return (centre[:, None] + half[:, None] * _NODES).ravel(), (half[:, None] * _WEIGHTS).ravel()


def _below(t: Beta, c: Beta, difference: float) -> float:
    """P(p_t - p_c <= difference), integrated by parts over quantiles of control: no density, no infinite peak."""
    u, weight = _panels(np.concatenate([_CUTS, 1.0 - _CUTS, special.betainc(c.a, c.b, _shifted(t, difference))]))
    x = np.clip(special.betaincinv(c.a, c.b, u) + difference, 0.0, 1.0)
    return float(np.clip(weight @ special.betainc(t.a, t.b, x), 0.0, 1.0))


def _shifted(t: Beta, difference: float) -> NDArray[np.float64]:
    return np.clip(t.cuts() - difference, 0.0, 1.0)


def _quantile(t: Beta, c: Beta, share: float) -> float:
    deviation = math.sqrt(t.variance + c.variance)
    low, high = (t.mean - c.mean + side * 8.0 * deviation for side in (-1.0, 1.0))
    # Cantelli: 8 deviations hold at least 1 - 1/65 on each side, enough for usual levels; else search all there is
    if low <= -1.0 or _below(t, c, low) >= share:
        low = -1.0
    if high >= 1.0 or _below(t, c, high) <= share:
        high = 1.0
    found = optimize.brentq(lambda d: _below(t, c, d) - share, low, high, xtol=1e-8 * deviation, rtol=1e-14)
    return float(found)
