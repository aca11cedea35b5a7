"""Betting against a mean, and confidence sequences of bounded means."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.sequential_drawn import BAD, alarms, bits, drawn, units
from truststream.errors import InputError
from truststream.stats.betting import betting_martingale, log_capital, predictable_bets
from truststream.stats.bounded_means import (
    bernstein_mixture_interval,
    betting_interval,
    hoeffding_mixture_interval,
    plug_in_bernstein_interval,
)
from truststream.stats.result import SequentialResult

Method = Callable[[list[float], float], SequentialResult]
METHODS: dict[str, Method] = {
    "betting": betting_interval,
    "plug-in-bernstein": plug_in_bernstein_interval,
    "bernstein-mixture": lambda x, alpha: bernstein_mixture_interval(x, alpha, 10.0),
    "hoeffding-mixture": lambda x, alpha: hoeffding_mixture_interval(x, alpha, 100.0),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
thetas = st.sampled_from([0.0, 0.3, 0.5, 1.0])


@drawn
@given(bits, st.floats(0.01, 0.99), thetas)
def test_the_game_is_fair(past: list[int], m: float, theta: float) -> None:
    # whatever came before, capital K+ and K- after one more coin with mean m are what they were, on average
    values = np.array([*map(float, past), 0.0])
    for mean, flip in ((m, False), (1 - m, True)):
        ends = []
        for last in (0.0, 1.0):
            x = np.append(values[:-1], last)
            data = 1 - x if flip else x
            ends.append(math.exp(log_capital(data, mean, predictable_bets(x, 0.05 * max(theta, 0.5)), 0.5)[-1]))
        chance = mean if not flip else 1 - mean
        before = values[:-1]
        data = 1 - before if flip else before
        start = math.exp(log_capital(data, mean, predictable_bets(before, 0.05 * max(theta, 0.5)), 0.5)[-1])
        assert (1 - chance) * ends[0] + chance * ends[1] == pytest.approx(start, rel=1e-9)


@drawn
@given(units, st.floats(0, 1), thetas)
def test_capital_is_finite_and_above_zero(x: list[float], m: float, theta: float) -> None:
    path = betting_martingale(x, m, 0.05, theta)
    assert path.shape == (len(x),)
    assert np.isfinite(path).all()


@drawn
@given(units, st.floats(0, 1), st.floats(0.1, 0.9))
def test_both_sides_mirror_each_other(x: list[float], m: float, theta: float) -> None:
    mirrored = [1 - value for value in x]
    one, other = betting_martingale(x, m, 0.05, theta), betting_martingale(mirrored, 1 - m, 0.05, 1 - theta)
    assert one == pytest.approx(other, abs=1e-6)


@drawn
@given(units, st.floats(0, 0.99))
def test_betting_on_more_loses_as_the_mean_rises(x: list[float], m: float) -> None:
    lower, higher = betting_martingale(x, m, 0.05, 1.0)[-1], betting_martingale(x, (1 + m) / 2, 0.05, 1.0)[-1]
    assert higher <= lower + 1e-12


@drawn
@given(units, st.floats(0.01, 0.99))
def test_one_step_costs_at_most_the_truncation(x: list[float], m: float) -> None:
    steps = np.diff(betting_martingale(x, m, 0.05, 1.0), prepend=0.0)
    assert (steps >= math.log(0.5) - 1e-12).all()


def test_a_wrong_mean_is_found_out() -> None:
    x = np.random.default_rng(1).beta(2, 5, size=2000)
    assert betting_martingale(x, 0.4, 0.05)[-1] > math.log(1e6)
    assert betting_martingale(x, float(x.mean()), 0.05)[-1] < 0


@every_method
@drawn
@given(x=units)
def test_the_interval_lies_in_the_range_and_contains_the_mean(method: Method, x: list[float]) -> None:
    result = method(x, 0.05)
    assert result.interval is not None
    assert 0 <= result.interval.lower <= result.interval.upper <= 1
    assert result.estimate == pytest.approx(float(np.mean(x)))
    assert result.n == len(x)


@every_method
@drawn
@given(x=units, alpha=st.floats(1e-4, 0.3))
def test_few_values_tell_little(method: Method, x: list[float], alpha: float) -> None:
    interval = method(x[:1], alpha).interval
    assert interval is not None
    assert interval.upper - interval.lower >= 0.2


@every_method
def test_a_stricter_level_is_wider(method: Method) -> None:
    x = np.random.default_rng(2).beta(2, 5, size=500).tolist()
    wide, narrow = method(x, 0.001).interval, method(x, 0.1).interval
    assert wide is not None
    assert narrow is not None
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


@every_method
def test_complements_are_mirror_images(method: Method) -> None:
    x = np.random.default_rng(3).beta(2, 5, size=300)
    one, other = method(x.tolist(), 0.05).interval, method((1 - x).tolist(), 0.05).interval
    assert one is not None
    assert other is not None
    # the plug-in method predicts the first value by 0 on either side, so it is not quite symmetric
    assert one.lower == pytest.approx(1 - other.upper, abs=1e-9)
    assert one.upper == pytest.approx(1 - other.lower, abs=1e-9)


@every_method
def test_many_values_tell_much(method: Method) -> None:
    x = np.tile([0.01, 0.03, 0.02, 0.0], 25_000)
    interval = method(x.tolist(), 0.05).interval
    assert interval is not None
    assert 0.015 in interval
    assert interval.upper - interval.lower < 0.03


def test_between_two_points_of_the_grid_nothing_is_lost() -> None:
    x = np.tile([0.1234, 0.1236], 200_000)
    interval = betting_interval(x, 0.05, 100).interval
    assert interval is not None
    assert 0.1235 in interval
    assert interval.upper - interval.lower <= 0.0201


def test_a_mean_that_moved_is_said_to_have_moved() -> None:
    result = betting_interval(np.concatenate((np.ones(20), np.zeros(1000))), 0.05)
    assert not result.can_tell
    assert result.interval is None
    assert "moved" in result.reason


@every_method
@pytest.mark.parametrize("bad", [*BAD, -0.1, 1.1])
def test_values_outside_the_range_are_refused(method: Method, bad: float) -> None:
    with pytest.raises(InputError, match="x: element 1"):
        method([0.5, bad], 0.05)


@every_method
@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_levels_outside_zero_and_one_are_refused(method: Method, alpha: float) -> None:
    with pytest.raises(InputError, match="alpha"):
        method([0.5], alpha)


@every_method
def test_no_values_are_refused(method: Method) -> None:
    with pytest.raises(InputError, match="x: is not a row of at least one number"):
        method([], 0.05)


def test_other_inputs_are_checked_too() -> None:
    for values, name in (((2.0, 0.05), "m"), ((0.5, 2.0), "alpha"), ((0.5, 0.05, 2.0), "theta")):
        with pytest.raises(InputError) as caught:
            betting_martingale([0.5], *values)
        assert caught.value.field == name
    with pytest.raises(InputError, match="grid"):
        betting_interval([0.5], 0.05, 1)
    with pytest.raises(InputError, match="truncation"):
        betting_martingale([0.5], 0.5, 0.05, 0.5, 1.0)


@pytest.mark.parametrize("p", [0.02, 0.5])
def test_false_alarms_stay_below_the_level(p: float) -> None:
    rng = np.random.default_rng(9)
    draws = (rng.random((2000, 300)) < p).astype(float)
    paths = np.array([betting_martingale(row, p, 0.05) for row in draws])
    assert alarms(paths, 0.05) <= 0.05


@every_method
def test_the_truth_is_covered_at_all_looks_together(method: Method) -> None:
    rng, missed, runs = np.random.default_rng(10), 0, 120
    for _ in range(runs):
        x = rng.beta(1, 3, size=200)
        looks = (method(x[:n].tolist(), 0.1).interval for n in range(10, 201, 10))
        missed += any(interval is None or 0.25 not in interval for interval in looks)
    assert missed / runs <= 0.1
