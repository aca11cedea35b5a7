"""Bayesian lift of a mean: chance to win and what a wrong choice would cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from truststream.stats.guards import finite, open_unit, positive
from truststream.stats.result import Interval
from truststream.stats.summary import Moments
from truststream.stats.tails import normal_quantile


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """What is believed of the lift before the data: normal with this mean and variance."""

    mean: float = 0.0
    variance: float = 0.09

    def __post_init__(self) -> None:
        finite("prior.mean", self.mean)
        positive("prior.variance", self.variance)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of an effect after the data."""

    n: float
    mean: float = math.nan
    standard_deviation: float = math.nan
    chance_to_win: float = math.nan  # P(effect > 0)
    risk_of_control: float = math.nan  # expected loss when control is kept, E max(effect, 0)
    risk_of_treatment: float = math.nan  # expected loss when treatment is chosen, E max(-effect, 0)
    interval: Interval | None = None  # credible, equal tails
    reason: str = ""

    @property
    def can_tell(self) -> bool:
        """There is a posterior."""
        return not self.reason


def bayes_lift(
    treatment: Moments,
    control: Moments,
    prior: NormalPrior | None = None,
    level: float = 0.95,
    *,
    relative: bool = True,
) -> Posterior:
    """Posterior of the lift m_t/m_c - 1, or of the difference m_t - m_c when not `relative`.

    Formula: the estimate d has variance s² (delta method, as in `welch`); with the prior N(m, v) the posterior is
    normal with precision 1/s² + 1/v and mean (d/s² + m/v) over it; without a prior it is N(d, s²). With
    u = mean/sd: E max(effect, 0) = sd φ(u) + mean Φ(u).
    Assumptions: means close to normal, independent units.
    Wrong when: taken for a test: looking until the chance to win exceeds 95 % errs far more often than 5 %. For
    allocation of traffic and for people, never for a rollback.
    Source: Gelman et al. (2013), Bayesian Data Analysis, eq. (2.11); the conventions of lift and expected loss
    are those of GrowthBook's published engine.
    """
    open_unit("level", level)
    n = treatment.n + control.n
    if min(treatment.n, control.n) < 2 or treatment.variance + control.variance == 0:
        return Posterior(n=n, reason="each arm needs two units, one of them a spread")
    if relative and control.mean == 0:
        return Posterior(n=n, reason="the mean of control is 0: nothing to be relative to")
    estimate, variance = treatment.mean - control.mean, treatment.variance / treatment.n + control.variance / control.n
    if relative:
        ratio = treatment.mean / control.mean
        variance = treatment.variance / treatment.n + control.variance / control.n * ratio * ratio
        estimate, variance = ratio - 1.0, variance / control.mean**2
    if prior is not None:
        precision = 1.0 / variance + 1.0 / prior.variance
        estimate, variance = (estimate / variance + prior.mean / prior.variance) / precision, 1.0 / precision
    return _posterior(n, estimate, math.sqrt(variance), level)


def _posterior(n: float, mean: float, deviation: float, level: float) -> Posterior:
    u = mean / deviation
    density = math.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
    win = float(special.ndtr(u))
    half = normal_quantile(level) * deviation
    return Posterior(
        n=n,
        mean=mean,
        standard_deviation=deviation,
        chance_to_win=win,
        risk_of_control=max(0.0, deviation * density + mean * win),
        risk_of_treatment=max(0.0, deviation * density - mean * float(special.ndtr(-u))),
        interval=Interval(mean - half, mean + half, level),
    )
