"""One arm against a fixed rate m: "is it below the criterion" and "is it above the limit".

Formula: [(l/m)^e exp(n (m - l))]^(1/phi), mixed over rates l on the other side of m.
Assumes: errors in independent clusters of at most phi; the rate may vary, as long as its mean is on H0's side.
Wrong when: clusters are larger; rare bursts that have not been seen yet cannot be excluded by any count.
Source: the Poisson martingale, Howard et al., arXiv 1810.08240, table 3 (sub-Poisson), tempered as in E_ph.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import xlogy

from truststream.errors import InputError
from truststream.stats.keys.counts import Floats
from truststream.stats.keys.starts import log_mixture, log_sum, place, start_weight, unplaced

_BELOW: Final[Floats] = np.array([0.0, 0.1, 0.25, 0.5, 0.75])
_BELOW_WEIGHTS: Final[Floats] = np.array([0.6, 0.1, 0.1, 0.1, 0.1])
"""Most on "no error at all": that is what a good release shows, and it needs the fewest requests."""

ABOVE: Final[Floats] = np.geomspace(1.1, 20.0, 10)


def log_below(n: Floats | float, e: Floats | float, limit: float, phi: Floats | float) -> Floats:
    """log evidence that the rate is below `limit` (a fraction), from n requests with e errors; shape of n."""
    _check_limit(limit)
    requests, errors, size = (np.asarray(x, dtype=np.float64)[..., None] for x in (n, e, phi))
    gained: Floats = xlogy(errors, _BELOW)  # 0 log 0 = 0: "no error at all" is lost only by an error
    return log_sum((gained + requests * limit * (1.0 - _BELOW)) / size, _BELOW_WEIGHTS)


def requests_needed(limit: float, phi: float, alpha: float) -> int:
    """Requests without a single error that prove "below `limit`" at level alpha."""
    _check_limit(limit)
    return math.ceil(phi * (math.log(1.0 / alpha) - math.log(_BELOW_WEIGHTS[0])) / limit)


def log_above_factors(n: Floats | float, e: Floats | float, limit: float, phi: Floats | float) -> Floats:
    """log factor of one block for "above `limit`" per alternative: shape of n gives (..., 10)."""
    _check_limit(limit)
    requests, errors, size = (np.asarray(x, dtype=np.float64)[..., None] for x in (n, e, phi))
    factors: Floats = (errors * np.log(ABOVE) - requests * limit * (ABOVE - 1.0)) / size
    return factors


def begin_above(shape: tuple[int, ...] = ()) -> Floats:
    """log-wealth of "above the limit" before anything was placed."""
    return np.full((*shape, len(ABOVE)), -np.inf)


def step_above(wealth: Floats, factors: Floats, start: int | None) -> Floats:
    """After one interval; `start` is the number of the start that is placed before it, if any."""
    placed = wealth if start is None else place(wealth, start_weight(start))
    return placed + factors


def log_above(wealth: Floats, starts: int) -> Floats:
    """log evidence that the rate is above the limit."""
    return log_mixture(wealth, None, unplaced(starts))


def _check_limit(limit: float) -> None:
    if not 0.0 < limit < 1.0:
        raise InputError("limit", f"is {limit:g}; a rate between 0 and 1 (both excluded) is needed")
