"""Confidence sequence for the rate ratio: every ratio that the Poisson key does not reject on either side.

Valid at any look for a ratio that is constant over the run, where errors arrive in clusters of at most phi; each side
is spent at half of alpha, so that both hold together. Exposure must be steady within a stage: its totals stand for its
blocks.
Source: duality of tests and confidence sequences, Howard et al., arXiv 1810.08240, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from truststream.stats.keys import conditional_poisson
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.starts import log_sum
from truststream.stats.result import Interval

_FAR: Final = 12.0  # exp of it is the largest ratio that is looked at
_POINTS: Final = 41


def estimate(stages: Counts) -> float:
    """Canary's rate over the baseline's, each stage against its own exposure (Mantel-Haenszel); NaN without errors.

    Source: Rothman, Greenland and Lash, Modern Epidemiology, 3rd ed., equation 15-20 (person-time data).
    """
    whole = np.where(stages.n_c + stages.n_b > 0, stages.n_c + stages.n_b, 1.0)
    canary, baseline = (stages.e_c * stages.n_b / whole).sum(), (stages.e_b * stages.n_c / whole).sum()
    if baseline == 0:
        return math.inf if canary > 0 else math.nan
    return float(canary / baseline)


def interval(stages: Counts, phi: float, alpha: float) -> Interval:
    """All ratios not rejected; `stages` has one row a stage (shape (stages,)). (0, inf) while nothing is known.

    Ends are found on a grid that is refined once: to about 0.01 %.
    """
    needed = math.log(2.0 / alpha)
    lower = _crossing(lambda logs: _log_keys(stages, logs, conditional_poisson.WORSE, phi) - needed)
    upper = _crossing(lambda logs: _log_keys(stages, -logs, 1.0 / conditional_poisson.WORSE, phi) - needed)
    return Interval(math.exp(lower), math.exp(-upper), 1.0 - alpha)


def _log_keys(stages: Counts, log_ratios: Floats, ratios: Floats, phi: float) -> Floats:
    """log evidence against each ratio; the keys' formula with the ratio for the boundary, on a grid of ratios."""
    usable = stages.usable
    n_c, n_b, e_c = (np.where(usable, part, 0.0) for part in (stages.n_c, stages.n_b, stages.e_c))
    boosted = n_c * np.exp(log_ratios)[:, None]
    share = (boosted / np.where(usable, boosted + n_b, 1.0))[..., None]
    total = np.where(usable, stages.total, 0.0)[:, None]
    factors = e_c[:, None] * np.log(ratios) - total * np.log1p((ratios - 1.0) * share)
    return log_sum(factors.sum(axis=-2) / phi)


def _crossing(excess: Callable[[Floats], Floats]) -> float:
    """Where falling evidence crosses 0, on the logarithmic scale; -inf when it never is above, inf when always."""
    grid = np.linspace(-_FAR, _FAR, _POINTS)
    for _ in range(2):
        values = excess(grid)
        above = np.flatnonzero(values >= 0.0)
        if not above.size:
            return -math.inf
        last = int(above[-1])
        if last == len(grid) - 1:
            return math.inf
        low, high = grid[last], grid[last + 1]
        fraction = values[last] / (values[last] - values[last + 1])
        grid = np.linspace(low, high, _POINTS)
    return float(low + (high - low) * fraction)
