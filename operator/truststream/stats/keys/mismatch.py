"""Does the canary get the share of the requests that was planned: the sample ratio mismatch, both ways.

Hypothesis: the odds of a request to come to the canary are within (1 +- band) of the planned ones.
Formula: E_ph of the requests themselves, prod over blocks of [(th/q)^n_c ((1-th)/(1-q))^n_b]^(1/phi), once from the
upper end of the band towards more requests, once from the lower end towards fewer; the mean of both tails.
Assumes: requests come in independent clusters (sessions, kept connections) whose size over all blocks is at most phi.
Wrong when: one client holds a larger part of the traffic; while a change of the weight still propagates (begin anew
after it). A mismatch says that the comparison cannot be trusted, not that the canary is bad: hold and alarm.
Source: Lindon and Malek, arXiv 2011.03567, section 2 (the problem); the tempering as in conditional_poisson.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from truststream.errors import InputError
from truststream.stats.keys.counts import Floats
from truststream.stats.keys.starts import log_mixture, place, start_weight, unplaced

ALPHA: Final = 0.001
BAND: Final = 0.1
CLUSTER: Final = 50.0
"""Requests that one client sends over one connection, at most: the default of phi."""

FEWER: Final[Floats] = np.array([0.01, 0.1, 0.25, 0.5, 0.7, 0.85])
FEWER_WEIGHTS: Final[Floats] = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
"""Odds relative to the end of the band. Half is on the dead canary: that one cannot wait."""

MORE: Final[Floats] = np.array([1.2, 1.5, 2.0, 4.0, 10.0, 100.0])


@dataclass(frozen=True, slots=True)
class Routed:
    """log-wealth per alternative of both tails: all that has to be kept between two blocks. Shapes (..., 6)."""

    fewer: Floats
    more: Floats
    starts: int = 0

    @classmethod
    def begin(cls, shape: tuple[int, ...] = ()) -> Routed:
        """Before anything was placed: evidence 1."""
        return cls(np.full((*shape, len(FEWER)), -np.inf), np.full((*shape, len(MORE)), -np.inf))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The test of one stage.

    Args:
        weight: the planned share of the canary, e.g. 0.05.
        band: how far the odds may be off, e.g. 0.1; proxies round, and pods warm up.
        phi: the largest cluster of requests.
    """

    weight: float
    band: float = BAND
    phi: float = CLUSTER

    def __post_init__(self) -> None:
        """Refuse what is no share, no band or no size."""
        if not 0.0 < self.weight < 1.0:
            raise InputError("weight", f"is {self.weight:g}; a share between 0 and 1 (both excluded) is needed")
        if not 0.0 <= self.band < 1.0:
            raise InputError("band", f"is {self.band:g}; a fraction from 0 to below 1 is needed")
        if not 1.0 <= self.phi < np.inf:
            raise InputError("phi", f"is {self.phi:g}; a cluster has at least 1 request")

    def step(self, routed: Routed, n_c: npt.ArrayLike, n_b: npt.ArrayLike, *, start: bool) -> Routed:
        """After one interval with n_c requests to the canary and n_b to stable, of the shape that was begun.

        `start` places the next start before it. A start before every block costs little and sees a late death soonest.

        Raises:
            InputError: a count is NaN, infinite or negative.
        """
        canary, total = _count("n_c", n_c), _count("n_c", n_c) + _count("n_b", n_b)
        if start:
            weight = start_weight(routed.starts)
            routed = Routed(place(routed.fewer, weight), place(routed.more, weight), routed.starts + 1)
        fewer = _log_factors(canary, total, FEWER, self._share(1.0 - self.band)) / self.phi
        more = _log_factors(canary, total, MORE, self._share(1.0 + self.band)) / self.phi
        return Routed(routed.fewer + fewer, routed.more + more, routed.starts)

    def log_evidence(self, routed: Routed) -> Floats:
        """log evidence that the share is off, one way or the other."""
        left = unplaced(routed.starts)
        fewer, more = log_mixture(routed.fewer, FEWER_WEIGHTS, left), log_mixture(routed.more, None, left)
        mean: Floats = np.logaddexp(fewer, more) - np.log(2.0)
        return mean

    def _share(self, times: float) -> float:
        boosted = self.weight * times
        return boosted / (boosted + 1.0 - self.weight)


def _log_factors(canary: Floats, total: Floats, ratios: Floats, share: float) -> Floats:
    factors: Floats = canary[..., None] * np.log(ratios) - total[..., None] * np.log1p((ratios - 1.0) * share)
    return factors


def _count(name: str, values: npt.ArrayLike) -> Floats:
    counted = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(counted)):
        raise InputError(name, "is NaN or infinite; a count is a finite number")
    if np.any(counted < 0):
        raise InputError(name, "is negative; a count never is")
    return counted
