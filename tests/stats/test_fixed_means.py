"""Means, ratios, groups, bootstrap: what must hold for all numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tests.stats.properties import levels, patient, values
from truststream.errors import InputError
from truststream.stats.anova import anova, anova_of_values
from truststream.stats.bootstrap import BootstrapInterval, bootstrap
from truststream.stats.ratio import compare_ratios, variance_of_ratio
from truststream.stats.result import Alternative
from truststream.stats.student import one_sample, student
from truststream.stats.summary import Mean, Proportion, Ratio
from truststream.stats.tails import Hypothesis
from truststream.stats.welch import welch

GREATER, LESS = Hypothesis(alternative=Alternative.GREATER), Hypothesis(alternative=Alternative.LESS)


def _spread(*samples: list[float]) -> list[Mean]:
    means = [Mean.from_values(sample) for sample in samples]
    # rounding of nearly equal values is all that would be left to test otherwise
    assume(all(mean.m2 > 1e-3 * (1.0 + mean.mean**2) for mean in means))
    return means


@patient
@given(values, values)
def test_welch_and_student_agree_with_scipy(x: list[float], y: list[float]) -> None:
    t, c = _spread(x, y)
    for result, equal in ((welch(t, c), False), (student(t, c), True)):
        theirs = stats.ttest_ind(x, y, equal_var=equal)
        assert result.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
        assert result.statistic == pytest.approx(theirs.statistic, rel=1e-6, abs=1e-9)


@patient
@given(values, values, st.floats(0.01, 100.0))
def test_welch_is_symmetric_and_does_not_know_units(x: list[float], y: list[float], scale: float) -> None:
    t, c = _spread(x, y)
    there, back = welch(t, c), welch(c, t)
    assert there.p == pytest.approx(back.p)
    assert there.estimate == pytest.approx(-back.estimate)
    scaled = welch(Mean.from_values([scale * v for v in x]), Mean.from_values([scale * v for v in y]))
    assert scaled.p == pytest.approx(there.p, rel=1e-6, abs=1e-12)
    assert scaled.standard_error == pytest.approx(scale * there.standard_error, rel=1e-6)


@patient
@given(values, values, levels, st.sampled_from(list(Alternative)))
def test_the_interval_holds_just_what_the_test_does_not_reject(
    x: list[float], y: list[float], level: float, alternative: Alternative
) -> None:
    t, c = _spread(x, y)
    interval = welch(t, c, Hypothesis(alternative=alternative, level=level)).interval
    assert interval is not None
    for end in (interval.lower, interval.upper):
        if math.isfinite(end):
            at_end = welch(t, c, Hypothesis(end, alternative, level))
            assert at_end.p == pytest.approx(1.0 - level, rel=1e-6)


@patient
@given(values, values)
def test_one_sided_values_add_up(x: list[float], y: list[float]) -> None:
    t, c = _spread(x, y)
    up, down, both = welch(t, c, GREATER).p, welch(t, c, LESS).p, welch(t, c).p
    assert up + down == pytest.approx(1.0)
    assert both == pytest.approx(2.0 * min(up, down))


def test_a_lift_is_relative_to_control() -> None:
    t, c = Mean.from_values([11.0, 12.0, 13.0]), Mean.from_values([9.0, 10.0, 11.0])
    assert welch(t, c, relative=True).estimate == pytest.approx(0.2)
    # without noise in control the lift is the difference in other units
    steady = Mean(1e12, 10.0, 1e-9)
    lift, difference = welch(t, steady, relative=True), welch(t, steady)
    assert lift.standard_error == pytest.approx(difference.standard_error / 10.0, rel=1e-6)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (welch(Mean.from_values([1.0]), Mean.from_values([1.0, 2.0])), "2 units"),
        (welch(Mean.from_values([1.0, 1.0]), Mean.from_values([2.0, 2.0])), "no spread"),
        (welch(Mean.from_values([1.0, 2.0]), Mean.from_values([-1.0, 1.0]), relative=True), "mean of control is 0"),
        (welch(Proportion(0, 0), Proportion(1, 2)), "2 units"),
        (student(Mean.from_values([1.0]), Mean.from_values([2.0])), "3 units"),
        (student(Mean.from_values([1.0, 1.0]), Mean.from_values([2.0, 2.0])), "no spread"),
        (one_sample(Mean.from_values([1.0])), "2 units"),
        (one_sample(Mean.from_values([1.0, 1.0])), "no spread"),
        (anova([Mean.from_values([1.0, 2.0])]), "two groups"),
        (anova([Mean.from_values([1.0, 1.0]), Mean.from_values([2.0, 2.0])]), "no spread"),
        (compare_ratios(Ratio.from_columns([1], [1]), Ratio.from_columns([1, 2], [1, 1])), "two units"),
        (compare_ratios(Ratio.from_columns([1, 1], [2, 2]), Ratio.from_columns([1, 1], [2, 2])), "no spread"),
        (
            compare_ratios(Ratio.from_columns([1, 2], [2, 2]), Ratio.from_columns([-1, 1], [2, 2]), relative=True),
            "ratio of control is 0",
        ),
    ],
)
def test_says_why_it_cannot_tell(result: object, reason: str) -> None:
    assert reason in result.reason  # type: ignore[attr-defined]
    assert math.isnan(result.p)  # type: ignore[attr-defined]
    assert not result.can_tell  # type: ignore[attr-defined]


def test_one_sample_agrees_with_scipy() -> None:
    data = [2.1, 1.9, 2.6, 3.3, 1.2]
    theirs = stats.ttest_1samp(data, 1.5)
    ours = one_sample(Mean.from_values(data), Hypothesis(1.5))
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))


@patient
@given(st.lists(values, min_size=2, max_size=5), st.floats(-1e3, 1e3))
def test_anova_agrees_with_scipy_and_ignores_the_origin(groups: list[list[float]], shift: float) -> None:
    means = _spread(*groups)
    ours = anova(means)
    theirs = stats.f_oneway(*groups)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-6, abs=1e-9)
    moved = anova_of_values([[value + shift for value in group] for group in groups])
    assert moved.statistic == pytest.approx(ours.statistic, rel=1e-5, abs=1e-8)


def test_anova_of_two_groups_is_the_square_of_student() -> None:
    x, y = Mean.from_values([1.0, 4.0, 2.5]), Mean.from_values([2.0, 6.0, 7.0, 3.0])
    assert anova([x, y]).statistic == pytest.approx(student(x, y).statistic ** 2)
    assert anova([x, y]).p == pytest.approx(student(x, y).p)


def test_a_ratio_with_constant_denominator_is_a_mean() -> None:
    y = [1.0, 3.0, 2.0, 7.0]
    sample = Ratio.from_columns(y, [2.0] * 4)
    assert variance_of_ratio(sample) == pytest.approx(Mean.from_values(y).variance / 4 / 4)


def _null_rejections(reject: object, runs: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    return sum(bool(reject(rng)) for _ in range(runs)) / runs  # type: ignore[operator]


def test_welch_errs_as_often_as_stated() -> None:
    def reject(rng: np.random.Generator) -> bool:
        t, c = rng.normal(0, 3, 20), rng.normal(0, 1, 60)
        return welch(Mean.from_values(t), Mean.from_values(c)).p <= 0.05

    # 2000 runs at 5 %: the standard deviation is .5 %
    assert 0.035 <= _null_rejections(reject, 2000, 1) <= 0.065


def test_the_ratio_of_clustered_requests_errs_as_often_as_stated() -> None:
    """Users make many requests of one kind: a test that took requests for units would err far more often."""

    def arm(rng: np.random.Generator) -> Ratio:
        requests = rng.integers(1, 40, 100)
        return Ratio.from_columns(list(rng.binomial(requests, rng.beta(0.5, 4.5, 100))), list(requests))

    rate = _null_rejections(lambda rng: compare_ratios(arm(rng), arm(rng)).p <= 0.05, 1000, 2)
    assert 0.025 <= rate <= 0.08


@pytest.mark.parametrize("kind", list(BootstrapInterval))
def test_bootstrap_is_reproducible_and_close_to_theory(kind: BootstrapInterval) -> None:
    data = [list(np.random.default_rng(3).normal(10, 2, 200))]
    first, again = (bootstrap(data, np.mean, np.random.default_rng(7), kind) for _ in range(2))
    assert first == again
    theory = one_sample(Mean.from_values(data[0])).interval
    assert first.interval is not None
    assert theory is not None
    assert first.interval.lower == pytest.approx(theory.lower, abs=0.06)
    assert first.interval.upper == pytest.approx(theory.upper, abs=0.06)
    assert first.estimate in first.interval


def test_bootstrap_refuses_and_says_why() -> None:
    rng = np.random.default_rng(1)
    assert "no spread" in bootstrap([[1.0, 1.0]], np.mean, rng).reason
    assert "two values" in bootstrap([[1.0]], np.mean, rng).reason
    with pytest.raises(InputError, match=r"samples\[0\]\[1\]"):
        bootstrap([[1.0, math.nan]], np.mean, rng)
    with pytest.raises(InputError, match="resamples"):
        bootstrap([[1.0, 2.0]], np.mean, rng, resamples=10)


def test_a_hypothesis_refuses_impossible_levels() -> None:
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match="level"):
            Hypothesis(level=level)
    with pytest.raises(InputError, match="null"):
        Hypothesis(null=math.inf)
