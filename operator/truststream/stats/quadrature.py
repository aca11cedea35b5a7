"""Integrals of functions that only fall, in logarithms: where a library's tail probability has underflowed to zero."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from truststream.stats.guards import FloatArray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_NATS = 45.0  # where to cut the tail: exp(-45) is far below rounding


def log_falling_integral(log_f: Callable[[FloatArray], FloatArray], rate: float, tail: float) -> float:
    """log of the integral of exp(log_f(w)) over w > 0.

    `log_f(0)` is 0 and its slope goes monotonically from -`rate` to -`tail`, both below zero. Gauss-Legendre on panels
    that double in length: the first is one decay length of the beginning, the last ends where nothing is left.
    """
    reach = _NATS * max(rate / tail, 1.0)
    edges = np.concatenate(([0.0], 2.0 ** np.arange(math.ceil(math.log2(reach)) + 1))) / rate
    half = np.diff(edges)[:, None] / 2
    points = edges[:-1, None] + half * (1 + _NODES)
    return float(logsumexp(log_f(points) + np.log(half * _WEIGHTS)))
