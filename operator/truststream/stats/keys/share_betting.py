"""E_sh: bets on the canary's share of a block's errors.

Hypothesis: E[e_c / T | past, T, n] <= q, the share that exposure and tolerance give the canary.
Formula: sum over k of weight_k prod over blocks of [1 + k (X/q - 1)], X = e_c/T; mirrored 1 + k ((1-X)/(1-q) - 1).
Assumes: clusters of any size and law, each inside one block, falling on the arms in proportion to exposure on average.
Wrong when: the arms' laws differ and blocks hold few errors (bias (1-pi)(phi_b - phi_c)/E[T]); bursts over many blocks.
Source: Waudby-Smith and Ramdas, arXiv 2010.09686, section 4 (betting on bounded means).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from truststream.stats.keys.counts import Counts, Floats

STAKES: Final[Floats] = np.array([0.01, 0.03, 0.1, 0.3, 0.6, 0.98])
STAKE_WEIGHTS: Final[Floats] = np.array([0.06, 0.06, 0.08, 0.10, 0.20, 0.50])
"""More on the high stakes: at 50 % weight the growth of a block is bounded, and only they come near the bound."""

MIRRORED_STAKES: Final[Floats] = np.array([0.03, 0.1, 0.3, 0.6, 0.9, 1.0])


def log_factors(counts: Counts, stakes: Floats, tolerance: float) -> Floats:
    """log of each block's factor for "worse than the boundary": (..., pairs) gives (..., pairs, len(stakes))."""
    share = counts.share(tolerance)
    return _bet(counts, _fraction(counts) / share, stakes)


def mirrored_log_factors(counts: Counts, stakes: Floats, tolerance: float) -> Floats:
    """The other tail, "better than the boundary"; -inf where a stake of 1 lost all."""
    share = counts.share(tolerance)
    return _bet(counts, (1.0 - _fraction(counts)) / (1.0 - share), stakes)


def _fraction(counts: Counts) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts.usable, counts.e_c / counts.total, 0.0)


def _bet(counts: Counts, odds: Floats, stakes: Floats) -> Floats:
    gain = stakes * (np.where(counts.usable, odds, 1.0)[..., None] - 1.0)
    with np.errstate(divide="ignore"):
        # An exact loss of everything may come out as -1 - 1e-17.
        factors: Floats = np.log1p(np.maximum(gain, -1.0))
    return factors
