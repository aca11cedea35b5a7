"""Gamma and beta functions in logarithms, without the cancellation and underflow that large counts bring.

A difference of lgamma values loses about 1e-16 times their size: at 1e9 events that is 1e-6 and more. Here the large
parts are cancelled by algebra first, and only Stirling's small remainder is a difference of gamma functions.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betainc, gammainc, gammaincc, gammaln

from truststream.stats.guards import FloatArray
from truststream.stats.quadrature import log_falling_integral

_LOG_2PI = math.log(2 * math.pi)
_LARGE = 16.0  # from here on four terms of Stirling's series are exact to rounding
_TINY = 1e-250  # below this a tail probability is integrated in logarithms instead


def stirling_remainder(a: FloatArray) -> FloatArray:
    """log Gamma(a) minus (a - 1/2) log a - a + log(2 pi)/2 (Abramowitz & Stegun 6.1.41)."""
    safe = np.maximum(a, _LARGE)
    square = safe * safe
    rest = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / safe
    direct = gammaln(a) - (a - 0.5) * np.log(a) + a - 0.5 * _LOG_2PI
    result: FloatArray = np.where(a >= _LARGE, rest, direct)
    return result


def log_dirichlet(a: FloatArray) -> FloatArray:
    """log of the multivariate beta function over the last axis: sum of log Gamma(a_i) minus log Gamma(sum a_i)."""
    total = a.sum(axis=-1, keepdims=True)
    main = (a * np.log(a / total) - 0.5 * np.log(a) + stirling_remainder(a)).sum(axis=-1)
    rest = (0.5 * np.log(total) - stirling_remainder(total))[..., 0]
    result: FloatArray = main + rest + 0.5 * (a.shape[-1] - 1) * _LOG_2PI
    return result


def log_beta(a: float, b: float) -> float:
    """log B(a, b)."""
    return float(log_dirichlet(np.array([a, b])))


def log_lower_beta(a: float, b: float, x: float) -> float:
    """log of the integral of t^(a-1) (1-t)^(b-1) over 0 < t < x, not divided by B(a, b)."""
    if x == 1:
        return log_beta(a, b)
    mass = float(betainc(a, b, x))
    if mass > _TINY:
        return log_beta(a, b) + math.log(mass)
    # all mass lies above x, so the integrand rises up to x: with t = x exp(-w) it only falls in w
    odds = x / (1 - x)
    rest = log_falling_integral(lambda w: -a * w + (b - 1) * np.log1p(-odds * np.expm1(-w)), a - (b - 1) * odds, a)
    return a * math.log(x) + (b - 1) * math.log1p(-x) + rest


def _log_scaled_gamma(a: float, x: float) -> float:
    """log Gamma(a) - a log x + x, which is small although each part is large."""
    if a < _LARGE:
        return float(gammaln(a)) - a * math.log(x) + x
    delta = (x - a) / a
    log_ratio = math.log1p(delta) if abs(delta) < 0.5 else math.log(x / a)
    remainder = float(stirling_remainder(np.array(a)))
    return 0.5 * (_LOG_2PI - math.log(a)) + remainder + a * (delta - log_ratio)


def log_lower_gamma(a: float, x: float) -> float:
    """log of the integral of u^(a-1) exp(x (1-u)) over 0 < u < 1, for a > 0 and any x.

    This is gamma(a, x) x^-a e^x with the lower incomplete gamma function, continued to x <= 0 (DLMF 8.2.1, 8.2.7).
    """
    mass = float(gammainc(a, x)) if x > 0 else 0.0
    if mass > _TINY:
        return _log_scaled_gamma(a, x) + math.log(mass)
    return log_falling_integral(lambda w: -a * w - x * np.expm1(-w), a - x, a)


def log_upper_gamma(a: float, x: float) -> float:
    """log of the integral of u^(a-1) exp(-x (u-1)) over u > 1, for a > 0 and x > 0.

    This is Gamma(a, x) x^-a e^x with the upper incomplete gamma function (DLMF 8.2.2).
    """
    mass = float(gammaincc(a, x))
    if mass > _TINY:
        return _log_scaled_gamma(a, x) + math.log(mass)
    return log_falling_integral(lambda z: -x * z + (a - 1) * np.log1p(z), x - a + 1, x)
