"""E_ph: the tempered conditional Poisson key.

Hypothesis: the canary's error rate is at most (1 + d) times the baseline's; rates may drift together as they like.
Formula: prod over blocks of [(th/q)^e_c ((1-th)/(1-q))^e_b]^(1/phi), th = r q / (r q + 1 - q), mixed over r.
Assumes: errors arrive in independent clusters whose total size over all blocks is at most phi; any law in each arm.
Wrong when: clusters are larger (heavy tails); the mixture is then no e-process.
Source: Lindon and Malek, arXiv 2011.03567, section 3 (phi = 1, fixed exposure); the tempering by 1/phi follows from
a^(M/phi) <= 1 + (M/phi)(a - 1) for 0 <= M <= phi (concavity).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from truststream.stats.keys.counts import Counts, Floats

WORSE: Final[Floats] = np.geomspace(1.08, 16.0, 18)
"""Rate ratios, relative to the boundary, that the rollback key bets on."""


def not_worse(margin: float) -> Floats:
    """Rate ratios, relative to the boundary 1 + margin, that the promotion key bets on; all below 1."""
    true_ratios = np.array([0.25, 0.5, 0.7, 0.85, 1.0, np.sqrt(1.0 + margin)])
    return true_ratios / (1.0 + margin)


def log_factors(counts: Counts, ratios: Floats, tolerance: float) -> Floats:
    """log of each block's factor before tempering: shape (..., pairs) gives (..., pairs, len(ratios)).

    With th as above th/q = r/(1 + (r-1) q) and (1-th)/(1-q) = 1/(1 + (r-1) q): no cancellation, no overflow.
    Divide by phi to get E_ph's.
    """
    share, total = counts.share(tolerance)[..., None], np.where(counts.usable, counts.total, 0.0)[..., None]
    canary = np.where(counts.usable, counts.e_c, 0.0)[..., None]
    factors: Floats = canary * np.log(ratios) - total * np.log1p((ratios - 1.0) * share)
    return factors
