"""Many e-values at once. They are given as natural logarithms: e-values of long runs have no other number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from truststream.errors import InputError
from truststream.stats.guards import open_unit


def mean_log_e(log_e: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Logarithm of the weighted mean of e-values: an e-value of the null that all nulls hold.

    Assumptions: none on dependence; the weights are fixed before the data. Also a mean of e-processes is one.
    Wrong when: a mean of minima is meant: min first, then the mean.
    Source: Vovk & Wang (2021), Annals of Statistics 49:1736, proposition 3.1.
    """
    values = _checked(log_e)
    shares = np.full(len(values), 1.0 / len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(shares) != len(values) or (shares < 0).any() or abs(float(shares.sum()) - 1.0) > 1e-9:
        raise InputError("weights", "must be as many as the e-values, none negative, with sum 1")
    used = shares > 0
    return float(np.logaddexp.reduce(values[used] + np.log(shares[used])))


def e_bh(log_e: Sequence[float], alpha: float) -> tuple[bool, ...]:
    """Rejections with false discovery rate alpha under any dependence.

    Formula: reject the k largest, k the largest number with e_(k) >= m/(k alpha).
    Assumptions: each is an e-value of its null, at any stopping time.
    Wrong when: e-values are calibrated p-values of tests that were peeked at.
    Source: Wang & Ramdas (2022), JRSS B 84:822, definition 2 (e-BH).
    """
    values = _checked(log_e)
    open_unit("alpha", alpha)
    ranked = np.sort(values)[::-1]
    needed = math.log(len(values) / alpha) - np.log(np.arange(1, len(values) + 1))
    passed = np.flatnonzero(ranked >= needed)
    if not len(passed):
        return (False,) * len(values)
    bound = ranked[passed[-1]]
    return tuple(bool(value >= bound) for value in values)


def _checked(log_e: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.array(list(log_e), dtype=np.float64)
    if not len(values) or np.isnan(values).any() or (values == np.inf).any():
        raise InputError("log_e", "is empty, NaN or +inf; give logarithms of e-values (-inf for 0)")
    return values
