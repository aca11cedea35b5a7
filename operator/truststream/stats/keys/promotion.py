"""The promotion statistic of one metric: non-inferiority by the mirrored tails, for one stage.

H0: the rate ratio is at least 1 + margin. It is begun anew at each stage and read at the decision, never as a running
maximum: a canary that turns bad after good minutes must lose what it had proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.stats.keys import conditional_poisson, share_betting
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.rollback import Keys, joined
from truststream.stats.keys.starts import log_sum

LEAST_ERRORS: Final = 80.0
"""Errors that the canary should have had at the boundary before a comparison may promote.

A canary whose errors come in lumps shows none at all for a while; phi cannot know lumps that were not seen yet.
Without this, 3 of 10 canaries at the boundary with lumps of mean size 4 and few requests were promoted.
"""


def expected_errors(totals: Counts, margin: float) -> Floats:
    """Errors that the canary's requests would have had at a rate ratio of 1 + margin, from what stable had."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals.n_b > 0, totals.n_c * (1.0 + margin) * totals.e_b / totals.n_b, 0.0)


@dataclass(frozen=True, slots=True)
class Proof:
    """Kept between two blocks; shapes (..., grid). The Poisson part is untempered: phi is applied when it is read."""

    poisson: Floats
    share: Floats

    @classmethod
    def begin(cls, shape: tuple[int, ...] = ()) -> Proof:
        """Evidence 1."""
        grid = len(conditional_poisson.not_worse(0.0))
        return cls(np.zeros((*shape, grid)), np.zeros((*shape, len(share_betting.MIRRORED_STAKES))))


@dataclass(frozen=True, slots=True)
class Promotion:
    """The test; `margin` is d_p, e.g. 0.5."""

    margin: float

    def step(self, proof: Proof, counts: Counts, *, disjoint: bool = True) -> Proof:
        """After one interval; `counts` has shape (..., pairs)."""
        return self.advance(proof, counts.as_one_block(), disjoint=disjoint)

    def advance(self, proof: Proof, counts: Counts, *, disjoint: bool = True) -> Proof:
        """After several intervals; `counts` has shape (..., blocks, pairs)."""
        ratios = conditional_poisson.not_worse(self.margin)
        poisson = conditional_poisson.log_factors(counts, ratios, self.margin).sum(axis=(-3, -2))
        factors = share_betting.mirrored_log_factors(counts, share_betting.MIRRORED_STAKES, self.margin)
        return Proof(proof.poisson + poisson, proof.share + joined(factors, counts, disjoint).sum(axis=-2))

    def keys(self, proof: Proof, phi: Floats | float) -> Keys:
        """log evidence of both keys.

        `phi` is max(the baseline's, 1.5 times the running dispersion of the canary's blocks): an empirical guard, not
        part of a theorem, since an A/A of the baseline says nothing about a canary whose errors come in lumps.
        """
        tempered = proof.poisson / np.asarray(phi, dtype=np.float64)[..., None]
        return Keys(log_sum(tempered), log_sum(proof.share))
