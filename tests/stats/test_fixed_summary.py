"""Summaries: they add, they keep digits, they refuse what cannot be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stats.properties import patient, values
from truststream.errors import InputError
from truststream.stats.summary import Joint, Mean, Paired, Proportion, Ratio, autocorrelation


@patient
@given(values, values)
def test_means_add(first: list[float], second: list[float]) -> None:
    joined = Mean.from_values(first) + Mean.from_values(second)
    whole = Mean.from_values(first + second)
    assert joined.n == whole.n
    assert joined.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9)
    assert joined.m2 == pytest.approx(whole.m2, rel=1e-9, abs=1e-6)


@patient
@given(values, values, values)
def test_adding_is_associative_and_has_a_zero(a: list[float], b: list[float], c: list[float]) -> None:
    x, y, z = (Mean.from_values(part) for part in (a, b, c))
    left, right = (x + y) + z, x + (y + z)
    assert left.mean == pytest.approx(right.mean, rel=1e-9, abs=1e-9)
    assert left.m2 == pytest.approx(right.m2, rel=1e-9, abs=1e-6)
    assert x + Mean() == x
    assert Mean() + x == x


@patient
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30), st.integers(1, 29))
def test_joint_summaries_add_and_agree_with_numpy(rows: list[tuple[float, float]], cut: int) -> None:
    y, z = ([row[i] for row in rows] for i in (0, 1))
    cut = min(cut, len(rows))
    joined = Joint.from_columns(y[:cut], z[:cut]) + Joint.from_columns(y[cut:], z[cut:])
    covariance = np.cov(np.array([y, z]))
    for i in (0, 1):
        for j in (0, 1):
            assert joined.covariance(i, j) == pytest.approx(covariance[i][j], rel=1e-7, abs=1e-5)


@pytest.mark.parametrize("base", [1, 1_000_000, 10_000_000])
def test_nist_numerical_accuracy(base: int) -> None:
    """NumAcc2, 3 and 4: a sum of squares loses all digits here."""
    data = [base + 0.2, *[base + 0.1, base + 0.3] * 500]
    summary = Mean.from_values(data)
    assert summary.mean == pytest.approx(base + 0.2, rel=1e-14)
    assert math.sqrt(summary.variance) == pytest.approx(0.1, rel=1e-8)
    assert autocorrelation(data) == pytest.approx(-0.999, rel=1e-8)


def test_digits_survive_when_summaries_are_added_one_by_one() -> None:
    summary = Mean()
    for value in [10_000_000.2, *[10_000_000.1, 10_000_000.3] * 500]:
        summary = summary + Mean.from_values([value])
    assert math.sqrt(summary.variance) == pytest.approx(0.1, rel=1e-7)


@patient
@given(values)
def test_sums_of_an_export_give_the_same_mean(data: list[float]) -> None:
    whole = Mean.from_values(data)
    summary = Mean.from_sums(len(data), math.fsum(data), math.fsum(value * value for value in data))
    assert summary.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-9)
    assert summary.m2 == pytest.approx(whole.m2, rel=1e-6, abs=1e-9 * math.fsum(v * v for v in data) + 1e-12)


def test_equal_values_have_exactly_no_spread() -> None:
    assert Mean.from_values([0.1] * 7).m2 == 0
    assert Joint.from_columns([0.1] * 3, [0.2] * 3).comoments == ((0.0, 0.0), (0.0, 0.0))


def test_too_few_units_have_no_variance_instead_of_none() -> None:
    assert math.isnan(Mean.from_values([3.0]).variance)
    assert math.isnan(Proportion(0, 0).mean)
    assert math.isnan(autocorrelation([2.0, 2.0]))


def test_proportions_add() -> None:
    assert Proportion(3, 10) + Proportion(1, 5) == Proportion(4, 15)


def test_ratio_and_outcome_are_views_of_the_moments() -> None:
    assert Ratio.from_columns([1, 2, 3], [4, 5, 9]).ratio == pytest.approx(6 / 18)
    paired = Paired.from_columns([1.0, 2.0, 6.0], [0.0, 1.0, 5.0])
    assert paired.outcome == Mean.from_values([1.0, 2.0, 6.0])


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Proportion(-1, 5), "successes"),
        (lambda: Proportion(6, 5), "successes"),
        (lambda: Proportion(1, math.nan), "n"),
        (lambda: Proportion(math.inf, math.inf), "n"),
        (lambda: Mean(2, math.nan, 1), "mean"),
        (lambda: Mean(-1, 0, 1), "n"),
        (lambda: Mean(2, 0, -1), "m2"),
        (lambda: Mean.from_values([1.0, math.nan]), r"values\[1\]"),
        (lambda: Mean.from_values([math.inf]), r"values\[0\]"),
        (lambda: Mean.from_sums(10, 100, 1), "sumsq"),
        (lambda: Mean.from_sums(0, 1, 1), "n"),
        (lambda: Mean.from_variance(0, 1, 1), "n"),
        (lambda: Mean.from_variance(5, 1, -1), "variance"),
        (lambda: Joint(2, (1.0,), ((1.0, 2.0),)), "comoments"),
        (lambda: Joint(2, (1.0, 2.0), ((1.0, math.nan), (0.0, 1.0))), r"comoments\[0\]\[1\]"),
        (lambda: Joint.from_columns([1, 2], [1]), "columns"),
        (lambda: Joint.from_columns([1], [1]) + Joint.from_columns([1]), "means"),
        (lambda: Ratio.from_columns([1, 2]), "means"),
        (lambda: Paired.from_columns([1, 2]), "means"),
    ],
)
def test_refuses_by_name(make: object, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: "):
        make()  # type: ignore[operator]
