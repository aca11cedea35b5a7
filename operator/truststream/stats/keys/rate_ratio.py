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
_UNIT: Final[Floats] = np.linspace(0.0, 1.0, 41)
_COARSE: Final[Floats] = np.stack([_FAR * (2.0 * _UNIT - 1.0)] * 2)
_SIGNS: Final[Floats] = np.array([[1.0], [-1.0]])
_RATIOS: Final[Floats] = np.stack([conditional_poisson.WORSE, 1.0 / conditional_poisson.WORSE])[:, None, None, :]


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
    low, high = _crossings(lambda logs: _log_keys(stages, logs * _SIGNS, phi) - needed)
    return Interval(math.exp(low), math.exp(-high), 1.0 - alpha)


def _log_keys(stages: Counts, log_ratios: Floats, phi: float) -> Floats:
    """log evidence against each ratio of both rows: that the true one is above it (first row), or below it (second).

    The keys' formula with the ratio for the boundary; shape (2, points).
    """
    usable = stages.usable
    n_c, n_b, e_c = (np.where(usable, part, 0.0) for part in (stages.n_c, stages.n_b, stages.e_c))
    total = np.where(usable, stages.total, 0.0)[:, None]
    boosted = n_c * np.exp(log_ratios)[..., None]
    share = (boosted / np.where(usable, boosted + n_b, 1.0))[..., None]
    factors = e_c[:, None] * np.log(_RATIOS) - total * np.log1p((_RATIOS - 1.0) * share)
    return log_sum(factors.sum(axis=-2) / phi)


def _crossings(excess: Callable[[Floats], Floats]) -> list[float]:
    """Where falling evidence crosses 0 in each row, on the logarithmic scale: -inf when it never is above, inf when
    it always is."""
    first, rows = excess(_COARSE), (0, 1)
    brackets = [_bracket(_COARSE[row], first[row]) for row in rows]
    fine = np.stack([low + (high - low) * _UNIT for low, high in brackets])
    values = excess(np.where(np.isfinite(fine), fine, 0.0))
    return [_end(brackets[row], fine[row], values[row]) for row in rows]


def _bracket(grid: Floats, values: Floats) -> tuple[float, float]:
    above = np.flatnonzero(values >= 0.0)
    if not above.size:
        return -math.inf, -math.inf
    last = int(above[-1])
    return (math.inf, math.inf) if last == len(grid) - 1 else (float(grid[last]), float(grid[last + 1]))


def _end(bracket: tuple[float, float], grid: Floats, values: Floats) -> float:
    if math.isinf(bracket[0]):
        return bracket[0]
    last = int(np.flatnonzero(values >= 0.0)[-1])
    low, high = grid[last], grid[last + 1]
    return float(low + (high - low) * values[last] / (values[last] - values[last + 1]))
