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
from scipy.optimize import brentq

from truststream.stats.keys import conditional_poisson
from truststream.stats.keys.counts import Counts, Floats
from truststream.stats.keys.starts import log_sum
from truststream.stats.result import Interval

_FAR: Final = 12.0  # exp of it is the largest ratio that is looked at


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
    """All ratios not rejected; `stages` has one row a stage (shape (stages,)). (0, inf) while nothing is known."""
    needed = math.log(2.0 / alpha)
    lower = _root(lambda log_r: _log_worse(stages, log_r, phi) - needed, falling=True)
    upper = _root(lambda log_r: _log_better(stages, log_r, phi) - needed, falling=False)
    return Interval(lower, upper, 1.0 - alpha)


def _log_worse(stages: Counts, log_ratio: float, phi: float) -> float:
    return _log_key(stages, log_ratio, conditional_poisson.WORSE, phi)


def _log_better(stages: Counts, log_ratio: float, phi: float) -> float:
    return _log_key(stages, log_ratio, 1.0 / conditional_poisson.WORSE, phi)


def _log_key(stages: Counts, log_ratio: float, ratios: Floats, phi: float) -> float:
    factors = conditional_poisson.log_factors(stages, ratios, math.expm1(log_ratio))
    return float(log_sum(factors.sum(axis=-2) / phi))


def _root(excess: Callable[[float], float], *, falling: bool) -> float:
    """Where evidence crosses what is needed; the open end when it never does."""
    inner, outer = (-_FAR, _FAR) if falling else (_FAR, -_FAR)
    if excess(inner) < 0:
        return 0.0 if falling else math.inf
    if excess(outer) >= 0:
        return math.inf if falling else 0.0
    return math.exp(brentq(excess, *sorted((inner, outer)), xtol=1e-6))
