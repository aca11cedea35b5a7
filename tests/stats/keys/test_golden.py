"""Values that an independent implementation computed: natural logarithms, to nine digits."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stats.keys.drawn import counts
from truststream.stats.keys import conditional_poisson, exchangeability, share_betting
from truststream.stats.keys.counts import Counts
from truststream.stats.keys.starts import log_sum

LOW = counts(
    (100, 1, 1900, 8), (100, 2, 1900, 9), (0, 0, 2000, 10), (100, 4, 1900, 11), (100, 3, 1900, 0)
)  # the third has no canary: factor 1
EVEN = counts((1000, 9, 1000, 5), (1000, 12, 1000, 4), (1000, 10, 1000, 7))
UNIFORM_STAKES = np.array([0.01, 0.03, 0.1, 0.3, 0.6, 0.95])


def _poisson(given: Counts, tolerance: float, phi: float) -> float:
    factors = conditional_poisson.log_factors(given, conditional_poisson.WORSE, tolerance) / phi
    return float(log_sum(factors.sum(axis=-2)))


def _share(given: Counts, tolerance: float) -> float:
    return float(log_sum(share_betting.log_factors(given, UNIFORM_STAKES, tolerance).sum(axis=-2)))


def _exchange(given: Counts, tolerance: float, phi: float) -> float:
    return float(log_sum(exchangeability.log_factors(given, tolerance, phi).sum(axis=-2)))


@pytest.mark.parametrize(
    ("given", "tolerance", "phi", "expected"),
    [
        (LOW, 0.0, 1.3, 6.309075999),
        (LOW, 0.25, 2.0, 3.091972338),
        (EVEN, 0.0, 1.3, 0.681034163),
        (EVEN, 0.25, 2.0, -0.574653812),
    ],
)
def test_conditional_poisson(given: Counts, tolerance: float, phi: float, expected: float) -> None:
    assert _poisson(given, tolerance, phi) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "tolerance", "expected"),
    [(LOW, 0.0, 5.100765956), (LOW, 0.25, 4.312393268), (EVEN, 0.0, 0.327666532), (EVEN, 0.25, 0.188621781)],
)
def test_share_betting(given: Counts, tolerance: float, expected: float) -> None:
    assert _share(given, tolerance) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("tolerance", "phi", "expected"), [(0.0, 1.3, 1.887368872), (0.25, 2.0, 0.840883139)])
def test_exchangeability(tolerance: float, phi: float, expected: float) -> None:
    assert _exchange(EVEN, tolerance, phi) == pytest.approx(expected, abs=1e-9)
