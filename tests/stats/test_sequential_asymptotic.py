"""Asymptotic confidence sequences and the mixture SPRT."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.sequential_drawn import BAD, FloatArray, alarms, drawn
from truststream.errors import InputError
from truststream.stats.asymptotic import Asymptotic, Estimate, absolute_lift, relative_lift
from truststream.stats.msprt import Pairs, msprt
from truststream.stats.normal_mixture import NormalMixture
from truststream.stats.result import Alternative
from truststream.stats.summary import Mean

sides = st.sampled_from(list(Alternative))
estimates = st.builds(Estimate, st.floats(-50, 50), st.floats(1e-3, 10), st.integers(2, 10**9).map(float))
rates = st.floats(1e-4, 0.4)


@drawn
@given(estimates, rates, sides)
def test_the_interval_contains_the_estimate(estimate: Estimate, alpha: float, side: Alternative) -> None:
    test = Asymptotic(alpha, 5000, side)
    assert estimate.value in test.interval(estimate)


@drawn
@given(estimates, rates)
def test_one_sided_intervals_are_open_on_the_other_side(estimate: Estimate, alpha: float) -> None:
    assert Asymptotic(alpha, 5000, Alternative.GREATER).interval(estimate).upper == math.inf
    assert Asymptotic(alpha, 5000, Alternative.LESS).interval(estimate).lower == -math.inf


@drawn
@given(estimates, rates, sides)
def test_evidence_at_a_bound_is_the_threshold(estimate: Estimate, alpha: float, side: Alternative) -> None:
    test = Asymptotic(alpha, 5000, side)
    interval = test.interval(estimate)
    bound = interval.upper if side is Alternative.LESS else interval.lower
    # near the bound the error of (value - bound)/se is rounding times value/se
    slack = 1e-7 + 1e-11 * (1 + abs(estimate.value) / estimate.standard_error) ** 2
    assert test.log_e(estimate, bound) == pytest.approx(-math.log(alpha), abs=slack)


@drawn
@given(estimates, rates, sides)
def test_a_stricter_level_is_wider_with_the_same_mixture(estimate: Estimate, alpha: float, side: Alternative) -> None:
    rho2 = Asymptotic(alpha, 5000, side).rho2
    wide, narrow = Asymptotic(alpha / 2, 5000, side, rho2), Asymptotic(alpha, 5000, side, rho2)
    assert wide.half_width(estimate) > narrow.half_width(estimate)


@drawn
@given(estimates, rates)
def test_it_is_the_normal_mixture_with_a_plugged_in_variance(estimate: Estimate, alpha: float) -> None:
    test = Asymptotic(alpha, 5000)
    s = estimate.value / estimate.standard_error * math.sqrt(estimate.n)
    expected = NormalMixture(1 / test.rho2).log_e(s, estimate.n)
    assert test.log_e(estimate) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@drawn
@given(estimates, rates)
def test_directions_are_mirror_images(estimate: Estimate, alpha: float) -> None:
    mirrored = Estimate(-estimate.value, estimate.standard_error, estimate.n)
    greater, less = Asymptotic(alpha, 100, Alternative.GREATER), Asymptotic(alpha, 100, Alternative.LESS)
    assert greater.log_e(estimate) == less.log_e(mirrored)


def test_nothing_speaks_for_more_when_the_estimate_is_less() -> None:
    look = Asymptotic(0.05, 5000, Alternative.GREATER).look(Estimate(-1.0, 0.1, 1000))
    assert look.log_e == -math.inf
    assert look.p == 1.0


def test_strong_evidence_does_not_overflow() -> None:
    look = Asymptotic(0.05, 5000, Alternative.GREATER).look(Estimate(1e6, 1e-3, 1e9))
    assert math.isfinite(look.log_e)
    assert look.p == 0.0


def test_relative_lift_is_the_ratio_and_its_delta_method() -> None:
    control, treatment = Mean.from_variance(400, 2.0, 4.0), Mean.from_variance(100, 3.0, 9.0)
    lift = relative_lift(control, treatment)
    assert lift.value == pytest.approx(0.5)
    assert lift.standard_error == pytest.approx(math.sqrt(0.09 / 4 + 0.01 * 9 / 16))
    plain = absolute_lift(control, treatment)
    assert (plain.value, plain.n) == (1.0, 500)
    assert plain.standard_error == pytest.approx(math.sqrt(0.1))


def test_relative_lift_does_not_depend_on_the_unit() -> None:
    one = relative_lift(Mean.from_variance(400, 2.0, 4.0), Mean.from_variance(100, 3.0, 9.0))
    other = relative_lift(Mean.from_variance(400, -2000.0, 4e6), Mean.from_variance(100, -3000.0, 9e6))
    assert other.value == pytest.approx(one.value)
    assert other.standard_error == pytest.approx(one.standard_error)


def test_a_lift_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"control\.mean: is 0"):
        relative_lift(Mean(10, 0.0, 1.0), Mean(10, 1.0, 1.0))


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_number_is_refused(bad: float) -> None:
    for values, name in (((bad, 1, 1), "value"), ((1, bad, 1), "standard_error"), ((1, 1, bad), "n")):
        with pytest.raises(InputError) as caught:
            Estimate(*values)
        assert caught.value.field == name
    with pytest.raises(InputError, match="n_tune"):
        Asymptotic(0.05, bad)
    with pytest.raises(InputError, match="null"):
        Asymptotic(0.05, 100).log_e(Estimate(1, 1, 1), bad)
    with pytest.raises(InputError, match="tau"):
        msprt(Pairs(10, 0.1, 0.2, 0.25), bad)


def test_arms_that_tell_no_variance_are_refused() -> None:
    one, many = Mean(1, 2.0, 0.0), Mean(10, 2.0, 1.0)
    with pytest.raises(InputError, match=r"control\.variance: nan"):
        absolute_lift(one, many)
    with pytest.raises(InputError, match=r"treatment\.n: 0\.0 is not above zero"):
        relative_lift(many, Mean())
    with pytest.raises(InputError, match="standard_error"):
        absolute_lift(Mean(10, 2.0, 0.0), Mean(10, 1.0, 0.0))


def test_a_negative_variance_is_refused() -> None:
    with pytest.raises(InputError, match="variance"):
        Pairs(10, 0.0, 0.0, -1.0)


@drawn
@given(st.integers(1, 10**9), st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(1e-3, 1))
def test_msprt_is_the_two_sided_normal_mixture(n: int, control: float, treatment: float, tau: float) -> None:
    pairs = Pairs.of_proportions(float(n), control, treatment)
    s = n * (treatment - control) / math.sqrt(pairs.variance)
    expected = NormalMixture(pairs.variance / tau**2).log_e(s, float(n))
    assert msprt(pairs, tau).log_e == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_msprt_starts_at_one_and_cannot_tell_without_spread() -> None:
    assert msprt(Pairs(0, 0.0, 0.0, 0.0), 0.1).log_e == 0.0
    silent = msprt(Pairs.of_proportions(1000, 0.0, 0.0), 0.1)
    assert not silent.can_tell
    assert silent.reason == "no spread in either arm"


def test_msprt_false_alarms_with_known_variance_stay_below_the_level() -> None:
    gaps = np.random.default_rng(11).standard_normal((400, 300)) * math.sqrt(2)
    n = np.arange(1.0, 301.0)
    means = np.cumsum(gaps, axis=1) / n
    paths = np.array(
        [[msprt(Pairs(k, 0.0, d, 2.0), 0.3).log_e for k, d in zip(n.tolist(), row, strict=True)] for row in means]
    )
    assert 0 < alarms(paths, 0.05) <= 0.05


def _summary(x: FloatArray) -> Mean:
    return Mean.from_variance(float(x.size), float(x.mean()), float(x.var(ddof=1)))


def test_asymptotic_false_alarms_stay_below_the_level() -> None:
    rng, alpha = np.random.default_rng(12), 0.05
    draws = rng.exponential(size=(1000, 2, 1500))
    looks, test = range(100, 1501, 50), Asymptotic(0.05, 1000)
    wrong = 0
    for control, treatment in draws:
        lifts = (absolute_lift(_summary(control[:n]), _summary(treatment[:n])) for n in looks)
        wrong += any(test.log_e(lift) >= -math.log(alpha) for lift in lifts)
    assert wrong / len(draws) <= alpha
