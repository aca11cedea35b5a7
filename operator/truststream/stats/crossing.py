"""Where an evidence curve crosses its threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq

from truststream.errors import InputError

_DOUBLINGS = 200


def root(f: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a function that is not above zero at one end and not below it at the other."""
    return float(brentq(f, low, high, xtol=1e-300, rtol=1e-14, maxiter=500))


def upper_crossing(log_e: Callable[[float], float], threshold: float, first: float, ceiling: float = math.inf) -> float:
    """The least s >= 0 at which a rising `log_e` reaches `threshold`; `ceiling` when s cannot get that far."""
    if log_e(0.0) >= threshold:
        return 0.0
    if math.isfinite(ceiling):
        reached = log_e(ceiling) >= threshold
        return root(lambda s: log_e(s) - threshold, 0.0, ceiling) if reached else ceiling
    high = first
    for _ in range(_DOUBLINGS):
        if log_e(high) >= threshold:
            return root(lambda s: log_e(s) - threshold, 0.0, high)
        high *= 2
    raise InputError("alpha", "no value of the sum reaches this level; give a larger alpha")
