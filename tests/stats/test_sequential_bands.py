"""Bands of distributions and the comparison of quantiles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.sequential_drawn import BAD, drawn
from truststream.errors import InputError
from truststream.stats.quantile_ab import quantile_ab
from truststream.stats.quantile_bands import LilBand, dkw_radius

samples = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=40)


@drawn
@given(st.integers(1, 10**9), st.floats(1e-6, 0.5))
def test_a_band_for_all_times_is_wider_than_for_one(n: int, alpha: float) -> None:
    assert dkw_radius(n, alpha) < LilBand(alpha, 1).radius(n)


@pytest.mark.parametrize("a", [0.75, 0.85, 1.2])
@pytest.mark.parametrize("alpha", [0.4, 0.05, 1e-6])
def test_the_constant_keeps_the_error_at_the_level(alpha: float, a: float) -> None:
    c = LilBand(alpha, 1, a).c
    eta = np.linspace(1.0001, 2 * a * a, 20001)
    g = 2 / eta * (a - np.sqrt(2 * (eta - 1) / c)) ** 2
    valid = (g > 1) & (np.sqrt(eta / 2) + np.sqrt(2 * (eta - 1) / c) < a)
    errors = 4 * np.exp(-g[valid] * c) * (1 + 1 / ((g[valid] - 1) * np.log(eta[valid])))
    assert errors.min() == pytest.approx(alpha, rel=1e-3)


@drawn
@given(st.floats(1e-4, 0.4))
def test_a_stricter_level_has_a_wider_band(alpha: float) -> None:
    assert LilBand(alpha / 2, 10).radius(1000) > LilBand(alpha, 10).radius(1000)
    assert dkw_radius(1000, alpha / 2) > dkw_radius(1000, alpha)


def test_before_its_time_the_band_is_everything() -> None:
    band = LilBand(0.05, 100)
    assert band.radius(99) == math.inf
    assert band.radius(100) > band.radius(1000) > band.radius(1e9) > 0


def test_the_truth_stays_in_the_band_at_all_looks() -> None:
    rng, band, missed = np.random.default_rng(4), LilBand(0.1, 20), 0
    for _ in range(300):
        u = rng.random(400)
        for n in range(20, 401, 20):
            part = np.sort(u[:n])
            steps = np.arange(n + 1) / n
            worst = max(float((steps[1:] - part).max()), float((part - steps[:-1]).max()))
            if worst > band.radius(n):
                missed += 1
                break
    assert missed / 300 <= 0.1


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_number_is_refused(bad: float) -> None:
    for make, name in (
        (lambda: LilBand(bad, 1), "alpha"),
        (lambda: LilBand(0.05, bad), "t_min"),
        (lambda: LilBand(0.05, 1, bad), "A"),
        (lambda: LilBand(0.05, 1).radius(bad), "t"),
        (lambda: dkw_radius(bad, 0.05), "n"),
        (lambda: quantile_ab([bad], [1.0], 0.5, 100, 0.05), "a"),
        (lambda: quantile_ab([1.0], [1.0, bad], 0.5, 100, 0.05), "b"),
        (lambda: quantile_ab([1.0], [1.0], bad, 100, 0.05), "quantile"),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.field == name


def test_constants_outside_their_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"A: 0\.7 is not above"):
        LilBand(0.05, 1, 0.7)
    with pytest.raises(InputError, match=r"t_min: 0\.5 is less than one observation"):
        LilBand(0.05, 0.5)
    with pytest.raises(InputError, match="a: is not a row"):
        quantile_ab([], [1.0], 0.5, 100, 0.05)


@drawn
@given(samples, samples, st.floats(0.05, 0.95))
def test_arms_may_be_swapped(a: list[float], b: list[float], p: float) -> None:
    one, other = quantile_ab(a, b, p, 50, 0.05), quantile_ab(b, a, p, 50, 0.05)
    assert one.log_e == pytest.approx(other.log_e, abs=1e-9)
    assert one.estimate == -other.estimate


@drawn
@given(samples, samples, st.floats(0.05, 0.95))
def test_only_ranks_matter(a: list[float], b: list[float], p: float) -> None:
    stretched = quantile_ab([x**3 for x in a], [x**3 for x in b], p, 50, 0.05)
    assert stretched.log_e == pytest.approx(quantile_ab(a, b, p, 50, 0.05).log_e, abs=1e-9)


@drawn
@given(samples, st.floats(0.05, 0.95))
def test_equal_samples_are_no_evidence(a: list[float], p: float) -> None:
    assert quantile_ab(a, a, p, 50, 0.05).p == 1.0


def test_evidence_grows_with_the_shift() -> None:
    a = np.arange(1000.0)
    found = [quantile_ab(a, a + shift, 0.5, 500, 0.05).log_e for shift in (0.0, 50.0, 100.0, 200.0, 5000.0)]
    assert found == sorted(found)
    assert found[0] < 0
    assert found[-1] > 100


def test_false_alarms_stay_below_the_level() -> None:
    rng, alarmed = np.random.default_rng(6), 0
    for _ in range(300):
        a, b = rng.exponential(size=(2, 200))
        alarmed += any(quantile_ab(a[:n], b[:n], 0.9, 100, 0.05).p <= 0.05 for n in (25, 50, 100, 200))
    assert alarmed / 300 <= 0.05
