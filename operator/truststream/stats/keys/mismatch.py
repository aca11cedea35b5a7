"""Sample-ratio mismatch: do the requests of the arms match the weight?

Hypothesis: the canary's share of the requests is the weight's, within a tolerance in odds.
Formula: the conditional Poisson key with requests for events, both tails, mean of the two.
Assumes: requests stick together in groups of at most `CLUSTER` (keep-alive connections, sticky sessions).
Wrong when: more than that stick together; an alarm then says that the split is coarse, which holds a release as well.
Source: as E_ph; sequential use after Lindon and Malek, arXiv 2011.03567.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from truststream.errors import InputError
from truststream.stats.keys.conditional_poisson import WORSE
from truststream.stats.keys.counts import Floats
from truststream.stats.keys.starts import log_sum

ALPHA: Final = 0.001
TOLERANCE: Final = 0.1
CLUSTER: Final = 50.0
_TOO_FEW: Final[Floats] = np.geomspace(0.01, 1 / 1.08, 18)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """log-wealth of both tails, shape (..., 2, 18): too many requests first, too few second."""

    wealth: Floats

    @classmethod
    def begin(cls, shape: tuple[int, ...] = ()) -> Suspicion:
        """Evidence 1: at the start, and after every change of the weight."""
        return cls(np.zeros((*shape, 2, len(WORSE))))

    def step(self, n_c: Floats | float, n_b: Floats | float, weight: float) -> Suspicion:
        """After one interval with so many requests at each arm; `weight` is the canary's share, between 0 and 1."""
        if not 0.0 < weight < 1.0:
            raise InputError("weight", f"is {weight:g}; a share between 0 and 1 (both excluded) is needed")
        canary = np.asarray(n_c, dtype=np.float64)
        total = canary + np.asarray(n_b, dtype=np.float64)
        tails = [
            _log_factors(canary, total, _boundary(weight, 1.0 + TOLERANCE), WORSE),
            _log_factors(canary, total, _boundary(weight, 1.0 - TOLERANCE), _TOO_FEW),
        ]
        return Suspicion(self.wealth + np.stack(tails, axis=-2))

    @property
    def log_evidence(self) -> Floats:
        """log of the e-process; an alarm from log(1/ALPHA) on."""
        return log_sum(log_sum(self.wealth))


def _boundary(weight: float, factor: float) -> float:
    return weight * factor / (weight * factor + 1.0 - weight)


def _log_factors(canary: Floats, total: Floats, share: float, ratios: Floats) -> Floats:
    factors: Floats = (
        canary[..., None] * np.log(ratios) - total[..., None] * np.log1p((ratios - 1.0) * share)
    ) / CLUSTER
    return factors
