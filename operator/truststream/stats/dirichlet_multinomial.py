"""Sequential test of a sample ratio, batch by batch: are requests split as configured?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy

from truststream.errors import InputError
from truststream.stats.guards import FloatArray, counts, series, simplex
from truststream.stats.result import SequentialResult
from truststream.stats.special import log_dirichlet


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """log marginal likelihoods after each batch: of the configured split (m0), and of an unknown one (m1)."""

    log_m0: FloatArray
    log_m1: FloatArray
    n: float

    @property
    def log_e(self) -> FloatArray:
        """Natural log of the e-process after each batch."""
        path: FloatArray = self.log_m1 - self.log_m0
        return path

    def look(self) -> SequentialResult:
        """Evidence after the last batch."""
        return SequentialResult("dirichlet-multinomial", self.n, float(self.log_e[-1]))


def dirichlet_multinomial(
    batches: Sequence[Sequence[float]], theta0: Sequence[float], prior: Sequence[float]
) -> SampleRatio:
    """Evidence against "each unit goes to group i with probability theta0_i", however units are cut into batches.

    Formula: m0 is multinomial; m1 is Dirichlet-multinomial, each batch under the posterior of the batches before.
    E = m1/m0 depends on the total counts only, the coefficients of the batches cancel.
    Assumptions: units are independent. Wrong when: sessions are sticky or connections are kept alive, so that requests
    come in clusters; or the split changes, as in a canary's steps: start again then.
    Source: Lindon & Malek 2022 (arXiv 2011.03567), sample ratio mismatch.
    """
    shares, start = simplex("theta0", theta0), series("prior", prior)
    if start.size != shares.size or (start <= 0).any():
        raise InputError("prior", f"is not {shares.size} numbers above zero")
    if not batches:
        raise InputError("batches", "is empty; give at least one batch")
    rows = np.stack([_batch(index, batch, shares.size) for index, batch in enumerate(batches)])
    totals = rows.sum(axis=1)
    coefficients = gammaln(totals + 1) - gammaln(rows + 1).sum(axis=1)
    after = start + np.cumsum(rows, axis=0)
    before = np.vstack((start, after[:-1]))
    return SampleRatio(
        log_m0=np.cumsum(coefficients + xlogy(rows, shares).sum(axis=1)),
        log_m1=np.cumsum(coefficients + log_dirichlet(after) - log_dirichlet(before)),
        n=float(totals.sum()),
    )


def _batch(index: int, batch: Sequence[float], groups: int) -> FloatArray:
    row = counts(f"batches[{index}]", batch)
    if row.size != groups:
        raise InputError(f"batches[{index}]", f"has {row.size} groups, theta0 has {groups}")
    return row
