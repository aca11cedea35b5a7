"""Probabilities that a z-statistic crosses boundaries at looks planned in advance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp

from truststream.errors import InputError
from truststream.stats.guards import FloatArray, finite, series

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_REACH = 10.0  # standard deviations: beyond, a normal law has 1e-23 of its mass
_MOST_PANELS = 4000


def check_times(times: Sequence[float]) -> FloatArray:
    """Information fractions: above 0, at most 1, rising."""
    t = series("t", times)
    if t[0] <= 0 or t[-1] > 1 + 1e-9 or (np.diff(t) <= 0).any():
        raise InputError("t", "is not a row of information fractions that rise from above 0 to at most 1")
    return t


@dataclass(frozen=True, slots=True)
class Path:
    """Law of the score S = Z sqrt(t) among paths that have crossed nothing yet, as weights on nodes.

    S has independent normal increments with mean drift dt and variance dt. One step is the recursion of Armitage,
    McPherson & Rowe 1969 (JRSS A 132, 235): the next density is the integral of this one against a normal kernel. It
    is done by Gauss-Legendre quadrature on panels no longer than a kernel is wide (compare Jennison & Turnbull 2000,
    chapter 19).
    """

    t: float
    drift: float
    nodes: FloatArray
    log_weights: FloatArray

    @classmethod
    def start(cls, drift: float = 0.0) -> Path:
        """Before any information."""
        return cls(0.0, finite("drift", drift), np.zeros(1), np.zeros(1))

    def _standardised(self, t: float, z: float) -> FloatArray:
        step = t - self.t
        return (z * math.sqrt(t) - self.nodes - self.drift * step) / math.sqrt(step)

    def log_above(self, t: float, z: float) -> float:
        """log P(not crossed before, Z > z at fraction t)."""
        return self._log_total(log_ndtr(-self._standardised(t, z)))

    def log_below(self, t: float, z: float) -> float:
        """log P(not crossed before, Z < z at fraction t)."""
        return self._log_total(log_ndtr(self._standardised(t, z)))

    def _log_total(self, log_values: FloatArray) -> float:
        return float(logsumexp(self.log_weights + log_values)) if self.nodes.size else -math.inf

    def advance(self, t: float, z: tuple[float, float], following: float) -> Path:
        """The law at `t` of paths with Z between the two bounds; `following` is the fraction of the next look."""
        centre, spread, root = self.drift * t, _REACH * math.sqrt(t), math.sqrt(t)
        lower, upper = max(z[0] * root, centre - spread), min(z[1] * root, centre + spread)
        if lower >= upper or not self.nodes.size:
            return Path(t, self.drift, np.empty(0), np.empty(0))
        kernel = math.sqrt(min(t - self.t, following - t))
        nodes, weights = _panels(lower, upper, kernel)
        return Path(t, self.drift, nodes, np.log(weights) + self._log_density(t, nodes))

    def _log_density(self, t: float, at: FloatArray) -> FloatArray:
        step = t - self.t
        distance = (at[:, None] - self.nodes[None, :] - self.drift * step) / math.sqrt(step)
        value: FloatArray = logsumexp(self.log_weights - 0.5 * distance**2, axis=1) - 0.5 * math.log(2 * math.pi * step)
        return value


def _panels(lower: float, upper: float, kernel: float) -> tuple[FloatArray, FloatArray]:
    number = math.ceil((upper - lower) / kernel)
    if number > _MOST_PANELS:
        raise InputError("t", "has looks too close to each other for the recursion; drop looks, or use a sequence")
    edges = np.linspace(lower, upper, number + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + _NODES)).ravel(), (half * _WEIGHTS).ravel()


@dataclass(frozen=True, slots=True)
class Crossing:
    """Probabilities of crossing first at each look, above and below."""

    above: tuple[float, ...]
    below: tuple[float, ...]

    @property
    def cumulative(self) -> tuple[float, ...]:
        """P(crossed either bound by look k)."""
        both = np.cumsum(np.asarray(self.above) + np.asarray(self.below))
        return tuple(float(value) for value in both)

    @property
    def cumulative_above(self) -> tuple[float, ...]:
        """P(crossed the upper bound by look k)."""
        return tuple(float(value) for value in np.cumsum(self.above))

    @property
    def total(self) -> float:
        """P(crossed either bound at some look)."""
        return self.cumulative[-1]


def crossing(times: Sequence[float], z: Sequence[float], drift: float = 0.0, two_sided: bool = True) -> Crossing:
    """P(first |Z| >= z_k at look k), or Z >= z_k when one-sided, with bounds symmetric around zero.

    Hypothesis: Z_k is normal with mean drift sqrt(t_k), variance 1 and covariance sqrt(t_j/t_k): the drift is the mean
    of Z at full information, 0 under the null.
    Formula: the recursion of `Path`. Assumptions: looks were planned, or at least not chosen by the results; z is
    asymptotically normal at the first look already.
    Wrong when: looks are many and adaptive, or overrun the plan: use an always-valid method.
    Source: Armitage, McPherson & Rowe 1969; Jennison & Turnbull 2000, chapter 19; Lan & Zucker 1993 for the drift.
    """
    t, bounds = check_times(times), np.asarray(z, dtype=np.float64)
    if bounds.size != t.size or np.isnan(bounds).any():
        raise InputError("z", f"is not {t.size} boundary values, one for each look")
    if two_sided and (bounds < 0).any():
        raise InputError("z", "has a negative value, which a two-sided boundary cannot have")
    path, above, below = Path.start(drift), [], []
    for k, (time, bound) in enumerate(zip(t.tolist(), bounds.tolist(), strict=True)):
        above.append(math.exp(path.log_above(time, bound)))
        below.append(math.exp(path.log_below(time, -bound)) if two_sided else 0.0)
        if k + 1 < t.size:
            path = path.advance(time, (-bound if two_sided else -math.inf, bound), float(t[k + 1]))
    return Crossing(tuple(above), tuple(below))
