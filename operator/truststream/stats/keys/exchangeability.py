"""E_ex: the exchangeability key, for stages whose planned share q is a half or more.

Hypothesis: errors are exchangeable between arms of equal (boosted) exposure.
Formula: mean over g of prod 1/(q + (1-q) exp(-z)), z = [e_c log(th/th') + e_b log((1-th)/(1-th'))]/phi, th' = 2q - th.
Assumes: at q = 1/2 nothing but exchangeability, clusters of any size, any phi: f(C, B) + f(B, C) = 2. For q above 1/2
E f <= 1 was found numerically for Poisson numbers of equal clusters of size 1 to 200.
Wrong when: a fixed number of giant clusters at q > 1/2 (up to 1.12); the key must be chosen by the planned share.
Source: the symmetric likelihood ratio of a sign-invariant law; compare Ramdas et al., arXiv 2109.06476, section 4.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from truststream.stats.keys.conditional_poisson import WORSE
from truststream.stats.keys.counts import Counts, Floats

PLANNED: Final = 0.5
"""Planned weights from here on use this key instead of the bets on the share."""


def log_factors(counts: Counts, tolerance: float, phi: Floats | float, ratios: Floats = WORSE) -> Floats:
    """log of each block's factor: (..., pairs) gives (..., pairs, len(ratios)); `phi` broadcasts against (..., pairs).

    A measured share below a half may leave th' outside (0, 1): such an alternative sits the block out.
    """
    share = counts.share(tolerance)[..., None]
    above = ratios * share / (1.0 + (ratios - 1.0) * share)
    below = 2.0 * share - above
    usable = counts.usable[..., None] & (below > 0.0) & (below < 1.0)
    below = np.where(usable, below, above)
    slope_c = np.log(above / below)
    slope_b = np.log((1.0 - above) / (1.0 - below))
    z = (counts.e_c[..., None] * slope_c + counts.e_b[..., None] * slope_b) / np.asarray(phi)[..., None]
    factors = -np.logaddexp(np.log(share), np.log1p(-share) - z)
    return np.where(usable, factors, 0.0)
