"""Sufficient statistics that add: what a batch of data leaves behind, small enough to be kept.

Sums of squares lose all digits when the mean is large beside the spread, so only centred moments are kept. Two
summaries are joined by the pairwise update of Chan, Golub & LeVeque (1983), "Algorithms for computing the sample
variance", The American Statistician 37, eq. (2.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol, Self

from truststream.errors import InputError
from truststream.stats.guards import finite, non_negative
from truststream.stats.samples import all_finite

_ROUNDING = 1e-9  # sums that come from elsewhere were rounded there; a larger contradiction is an error


class Moments(Protocol):
    """What a comparison of two means needs to know of an arm."""

    @property
    def n(self) -> float:
        """Number of units."""

    @property
    def mean(self) -> float:
        """Average of the units."""

    @property
    def variance(self) -> float:
        """Estimated variance of one unit."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """Successes among n trials."""

    successes: float
    n: float

    def __post_init__(self) -> None:
        non_negative("n", self.n)
        if non_negative("successes", self.successes) > self.n:
            raise InputError("successes", f"{self.successes} of n={self.n} trials; mend the counter that is too large")

    @property
    def failures(self) -> float:
        """The other trials."""
        return self.n - self.successes

    @property
    def mean(self) -> float:
        """Share of successes; NaN without trials."""
        return self.successes / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """Maximum-likelihood variance of one trial, p(1-p)."""
        return self.mean * (1.0 - self.mean)

    def __add__(self, other: Proportion) -> Proportion:
        return Proportion(self.successes + other.successes, self.n + other.n)


@dataclass(frozen=True, slots=True)
class Mean:
    """Count, mean and sum of squared deviations of one quantity."""

    n: float = 0.0
    mean: float = 0.0
    m2: float = 0.0

    def __post_init__(self) -> None:
        non_negative("n", self.n)
        finite("mean", self.mean)
        non_negative("m2", self.m2)

    @classmethod
    def from_values(cls, values: Iterable[float]) -> Mean:
        """From raw data: two passes with exact sums, so that NIST's NumAcc sets keep their digits."""
        data = all_finite("values", values)
        if not data:
            return cls()
        mean = math.fsum(data) / len(data)
        return cls(float(len(data)), mean, _comoment(data, data, mean, mean))

    @classmethod
    def from_sums(cls, n: float, total: float, total_of_squares: float) -> Mean:
        """From sums that an export gives; the subtraction is exact, the digits lost before are lost."""
        non_negative("n", n), finite("sum", total), non_negative("sumsq", total_of_squares)
        if n == 0:
            if total or total_of_squares:
                raise InputError("n", f"is 0, but the sum is {total}; give the number of units behind the sum")
            return cls()
        m2 = float(Fraction(total_of_squares) - Fraction(total) ** 2 / Fraction(n))
        if m2 < -_ROUNDING * total_of_squares:
            raise InputError("sumsq", f"{total_of_squares} is less than sum²/n; no data have such sums")
        return cls(n, total / n, max(0.0, m2))

    @classmethod
    def from_variance(cls, n: float, mean: float, variance: float) -> Mean:
        """From published statistics; `variance` with divisor n-1."""
        if non_negative("n", n) < 1:
            raise InputError("n", f"is {n}; statistics of no units are none")
        return cls(n, mean, non_negative("variance", variance) * (n - 1.0))

    @property
    def variance(self) -> float:
        """Unbiased sample variance; NaN below two units."""
        return self.m2 / (self.n - 1.0) if self.n > 1 else math.nan

    @property
    def total(self) -> float:
        """Sum of the units."""
        return self.n * self.mean

    def __add__(self, other: Mean) -> Mean:
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        return Mean(n, mean, self.m2 + other.m2 + delta * delta * (self.n * other.n / n))


