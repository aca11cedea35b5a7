"""Wealth of many bets at once: mixtures over strategies and over the times at which they start.

A mean of e-processes is an e-process under any dependence. One that starts at time s is constant 1 before, so starts
may be mixed, too, with weights that sum to 1: that is what finds changes that come late.
"""

from __future__ import annotations

import math

import numpy as np

from truststream.stats.anomaly import Path


def from_the_start(log_factors: Path) -> Path:
    """log of the mean wealth over strategies (columns), all of which bet from the first value (row) on."""
    if not len(log_factors):
        return np.zeros(0)
    wealth = np.cumsum(log_factors, axis=0)
    return np.asarray(np.logaddexp.reduce(wealth, axis=1) - math.log(log_factors.shape[1]))


def from_any_start(log_factors: Path) -> Path:
    """The same, mixed over starts: half the weight at the first value, 1/(2j(j+1)) at the j-th after it.

    The recursion M <- (M + w_t) f_t needs no memory of single starts; weight that is not yet used stays as cash.
    Source: Shin, Ramdas & Rinaldo (2024), e-detectors, section 3, with weights that sum to 1.
    """
    rows, columns = log_factors.shape
    path = np.empty(rows)
    wealth = np.full(columns, -np.inf)
    for j in range(rows):
        start = 0.5 if j == 0 else 0.5 / (j * (j + 1.0))
        wealth = np.logaddexp(wealth, math.log(start)) + log_factors[j]
        unused = math.log(0.5 / (j + 1.0))
        path[j] = np.logaddexp(np.logaddexp.reduce(wealth) - math.log(columns), unused)
    return path
