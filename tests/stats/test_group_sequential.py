"""Group-sequential plans: the recursion against other computations, boundaries against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from tests.stats.sequential_drawn import BAD, drawn
from truststream.errors import InputError
from truststream.stats.group_sequential import crossing
from truststream.stats.group_sequential_bounds import last_bound, spending_boundary
from truststream.stats.group_sequential_constants import (
    OBRIEN_FLEMING,
    POCOCK,
    equal_looks,
    pocock_nominal,
    wang_tsiatis,
)
from truststream.stats.group_sequential_design import Counted, cost, drift_for_power, expected_fraction
from truststream.stats.spending import Spending, SpendingFunction

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)
functions = st.sampled_from(list(SpendingFunction))
plans = st.lists(st.integers(1, 100), min_size=1, max_size=5, unique=True).map(
    lambda parts: [part / 100 for part in sorted(parts)]
)
spendings = st.builds(Spending, st.floats(0.001, 0.2), functions, st.booleans(), st.floats(0.5, 3))


def test_one_look_is_the_usual_tail() -> None:
    assert crossing([1.0], [1.96], 0.0).total == pytest.approx(2 * norm.sf(1.96), rel=1e-13)
    assert crossing([0.5], [1.96], 3.0, False).total == pytest.approx(norm.sf(1.96 - 3 * math.sqrt(0.5)), rel=1e-13)


@pytest.mark.parametrize("drift", [0.0, 1.5, -2.0])
def test_two_looks_are_one_integral(drift: float) -> None:
    t, z = (0.3, 1.0), (2.4, 2.0)
    step = math.sqrt(t[1] - t[0])

    def stays(s: float) -> float:
        mean = s + drift * (t[1] - t[0])
        inside = norm.cdf((z[1] - mean) / step) - norm.cdf((-z[1] - mean) / step)
        return float(norm.pdf(s, drift * t[0], math.sqrt(t[0])) * inside)

    edge = z[0] * math.sqrt(t[0])
    kept, _ = quad(stays, -edge, edge, epsabs=1e-13)
    assert crossing(t, z, drift).total == pytest.approx(1 - kept, abs=1e-11)


@pytest.mark.parametrize("two_sided", [True, False])
def test_more_looks_agree_with_a_multivariate_normal_law(two_sided: bool) -> None:
    t, z, drift = np.array([0.2, 0.35, 0.7, 1.0]), np.array([2.9, 2.5, 2.3, 2.1]), 1.2
    covariance = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    law = multivariate_normal(drift * np.sqrt(t), covariance, maxpts=400_000, abseps=1e-8, seed=1)
    inside = law.cdf(z, lower_limit=-z if two_sided else None)
    assert crossing(t.tolist(), z.tolist(), drift, two_sided).total == pytest.approx(1 - inside, abs=1e-5)


def test_crossings_agree_with_simulated_paths() -> None:
    t, z = np.array([0.1, 0.12, 0.5, 1.0]), np.array([2.2, 2.2, 2.1, 2.0])
    steps = np.diff(t, prepend=0.0)
    scores = np.cumsum(np.random.default_rng(17).normal(steps, np.sqrt(steps), size=(200_000, 4)), axis=1)
    crossed = scores / np.sqrt(t) >= z
    first = [float((crossed[:, k] & ~crossed[:, :k].any(axis=1)).mean()) for k in range(4)]
    assert crossing(t.tolist(), z.tolist(), 1.0, False).above == pytest.approx(first, abs=0.004)


def test_both_sides_are_alike_under_the_null() -> None:
    found = crossing(FIVE, [2.5] * 5)
    assert found.above == pytest.approx(found.below, rel=1e-12)
    assert found.cumulative[-1] == pytest.approx(2 * found.cumulative_above[-1], rel=1e-12)


@pytest.mark.parametrize("looks", [40, 200])
def test_many_looks_err_more_but_never_more_than_all_looks_at_a_walk(looks: int) -> None:
    found = crossing(equal_looks(looks), [1.96] * looks).cumulative
    assert list(found) == sorted(found)
    assert 0.25 < found[-1] < 0.6


def test_large_drifts_and_infinite_bounds_are_no_trouble() -> None:
    found = crossing(FIVE, [math.inf, math.inf, 2.0, 2.0, 2.0], 200.0)
    assert found.above[:2] == (0.0, 0.0)
    assert found.cumulative[2] == pytest.approx(1.0)
    assert sum(found.above[3:]) == pytest.approx(0.0, abs=1e-12)


@drawn
@given(plans, spendings)
def test_bounds_spend_what_the_function_allows(t: list[float], spending: Spending) -> None:
    boundary = spending_boundary(t, spending)
    found = crossing(t, boundary.z, 0.0, spending.two_sided)
    assert found.cumulative == pytest.approx([spending.spent(time) for time in t], rel=1e-8, abs=1e-13)


@drawn
@given(plans, functions, st.floats(0.002, 0.1))
def test_a_stricter_level_has_higher_bounds(t: list[float], function: SpendingFunction, alpha: float) -> None:
    strict, loose = (spending_boundary(t, Spending(level, function)).z for level in (alpha / 2, alpha))
    assert all(a > b for a, b in zip(strict, loose, strict=True))


@drawn
@given(spendings, st.floats(0.001, 1))
def test_spending_rises_to_all_of_alpha(spending: Spending, t: float) -> None:
    assert 0 <= spending.spent(t / 2) <= spending.spent(t) <= spending.alpha * (1 + 1e-12)
    assert spending.spent(1.0) == pytest.approx(spending.alpha)


def test_published_boundaries_of_five_looks() -> None:
    # vignette of the R package ldbounds 2.0.0, after Reboussin, DeMets, Kim & Lan 2000
    boundary = spending_boundary(FIVE, Spending(0.05))
    assert boundary.z == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert crossing(FIVE, boundary.z, 3.0).cumulative_above[-1] == pytest.approx(0.8424, abs=1e-3)


def test_hardly_any_information_spends_hardly_any_error() -> None:
    boundary = spending_boundary([1e-4, 0.5, 1.0], Spending(0.05))
    assert boundary.z[0] == math.inf
    assert boundary.nominal_p[0] == 0.0
    assert boundary.z[1:] == pytest.approx(spending_boundary([0.5, 1.0], Spending(0.05)).z, rel=1e-9)


@drawn
@given(st.integers(1, 8), st.floats(0.001, 0.2), st.floats(0.0, 0.7))
def test_constants_use_up_alpha(looks: int, alpha: float, delta: float) -> None:
    boundary = wang_tsiatis(looks, alpha, delta)
    assert boundary.spent[-1] == pytest.approx(alpha, rel=1e-9)
    assert crossing(boundary.t, boundary.z).total == pytest.approx(alpha, rel=1e-9)


def test_shapes_are_what_their_names_say() -> None:
    flat, falling = wang_tsiatis(4, 0.05, POCOCK), wang_tsiatis(4, 0.05, OBRIEN_FLEMING)
    assert flat.z == pytest.approx([flat.z[0]] * 4)
    assert [z * math.sqrt(k) for k, z in enumerate(falling.z, 1)] == pytest.approx([falling.z[0]] * 4)
    assert pocock_nominal(1, 0.05) == pytest.approx(0.05)
    assert pocock_nominal(4, 0.05) == pytest.approx(flat.nominal_p[2])


@drawn
@given(plans.filter(lambda t: len(t) > 1), st.floats(0.01, 0.2), st.booleans())
def test_the_last_bound_uses_up_what_is_left(t: list[float], alpha: float, two_sided: bool) -> None:
    fixed = [3.5] * (len(t) - 1)
    boundary = last_bound(t, fixed, alpha, two_sided)
    assert boundary.z[:-1] == tuple(fixed)
    assert crossing(t, boundary.z, 0.0, two_sided).total == pytest.approx(alpha, rel=1e-8)


def test_one_look_leaves_all_to_the_last() -> None:
    assert last_bound([1.0], [], 0.05).z == pytest.approx([norm.isf(0.025)])


@drawn
@given(st.floats(0.3, 0.99), st.sampled_from(list(Counted)), st.booleans())
def test_the_drift_gives_the_power(power: float, counted: Counted, two_sided: bool) -> None:
    z = spending_boundary(FIVE, Spending(0.05)).z
    drift = drift_for_power(FIVE, z, power, two_sided, counted)
    found = crossing(FIVE, z, drift, two_sided)
    total = found.total if counted is Counted.EITHER else found.cumulative_above[-1]
    assert total == pytest.approx(power, abs=1e-9)


def test_a_single_look_costs_what_a_fixed_design_costs() -> None:
    needs = cost(wang_tsiatis(1, 0.05, POCOCK), 0.1, [0.0, 1.0, 2.0])
    assert needs.maximum == pytest.approx(1.0, rel=1e-6)
    assert needs.expected == pytest.approx([needs.maximum] * 3)


def test_looks_cost_at_most_and_save_on_average() -> None:
    few, many = (cost(wang_tsiatis(looks, 0.05, POCOCK), 0.1, [0.0, 1.0, 2.0]) for looks in (2, 6))
    assert 1 < few.maximum < many.maximum
    assert many.expected[0] > many.expected[1] > many.expected[2]
    assert many.expected[1] < few.expected[1] < 1


def test_expected_information_counts_paths_that_go_on() -> None:
    found = crossing([0.5, 1.0], [1.0, 1.0], 0.0)
    assert expected_fraction([0.5, 1.0], found) == pytest.approx(0.5 + 0.5 * (1 - 2 * norm.sf(1.0)))


@pytest.mark.parametrize("times", [[], [0.0, 1.0], [0.5, 0.5], [0.5, 1.5], [0.7, 0.3], [math.nan, 1.0]])
def test_times_that_do_not_rise_to_one_are_refused(times: list[float]) -> None:
    for call in (
        lambda: crossing(times, [2.0] * len(times)),
        lambda: spending_boundary(times, Spending(0.05)),
        lambda: last_bound(times, [3.0] * (len(times) - 1), 0.05),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.field == "t"


@pytest.mark.parametrize("z", [[2.0], [2.0, math.nan], [2.0, -1.0]])
def test_boundaries_that_do_not_fit_are_refused(z: list[float]) -> None:
    with pytest.raises(InputError, match="z: "):
        crossing([0.5, 1.0], z)


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_number_is_refused(bad: float) -> None:
    for call, field in (
        (lambda: crossing([1.0], [2.0], bad), "drift"),
        (lambda: Spending(bad), "alpha"),
        (lambda: Spending(0.05, SpendingFunction.POWER, True, bad), "phi"),
        (lambda: Spending(0.05).spent(bad), "t"),
        (lambda: wang_tsiatis(3, bad, 0.5), "alpha"),
        (lambda: wang_tsiatis(3, 0.05, bad), "delta"),
        (lambda: drift_for_power([1.0], [1.96], bad), "power"),
        (lambda: cost(wang_tsiatis(2, 0.05, 0.5), bad, [0.0]), "beta"),
        (lambda: last_bound([0.5, 1.0], [3.0], bad), "alpha"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.field == field


def test_plans_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="fixed: spends"):
        last_bound([0.5, 1.0], [1.0], 0.05)
    with pytest.raises(InputError, match="fixed: has 0 bounds, but 1 looks come before the last"):
        last_bound([0.5, 1.0], [], 0.05)
    with pytest.raises(InputError, match="K: 0 is not a number of looks"):
        wang_tsiatis(0, 0.05, 0.5)
    with pytest.raises(InputError, match=r"power: .* is not above the error under the null"):
        drift_for_power([1.0], [1.96], 0.01)
    with pytest.raises(InputError, match="z: has no bound"):
        drift_for_power([1.0], [math.inf], 0.9)
    with pytest.raises(InputError, match="t: has looks too close"):
        crossing([0.5, 0.5 + 1e-9, 1.0], [2.0, 2.0, 2.0])
    with pytest.raises(InputError, match="beta"):
        cost(wang_tsiatis(2, 0.05, 0.5), 0.99, [0.0])
