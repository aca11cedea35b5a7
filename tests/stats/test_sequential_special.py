"""Gamma and beta functions in logarithms: against their integrals, and where plain ones underflow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betainc, betaln, gammainc, gammaincc, gammaln

from tests.stats.sequential_drawn import drawn
from truststream.stats.special import (
    log_beta,
    log_dirichlet,
    log_lower_beta,
    log_lower_gamma,
    log_upper_gamma,
    stirling_remainder,
)

shapes = st.floats(0.05, 400)


@drawn
@given(shapes, st.floats(0.05, 500))
def test_lower_gamma_is_the_scaled_library_function(a: float, x: float) -> None:
    mass = gammainc(a, x)
    if mass > 1e-200:
        expected = math.log(mass) + gammaln(a) - a * math.log(x) + x
        assert log_lower_gamma(a, x) == pytest.approx(expected, abs=1e-9, rel=1e-10)


@drawn
@given(shapes, st.floats(0.05, 500))
def test_upper_gamma_is_the_scaled_library_function(a: float, x: float) -> None:
    mass = gammaincc(a, x)
    if mass > 1e-200:
        expected = math.log(mass) + gammaln(a) - a * math.log(x) + x
        assert log_upper_gamma(a, x) == pytest.approx(expected, abs=1e-9, rel=1e-10)


@pytest.mark.parametrize(("a", "x"), [(2000.0, 500.0), (50.0, -30.0), (3.0, -20.0), (1.5, 0.0)])
def test_lower_gamma_below_underflow_is_its_integral(a: float, x: float) -> None:
    rate = a - x
    value, _ = quad(lambda w: math.exp(-a * w / rate - x * math.expm1(-w / rate)), 0, 60 * rate / min(a, rate))
    assert log_lower_gamma(a, x) == pytest.approx(math.log(value / rate), abs=1e-8)


@pytest.mark.parametrize(("a", "x"), [(500.0, 3000.0), (0.5, 800.0), (20.0, 900.0)])
def test_upper_gamma_below_underflow_is_its_integral(a: float, x: float) -> None:
    rate = x - a + 1
    value, _ = quad(lambda z: math.exp(-x * z / rate + (a - 1) * math.log1p(z / rate)), 0, 60)
    assert log_upper_gamma(a, x) == pytest.approx(math.log(value / rate), abs=1e-8)


@drawn
@given(shapes, shapes, st.floats(0.01, 0.99))
def test_lower_beta_is_the_library_function(a: float, b: float, x: float) -> None:
    mass = betainc(a, b, x)
    if mass > 1e-200:
        assert log_lower_beta(a, b, x) == pytest.approx(math.log(mass) + betaln(a, b), abs=1e-9, rel=1e-10)


def test_lower_beta_below_underflow_follows_its_recurrence() -> None:
    # I_x(a, b) = I_x(a + 1, b) + x^a (1-x)^b / (a B(a, b)), in unnormalised form (DLMF 8.17.20)
    a, b, x = 5000.0, 40.0, 0.3
    step = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    rest = log_lower_beta(a + 1, b, x) + math.log((a + b) / a)
    assert log_lower_beta(a, b, x) == pytest.approx(np.logaddexp(step, rest), rel=1e-13)


def test_the_whole_beta_function_is_its_own_limit() -> None:
    assert log_lower_beta(3.0, 4.0, 1.0) == log_beta(3.0, 4.0) == pytest.approx(math.log(1 / 60))


@drawn
@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=5))
def test_dirichlet_is_gamma_functions(a: list[float]) -> None:
    expected = gammaln(a).sum() - gammaln(sum(a))
    assert float(log_dirichlet(np.array(a))) == pytest.approx(expected, abs=1e-7, rel=1e-9)


def test_large_counts_keep_their_digits() -> None:
    # B(n+1, n)/B(n, n) = 1/2 exactly; a difference of lgamma values is off by 1e-6 here
    n = 1e9
    assert log_beta(n + 1, n) - log_beta(n, n) == pytest.approx(math.log(0.5), abs=3e-7)


def test_the_series_meets_the_direct_formula() -> None:
    below, above = stirling_remainder(np.array([15.999999, 16.000001]))
    assert below == pytest.approx(above, rel=1e-6)
    assert stirling_remainder(np.array(1e12)) == pytest.approx(1 / 12e12, rel=1e-9)
