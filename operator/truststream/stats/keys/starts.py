"""Mixture over start times: a regression that comes late is met by a bet that was placed when it came.

E_t = sum over starts s of w_s E_(s..t) + what is not placed yet. With predictable weights that sum to at most 1 this is
an e-process (the constant unplaced part is one, too). One number per alternative is kept, not one per start:
M <- (M + w_t) f_t.
Source: Shin, Ramdas and Rinaldo, arXiv 2203.03532, section 4 (e-detectors), with weights summing to 1 so that
Ville's inequality keeps its level.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from truststream.stats.keys.counts import Floats

FIRST: Final = 0.5
"""Weight of the run's own start; the other half is spread over the later ones."""


_FEW: Final = 4096
"""Up to here one call is quicker than five that each are faster; beyond, a thousand simulated runs count."""


def start_weight(number: int) -> float:
    """Weight of start `number` (0 is the run's own): 1/2, then 1/2 * 1/(j(j+1)), which sums to 1/2 for any count."""
    return FIRST if number == 0 else (1.0 - FIRST) / (number * (number + 1))


def unplaced(starts: int) -> float:
    """What is left after that many starts: 1, 1/2, then 1/(2 (j + 1)) after j later ones."""
    if starts == 0:
        return 1.0
    return FIRST if starts == 1 else (1.0 - FIRST) / starts


def place(log_wealth: Floats, weight: float) -> Floats:
    """Add a start's weight to every alternative."""
    return np.logaddexp(log_wealth, np.log(weight)) if weight > 0 else log_wealth


def log_mixture(log_wealth: Floats, weights: Floats | None, left: float) -> Floats:
    """log of the mixture over alternatives (last axis), with what is not placed."""
    grid = log_sum(log_wealth, weights)
    with np.errstate(divide="ignore"):
        return np.logaddexp(grid, np.log(left))


def log_sum(log_wealth: Floats, weights: Floats | None = None) -> Floats:
    """log of the weighted mean over the last axis; equal weights when none are given. -inf where all is lost."""
    count = log_wealth.shape[-1]
    logs = np.full(count, -np.log(count)) if weights is None else np.log(weights)
    terms = log_wealth + logs
    if terms.size <= _FEW:
        few: Floats = np.logaddexp.reduce(terms, axis=-1)
        return few
    peak = np.max(terms, axis=-1, keepdims=True)
    safe = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        summed: Floats = np.log(np.sum(np.exp(terms - safe), axis=-1)) + safe[..., 0]
    return summed
