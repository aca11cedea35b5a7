"""Asymptotic confidence sequences: a standard error at any time, without known variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from truststream.errors import InputError
from truststream.stats.guards import finite, non_negative, open_unit, positive
from truststream.stats.normal_mixture import best_rho, one_sided_rho
from truststream.stats.result import Alternative, Interval, SequentialResult
from truststream.stats.summary import Moments


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its standard error now, from `n` units of both arms together."""

    value: float
    standard_error: float
    n: float

    def __post_init__(self) -> None:
        finite("value", self.value)
        positive("standard_error", self.standard_error)
        positive("n", self.n)

    def z(self, null: float) -> float:
        """Distance to the null hypothesis in standard errors."""
        return (self.value - finite("null", null)) / self.standard_error


def _arm(name: str, arm: Moments) -> tuple[float, float]:
    """Mean and squared standard error of the mean."""
    n = positive(f"{name}.n", arm.n)
    return finite(f"{name}.mean", arm.mean), non_negative(f"{name}.variance", arm.variance) / n


def absolute_lift(control: Moments, treatment: Moments) -> Estimate:
    """Difference of the means, with the unpooled standard error."""
    (base, base_squared), (mean, squared) = _arm("control", control), _arm("treatment", treatment)
    return Estimate(mean - base, math.sqrt(squared + base_squared), control.n + treatment.n)


def relative_lift(control: Moments, treatment: Moments) -> Estimate:
    """Difference of the means over the control's mean, with the standard error of the delta method.

    Wrong when the control's mean is within a few standard errors of zero.
    Source: Deng, Knoblich & Lu 2018 (arXiv 1803.06336), the delta method for ratios.
    """
    (base, base_squared), (mean, squared) = _arm("control", control), _arm("treatment", treatment)
    if base == 0:
        raise InputError("control.mean", "is 0, so there is no relative lift; ask for the absolute one")
    ratio = mean / base
    error = math.sqrt(squared + ratio * ratio * base_squared) / abs(base)
    return Estimate(ratio - 1, error, control.n + treatment.n)


@dataclass(frozen=True, slots=True)
class Asymptotic:
    """A confidence sequence from standard errors alone, nearly tightest once `n_tune` units were seen.

    Hypothesis: the parameter is `null`, or at most `null` (GREATER), or at least `null` (LESS).
    Formula: with w = n rho^2, z the distance in standard errors: two-sided half-width se sqrt((w+1)/w
    log((w+1)/alpha^2)), log E = z^2 w/(2(w+1)) - log(w+1)/2. One-sided: se sqrt(2 (w+1)/w log(1 + sqrt(w+1)/(2
    alpha))), and its inversion in alpha at fixed rho, log E = log(2 (exp(z^2 w/(2(w+1))) - 1)/sqrt(w+1)).
    Assumptions: the central limit theorem holds at the first look already; units are what was randomised.
    Wrong when: units are clustered (requests of one user or pod): then it errs at 25-51 % instead of 5 %; or counts
    are small.
    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (arXiv 2103.06476v7), eq. 9 (two-sided), 134 (one-sided), 155
    (p-value), 161 (rho).
    """

    alpha: float
    n_tune: float
    alternative: Alternative = Alternative.TWO_SIDED
    rho2: float = 0.0

    def __post_init__(self) -> None:
        open_unit("alpha", self.alpha)
        rho = best_rho if self.two_sided else one_sided_rho
        # the same optimum as of the normal mixture, whose precision is 1/rho^2
        object.__setattr__(self, "rho2", self.rho2 or 1 / rho(positive("n_tune", self.n_tune), self.alpha))
        positive("rho2", self.rho2)

    @property
    def two_sided(self) -> bool:
        """Both directions count as evidence."""
        return self.alternative is Alternative.TWO_SIDED

    def half_width(self, estimate: Estimate) -> float:
        """Distance from the estimate to a bound of the confidence sequence."""
        w = estimate.n * self.rho2
        if self.two_sided:
            nats = math.log1p(w) / 2 - math.log(self.alpha)
        else:
            nats = math.log1p(math.sqrt(w + 1) / (2 * self.alpha))
        return estimate.standard_error * math.sqrt(2 * (w + 1) / w * nats)

    def interval(self, estimate: Estimate) -> Interval:
        """The confidence sequence at this look; open on the side that the alternative does not bound."""
        width = self.half_width(estimate)
        lower = -math.inf if self.alternative is Alternative.LESS else estimate.value - width
        upper = math.inf if self.alternative is Alternative.GREATER else estimate.value + width
        return Interval(lower, upper, 1 - self.alpha)

    def log_e(self, estimate: Estimate, null: float = 0.0) -> float:
        """Natural log of the asymptotic e-value against the hypothesis with this `null`."""
        w = estimate.n * self.rho2
        z = estimate.z(null)
        nats = z * z / 2 * (w / (w + 1))
        if self.two_sided:
            return nats - math.log1p(w) / 2
        if (z if self.alternative is Alternative.GREATER else -z) <= 0:
            return -math.inf
        return _log_expm1(nats) + math.log(2) - math.log1p(w) / 2

    def look(self, estimate: Estimate, null: float = 0.0) -> SequentialResult:
        """Interval and evidence at this look."""
        details = {"standard_error": estimate.standard_error, "rho2": self.rho2}
        return SequentialResult(
            method="asymptotic",
            n=estimate.n,
            log_e=self.log_e(estimate, null),
            estimate=estimate.value,
            interval=self.interval(estimate),
            details=details,
        )


def _log_expm1(x: float) -> float:
    if x == 0:
        return -math.inf
    return x + math.log(-math.expm1(-x))
