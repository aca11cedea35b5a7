"""Bands around an empirical distribution: one for a fixed number of observations, one for all numbers at once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from scipy.optimize import minimize_scalar

from truststream.errors import InputError
from truststream.stats.crossing import root
from truststream.stats.guards import finite, non_negative, open_unit, positive


def dkw_radius(n: float, alpha: float) -> float:
    """Half-width of the band around an empirical distribution of `n` observations, fixed in advance.

    Hypothesis: independent draws of one law. Formula: sqrt(log(2/alpha)/(2n)).
    Wrong when: looked at more than once (use `LilBand`), or draws depend on each other.
    Source: Dvoretzky, Kiefer & Wolfowitz 1956 with the constant of Massart 1990.
    """
    return math.sqrt(math.log(2 / open_unit("alpha", alpha)) / (2 * positive("n", n)))


@dataclass(frozen=True, slots=True)
class LilBand:
    """A band around the empirical distribution at all times t >= t_min and all quantiles at once.

    Hypothesis: independent draws of one law, continuous or not.
    Formula: sup |F_t - F| <= A sqrt((log(1 + log(t/t_min)) + C)/t). C is the least that keeps the error below alpha:
    min over eta > 1 of 4 exp(-g C)(1 + 1/((g-1) log eta)), g = 2/eta (A - sqrt(2(eta-1)/C))^2 > 1.
    Assumptions: A > 1/sqrt(2). Wrong when: observations depend on each other. The width is absolute, hence useless
    for a far quantile: at p99 a band of .02 is wider than the tail.
    Source: Howard & Ramdas 2022 (arXiv 1906.09712), Theorem 2.
    """

    alpha: float
    t_min: float
    a: float = 0.85
    c: float = field(init=False)

    def __post_init__(self) -> None:
        open_unit("alpha", self.alpha)
        if positive("t_min", self.t_min) < 1:
            raise InputError("t_min", f"{self.t_min} is less than one observation")
        if finite("A", self.a) <= math.sqrt(0.5):
            raise InputError("A", f"{self.a} is not above 1/sqrt(2), the constant of the law of the iterated logarithm")
        object.__setattr__(self, "c", _least_c(self.alpha, self.a))

    def radius(self, t: float) -> float:
        """Half-width of the band after `t` observations; infinite before `t_min`."""
        if non_negative("t", t) < self.t_min:
            return math.inf
        return self.a * math.sqrt((math.log1p(math.log(t / self.t_min)) + self.c) / t)


def _log_error(c: float, eta: float, a: float) -> float:
    g = 2 / eta * (a - math.sqrt(2 * (eta - 1) / c)) ** 2
    if g <= 1:
        return math.inf
    return math.log(4) - g * c + math.log1p(1 / ((g - 1) * math.log(eta)))


def _least_log_error(c: float, a: float) -> float:
    """The best eta for this C; the error is finite only between 1 and the eta at which g has come down to 1."""

    def slack(eta: float) -> float:
        return math.sqrt(eta / 2) + math.sqrt(2 * (eta - 1) / c) - a

    highest = root(slack, 1.0, 2 * a * a)
    width = highest - 1
    found = minimize_scalar(
        lambda share: _log_error(c, 1 + width * share, a), bounds=(1e-6, 1 - 1e-9), method="bounded"
    )
    return float(found.fun)


def _least_c(alpha: float, a: float) -> float:
    target = math.log(alpha)
    high = 1.0
    while _least_log_error(high, a) > target:
        high *= 2
    low = high
    while _least_log_error(low, a) <= target:
        low /= 2
    return root(lambda c: _least_log_error(c, a) - target, low, high)