@dataclass(frozen=True, slots=True)
class Joint:
    """Means and co-moments of several quantities measured on the same units."""

    n: float
    means: tuple[float, ...]
    comoments: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        non_negative("n", self.n)
        all_finite("means", self.means)
        size = len(self.means)
        if len(self.comoments) != size or any(len(row) != size for row in self.comoments):
            raise InputError("comoments", f"is not a {size}x{size} matrix; give one row and column for every mean")
        for index, row in enumerate(self.comoments):
            all_finite(f"comoments[{index}]", row)
            non_negative(f"comoments[{index}][{index}]", row[index])

    @classmethod
    def from_columns(cls, *columns: Sequence[float]) -> Self:
        """From raw data, one column a quantity, one place a unit."""
        data = [all_finite(f"columns[{index}]", column) for index, column in enumerate(columns)]
        n = len(data[0]) if data else 0
        if any(len(column) != n for column in data):
            raise InputError("columns", f"have lengths {[len(c) for c in data]}; every unit needs all quantities")
        if not n:
            size = len(data)
            return cls(0.0, (0.0,) * size, ((0.0,) * size,) * size)
        means = tuple(math.fsum(column) / n for column in data)
        pairs = list(zip(data, means, strict=True))
        return cls(float(n), means, tuple(tuple(_comoment(x, y, mx, my) for y, my in pairs) for x, mx in pairs))

    def covariance(self, i: int, j: int) -> float:
        """Unbiased covariance of two quantities; NaN below two units."""
        return self.comoments[i][j] / (self.n - 1.0) if self.n > 1 else math.nan

    def __add__(self, other: Self) -> Self:
        if len(self.means) != len(other.means):
            raise InputError("means", f"{len(self.means)} and {len(other.means)} quantities do not add")
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        delta = [b - a for a, b in zip(self.means, other.means, strict=True)]
        means = tuple(a + d * (other.n / n) for a, d in zip(self.means, delta, strict=True))
        return type(self)(n, means, self._joined(other, delta))

    def _joined(self, other: Self, delta: Sequence[float]) -> tuple[tuple[float, ...], ...]:
        weight = self.n * other.n / (self.n + other.n)
        rows = zip(self.comoments, other.comoments, delta, strict=True)
        return tuple(
            tuple(a + b + weight * di * dj for a, b, dj in zip(mine, theirs, delta, strict=True))
            for mine, theirs, di in rows
        )


@dataclass(frozen=True, slots=True)
class Ratio(Joint):
    """Numerator and denominator per unit, e.g. errors and requests of one user."""

    def __post_init__(self) -> None:
        Joint.__post_init__(self)
        if len(self.means) != 2:
            raise InputError("means", f"has {len(self.means)} quantities; a ratio has a numerator and a denominator")

    @property
    def ratio(self) -> float:
        """Ratio of the means; NaN when the denominator is nothing."""
        return self.means[0] / self.means[1] if self.n and self.means[1] else math.nan


@dataclass(frozen=True, slots=True)
class Paired(Joint):
    """The outcome first, then what was known of the same unit before: one covariate or several."""

    def __post_init__(self) -> None:
        Joint.__post_init__(self)
        if len(self.means) < 2:
            raise InputError("means", "has no covariate; give at least one quantity from before the experiment")

    @property
    def outcome(self) -> Mean:
        """The outcome alone."""
        return Mean(self.n, self.means[0], self.comoments[0][0])


def autocorrelation(values: Sequence[float]) -> float:
    """Lag-1 autocorrelation Σ(x_i - x̄)(x_{i+1} - x̄) / Σ(x_i - x̄)², as NIST's StRD defines it; NaN without spread."""
    data = all_finite("values", values)
    summary = Mean.from_values(data)
    if not summary.m2:
        return math.nan
    centred = [value - summary.mean for value in data]
    return math.fsum(a * b for a, b in pairwise(centred)) / summary.m2


def _comoment(x: Sequence[float], y: Sequence[float], mean_x: float, mean_y: float) -> float:
    a, b = [value - mean_x for value in x], [value - mean_y for value in y]
    # the rounded means are slightly off: the second term takes that out (Chan, Golub & LeVeque, eq. 1.7)
    comoment = math.fsum(p * q for p, q in zip(a, b, strict=True)) - math.fsum(a) * math.fsum(b) / len(a)
    return max(0.0, comoment) if x is y else comoment  # rounding must not make a square negative
