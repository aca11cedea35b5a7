"""CUPED, winsorising, post-stratification: less variance, the same effect, the same level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient, values
from truststream.errors import InputError
from truststream.stats.cuped import cuped
from truststream.stats.post_stratification import Stratum, post_stratified
from truststream.stats.summary import Mean, Paired
from truststream.stats.welch import welch
from truststream.stats.winsorise import limits


def _units(rng: np.random.Generator, n: int, effect: float, covariates: int = 1) -> list[list[float]]:
    before = rng.normal(5.0, 2.0, (covariates, n))
    return [list(before.sum(axis=0) + rng.normal(effect, 1.0, n)), *(list(row) for row in before)]


def test_cuped_removes_the_share_that_is_known() -> None:
    rng = np.random.default_rng(1)
    t, c = _units(rng, 4000, 0.5), _units(rng, 4000, 0.0)
    adjusted = cuped(Paired.from_columns(*t), Paired.from_columns(*c))
    plain = welch(Mean.from_values(t[0]), Mean.from_values(c[0]))
    # the outcome has variance 4 + 1, and 4 of it was known
    assert adjusted.details["variance_removed"] == pytest.approx(0.8, abs=0.02)
    assert adjusted.details["theta_0"] == pytest.approx(1.0, abs=0.03)
    assert adjusted.standard_error == pytest.approx(plain.standard_error * math.sqrt(0.2), rel=0.05)
    assert adjusted.estimate == pytest.approx(0.5, abs=4 * adjusted.standard_error)


def test_several_covariates_are_better_than_one() -> None:
    rng = np.random.default_rng(2)
    t, c = _units(rng, 2000, 0.0, 3), _units(rng, 2000, 0.0, 3)
    removed = [
        cuped(Paired.from_columns(*t[:k]), Paired.from_columns(*c[:k])).details["variance_removed"] for k in (2, 3, 4)
    ]
    assert removed == sorted(removed)
    assert removed[-1] == pytest.approx(12 / 13, abs=0.01)


@patient
@given(st.floats(0.1, 50.0), st.floats(-100.0, 100.0))
def test_units_and_origin_of_a_covariate_do_not_matter(scale: float, shift: float) -> None:
    rng = np.random.default_rng(3)
    t, c = _units(rng, 50, 0.3), _units(rng, 60, 0.0)
    there = cuped(Paired.from_columns(*t), Paired.from_columns(*c))
    other = [Paired.from_columns(arm[0], [scale * x + shift for x in arm[1]]) for arm in (t, c)]
    moved = cuped(other[0], other[1])
    assert moved.p == pytest.approx(there.p, rel=1e-6)
    assert moved.estimate == pytest.approx(there.estimate, rel=1e-6, abs=1e-9)


def test_cuped_summaries_may_be_added_first() -> None:
    rng = np.random.default_rng(4)
    t, c = _units(rng, 40, 0.3), _units(rng, 40, 0.0)
    parts = Paired.from_columns(*(row[:13] for row in t)) + Paired.from_columns(*(row[13:] for row in t))
    whole = Paired.from_columns(*t)
    control = Paired.from_columns(*c)
    assert cuped(parts, control).p == pytest.approx(cuped(whole, control).p)


def test_cuped_errs_as_often_as_stated() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        t, c = (Paired.from_columns(*_units(rng, 30, 0.0)) for _ in range(2))
        hits += cuped(t, c).p <= 0.05
    assert 0.03 <= hits / 1000 <= 0.075


def test_cuped_says_why_it_cannot_tell() -> None:
    rng = np.random.default_rng(6)
    some = Paired.from_columns(*_units(rng, 10, 0.0))
    two = Paired.from_columns(*_units(rng, 10, 0.0, 2))
    constant = Paired.from_columns([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    twice = Paired.from_columns([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert "different covariates" in cuped(some, two).reason
    assert "constant" in cuped(constant, constant).reason
    assert "combination" in cuped(twice, twice).reason
    assert "2 units" in cuped(Paired.from_columns([1.0], [1.0]), some).reason


@patient
@given(values, values, st.floats(0.0, 0.4), st.floats(0.6, 1.0))
def test_winsorised_values_lie_inside_and_others_stay(x: list[float], y: list[float], low: float, high: float) -> None:
    ends = limits([x, y], low, high)
    for before, after in zip(x, ends.apply(x), strict=True):
        assert ends.lower <= after <= ends.upper
        assert after == before or not ends.lower <= before <= ends.upper
    assert ends == limits([y, x], low, high)
    assert limits([x, y], 0.0, 1.0).apply(x) == tuple(x)


def test_limits_come_from_all_arms() -> None:
    ends = limits([[0.0] * 50, [100.0] * 50], 0.0, 0.75)
    assert (ends.lower, ends.upper) == (0.0, 100.0)


def test_winsorising_lets_one_unit_decide_no_longer() -> None:
    rng = np.random.default_rng(7)
    t, c = list(rng.exponential(1.0, 300) + 0.4), list(rng.exponential(1.0, 300))
    c[0] = 500.0
    ends = limits([t, c])
    plain = welch(Mean.from_values(t), Mean.from_values(c))
    held = welch(Mean.from_values(ends.apply(t)), Mean.from_values(ends.apply(c)))
    assert plain.p > 0.1
    assert held.p < 0.001


def _stratum(rng: np.random.Generator, name: str, sizes: tuple[int, int], level: float, effect: float) -> Stratum:
    t, c = rng.normal(level + effect, 1.0, sizes[0]), rng.normal(level, 1.0, sizes[1])
    return Stratum(name, Mean.from_values(t), Mean.from_values(c))


def test_an_imbalance_of_strata_is_no_effect() -> None:
    """Mobile is slow and by chance more of treatment is mobile: pooled data see an effect that is none."""
    rng = np.random.default_rng(8)
    strata = [_stratum(rng, "mobile", (400, 200), 10.0, 0.0), _stratum(rng, "desktop", (200, 400), 0.0, 0.0)]
    pooled = welch(strata[0].treatment + strata[1].treatment, strata[0].control + strata[1].control)
    held = post_stratified(strata)
    assert pooled.p < 1e-6
    assert held.p > 0.01
    assert abs(held.estimate) < 4 * held.standard_error < 0.5


def test_one_stratum_is_welch() -> None:
    rng = np.random.default_rng(9)
    one = _stratum(rng, "all", (20, 30), 0.0, 0.5)
    held, plain = post_stratified([one]), welch(one.treatment, one.control)
    assert (held.p, held.estimate, held.degrees_of_freedom) == pytest.approx(
        (plain.p, plain.estimate, plain.degrees_of_freedom)
    )


def test_post_stratification_errs_as_often_as_stated() -> None:
    rng = np.random.default_rng(10)
    hits = 0
    for _ in range(1000):
        strata = [_stratum(rng, str(k), (8 + 5 * k, 20), 3.0 * k, 0.0) for k in range(3)]
        hits += post_stratified(strata).p <= 0.05
    assert 0.03 <= hits / 1000 <= 0.072


def test_strata_say_why_they_cannot_tell() -> None:
    thin = Stratum("tv", Mean.from_values([1.0]), Mean.from_values([1.0, 2.0]))
    flat = Stratum("flat", Mean.from_values([1.0, 1.0]), Mean.from_values([2.0, 2.0]))
    assert "strata tv" in post_stratified([thin]).reason
    assert "no strata" in post_stratified([]).reason
    assert "no spread" in post_stratified([flat]).reason


def test_limits_refuse_by_name() -> None:
    with pytest.raises(InputError, match=r"^lower: "):
        limits([[1.0]], 0.9, 0.1)
    with pytest.raises(InputError, match=r"^arms: "):
        limits([[], []])
    with pytest.raises(InputError, match=r"^arms\[1\]\[0\]: "):
        limits([[1.0], [math.nan]])
