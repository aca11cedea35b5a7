"""Stitched boundaries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.sequential_drawn import BAD, drawn, levels, times
from truststream.errors import InputError
from truststream.stats.stitching import DoubleStitching, Stitching, polynomial_bound


@drawn
@given(times, levels, st.floats(-1, 5))
def test_a_stricter_level_has_a_higher_bound(v: float, alpha: float, c: float) -> None:
    assert polynomial_bound(v, alpha / 2, 10.0, c) > polynomial_bound(v, alpha, 10.0, c)


@drawn
@given(levels)
def test_before_v_min_the_bound_stands_still(alpha: float) -> None:
    assert polynomial_bound(0.0, alpha, 10.0, 1.0) == polynomial_bound(10.0, alpha, 10.0, 1.0)


def test_the_rate_is_that_of_the_iterated_logarithm() -> None:
    def ratio(v: float) -> float:
        return polynomial_bound(v, 0.05, 1.0) / math.sqrt(2 * v * math.log(math.log(v)))

    assert ratio(1e9) > ratio(1e100) > ratio(1e300) > 1


@drawn
@given(times, levels)
def test_heavier_tails_need_a_higher_bound(v: float, alpha: float) -> None:
    assert polynomial_bound(v, alpha, 10.0, -1.0) < polynomial_bound(v, alpha, 10.0) < polynomial_bound(v, alpha, 10, 2)


@drawn
@given(st.floats(0.001, 0.999), st.floats(1, 1e9), levels)
def test_bands_of_quantiles_are_finite_and_grow_with_the_level(p: float, t: float, alpha: float) -> None:
    band = DoubleStitching(100.0)
    assert 0 < band.bound(p, t, alpha) < band.bound(p, t, alpha / 2) < math.inf


def test_bands_narrow_towards_the_tails() -> None:
    band = DoubleStitching(100.0)
    assert band.bound(0.999, 1e6, 0.05) < band.bound(0.9, 1e6, 0.05) < band.bound(0.5, 1e6, 0.05)


@pytest.mark.parametrize(("s", "eta", "field"), [(1.0, 2.0, "s"), (1.4, 1.0, "eta"), (math.nan, 2.0, "s")])
def test_epochs_without_a_finite_sum_are_refused(s: float, eta: float, field: str) -> None:
    with pytest.raises(InputError) as caught:
        Stitching(s, eta)
    assert caught.value.field == field


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_number_is_refused(bad: float) -> None:
    for values, name in (((bad, 0.05, 1.0), "v"), ((1.0, bad, 1.0), "alpha"), ((1.0, 0.05, bad), "v_min")):
        with pytest.raises(InputError) as caught:
            polynomial_bound(*values)
        assert caught.value.field == name
    with pytest.raises(InputError, match="t_opt"):
        DoubleStitching(bad)


def test_less_than_one_observation_is_no_start() -> None:
    with pytest.raises(InputError, match=r"t_opt: 0\.5 is less than one observation"):
        DoubleStitching(0.5)


def test_a_walk_stays_below_the_bound() -> None:
    sums = np.cumsum(np.random.default_rng(5).standard_normal((1000, 1000)), axis=1)
    bounds = np.array([polynomial_bound(float(t), 0.05, 1.0) for t in range(1, 1001)])
    assert (sums >= bounds).any(axis=1).mean() <= 0.05
